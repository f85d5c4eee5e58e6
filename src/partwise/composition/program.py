"""The text that the sandbox runs for a program, and how its places map to those of the source.

Most programs run as they are. Where Monty would do otherwise than Python, `rewrite.py` puts calls of the
helpers of `helpers.py` into the program, and the helpers' definitions come before it.
"""

from __future__ import annotations

import ast
import bisect
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from partwise.composition.helpers import helper_text
from partwise.composition.language import CompositionError, functions, parse
from partwise.composition.nodes import children
from partwise.composition.rewrite import Names, may_differ, rewrite

_MAX_DEPTH = 150
"""Deepest syntax tree that is written back as text, in nodes."""
_SHORT = 2000
"""Longest program that counts as short, in characters."""


@dataclass(frozen=True, slots=True)
class Program:
    """A parsed program, ready to run."""

    text: str
    """What the sandbox is fed."""
    functions: Mapping[str, tuple[int, int]]
    """First and last line of each function that the source defines."""
    line_starts: Sequence[int]
    """Byte offset of each line of the text."""
    offsets: Sequence[int]
    """Byte offsets in the text at which another line of the source begins to hold, ascending."""
    lines: Sequence[int]
    """The line of the source, from 1, for each offset."""
    helper_lines: int
    """How many lines of the text come before what stands for the source."""

    def line(self, offset: int) -> int:
        """The source's line, from 1, for a byte offset in the text."""
        return self.lines[max(0, bisect.bisect_right(self.offsets, offset) - 1)]

    def frame_line(self, line: int, column: int) -> int | None:
        """The source's line for a place in the text (both from 1); None inside a helper."""
        if not self.helper_lines < line <= len(self.line_starts):
            return None
        return self.line(self.line_starts[line - 1] + column - 1)

    def caller(self, line: int) -> str:
        """The function whose body holds a line of the source; empty at the top level."""
        return next((name for name, (first, last) in self.functions.items() if first <= line <= last), "")


_PLACED = (ast.stmt, ast.expr)


def prepare(source: str, max_bytes: int, given: frozenset[str] | None = None) -> Program:
    """Parse a program and make it ready to run; the last few thousand are remembered, and a few long ones.

    Args:
        source: a program's text.
        max_bytes: its longest length, in bytes of UTF-8.
        given: the names of the tools and the inputs; None where they aren't known.

    Raises:
        CompositionError: the text is no program of the language.
    """
    if len(source) > max_bytes:
        parse(source, max_bytes=max_bytes)  # Raises; huge texts must not be kept in the cache.
    remember = _prepare if len(source) <= _SHORT else _prepare_long
    found = remember(source, max_bytes, given)
    if isinstance(found, CompositionError):
        raise CompositionError(*found.__reduce__()[1])
    return found


def _prepared(source: str, max_bytes: int, given: frozenset[str] | None) -> Program | CompositionError:
    try:
        module = parse(source, max_bytes=max_bytes)
        spans = {
            name: (node.lineno, node.end_lineno or node.lineno) for name, node in functions(module).items()
        }
        if may_differ(module) and (needed := rewrite(module, Names(module, given))):
            return _rewritten(module, spans, helper_text(needed - {"*"}))
    except CompositionError as error:
        # Another one: by its traceback, the one that was raised holds the whole tree.
        return CompositionError(*error.__reduce__()[1])
    source = source.removeprefix("\ufeff")
    starts = _line_starts(source)
    return Program(source, spans, starts, starts, range(1, len(starts) + 1), 0)


# A program takes up to 30 times its length, so that thousands of long ones would fill the memory.
_prepare = functools.lru_cache(maxsize=4096)(_prepared)
_prepare_long = functools.lru_cache(maxsize=64)(_prepared)


def _rewritten(module: ast.Module, spans: Mapping[str, tuple[int, int]], helpers: str) -> Program:
    _check_depth(module)
    body = ast.unparse(module)
    text = helpers + body
    starts = _line_starts(text)
    shift = helpers.count("\n")
    places: dict[int, int] = {}
    # What was written back has the same shape, so that walking both in step pairs new places with old lines.
    pairs: list[tuple[ast.AST, ast.AST]] = [(module, ast.parse(body))]
    while pairs:
        old, new = pairs.pop()
        if isinstance(old, _PLACED) and isinstance(new, _PLACED):
            places[starts[new.lineno - 1 + shift] + new.col_offset] = old.lineno
        pairs.extend(zip(children(old), children(new), strict=True))
    offsets = sorted(places)
    return Program(text, spans, starts, offsets, [places[offset] for offset in offsets], shift)


def _check_depth(module: ast.Module) -> None:
    level: list[ast.AST] = [module]
    for _ in range(_MAX_DEPTH):
        if not level:
            return
        level = [child for node in level for child in children(node)]
    line = next((node.lineno for node in level if isinstance(node, _PLACED)), 1)
    raise CompositionError(line, 1, "nesting", "this is nested too deeply to run; give its parts names")


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.encode().split(b"\n")[:-1]:
        starts.append(starts[-1] + len(line) + 1)
    return starts
