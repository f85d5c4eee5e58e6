"""How much there is to read in a program, and how deep its loops go."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from partwise.composition.language import parse
from partwise.composition.nodes import children
from partwise.composition.streams import Comprehension

_HIGHER_ORDER: Final = frozenset({"map", "filter"})
ENDLESS: Final = 1000
"""The nesting depth of what calls itself."""


@lru_cache(maxsize=4096)
def complexity(source: str) -> int:
    """The number of syntax nodes of a program, 1 for the empty one.

    Counts what `ast.walk` finds, without the load and store contexts, which say nothing to a reader. The last
    ones are remembered.

    Raises:
        CompositionError: the text is no program of the language.
    """
    return sum(1 for node in ast.walk(parse(source)) if not isinstance(node, ast.expr_context))


def loops(
    statements: list[ast.stmt], own: Mapping[str, ast.FunctionDef]
) -> Iterator[tuple[ast.stmt | ast.expr, int]]:
    """Every loop of a composition and its nesting depth, from 1; a loop in a function at each call of it.

    A `for` is one level, so is each `for` of a comprehension, and so is a call that runs a function over many
    values (`map`, `filter`, or `key=`). A function that calls itself is `ENDLESS`.

    Args:
        statements: the composition's, without definitions of functions.
        own: the composition's own functions by name. Any other is a partial solution: its loops don't count.
    """
    nest = _Nest(own)
    for statement in statements:
        yield from nest.below(statement, 0)


Found = Iterator[tuple[ast.stmt | ast.expr, int]]


class _Nest:
    """Finds loops, through the functions that are called in them."""

    def __init__(self, own: Mapping[str, ast.FunctionDef]) -> None:
        self._own = own
        self._running: set[str] = set()
        self._inside: dict[str, list[tuple[ast.stmt | ast.expr, int]]] = {}
        """A function's loops, with their depth in it; each function is looked through once."""

    def below(self, node: ast.AST, depth: int) -> Found:
        match node:
            case ast.For():
                yield node, depth + 1
                yield from self.below(node.iter, depth)  # Evaluated once, before the loop.
                for child in node.body:
                    yield from self.below(child, depth + 1)
                for child in node.orelse:
                    yield from self.below(child, depth)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                yield from self._comprehension(node, depth)
            case ast.Call():
                for child in children(node):
                    yield from self.below(child, depth)
                if isinstance(node.func, ast.Name):
                    yield from self._function(node, node.func.id, depth)
                if runs_many_times(node):
                    # The function that it is given runs many times; all else is evaluated once, before.
                    yield node, depth + 1
                    for name in _named(node):
                        yield from self._function(node, name, depth + 1)
            case _:
                for child in children(node):
                    yield from self.below(child, depth)

    def _comprehension(self, node: Comprehension, depth: int) -> Found:
        for generator in node.generators:
            yield from self.below(generator.iter, depth)
            depth += 1
            yield node, depth
            for condition in generator.ifs:
                yield from self.below(condition, depth)
        for result in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            yield from self.below(result, depth)

    def _function(self, call: ast.Call, name: str, depth: int) -> Found:
        if name not in self._own:
            return
        if name in self._running:
            yield call, ENDLESS
            return
        if name not in self._inside:
            self._running.add(name)
            inside = (found for statement in self._own[name].body for found in self.below(statement, 0))
            self._inside[name] = list(dict.fromkeys(inside))
            self._running.remove(name)
        yield from ((node, depth + within) for node, within in self._inside[name])


def runs_many_times(call: ast.Call) -> bool:
    """Whether a call runs a function that it is given over many values: `map`, `filter`, or `key=`."""
    named = isinstance(call.func, ast.Name) and call.func.id in _HIGHER_ORDER
    return named or any(keyword.arg == "key" for keyword in call.keywords)


def _named(call: ast.Call) -> list[str]:
    """The names that a call is given as they are."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return [node.id for node in given if isinstance(node, ast.Name)]
