"""Makes a program smaller while it keeps a property."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from fixture_tree import blocks, get, put, slots


def shrink(source: str, holds: Callable[[str], bool]) -> str:
    """The smallest program found that still has the property, by taking away one thing at a time."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in _candidates(source):
            if len(candidate) < len(source) and holds(candidate):
                source, smaller = candidate, True
                break
    return source


def _candidates(source: str) -> Iterator[str]:
    """Without a statement or its head or target, and with a part in place of an expression."""
    module = ast.parse(source)
    for b, block in enumerate(blocks(module)):
        for i, statement in enumerate(block):
            for change in range(1 if isinstance(statement, ast.FunctionDef) else 4):
                copy = ast.parse(source)
                place = blocks(copy)[b]
                optional = any(getattr(node, "orelse", None) is place for node in ast.walk(copy))
                nothing = [ast.Pass()] if len(place) == 1 and not optional else []
                place[i : i + 1] = _instead(place[i], change) or nothing
                yield ast.unparse(copy) + "\n"
    for s, slot in enumerate(slots(module)):
        parts = [node for node in ast.iter_child_nodes(get(slot)) if isinstance(node, ast.expr)]
        for part in (*parts, ast.Constant(value=1)):
            copy = ast.parse(source)
            put(slots(copy)[s], part)
            yield ast.unparse(copy) + "\n"


def _instead(statement: ast.stmt, change: int) -> list[ast.stmt]:
    """Nothing, the body, the other branch, or the value that is assigned."""
    if change in (1, 2):
        return list(getattr(statement, ("body", "orelse")[change - 1], []))
    value = getattr(statement, "value", None)
    return [ast.Expr(value)] if change == 3 and value is not None else []
