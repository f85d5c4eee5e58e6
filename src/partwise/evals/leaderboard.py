"""Planners from anywhere, on the same tasks with the same parts, verifier and oracle."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from partwise import __version__
from partwise.composition.sandbox import Sandbox
from partwise.evals.bench import Bench
from partwise.evals.contestants import Contestant, contestants
from partwise.evals.said import Spoken, turns_of
from partwise.evals.terms import Terms
from partwise.evals.versions import world_versions
from partwise.measure.evaluate import Judged, evaluate, figures, messages
from partwise.measure.parsing import unparsed
from partwise.models.endpoint import FORCED
from partwise.models.errors import ModelError
from partwise.runs.rundir import RESULTS, RunError, plain_errors, write_atomically
from partwise.runs.transcripts import TRANSCRIPTS

LOGS = "logs"
"""Where Inspect leaves its logs of providers' models."""
_RETRIES = 7
"""How often a request is sent again, ever later: some six minutes. Inspect itself would never give up."""


def leaderboard(
    models: Sequence[str],
    terms: Terms,
    out: Path,
    *,
    floor: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure each model and write `results.json` and `transcripts.jsonl` into `out`; returns the former.

    Args:
        models: runs, folders, names on the hub, packages, or models of providers.
        terms: of the comparison.
        out: a folder that is new or empty.
        floor: with each run also its planner as it was before any reward.
        say: is told which one it is the turn of.

    Raises:
        RunError: `out` holds something, the disk is full, or a run can't be used.
        ModelError: a model can't be loaded or asked; what is measured by then is not kept.
        LookupError: there is no such world.
    """
    _refuse_full(out)
    rows: dict[str, list[Judged]] = {}
    withheld: dict[str, int] = {}
    with Sandbox() as sandbox:
        bench = Bench(terms, sandbox)
        for each in contestants(list(models), terms, floor=floor):
            say(f"measuring {each.name}")
            if each.load is None:
                rows[each.name], withheld[each.name] = _asked(each, bench, out / LOGS)
            else:
                rows[each.name], withheld[each.name] = _sampled(each, bench), 0
    results = {
        "schema": 2,
        "terms": terms.to_json(),
        "versions": {
            "partwise": __version__,
            **world_versions(bench.world),
            "proxy": bench.judge.version,
        },
        "models": {name: _figures(judged, withheld[name]) for name, judged in rows.items()},
    }
    lines = [{"model": name} | row.to_json() for name, judged in rows.items() for row in judged]
    with plain_errors(out, then="try again"):
        out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / TRANSCRIPTS, "".join(json.dumps(line) + "\n" for line in lines))
    write_atomically(out / RESULTS, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return results


def _refuse_full(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{out} is there already and not empty; give another --out.")


def _figures(judged: Sequence[Judged], withheld: int) -> dict[str, Any]:
    return figures(judged).to_json() | {
        "refused": withheld,
        "messages": messages(judged),
        "unparsed": unparsed([row.rollout for row in judged]),
    }


def _sampled(contestant: Contestant, bench: Bench) -> list[Judged]:
    """What a planner of this process does; it is let go of before the next one is loaded."""
    assert contestant.load is not None
    planner = contestant.load(bench.world)
    terms = bench.terms
    judged = evaluate(
        bench.engine(planner), bench.tasks(), bench.oracle, temperature=terms.temperature, seed=terms.seed
    )
    del planner
    gc.collect()
    return judged


def _asked(contestant: Contestant, bench: Bench, logs: Path) -> tuple[list[Judged], int]:
    """What a provider's model does, asked by Inspect's own task; and how many answers were withheld.

    The turns that Inspect has logged are judged here once more, by the code that judges all others.
    """
    turns = _logged(contestant.name, bench.terms, logs)
    first: list[Spoken] = []
    second: list[Spoken] = []
    for task in bench.tasks():
        said = turns[task.index]
        first.append(said[0])
        second.append(said[1])
    withheld = sum(a.refused or b.refused for a, b in zip(first, second, strict=True))
    return bench.judged(bench.tasks(), first, second), withheld


def _logged(model: str, terms: Terms, logs: Path) -> Mapping[int, tuple[Spoken, Spoken]]:
    """Let Inspect ask a model; both turns by task.

    Raises:
        ModelError: some samples have no answer, or the provider can't be asked.
    """
    import inspect_ai

    from partwise.evals.inspect_registry import TASKS

    try:
        asked = TASKS[terms.world](**terms.of_task())
        (log,) = cast(Any, inspect_ai).eval(
            asked,
            model=model.removeprefix(FORCED),
            log_dir=str(logs),
            display="none",
            temperature=terms.temperature,
            max_retries=_RETRIES,
        )
    except Exception as error:  # Inspect and its providers raise whatever they like
        raise ModelError(f"{model} can't be asked: {_sentence(error)}") from error
    if log.status != "success" or not log.samples:
        why = _last_line(log.error.message) if log.error else "it was interrupted"
        raise ModelError(f"{model} did not answer every task, so that nothing of it is counted: {why}")
    return {int(sample.id): turns_of(sample.store) for sample in log.samples}


def _sentence(error: BaseException) -> str:
    return _last_line(str(error)) or type(error).__name__


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""
