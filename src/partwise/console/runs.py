"""Runs: their figures as reports have them, curves as they grow, and transcripts to browse."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from partwise.console.runfiles import Run
from partwise.console.scenes import generations
from partwise.console.transcripts import Filter
from partwise.console.web import At, Console, PageNumber, Person, Refusal, is_swap, page
from partwise.report.charts import curve_charts, sparkline
from partwise.report.data import seeds_of
from partwise.report.html import ended_table, shown_page, split_of, title_of, what_counts
from partwise.report.made import made, settings_of
from partwise.report.page import Page
from partwise.report.reading import Figure, arm_figure, group
from partwise.report.rollouts import shown_rollout
from partwise.report.rounds import Curve
from partwise.report.run import ARMS
from partwise.runs.rundir import RESULTS
from partwise.studies.registry import Study, known_kind

router = APIRouter()
_LISTED = 50
_STATES = {"running": "running", "finished": "finished", "stopped": "interrupted"}
_PAGES = 20
"""Pages that are remembered: their pictures take a second to draw."""
_drawing = threading.Lock()
REPORT = "report.html"
_REPORT_HEADERS = {
    # It is a file that was written by whoever may write here: it is shown, and nothing in it runs.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A run in a list."""

    run: Run
    depth: int
    """How many listed runs it is part of."""
    label: str
    spark: Markup
    """Its course on validation tasks."""
    heldout: Figure | None
    """Aligned and correct of held-out tasks, as its report has it; None before it is done."""
    validation: Figure | None
    """Aligned and correct of validation tasks in the last round."""
    agreement: Figure | None

    @property
    def what(self) -> str:
        """Of what kind it is, and how far it has come."""
        title = title_of(self.run.kind)
        far = f", {self.run.far}" if self.run.far and self.run.state != "finished" else ""
        return f"{title[0].lower()}{title[1:]}{far}"


@router.get("/runs")
def show(request: Request, console: At, session: Person, page_number: PageNumber = 1) -> Response:
    """All runs, the latest first."""
    return page(request, "runs.html", session=session, **_list(console, page_number))


@router.get("/live/runs")
def show_list(
    request: Request, console: At, session: Person, mark: str = "", page_number: PageNumber = 1
) -> Response:
    """The list again; nothing (204) where it is as it was."""
    context = _list(console, page_number)
    if context["mark"] == mark:
        return Response(status_code=204)
    return page(request, "runs_list.html", session=session, **context)


@router.get("/runs/{name:path}")
def show_run(
    request: Request,
    console: At,
    session: Person,
    name: str,
    arm: str = "",
    outcome: str = "",
    correct: str = "",
    aligned: str = "",
    words: str = "",
    page_number: PageNumber = 1,
) -> Response:
    """One run or study; or its transcripts alone, where only they are wanted anew."""
    run = find(console, name)
    wanted = Filter(arm=arm, outcome=outcome, correct=correct, aligned=aligned, words=words.strip()[:200])
    browser = _browser(console, run, wanted, page_number)
    if is_swap(request):
        return page(request, "transcripts.html", session=session, run=run, **browser)
    return page(
        request, "run.html", session=session, **_shown(console, run), **_told(console, run), **browser
    )


@router.get("/live/run/{name:path}")
def show_again(request: Request, console: At, session: Person, name: str, mark: str = "") -> Response:
    """What a run has come to again; nothing (204) where it is as it was."""
    run = find(console, name)
    context = _shown(console, run)
    if context["mark"] == mark:
        return Response(status_code=204)
    return page(request, "run_shown.html", session=session, **context)


@router.get("/report/{name:path}")
def show_report(console: At, session: Person, name: str) -> Response:
    """The report file of a run that is listed, as it was written."""
    path = console.runs.root / find(console, name).name / REPORT
    text = _read_file(path)
    if text is None:
        raise Refusal(
            404,
            f"There is no report of {name[:200]} yet; write it by: partwise report {path.parent}",
            title="There is no report yet",
        )
    return Response(text, media_type="text/html; charset=utf-8", headers=_REPORT_HEADERS)


def _read_file(path: Path) -> bytes | None:
    """What a file holds; None where there is none: a link might lead anywhere, a pipe might never end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        return file.read() if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def find(console: Console, name: str) -> Run:
    """The run of that name.

    Raises:
        Refusal: there is none.
    """
    run = console.runs.run(name)
    if run is None:
        raise Refusal(
            404, f"There is no run {name[:200]} in {console.runs.root}.", title="There is no such run"
        )
    return run


def _list(console: Console, number: int) -> dict[str, Any]:
    names = console.runs.names()
    pages = max(1, -(-len(names) // _LISTED))
    number = min(max(1, number), pages)
    shown = names[(number - 1) * _LISTED : number * _LISTED]
    rows = [_row(name, run, names) for name in shown if (run := console.runs.run(name))]
    return {
        "rows": rows,
        "states": _STATES,
        "total": len(names),
        "page_number": number,
        "pages": pages,
        "root": console.runs.root,
        "mark": str(hash(tuple((row.run.name, row.run.mark) for row in rows))),
    }


def _row(name: str, run: Run, names: list[str]) -> Row:
    above = [other for other in names if name.startswith(f"{other}/")]
    nearest = max(above, key=len, default="")
    last = run.rounds[-1] if run.rounds else None
    trained = group(run.results, ARMS[-1])
    return Row(
        run=run,
        depth=len(above),
        label=name[len(nearest) :].lstrip("/"),
        spark=sparkline(run.rounds),
        heldout=arm_figure(trained, "aligned_and_correct") if trained else None,
        validation=last.aligned_and_correct if last else None,
        agreement=last.agreement if last else None,
    )


def _shown(console: Console, run: Run) -> dict[str, Any]:
    """What a run has come to: its page once it is done, its rounds, and the runs that it is made of."""
    children = [child for name in console.runs.children(run.name) if (child := console.runs.run(name))]
    (told, problems), known = _page(console, run), _known(run)
    return {
        "run": run,
        "states": _STATES,
        "told": told,
        "title": told.title if told else title_of(run.kind),
        "problems": [*problems, *run.problems],
        "generations": _generations(console, run),
        "counts": what_counts(_seeds(run), runs=bool(known and known.of_runs)) if told else "",
        "ended": ended_table({arm: group(run.results, arm, "counts") for arm in ARMS}),
        "charts": curve_charts([Curve("trained", run.name, run.rounds)], split=split_of(run.config)),
        "children": [replace(_row(child.name, child, [run.name]), depth=0) for child in children],
        "reward": group(run.config, "loop").get("reward", ""),
        "root": console.runs.root,
        "report": (file := console.runs.root / run.name / REPORT).is_file() and not file.is_symlink(),
        "mark": str(hash((run.mark, *(child.mark for child in children)))),
    }


def _told(console: Console, run: Run) -> dict[str, Any]:
    """What does not change while a run goes: its settings, and how it is made."""
    known = _known(run)
    model = known.config if known else None
    seeds = ", ".join(map(str, _seeds(run)))
    return {
        "above": [name for name in console.runs.names() if run.name.startswith(f"{name}/")],
        "settings": settings_of(run.record, model),
        "made": made(console.runs.root / run.name, run.record, model, seeds),
    }


def _known(run: Run) -> Study | None:
    """What is known of its kind; None where it is not installed, or what is installed can't be loaded."""
    try:
        return known_kind(run.kind)
    except LookupError:
        return None


def _seeds(run: Run) -> list[int]:
    return seeds_of([], run.results, run.config)


def _generations(console: Console, run: Run) -> dict[int, list[str]]:
    """Of a ladder, those of which there are transcripts."""
    return generations(console.runs.root / run.name) if run.kind == "progress" else {}


def _page(console: Console, run: Run) -> tuple[Page | None, list[str]]:
    """The page of its results, or of what there is so far, made once; and why something can't be shown."""
    path = console.runs.root / run.name
    try:
        state = (run.mark, (path / RESULTS).stat().st_mtime_ns if run.results else 0)
    except OSError:
        state = (run.mark, 0)
    with _drawing:
        known = console.computed.get(key := f"page {run.name}")
        if known is not None and known[0] == state:
            return known[1]
        found = shown_page(_known(run), run.results, path)
        kept = [name for name in console.computed if name.startswith("page ")]
        for name in kept[: max(0, len(kept) - _PAGES + 1)]:
            console.computed.pop(name, None)
        console.computed[key] = (state, found)
        return found


def _browser(console: Console, run: Run, wanted: Filter, number: int) -> dict[str, Any]:
    path = console.runs.root / run.name / "transcripts.jsonl"
    index = console.transcripts.index(path)
    found = console.transcripts.page(path, wanted, number)
    ignored = [name for name, matters in group(run.results, "matters").items() if matters is False]
    return {
        "wanted": wanted,
        "index": index,
        "found": found,
        "transcripts": [shown_rollout(row, ignored) for row in found.rows] if found else [],
    }
