"""Trials as lines of HTML, with classes and without a style attribute; code is `report.code`'s."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from partwise.report.code import Line, highlighted, is_code, plain_lines, text_lines

__all__ = ["Event", "Line", "Trial", "is_code", "text_lines", "trials"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What one trial did."""

    name: str
    note: str
    """What was special about it; empty where nothing was."""
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Event:
    """A call with its result, or how a trial ended."""

    kind: str
    """`call`, `returned` or `stopped`."""
    call: Markup
    result: Markup
    own: bool


def trials(observed: str, other: str = "") -> list[Trial]:
    """The trials of `Option.observed`: a line that is not indented begins one, the others are its events."""
    observed, other = plain_lines(observed), plain_lines(other)
    theirs = {(trial, line.strip()) for trial, line in _numbered(other)} if other else None
    found: list[Trial] = []
    for place, line in _numbered(observed):
        if not line.startswith(" ") or not found:
            name, _, note = line.strip().partition(", ")
            found.append(Trial(name.capitalize(), note, []))
        if line.startswith(" "):
            own = theirs is not None and (place, line.strip()) not in theirs
            found[-1].events.append(_event(line.strip(), own))
    return found


def _numbered(observed: str) -> list[tuple[int, str]]:
    """Each line with the number of the trial that it is in."""
    lines = [line for line in observed.split("\n") if line.strip()]
    numbered: list[tuple[int, str]] = []
    trial = 0
    for line in lines:
        trial += not line.startswith(" ")
        numbered.append((trial, line))
    return numbered


def _event(line: str, own: bool) -> Event:
    for kind, start in (("returned", "returned "), ("stopped", "stopped: ")):
        if line.startswith(start):
            return Event(kind, Markup(""), escape(line[len(start) :]), own)
    call, arrow, result = line.rpartition(" -> ")
    if not arrow:
        call, result = line, ""
    return Event("call", Markup("").join(highlighted(call)), escape(result), own)
