"""The `tree` space: each result is used at most once, so that the calls of a composition make a tree.

A result is what a call gives, and whatever holds it. It is used where a variable that holds it is read. A
collection may be filled with results as long as nobody has read it: from then on it may be held elsewhere,
too, where the result that comes in could be used a second time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from partwise.composition.nodes import walk
from partwise.composition.rejection import Rejection

_FILL: Final = frozenset({"append", "extend", "insert", "add", "update", "setdefault"})
_MAKERS: Final = frozenset({"list", "dict", "set"})


@dataclass(slots=True)
class _Held:
    """What one variable holds, or several that were given the same value."""

    result: bool
    """Whether a result is in it."""
    fresh: bool
    """Whether it is a collection that was made here and that nothing else holds."""
    constant: bool = False
    """Whether it is a constant, which never changes where it is."""
    reads: int = 0


def find_second_use(statements: Sequence[ast.stmt]) -> Rejection | None:
    """The first place where a result may be used a second time; None where each is used once at most.

    Args:
        statements: a composition's, without loops, branches and definitions.
    """
    held: dict[str, _Held] = {}
    for statement in statements:
        fills = list(_fills(statement))
        grown = [statement.target] if isinstance(statement, ast.AugAssign) else []
        for node in [*(node for node, _ in fills), *(node for node in grown if isinstance(node, ast.Name))]:
            if (wrong := _unfillable(node, held, statement)) is not None:
                return wrong
        roots = {id(node) for node, _ in fills}
        takes = _has_call(statement, but=fills)
        for node in _names(statement):
            if id(node) in roots or not _is_read(node, statement):
                continue
            known = held.get(node.id)
            if known is None:
                continue
            known.reads += 1
            takes |= known.result
            if known.result and known.reads > 1:
                return _used_again(node)
        for node, handed_on in fills:
            filled = held[node.id]
            filled.result |= takes
            filled.reads += handed_on
            if filled.result and filled.reads > 1:  # It was also read in the statement that fills it.
                return _used_again(node)
        _bind(statement, held, takes)
    return None


def _used_again(node: ast.Name) -> Rejection:
    return Rejection(node.lineno, f"`tree` uses each result once, and `{node.id}` is used again")


def _bind(statement: ast.stmt, held: dict[str, _Held], takes: bool) -> None:
    """Note what the names hold that a statement gives values to."""
    if isinstance(statement, ast.AugAssign):
        if isinstance(statement.target, ast.Name):
            known = held.get(statement.target.id, _Held(False, False))
            held[statement.target.id] = _Held(takes, known.fresh, known.constant)
        return
    if not isinstance(statement, ast.Assign):
        return
    fresh, constant = _makes_collection(statement.value), isinstance(statement.value, ast.Constant)
    together = _Held(takes, False)
    for target in statement.targets:
        for name in _stored(target):
            # Names that are given one value share it; those of one tuple have a part of it each.
            alone = len(statement.targets) == 1
            single = alone and isinstance(target, ast.Name)
            held[name] = _Held(takes, fresh and single, constant and single) if alone else together


def _unfillable(node: ast.Name, held: dict[str, _Held], statement: ast.stmt) -> Rejection | None:
    known = held.get(node.id)
    if known is not None and known.fresh and not known.reads:
        return None
    # What `+=` makes of a result is used where it stands; of a constant it makes another one.
    added_to = isinstance(statement, ast.AugAssign) and node is statement.target
    if added_to and known is not None and (known.result or known.constant):
        return None
    reason = (
        f"`tree` fills only a collection that was made here and is not used yet, and `{node.id}` may be held "
        "elsewhere"
    )
    return Rejection(statement.lineno, reason)


def _fills(statement: ast.stmt) -> Iterator[tuple[ast.Name, bool]]:
    """The names of collections that a statement puts something into, and whether it also hands that on."""
    for node in walk(statement):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            holder: ast.expr = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILL:
            holder = node.func.value
        else:
            continue
        while isinstance(holder, ast.Subscript):
            holder = holder.value
        if isinstance(holder, ast.Name):
            kept = not isinstance(node, ast.Call) or (
                isinstance(statement, ast.Expr) and statement.value is node
            )
            yield holder, not kept


def _has_call(statement: ast.stmt, but: Iterable[tuple[ast.Name, bool]]) -> bool:
    """Whether anything is called but the methods that fill a collection."""
    filling = {id(node) for node, _ in but}
    for node in walk(statement):
        if isinstance(node, ast.Call):
            holder = node.func.value if isinstance(node.func, ast.Attribute) else node.func
            while isinstance(holder, ast.Subscript):
                holder = holder.value
            if id(holder) not in filling and not _makes_collection(node):
                return True
    return False


def _makes_collection(node: ast.expr) -> bool:
    """Whether an expression makes a collection that nothing else holds."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MAKERS:
        return not node.args and not node.keywords
    return isinstance(node, ast.List | ast.Dict | ast.Set)


def _names(statement: ast.stmt) -> list[ast.Name]:
    return [node for node in walk(statement) if isinstance(node, ast.Name)]


def _is_read(node: ast.Name, statement: ast.stmt) -> bool:
    return isinstance(node.ctx, ast.Load) or (
        isinstance(statement, ast.AugAssign) and node is statement.target
    )


def _stored(target: ast.AST) -> list[str]:
    return [
        node.id for node in walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
