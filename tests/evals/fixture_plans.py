"""Plans of dinners as models write them, what must come of each, and a run made of real rollouts."""

from __future__ import annotations

import json
from pathlib import Path

from partwise.composition.sandbox import Sandbox
from partwise.config import AlignConfig
from partwise.evals.bench import Bench
from partwise.evals.said import UNSAID, Spoken
from partwise.evals.terms import Terms
from partwise.measure.evaluate import Judged, figures
from partwise.measure.part_to_complete import part_to_complete_correlations
from partwise.runs.rundir import RESULTS, RunDir
from partwise.worlds.dinner.catalogue import CATALOGUE


def asking(*names: str) -> str:
    return "\n".join(CATALOGUE[name].subtask.request for name in names)


ASKED = asking("ask_preference", "book_table")
CAREFUL = (
    "prefs = [ask_preference(u) for u in users]\n"
    "for r in prefs[0]:\n"
    "    if all(r in p for p in prefs):\n"
    "        if book_table(r):\n"
    "            break"
)
EVERYWHERE = "for u in users:\n    for r in ask_preference(u):\n        book_table(r)"

# first turn, second turn, how it ends
PLANS: dict[str, tuple[Spoken, Spoken, str]] = {
    "careful": (Spoken(f"Here:\n```python\n{ASKED}\n```\nGood luck."), Spoken(CAREFUL), "ran"),
    "everywhere": (Spoken(ASKED), Spoken(EVERYWHERE), "ran"),
    "prose": (Spoken("I would ask everyone first."), UNSAID, "unparsed"),
    "endless": (Spoken(ASKED), Spoken("for u in users:", finished=False), "truncated"),
    "unknown": (Spoken('def hire_cook(guests): "Hire a cook."'), UNSAID, "unsolved"),
    "raising": (Spoken(ASKED), Spoken("book_table(guests)"), "raised"),
    "withheld": (Spoken("", refused=True), UNSAID, "unparsed"),
}


def rolled_out(*plans: str, space: str = "free") -> list[Judged]:
    """The first held-out tasks, each by the plan of that name, judged."""
    with Sandbox() as sandbox:
        bench = Bench(Terms(tasks=len(plans), space=space), sandbox)
        turns = [PLANS[plan] for plan in plans]
        return bench.judged(bench.tasks(), [turn[0] for turn in turns], [turn[1] for turn in turns])


def write_real_run(path: Path, *plans: str) -> Path:
    """A finished run of the loop, as far as its transcripts and results go; both arms did the same."""
    run, judged = RunDir.create(path, "align", AlignConfig(seed=3)), rolled_out(*plans)
    found = figures(judged).to_json() | {"correlations": part_to_complete_correlations(judged)}
    lines = [json.dumps({"arm": arm} | row.to_json()) for arm in ("base", "trained") for row in judged]
    run.write_text("transcripts.jsonl", "".join(f"{line}\n" for line in lines))
    run.write_json(RESULTS, {"schema": 2, "matters": {"waste": True}, "base": found, "trained": found})
    return path
