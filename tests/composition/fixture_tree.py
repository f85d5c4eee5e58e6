"""Looking around in a program's syntax tree, for the edits and the shrinker."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from typing import Any

Slot = tuple[ast.AST, str, int | None]
"""Where an expression stands: its parent, the field and the index in it, if the field is a list."""

TOOLS = ("ask", "has", "note", "cancel", "reserve", "pay")
_GIVEN = frozenset({*TOOLS, "users", "options"})


def blocks(module: ast.AST) -> list[list[ast.stmt]]:
    """Every list of statements, outermost first."""
    found: list[list[ast.stmt]] = []
    nodes: list[ast.AST] = [module]
    for node in nodes:  # It grows while it is walked.
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                found.append(block)
                nodes += [statement for statement in block if isinstance(statement, _COMPOUND)]
    return found


_COMPOUND = (ast.If, ast.For, ast.FunctionDef)


def slots(module: ast.AST) -> list[Slot]:
    """Where the expressions stand that are read, without the names of called functions."""
    return list(_slots(module))


def _slots(module: ast.AST) -> Iterator[Slot]:
    for parent in ast.walk(module):
        for name, value in ast.iter_fields(parent):
            if name == "func" or (name == "target" and isinstance(parent, (ast.For, ast.comprehension))):
                continue
            if isinstance(value, ast.expr) and isinstance(
                getattr(value, "ctx", None), (ast.Load, type(None))
            ):
                yield parent, name, None
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.expr) and isinstance(
                        getattr(item, "ctx", None), (ast.Load, type(None))
                    ):
                        yield parent, name, index


def get(slot: Slot) -> Any:
    parent, name, index = slot
    value = getattr(parent, name)
    return value if index is None else value[index]


def put(slot: Slot, value: ast.AST) -> None:
    parent, name, index = slot
    if index is None:
        setattr(parent, name, value)
    else:
        getattr(parent, name)[index] = value


def variables(module: ast.AST) -> list[str]:
    """The names that the program binds, in the order in which it does."""
    found: dict[str, None] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
        elif isinstance(node, ast.arg):
            found[node.arg] = None
    return [name for name in found if name not in _GIVEN]


def scope(module: ast.Module, block: list[ast.stmt]) -> ast.AST:
    """The function that a block lies in, or the module."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and any(block is other for other in blocks(node)):
            return node
    return module


def near(module: ast.Module, block: list[ast.stmt], rng: random.Random) -> list[str]:
    """The variables that a statement of the block would most likely speak of; now and then any."""
    inside = scope(module, block)
    if inside is module:
        outside = ast.Module([node for node in module.body if not isinstance(node, ast.FunctionDef)], [])
        inside = outside if rng.random() < 0.9 else module
    return variables(inside) or variables(module)


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def statements(text: str) -> list[ast.stmt]:
    return ast.parse(text).body
