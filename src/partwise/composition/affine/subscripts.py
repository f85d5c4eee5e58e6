"""What subscripts take: an item of a collection, or a slice of it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from partwise.composition.affine.state import State
from partwise.composition.affine.values import SOME, Consts, Items, Record, Value, cell, const, size
from partwise.composition.nodes import parts


def index_parts(node: ast.expr) -> list[ast.expr]:
    """The expressions of a subscript: those of a slice one by one."""
    return parts(node) if isinstance(node, ast.Slice) else [node]


def cut_out(node: ast.Subscript, holder: Value, index: Sequence[Value]) -> Items:
    """What is known of a slice of a collection; `index` is what is known of its sides that are there."""
    cut = node.slice
    assert isinstance(cut, ast.Slice)
    known = dict(zip([side for side in (cut.lower, cut.upper, cut.step) if side], index, strict=True))
    lower = known[cut.lower] if cut.lower else const(0)
    upper = known[cut.upper] if cut.upper else None
    least, most = size(holder)
    truthy = False if isinstance(holder, Items) and holder.truthy is False else None
    if cut.step is not None or lower not in (const(0), const(-1)):
        return Items(id(node), 0, most, truthy)
    if lower == const(-1):
        return Items(id(node), least if upper is None else 0, min(most, 1), truthy)
    if upper == const(1):
        return Items(id(node), least, min(most, 1), truthy)
    whole = upper is None or (isinstance(upper, Consts) and _positive(upper))
    return Items(id(node), least if whole else 0, most, truthy)


def _positive(value: Consts) -> bool:
    return all(isinstance(one, int) and one > 0 for _, one in value.values)


def item_of(state: State, holder: Value, index: Value) -> tuple[State, Value]:
    """What is known of an item of a collection, and the state after it was taken."""
    if isinstance(holder, Record) and isinstance(index, Consts) and len(index.values) == 1:
        ((_, place),) = index.values
        if isinstance(place, int) and -len(holder.items) <= place < len(holder.items):
            return state, holder.items[place]
    if isinstance(holder, Items) and (place := cell(holder, index)) and place[0] in dict(holder.cells):
        return state, dict(holder.cells)[place[0]]
    # Of a collection whose keys are known to be falsy nothing is known of what it has for them.
    return state.let_go(holder), SOME
