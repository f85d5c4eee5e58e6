"""Runs: their curves as they grow, drift alarms, and transcripts to browse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from partwise.console.charts import run_charts, sparkline
from partwise.console.highlight import text_lines
from partwise.console.runfiles import Run
from partwise.console.transcripts import Filter
from partwise.console.web import At, Console, PageNumber, Person, Refusal, is_swap, page
from partwise.report.reading import Figure, gap_sentences, group, run_sentences

router = APIRouter()
_LISTED = 50
_STATES = {"running": "running", "finished": "finished", "stopped": "interrupted"}
_TRACE = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A run in a list."""

    run: Run
    depth: int
    """How many listed runs it is part of."""
    label: str
    spark: Markup
    aligned: Figure | None
    """Of the last round that is done."""
    agreement: Figure | None


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
    run = _find(console, name)
    wanted = Filter(arm=arm, outcome=outcome, correct=correct, aligned=aligned, words=words.strip()[:200])
    browser = _browser(console, run, wanted, page_number)
    if is_swap(request):
        return page(request, "transcripts.html", session=session, run=run, **browser)
    return page(request, "run.html", session=session, **_curves(console, run), **browser)


@router.get("/live/run/{name:path}")
def show_curves(request: Request, console: At, session: Person, name: str, mark: str = "") -> Response:
    """The curves again; nothing (204) where they are as they were."""
    run = _find(console, name)
    context = _curves(console, run)
    if context["mark"] == mark:
        return Response(status_code=204)
    return page(request, "run_curves.html", session=session, **context)


def _find(console: Console, name: str) -> Run:
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
    return Row(
        run=run,
        depth=len(above),
        label=name[len(nearest) :].lstrip("/"),
        spark=sparkline(run.rounds),
        aligned=last.aligned_and_correct if last else None,
        agreement=last.agreement if last else None,
    )


def _curves(console: Console, run: Run) -> dict[str, Any]:
    children = [child for name in console.runs.children(run.name) if (child := console.runs.run(name))]
    sentences = (gap_sentences if run.study else run_sentences)(run.results) if run.results else []
    return {
        "run": run,
        "states": _STATES,
        "charts": run_charts(run.rounds),
        "sentences": sentences,
        "children": [replace(_row(child.name, child, [run.name]), depth=0) for child in children],
        "reward": group(run.config, "loop").get("reward", ""),
        "root": console.runs.root,
        "mark": str(hash((run.mark, *(child.mark for child in children)))),
    }


def _browser(console: Console, run: Run, wanted: Filter, number: int) -> dict[str, Any]:
    path = console.runs.root / run.name / "transcripts.jsonl"
    index = console.transcripts.index(path)
    found = console.transcripts.page(path, wanted, number)
    return {
        "wanted": wanted,
        "index": index,
        "found": found,
        "transcripts": [_transcript(row) for row in found.rows] if found else [],
    }


def _transcript(line: Mapping[str, Any]) -> dict[str, Any]:
    """One transcript with everything that the template shows; nothing in it is trusted."""

    def text(key: str) -> str:
        value = line.get(key)
        return value if isinstance(value, str) else ""

    def values(key: str) -> list[Any]:
        value = line.get(key)
        return cast(list[Any], value) if isinstance(value, list) else []

    events = [str(event) for event in values("trace")]
    source = text("source") or text("composition") or text("decomposition")
    return {
        "arm": text("arm"),
        "task": line.get("task"),
        "statement": text("statement"),
        "outcome": text("outcome"),
        "message": text("message"),
        "correct": line.get("correct"),
        "aligned": line.get("aligned"),
        "violations": [
            name
            for name, value in group(line, "violations").items()
            if isinstance(value, int | float) and value > 0
        ],
        "parts": [v for v in values("partial_rewards") if isinstance(v, int | float)],
        "summary": [row for row in text("summary").split("\n") if row.strip()],
        "lines": text_lines(source) if source else [],
        "trace": events[:_TRACE],
        "trace_more": max(0, len(events) - _TRACE),
    }
