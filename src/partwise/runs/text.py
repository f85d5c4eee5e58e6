"""Text that comes from users, files and libraries, as it is shown: nothing in it is markup or control."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that steer a terminal or a reader, and have no look of their own."""
_JOINERS = "\u200c\u200d"
"""Which some scripts and most families of emoji are written with."""


def shown(text: str) -> str:
    """One line in which characters that don't print stand as escapes: `a\\nb`, `\\x1b[31m`."""
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _HIDDEN and character not in _JOINERS
        else character
        for character in text
    )


def terminal(stream: TextIO | None = None, *, log_width: int = 110) -> Console:
    """A terminal, or standard output, on which nothing is markup, an emoji's name or highlighted.

    A log has no width of its own; `log_width` is what a table needs where 80 columns would fold its figures.
    """
    from rich.console import Console

    console = Console(file=stream, markup=False, emoji=False, highlight=False)
    if console.width < 100 and not console.is_terminal:
        console.width = log_width
    return console
