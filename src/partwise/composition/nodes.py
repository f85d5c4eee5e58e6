"""Walks over the syntax trees of programs, without contexts and operators, which say little."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from typing import cast

_HOLD_NO_NODES = frozenset(
    "id attr arg name names kind type_comment conversion is_async op ops ctx".split()  # noqa: SIM905
)


def children(node: ast.AST) -> list[ast.AST]:
    """The expressions, statements, arguments and clauses right below a node, in the order of its fields."""
    found: list[ast.AST] = []
    for name in _fields(type(node)):
        value: object = getattr(node, name, None)
        if isinstance(value, list):
            found += [part for part in cast(list[ast.AST | None], value) if part is not None]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def walk(node: ast.AST) -> list[ast.AST]:
    """A node and all below it, level by level."""
    found = [node]
    for above in found:  # Which grows on the way.
        found += children(above)
    return found


def parts(node: ast.AST) -> list[ast.expr]:
    """The expressions right below one, in the order in which they are evaluated."""
    if isinstance(node, ast.Dict):
        return [part for pair in zip(node.keys, node.values, strict=True) for part in pair if part]
    return [child for child in children(node) if isinstance(child, ast.expr)]


def stored(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that are given values in some of these nodes."""
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


@functools.cache
def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    if kind is ast.Constant:
        return ()
    return tuple(name for name in kind._fields if name not in _HOLD_NO_NODES)
