"""The one look of reports and console: the style sheet, and how text, figures and pictures become HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from partwise.report.code import text_lines
from partwise.report.inline import inline
from partwise.report.page import Picture
from partwise.report.reading import OUTCOMES, number
from partwise.report.rollouts import Piece

_FIGURE = re.compile(r"(?P<mean>[−+-]?[\d.]+%?) (?P<interval>\[[^\[\]]{1,40}\])")
_WORDY = 34
"""Characters from which on a cell is text that may be folded, and not a name or a figure."""


@lru_cache
def page_css() -> str:
    """The style sheet of every page."""
    return (Path(__file__).parent / "templates" / "page.css").read_text(encoding="utf-8")


def coded(text: str) -> Markup:
    """Names between backticks, which Markdown has too, as code in HTML."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def cell(text: str) -> Markup:
    """A cell of a table: a figure may stand above its interval where there is little room."""
    return Markup(_FIGURE.sub(r"\g<mean> <small>\g<interval></small>", str(coded(text))))


def is_wordy(text: str) -> bool:
    """Whether a cell is text that may be folded."""
    return len(text) >= _WORDY and not _FIGURE.search(text)


def drawing(picture: Picture) -> Markup:
    """A picture as part of a page. Our own drawings are the only text that goes in unescaped."""
    return inline(picture.svg, picture.name, picture.caption.partition(". ")[0])


def _piece(text: str) -> Piece:
    """A text by itself, as a stretch of a solution is shown."""
    return Piece("", None, 1, text_lines(text))


def _number(value: float | None) -> str:
    return "undefined" if value is None else number(value)


def _grouped(value: int) -> str:
    return f"{value:,}"


def _outcome(value: str) -> str:
    return OUTCOMES.get(value, value or "unknown")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "coded": coded,
    "cell": cell,
    "wordy": is_wordy,
    "drawing": drawing,
    "piece": _piece,
    "number": _number,
    "grouped": _grouped,
    "outcome": _outcome,
}
"""For templates."""
