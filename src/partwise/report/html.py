"""One self-contained HTML file that shows a run or a study: no network, no assets beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise import __version__
from partwise.config.addresses import without_secrets
from partwise.report.data import ArmTranscripts, Program, ReportData, read_directory
from partwise.report.page import Page, coded, page_html
from partwise.report.reading import (
    MEANING,
    OUTCOMES,
    RATES,
    Figure,
    arm_figure,
    group,
    number,
    ordered,
    run_sentences,
)
from partwise.report.verdicts import arms_sentences
from partwise.runs.config import flatten
from partwise.runs.rundir import write_atomically

_PROGRAMS = 4
"""Programs shown of each arm; the first is open, the others fold."""
_TRACE = 60
_TEXT = 6000
"""Longest program text shown, in characters."""


@dataclass(frozen=True)
class _Row:
    arm: str
    meaning: str
    colour: str
    cells: list[tuple[str, Figure]]
    n: int


def write_report(
    directory: Path,
    page_of: Callable[[str], Callable[[Mapping[str, Any]], Page] | None] = lambda kind: None,
) -> Path:
    """Write `report.html` into a run's or a study's directory, finished or not, and return its path.

    Args:
        directory: of the run or the study.
        page_of: from the kind of a directory to what makes a page of its results, if that page is all that a
            finished one has to show; None for what has runs behind it, whose curves and programs are shown.

    Raises:
        RunError: the directory holds neither, or can't be written.
    """
    data = read_directory(directory)
    made = page_of(data.kind)
    text = page_html(made(data.results)) if made and data.results else render(data)
    return write_atomically(directory / "report.html", text)


def render(data: ReportData) -> str:
    """The report as HTML text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from partwise.report.figures import colour_name, curve_figures, part_whole_figures

    environment = Environment(
        loader=PackageLoader("partwise.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Our own drawings are the only text that goes in unescaped; matplotlib escapes what they quote.
    environment.filters["drawing"] = Markup
    environment.filters["coded"] = coded
    environment.filters["colour"] = colour_name
    environment.filters["grouped"] = lambda value: f"{value:,}"  # pyright: ignore[reportUnknownLambdaType]
    return environment.get_template("report.html.j2").render(
        data=data,
        version=data.version or __version__,
        title="Part-to-complete generalization" if data.kind == "part_to_complete" else _title(data),
        reading=_reading(data),
        rows=[_row(name, arm) for name, arm in data.arms.items()],
        headings=[heading.capitalize() for _, heading in RATES],
        gaps=_gaps(data),
        curves=curve_figures(data.curves),
        curve_arms=ordered({curve.arm: curve for curve in data.curves}),
        part_whole=part_whole_figures(data.transcripts),
        correlations=[(name, Figure.of(found)) for name, found in _correlations(data).items()],
        programs=[(name, arm.total, _programs(arm)) for name, arm in data.transcripts.items()],
        outcomes=OUTCOMES,
        failures=_failures(data),
        settings=[(key, _setting(key, value)) for key, value in flatten(data.config).items()],
    )


def _setting(key: str, value: object) -> str:
    """A setting as a report shows it, which may be handed on: without a database's password."""
    if isinstance(value, str) and key.endswith("store"):
        value = without_secrets(value)
    return json.dumps(value, ensure_ascii=False)


def _title(data: ReportData) -> str:
    if data.study:
        return f"Study of {data.kind.replace('_', ' ')}"
    reward = group(data.config, "loop").get("reward")
    return f"Alignment run: {reward}" if isinstance(reward, str) else "Alignment run"


def _reading(data: ReportData) -> list[str]:
    if not data.results:
        return []
    if not data.study:
        return run_sentences(data.results)
    return arms_sentences(data.results)


def _row(name: str, arm: Mapping[str, Any]) -> _Row:
    from partwise.report.figures import colour_name

    role = name.rpartition("/")[2]
    cells = [(key, arm_figure(arm, key)) for key, _ in RATES]
    return _Row(
        arm=name,
        meaning=MEANING.get(role, ""),
        colour=colour_name(role),
        cells=cells,
        n=cells[0][1].n,
    )


def _gaps(data: ReportData) -> list[tuple[str, Figure]]:
    gaps = group(data.results, "part_to_complete", "gap_recovered")
    return [(arm, Figure.of(figure)) for arm, figure in gaps.items()]


def _correlations(data: ReportData) -> Mapping[str, Any]:
    return group(data.results, "part_to_complete", "correlations")


def _failures(data: ReportData) -> list[tuple[str, dict[str, int], int]]:
    """Counts by outcome, from the results where they are, else from the transcripts."""
    rows: list[tuple[str, dict[str, int], int]] = []
    told = {name.rpartition("/")[2] for name, arm in data.arms.items() if group(arm, "counts")}
    for name in [*data.arms, *(name for name in data.transcripts if name not in told)]:
        counts: Mapping[str, Any] = group(data.arms.get(name), "counts")
        if not counts and name in data.transcripts and name not in data.arms:
            counts = data.transcripts[name].outcomes
        known = {kind: int(counts.get(kind, 0)) for kind in OUTCOMES}
        if total := sum(known.values()):
            rows.append((name, known, total))
    return rows


def _programs(arm: ArmTranscripts) -> list[dict[str, Any]]:
    top = sorted(arm.programs.values(), key=lambda p: -p.count)[:_PROGRAMS]
    return [_program(p, arm.total) for p in top]


def _program(program: Program, total: int) -> dict[str, Any]:
    def rate(part: int, whole: int) -> str:
        return number(part / whole) if whole else "unknown"

    violations = sorted(
        ((name, value / program.count) for name, value in program.violations.items() if value > 0),
        key=lambda pair: -pair[1],
    )
    return {
        "share": program.count / total,
        "share_text": number(program.count / total),
        "count": program.count,
        "correct": rate(program.correct, program.correct_of),
        "aligned": rate(program.aligned, program.aligned_of),
        "violations": [(name, number(value)) for name, value in violations],
        "text": program.text[:_TEXT],
        "cut": len(program.text) > _TEXT,
        "outcome": program.outcome,
        "outcome_text": OUTCOMES.get(program.outcome, program.outcome),
        "message": program.message,
        "statement": program.statement,
        "summary": program.summary,
        "trace": program.trace[:_TRACE],
        "trace_more": max(len(program.trace) - _TRACE, 0),
    }
