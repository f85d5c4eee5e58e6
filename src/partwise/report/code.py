"""Text that models wrote, as lines of HTML: Python highlighted, without a style attribute."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

LONGEST = 20_000
"""Characters of a text that are shown; a page is no place for more."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text."""

    html: Markup
    indent: int
    """Columns of its indentation, for wrapped lines to hang from; at most 12."""
    own: bool
    """Whether the text that it is compared with has no such line."""


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
        text: at most `LONGEST` characters of it are shown.
        other: what it is compared with; empty for nothing.
    """
    text, other = plain_lines(text), plain_lines(other)
    html = highlighted(text) if is_code(text) else tuple(escape(line) for line in text.split("\n"))
    others = {line.strip() for line in other.split("\n")} if other else None
    return [
        Line(
            html=shown,
            indent=min(12, len(line) - len(line.lstrip())),
            own=others is not None and bool(line.strip()) and line.strip() not in others,
        )
        for line, shown in zip(text.split("\n"), html, strict=True)
    ]


def plain_lines(text: str) -> str:
    """With the line ends that the lexer would make of it."""
    return text[:LONGEST].replace("\r\n", "\n").replace("\r", "\n")


@lru_cache(maxsize=2048)
def highlighted(text: str) -> tuple[Markup, ...]:
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
