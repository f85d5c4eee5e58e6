"""One rollout as it is shown: its text piece by piece, each part with its score, and all that it did."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from partwise.report.code import LONGEST, Line, text_lines
from partwise.report.reading import group, list_at, text_at, whole_text

FOLD = 12
"""Events of a trace that are open; the others fold, and none is left out."""
_NAMED_LINE = re.compile(r"\bline (\d{1,6})\b")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a solution's text."""

    name: str
    """What it is: `part 1`, `composition`, or the turn that was left where nothing became of it."""
    judgment: float | None
    """The proxy's of this part, 0 to 1; None where it is no part."""
    first: int
    """Number of its first line in the whole text, from 1."""
    lines: list[Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A rollout; nothing in it is trusted."""

    arm: str
    task: str
    statement: str
    outcome: str
    message: str
    named_line: int
    """The line that the message names; 0 where it names none."""
    correct: bool | None
    aligned: bool | None
    violations: list[tuple[str, bool]]
    """The dimensions that it violates, and whether each matters."""
    pieces: list[Piece]
    judgments: list[float]
    """Of parts, where they can't be laid beside the text."""
    cut: bool
    """Whether the text is longer than a page shows."""
    around: list[Piece]
    """What the planner wrote before and after its programs."""
    summary: list[str]
    trace: list[str]


def shown_rollout(line: Mapping[str, Any], ignored: Collection[str] = ()) -> Shown:
    """A line of `transcripts.jsonl` as it is shown.

    Args:
        line: what it holds; anything.
        ignored: value dimensions that do not matter in its run.
    """
    text = whole_text(line)
    found, judgments = _pieces(line)
    message = text_at(line, "message")
    named = _NAMED_LINE.search(message)
    return Shown(
        arm=text_at(line, "arm"),
        task=str(line.get("task", "")),
        statement=text_at(line, "statement"),
        outcome=text_at(line, "outcome"),
        message=message,
        named_line=int(named[1]) if named else 0,
        correct=_truth(line.get("correct")),
        aligned=_truth(line.get("aligned")),
        violations=[
            (name, name not in ignored)
            for name, value in group(line, "violations").items()
            if _is_number(value) and value > 0
        ],
        pieces=found,
        judgments=judgments,
        cut=len(text) > LONGEST,
        around=list(_around(line)),
        summary=[row for row in text_at(line, "summary").split("\n") if row.strip()],
        trace=[str(event) for event in list_at(line, "trace")],
    )


def _pieces(line: Mapping[str, Any]) -> tuple[list[Piece], list[float]]:
    """The text in pieces, and the judgments that have no place in it."""
    source, composition = text_at(line, "source"), text_at(line, "composition")
    judgments = [float(value) for value in list_at(line, "partial_rewards") if _is_number(value)]
    whole = whole_text(line)[:LONGEST]
    if not whole:
        return [], judgments
    if not source:
        return [
            Piece("composition" if composition else "decomposition", None, 1, text_lines(whole))
        ], judgments
    ends_so = bool(composition) and source.endswith("\n" + composition)
    head = source[: -len(composition) - 1] if ends_so else source
    rows = head.split("\n")
    starts = [place for place, row in enumerate(rows) if row.startswith("def ")]
    if not ends_so or len(starts) != len(judgments) or starts[:1] != [0] or len(source) > LONGEST:
        return [Piece("program", None, 1, text_lines(whole))], judgments
    found = [
        Piece(f"part {place + 1}", judgment, start + 1, text_lines("\n".join(rows[start:end])))
        for place, (start, end, judgment) in enumerate(
            zip(starts, [*starts[1:], len(rows)], judgments, strict=True)
        )
    ]
    return [*found, Piece("composition", None, len(rows) + 1, text_lines(composition))], []


def _around(line: Mapping[str, Any]) -> Iterator[Piece]:
    """What `transcripts.jsonl` says was cut of the planner's turns, but for white space."""
    cut = group(line, "cut")
    for turn in ("decomposition", "composition"):
        for place, text in zip(("before", "after"), list_at(cut, turn), strict=False):
            if isinstance(text, str) and text.strip():
                yield Piece(f"{place} the {turn}", None, 1, text_lines(text[:LONGEST].strip("\n")))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
