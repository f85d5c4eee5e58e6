"""Python text and trials as lines of HTML, with classes and without a style attribute."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

from partwise.oversight.feedback.pairs import LONGEST_TEXT


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text."""

    html: Markup
    indent: int
    """Columns of its indentation, for wrapped lines to hang from; at most 12."""
    own: bool
    """Whether the text that it is compared with has no such line."""


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


def is_code(text: str) -> bool:
    """Whether a text is a program rather than a summary in words."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.FunctionDef | ast.Call | ast.Assign) for node in ast.walk(tree))


def text_lines(text: str, other: str = "") -> list[Line]:
    """A text's lines: highlighted where it is Python, as they are where it is not.

    Args:
        text: at most `LONGEST_TEXT` characters of it are shown.
        other: what it is compared with; empty for nothing.
    """
    text, other = _plain(text), _plain(other)
    html = _highlighted(text) if is_code(text) else tuple(escape(line) for line in text.split("\n"))
    others = {line.strip() for line in other.split("\n")} if other else None
    return [
        Line(
            html=shown,
            indent=min(12, len(line) - len(line.lstrip())),
            own=others is not None and bool(line.strip()) and line.strip() not in others,
        )
        for line, shown in zip(text.split("\n"), html, strict=True)
    ]


def trials(observed: str, other: str = "") -> list[Trial]:
    """The trials of `Option.observed`: a line that is not indented begins one, the others are its events."""
    observed, other = _plain(observed), _plain(other)
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


def _plain(text: str) -> str:
    """With the line ends that the lexer would make of it."""
    return text[:LONGEST_TEXT].replace("\r\n", "\n").replace("\r", "\n")


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
    return Event("call", Markup("").join(_highlighted(call)), escape(result), own)


@lru_cache(maxsize=2048)
def _highlighted(text: str) -> tuple[Markup, ...]:
    """Each line of a Python text, with a span around each token that has a colour."""
    from pygments.lexers.python import PythonLexer

    lexer: Any = PythonLexer(stripnl=False, ensurenl=False)
    lines: list[list[Markup]] = [[]]
    tokens = ((_class_of(kind), str(value)) for kind, value in lexer.get_tokens(text))
    for name, group in itertools.groupby(tokens, key=lambda token: token[0]):
        for position, piece in enumerate("".join(value for _, value in group).split("\n")):
            if position:
                lines.append([])
            if piece:
                safe = escape(piece)
                lines[-1].append(Markup('<span class="{}">{}</span>').format(name, safe) if name else safe)
    wanted = text.count("\n") + 1
    return tuple(Markup("").join(line) for line in lines[:wanted]) + (Markup(""),) * (wanted - len(lines))


def _class_of(kind: object) -> str:
    """The class of a kind of token; empty for one without a colour."""
    names = str(kind).split(".")[1:]
    for start, name in _CLASSES:
        if tuple(names[: len(start)]) == tuple(start):
            return name
    return ""


_CLASSES: Sequence[tuple[Sequence[str], str]] = (
    (("Comment",), "c-note"),
    (("Literal", "String"), "c-text"),
    (("Literal", "Number"), "c-number"),
    (("Keyword", "Constant"), "c-number"),
    (("Keyword",), "c-word"),
    (("Operator", "Word"), "c-word"),
    (("Name", "Function"), "c-name"),
    (("Name", "Builtin"), "c-own"),
)
