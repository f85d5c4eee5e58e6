"""What the `affine` space knows of a value: enough to tell whether it says that something succeeded.

Five kinds of abstract value, from the most that can be known to the least:

- `Consts`: one of a few constants, such as False, 0 or "nothing yet";
- `Count`: a whole number of 1 or more;
- `Record`: a tuple of known length, each item with what is known of it;
- `Items`: a list, set or dict that this program made, with bounds of its size and whether it holds
  anything truthy;
- `Some`: anything at all, perhaps with what is known of its truth.

All are immutable. That the collections of a program are not is the affair of `state.py`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

MANY: Final = 2
"""As an upper bound of a size: two or more."""
_MOST_CONSTANTS = 4
"""More than so many constants are no longer told apart."""
_MOST_CELLS = 8
_DEEPEST = 3
"""Tuples in tuples in tuples: deeper ones are not looked into."""
_LARGEST, _LONGEST = 2**31, 100
"""Larger integers and longer texts are no constants, so that nothing here takes long."""


@dataclass(frozen=True, slots=True)
class Some:
    """Any value, of any type."""

    truthy: bool = True
    """Whether it may be truthy."""
    falsy: bool = True
    """Whether it may be falsy."""
    fixed: bool = False
    """Whether it is known to be immutable, as texts and numbers are."""


@dataclass(frozen=True, slots=True)
class Consts:
    """One of these constants; each with its type, since True equals 1."""

    values: frozenset[tuple[type, Any]]


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number of 1 or more."""


@dataclass(frozen=True, slots=True)
class Record:
    """A tuple with exactly these items."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list, tuple, set, dict or text that came into being at one place of the program."""

    site: int
    """The place. Collections of different places are different collections."""
    least: int
    """Its size is at least this: 0 or 1."""
    most: int
    """Its size is at most this: 0, 1 or MANY."""
    truthy: bool | None
    """Whether a truthy item (of a dict: key) is among them; None where that isn't known."""
    cells: Cells = ()
    """What it has at an index or under a key, for some of them."""


Cells = tuple[tuple[str | int, "Some | Consts | Count"], ...]
Value = Some | Consts | Count | Record | Items

SOME: Final = Some()
TRUTHY: Final = Some(falsy=False)
FALSY: Final = Some(truthy=False)
SCALAR: Final = Some(fixed=True)
"""A text or a number."""


def const(value: object) -> Value:
    """The abstract value of a constant of the language."""
    if (isinstance(value, int) and abs(value) > _LARGEST) or (
        isinstance(value, str) and len(value) > _LONGEST
    ):
        return Some(truthy=bool(value), falsy=not value, fixed=True)
    return Consts(frozenset({(type(value), value)}))


NONE: Final = const(None)
TRUE: Final = const(True)
FALSE: Final = const(False)


def truths(value: Value) -> tuple[bool, bool]:
    """Whether it may be truthy, and whether it may be falsy."""
    match value:
        case Some():
            return value.truthy, value.falsy
        case Consts():
            return any(one for _, one in value.values), not all(one for _, one in value.values)
        case Count():
            return True, False
        case Record():
            return bool(value.items), not value.items
        case Items():
            return value.most > 0, value.least == 0


def assume(value: Value, truth: bool) -> Value | None:
    """What is known of a value that has turned out truthy, or falsy; None where it can't have."""
    if not truths(value)[0 if truth else 1]:
        return None
    match value:
        case Some():
            return Some(truthy=truth, falsy=not truth, fixed=value.fixed)
        case Consts():
            return Consts(frozenset(pair for pair in value.values if bool(pair[1]) == truth))
        case Items():
            return replace(value, least=1) if truth else empty(value.site)
        case Count() | Record():
            return value


def empty(site: int) -> Items:
    """A collection with nothing in it."""
    return Items(site, 0, 0, False)


def join(one: Value, other: Value) -> Value:
    """What is known of a value that is either the one or the other."""
    if one == other:
        return one
    match one, other:
        case Consts(), Consts() if len(one.values | other.values) <= _MOST_CONSTANTS:
            return Consts(one.values | other.values)
        case ((Consts() | Count()), (Consts() | Count())) if is_count(one) and is_count(other):
            return Count()
        case Record(), Record() if len(one.items) == len(other.items):
            return Record(tuple(map(join, one.items, other.items)))
        case Items(), Items() if one.site == other.site:
            least, most = min(one.least, other.least), max(one.most, other.most)
            truthy = one.truthy if one.truthy == other.truthy else None
            shared = dict(other.cells)
            cells = tuple((k, _scalar(join(v, shared[k]))) for k, v in one.cells if k in shared)
            return Items(one.site, least, most, truthy, cells)
        case _:
            truthy, falsy = (a or b for a, b in zip(truths(one), truths(other), strict=True))
            return Some(truthy=truthy, falsy=falsy, fixed=is_fixed(one) and is_fixed(other))


def cell(value: Value, place: Value) -> tuple[str | int] | None:
    """The index or key that a value is as a subscript of another; None where it isn't one that is kept.

    Only texts and numbers of 0 or more: -1 is an index that depends on the size, and True is the key 1.
    """
    if not isinstance(value, Items) or not isinstance(place, Consts) or len(place.values) != 1:
        return None
    ((kind, key),) = place.values
    return (key,) if kind is str or (kind is int and key >= 0) else None


def cells_of(pairs: Iterable[tuple[str | int, Value]]) -> Cells:
    """What is kept of items: a few, and no collections."""
    kept = {key: value for key, value in pairs if isinstance(value, Some | Consts | Count)}
    ordered = sorted(kept.items(), key=lambda pair: (isinstance(pair[0], str), pair[0]))
    return tuple(ordered[:_MOST_CELLS])


def _scalar(value: Value) -> Some | Consts | Count:
    return value if isinstance(value, Some | Consts | Count) else SOME


def record(items: Iterable[Value]) -> Value:
    """A tuple of these."""
    made = Record(tuple(items))
    if _depth(made) <= _DEEPEST:
        return made
    return Some(truthy=bool(made.items), falsy=not made.items)


def _depth(value: Value) -> int:
    return 1 + max(map(_depth, value.items), default=0) if isinstance(value, Record) else 0


def is_fixed(value: Value) -> bool:
    """Whether nothing that a program does can change it."""
    match value:
        case Some():
            return value.fixed
        case Record():
            return all(map(is_fixed, value.items))
        case Consts() | Count():
            return True
        case Items():
            return False


def is_count(value: Value) -> bool:
    """Whether it is a whole number of 1 or more."""
    if isinstance(value, Consts):
        return all(isinstance(one, int) and one >= 1 for _, one in value.values)
    return isinstance(value, Count)


def sites(value: Value) -> frozenset[int]:
    """The places where what it holds came into being, as far as that is known."""
    if isinstance(value, Record):
        return frozenset(site for item in value.items for site in sites(item))
    return frozenset({value.site}) if isinstance(value, Items) else frozenset()


def size(value: Value) -> tuple[int, int]:
    """The least and the most rounds of a loop over it: 0 or 1, and 0, 1 or MANY."""
    match value:
        case Items():
            return value.least, value.most
        case Record():
            return min(len(value.items), 1), min(len(value.items), MANY)
        case Consts() if all(kind is str for kind, _ in value.values):
            sizes = [len(text) for _, text in value.values]
            return min(min(sizes), 1), min(max(sizes), MANY)
        case _:  # What is no collection raises.
            truthy, falsy = truths(value)
            return 0 if falsy else 1, MANY if truthy else 0


def holds_truthy(value: Value) -> bool | None:
    """What `any(value)` says; None where that isn't known."""
    match value:
        case Items():
            return value.truthy
        case Record():
            return any_of(value.items)
        case _:
            return False if size(value)[1] == 0 else None


def any_of(items: Iterable[Value]) -> bool | None:
    """Whether one of these is truthy; None where that isn't known."""
    known = [truths(item) for item in items]
    if any(not falsy for _, falsy in known):
        return True
    return None if any(truthy for truthy, _ in known) else False


# Comparisons and arithmetic.

_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_BOTH: Final = frozenset({True, False})


def compare(how: ast.cmpop, left: Value, right: Value) -> frozenset[bool]:
    """What a comparison of the two may say."""
    if isinstance(how, ast.NotEq | ast.IsNot | ast.NotIn):
        opposite = {ast.NotEq: ast.Eq, ast.IsNot: ast.Is, ast.NotIn: ast.In}[type(how)]()
        return frozenset(not said for said in compare(opposite, left, right))
    if isinstance(how, ast.Eq | ast.Is):
        return _equal(left, right, same=isinstance(how, ast.Is))
    if isinstance(how, ast.In):
        if isinstance(left, Consts) and isinstance(right, Consts):
            return _each(left, right, lambda one, other: one in other)
        # Nothing is in what is empty, but for the empty text in itself.
        return frozenset({False}) if size(right)[1] == 0 and not truths(left)[1] else _BOTH
    order = _ORDER[type(how)]
    if isinstance(left, Consts) and isinstance(right, Consts):
        return _each(left, right, order)
    # The least of all counts stands for them where what it says holds for larger ones, too.
    if is_count(left) and isinstance(right, Consts) and isinstance(how, ast.Gt | ast.GtE | ast.Lt | ast.LtE):
        return _bounded(right, lambda bound: order(1, bound), rising=isinstance(how, ast.Gt | ast.GtE))
    if is_count(right) and isinstance(left, Consts):
        return _bounded(left, lambda bound: order(bound, 1), rising=isinstance(how, ast.Lt | ast.LtE))
    return _BOTH


def _equal(left: Value, right: Value, *, same: bool) -> frozenset[bool]:
    one, other = truths(left), truths(right)
    if not (one[0] and other[0]) and not (one[1] and other[1]):
        return frozenset({False})  # Of two equal values of the language, both or none are truthy.
    if isinstance(left, Consts) and isinstance(right, Consts):
        return _each(left, right, _identical if same else operator.eq)
    return _BOTH


def _identical(left: object, right: object) -> bool | None:
    """`is`; None where that is the interpreter's affair, as with equal texts."""
    if left is None or right is None or isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return None if left == right else False


def _each(left: Consts, right: Consts, test: Callable[[Any, Any], bool | None]) -> frozenset[bool]:
    found: set[bool] = set()
    for _, one in left.values:
        for _, other in right.values:
            try:
                said = test(one, other)
            except TypeError:  # The program ends here.
                continue
            found |= _BOTH if said is None else {said}
    return frozenset(found)


def _bounded(bounds: Consts, test: Callable[[Any], bool], *, rising: bool) -> frozenset[bool]:
    """What 1, and any number beyond it, says against each bound, where numbers say True from some point on
    (`rising`) or until some point.
    """
    found: set[bool] = set()
    for _, bound in bounds.values:
        if not isinstance(bound, int | float):
            continue  # The program ends here.
        found |= {rising} if test(bound) == rising else _BOTH
    return frozenset(found)


def compute(how: ast.operator, left: Value, right: Value) -> Value:
    """What an arithmetic operator makes of two values; a new collection has the site of the left one."""
    if isinstance(left, Consts) and isinstance(right, Consts) and type(how) in _ARITHMETIC:
        return _computed(_ARITHMETIC[type(how)], left, right)
    if isinstance(left, Items) and isinstance(right, Items) and isinstance(how, ast.Add):
        truthy = any_known(left.truthy, right.truthy)
        return Items(left.site, max(left.least, right.least), min(left.most + right.most, MANY), truthy)
    if isinstance(left, Items) and isinstance(how, ast.Mult) and is_count(right):
        return Items(left.site, left.least, MANY if left.most else 0, left.truthy)
    grows = isinstance(how, ast.Add) and _at_least_none(left) and _at_least_none(right)
    if grows and (is_count(left) or is_count(right)):
        return Count()
    return Some(fixed=is_fixed(left) and is_fixed(right))


_ARITHMETIC: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def any_known(one: bool | None, other: bool | None) -> bool | None:
    """`one or other` of what may not be known."""
    if one or other:
        return True
    return False if one is False and other is False else None


def _computed(how: Callable[[int, int], int], left: Consts, right: Consts) -> Value:
    found: Value | None = None
    for _, one in left.values:
        for _, other in right.values:
            if isinstance(one, int) and isinstance(other, int):
                made = const(how(one, other))
            elif isinstance(one, str) and isinstance(other, str) and how is operator.add:
                made = const(one + other)
            else:
                return Some(fixed=True)
            found = made if found is None else join(found, made)
    return found or Some(fixed=True)


def _at_least_none(value: Value) -> bool:
    """Whether it is a whole number of 0 or more."""
    if isinstance(value, Consts):
        return all(isinstance(one, int) and one >= 0 for _, one in value.values)
    return isinstance(value, Count)
