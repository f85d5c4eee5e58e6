"""The text that the sandbox runs for a program, and how its places map to those of the source.

Monty makes a list of every generator, so that `any(f(x) for x in xs)` would call `f` for each x, where
Python stops at the first that is truthy. The two consumers that stop early are therefore rewritten:
`any(E for x in xs if C)` becomes `__any__(lambda __item__: [E for x in [__item__] if C], xs)`, and
`all` alike. No program can name these helpers, because the language has no names with two underscores.
"""

from __future__ import annotations

import ast
import bisect
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from partwise.composition.language import CompositionError, functions, parse

_HELPERS = """\
def __any__(element, items):
    for item in items:
        for value in element(item):
            if value:
                return True
    return False
def __all__(element, items):
    for item in items:
        for value in element(item):
            if not value:
                return False
    return True
"""
_HELPER_LINES = _HELPERS.count("\n")


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


def prepare(source: str, max_bytes: int) -> Program:
    """Parse a program and make it ready to run; the last few thousand are remembered.

    Raises:
        CompositionError: the text is no program of the language.
    """
    if len(source) > max_bytes:
        parse(source, max_bytes=max_bytes)  # Raises; huge texts must not be kept in the cache.
    found = _prepare(source, max_bytes)
    if isinstance(found, CompositionError):
        raise CompositionError(*found.__reduce__()[1])
    return found


@functools.lru_cache(maxsize=4096)
def _prepare(source: str, max_bytes: int) -> Program | CompositionError:
    try:
        module = parse(source, max_bytes=max_bytes)
        spans = {
            name: (node.lineno, node.end_lineno or node.lineno) for name, node in functions(module).items()
        }
        if any(_stops_early(node) for node in ast.walk(module)):
            return _rewritten(module, spans)
    except CompositionError as error:
        return error
    starts = _line_starts(source)
    return Program(source, spans, starts, starts, range(1, len(starts) + 1), 0)


def _rewritten(module: ast.Module, spans: Mapping[str, tuple[int, int]]) -> Program:
    wanted = ast.fix_missing_locations(cast(ast.Module, _EarlyStop().visit(module)))
    try:
        body = ast.unparse(wanted)
        written = ast.parse(body)
    except (ValueError, RecursionError):  # Some f-strings can't be written back.
        raise CompositionError(1, 1, "f-string", "this program has an f-string that can't be run") from None
    text = _HELPERS + body
    starts = _line_starts(text)
    places: dict[int, int] = {}
    # What was written back has the same shape, so that walking both in step pairs new places with old lines.
    for old, new in zip(ast.walk(wanted), ast.walk(written), strict=False):
        if type(old) is not type(new):
            raise CompositionError(1, 1, "program", "this program can't be run")
        if isinstance(old, ast.stmt | ast.expr) and isinstance(new, ast.stmt | ast.expr):
            places[starts[new.lineno - 1 + _HELPER_LINES] + new.col_offset] = old.lineno
    offsets = sorted(places)
    return Program(text, spans, starts, offsets, [places[offset] for offset in offsets], _HELPER_LINES)


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.encode().split(b"\n")[:-1]:
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _stops_early(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("any", "all")
        and len(node.args) == 1
        and isinstance(node.args[0], ast.GeneratorExp)
    )


class _EarlyStop(ast.NodeTransformer):
    """Rewrites `any` and `all` over generators."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not _stops_early(node):
            return node
        generator = cast(ast.GeneratorExp, node.args[0])
        helper = f"__{cast(ast.Name, node.func).id}__"
        return ast.copy_location(self._nest(helper, generator.generators, generator.elt, node), node)

    def _nest(
        self, helper: str, generators: list[ast.comprehension], element: ast.expr, at: ast.Call
    ) -> ast.expr:
        first, rest = generators[0], generators[1:]
        if rest:
            element = self._nest(helper, rest, element, at)
        item = ast.copy_location(ast.Name("__item__", ast.Load()), at)
        one = ast.comprehension(first.target, ast.List([item], ast.Load()), first.ifs, 0)
        parameters = ast.arguments([], [ast.arg("__item__")], None, [], [], None, [])
        function = ast.Lambda(parameters, ast.ListComp(element, [one]))
        return ast.copy_location(ast.Call(ast.Name(helper, ast.Load()), [function, first.iter], []), element)
