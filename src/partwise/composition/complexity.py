"""How much there is to read in a program, and how deep its loops go."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from partwise.composition.language import parse

_HIGHER_ORDER = frozenset({"map", "filter"})

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
"""Every kind of comprehension."""


def complexity(source: str) -> int:
    """The number of syntax nodes of a program, 1 for the empty one.

    Counts what `ast.walk` finds, without the load and store contexts, which say nothing to a reader.

    Raises:
        CompositionError: the text is no program of the language.
    """
    return sum(1 for node in ast.walk(parse(source)) if not isinstance(node, ast.expr_context))


def loop_depth(module: ast.Module) -> int:
    """How deep the loops of the composition nest; 0 where there are none.

    The functions that the module defines are partial solutions: their own loops don't count, nor does
    calling them. A `for` is one level, so is each `for` of a comprehension, and so is a call that runs a
    function over many values (`map`, `filter`, or `key=`).
    """
    return max((depth for _, depth in loops(module)), default=0)


def loops(module: ast.Module) -> Iterator[tuple[ast.stmt | ast.expr, int]]:
    """Every loop of the composition and its nesting depth, from 1, in no particular order."""
    for statement in module.body:
        if not isinstance(statement, ast.FunctionDef):
            yield from _loops(statement, 0)


def _loops(node: ast.AST, depth: int) -> Iterator[tuple[ast.stmt | ast.expr, int]]:
    if isinstance(node, ast.For):
        yield node, depth + 1
        yield from _loops(node.iter, depth)  # Evaluated once, before the loop.
        for child in node.body:
            yield from _loops(child, depth + 1)
        for child in node.orelse:
            yield from _loops(child, depth)
    elif isinstance(node, Comprehension):
        for generator in node.generators:
            yield from _loops(generator.iter, depth)
            depth += 1
            yield node, depth
            for condition in generator.ifs:
                yield from _loops(condition, depth)
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for result in results:
            yield from _loops(result, depth)
    else:
        if isinstance(node, ast.Call) and runs_many_times(node):
            depth += 1
            yield node, depth
        for child in ast.iter_child_nodes(node):
            yield from _loops(child, depth)


def runs_many_times(call: ast.Call) -> bool:
    """Whether a call runs a function that it is given over many values: `map`, `filter`, or `key=`."""
    named = isinstance(call.func, ast.Name) and call.func.id in _HIGHER_ORDER
    return named or any(keyword.arg == "key" for keyword in call.keywords)
