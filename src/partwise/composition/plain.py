"""Plain data: what programs and tools may hand to each other.

None, numbers, strings, lists, tuples, sets and dicts of them, of bounded size and depth. A program's other
values (functions, ranges, views) reach the host as text, or as objects of Monty's, and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

_INTEGER_BITS = 4096
"""Largest integer that a tool may be given: larger ones can't be printed."""
_MOST_NESTED = 50
"""Deepest plain data; Monty cuts off what is more than 100 deep."""
_SHOWN = re.compile(
    r"range\(-?\d+, -?\d+(, -?\d+)?\)|(?P<view>dict_(keys|values|items)\(\[.*\]\))"
    r"|(?P<function><function '[\w<>]+' at 0x[0-9a-f]+>|<tool \w+>)"
    r"|(?P<itself>\[\.\.\.\]|\{\.\.\.\}|\(\.\.\.\))|(?P<deep><deeply nested>)",
    re.DOTALL,
)
"""The texts that Monty hands over for what it can't; nothing else tells them from strings."""
_SHOWN_AS = {
    "view": "a view of a dict",
    "function": "a function",
    "itself": "data that contains itself",
    "deep": f"data nested more than {_MOST_NESTED} deep",
}
_HALF = re.compile("[\ud800-\udfff]")
"""No UTF-8 has these, so that neither Monty nor a file can take them."""
_CLOSING = frozenset(")>]}")
_PLAIN = "takes and returns plain data, and not {}"


class Unsuited(TypeError):
    """What a tool can't be called with, or can't return; the message goes on after its name."""


@dataclass(slots=True)
class Copier:
    """Copies plain data, of bounded size, so that nobody who holds the original can change the trace."""

    most: int
    """Largest size; see `Limits.argument_size`."""
    shown: bool
    """Whether strings may be what Monty shows of other values."""
    size: int = -1  # The tuple of arguments itself is free.

    def copy(self, value: Any, depth: int = 0) -> Any:
        """A copy that shares nothing with the value, which lies `depth` deep in another.

        Raises:
            Unsuited: it is no plain data, or is too large.
        """
        kind = cast("Callable[..., Any]", type(value))  # Exactly these types: a subclass may hide anything.
        self.size += 1
        if kind is str:
            self.size += len(value)
            if self.size <= self.most and not value.isascii() and _HALF.search(value):
                raise Unsuited(_PLAIN.format("a text with half of a surrogate pair"))
            if self.shown and value[-1:] in _CLOSING and (shown := _SHOWN.fullmatch(value)):
                raise Unsuited(_PLAIN.format(_SHOWN_AS.get(shown.lastgroup or "", "a range")))
        elif kind is int:
            self.size += value.bit_length() // 64 * 8
            if value.bit_length() > _INTEGER_BITS:
                raise Unsuited("takes no number of that size")
        if self.size > self.most:
            raise Unsuited("takes less at once")
        if depth > _MOST_NESTED:
            raise Unsuited(_PLAIN.format(_SHOWN_AS["deep"]))
        # By `is`: a class may say of itself that it is equal to `str`, and be found among these by `in`.
        if value is None or kind is str or kind is int or kind is bool or kind is float:
            return value
        if kind is list or kind is tuple or kind is set or kind is frozenset:
            return kind([self.copy(item, depth + 1) for item in value])
        if kind is dict:
            return {self.copy(key, depth + 1): self.copy(item, depth + 1) for key, item in value.items()}
        raise Unsuited(_PLAIN.format(_words(value)))


def _words(value: object) -> str:
    if isinstance(value, type):
        return "a type"
    return "a function" if getattr(value, "kind", "") == "function" else type(value).__name__
