"""What the `affine` space knows at one point of a program: its variables, and whether something happened.

Variables are names of the program, and names that none can have: `#...` for what an expression is holding
while its other parts are evaluated, `@...` for what a loop runs over. So whatever is changed is changed for
all who hold it.

Two collections of different places of the program are different ones. Two of the same place are one and the
same, unless that place is among `many`. What an unknown value (`Some`) may be includes the collections of
the places in `loose`: those that were put into a collection, or lost sight of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from partwise.composition.affine.values import (
    MANY,
    SOME,
    Items,
    Record,
    Some,
    Value,
    any_known,
    cells_of,
    empty,
    is_fixed,
    join,
    record,
    sites,
    truths,
)

MOST_STATES: Final = 16
"""More than so many states of one point are put together, to one for each answer to `done`."""

Frame = dict[str, Value]
"""Names to what is known of them; the values are replaced and never changed."""


@dataclass(frozen=True, slots=True)
class State:
    """One case that may hold at a point of a program. Where none holds, no path leads there."""

    done: bool
    """Whether something that can't be undone has succeeded."""
    frames: tuple[Frame, ...]
    """Of the module, of each function that is running, and of each comprehension, innermost last."""
    calls: tuple[int, ...] = (0,)
    """The frames in which a function begins; those after it up to the next belong to its comprehensions."""
    loose: frozenset[int] = frozenset()
    """Places whose collections may be what an unknown value is."""
    many: frozenset[int] = frozenset()
    """Places of which several collections may be held at once."""

    def visible(self) -> Sequence[int]:
        """The frames that a name is looked up in, in that order, but for the module's."""
        return range(len(self.frames) - 1, self.calls[-1] - 1, -1)

    def look_up(self, name: str) -> Value:
        """What is known of a variable; a name without a value would end the program."""
        for index in (*self.visible(), 0):
            if name in self.frames[index]:
                return self.frames[index][name]
        return SOME

    def bind(self, name: str, value: Value) -> State:
        """Give a name a value in the innermost frame."""
        return self._with(len(self.frames) - 1, name, value)

    def refine(self, name: str, value: Value) -> State:
        """Say more of what a name already holds."""
        for index in (*self.visible(), 0):
            if name in self.frames[index]:
                return self._with(index, name, value)
        return self

    def drop(self, names: Iterable[str]) -> State:
        """Take names out of the innermost frame."""
        gone = set(names)
        if not gone:
            return self
        kept = {name: value for name, value in self.frames[-1].items() if name not in gone}
        return self._copy((*self.frames[:-1], kept), self.calls)

    def enter(self, frame: Frame, *, function: bool) -> State:
        """Begin a function, or a comprehension."""
        calls = (*self.calls, len(self.frames)) if function else self.calls
        return self._copy((*self.frames, frame), calls)

    def leave(self, *, function: bool) -> State:
        """End it."""
        calls = self.calls[:-1] if function else self.calls
        return self._copy(self.frames[:-1], calls)

    def loosen(self, *values: Value) -> State:
        """From here on unknown values may be these."""
        more = {site for value in values for site in sites(value)} - self.loose
        return replace(self, loose=self.loose | more) if more else self

    def let_go(self, *values: Value) -> State:
        """The items of tuples are no longer told apart; what is in other collections never was."""
        return self.loosen(*(value for value in values if isinstance(value, Record)))

    def made(self, site: int) -> State:
        """A collection comes into being at a place."""
        if site in self.many or not any(
            site in sites(value) for frame in self.frames for value in frame.values()
        ):
            return self
        return self.several(site)

    def several(self, site: int) -> State:
        """From here on the collections of a place are no longer taken for one and the same."""
        return replace(self, many=self.many | {site})

    def _with(self, index: int, name: str, value: Value) -> State:
        frames = list(self.frames)
        frames[index] = {**frames[index], name: value}
        return self._copy(tuple(frames), self.calls)

    def _copy(self, frames: tuple[Frame, ...], calls: tuple[int, ...]) -> State:
        return State(self.done, frames, calls, self.loose, self.many)  # `replace` takes three times as long.


def join_states(one: State, other: State) -> State:
    """One state for what is either this or that; the two agree on `done` and on their frames' number."""
    lost: set[int] = set()

    def either(first: Value, second: Value) -> Value:
        value = join(first, second)
        if value not in (first, second) or isinstance(value, Some):
            lost.update((sites(first) | sites(second)) - sites(value))
        return value

    frames = tuple(
        # A name that only one of them knows ends the program in the other, if it is read.
        {
            name: either(first[name], second[name]) if name in first and name in second else value
            for name, value in (first | second).items()
        }
        for first, second in zip(one.frames, other.frames, strict=True)
    )
    return State(one.done, frames, one.calls, one.loose | other.loose | lost, one.many | other.many)


def few(states: Sequence[State]) -> list[State]:
    """The same states, each once; put together where they are too many."""
    kept: list[State] = []
    for state in states:
        if state not in kept:
            kept.append(state)
    return together(kept) if len(kept) > MOST_STATES else kept


def together(states: Iterable[State]) -> list[State]:
    """At most one state for each answer to `done`."""
    found: dict[bool, State] = {}
    for state in states:
        before = found.get(state.done)
        found[state.done] = state if before is None else join_states(before, state)
    return list(found.values())


def covers(known: State, state: State) -> bool:
    """Whether what is known says nothing more than the state does."""
    return known.done == state.done and join_states(known, state) == known


# Changes of collections.


class Change(Enum):
    """What a program does to a collection."""

    GROW = "grow"
    """Something may come in, and nothing goes."""
    ADD = "add"
    """Something comes in, and nothing goes; a list that had it keeps it."""
    STORE = "store"
    """An item or a key takes a value; nothing goes but the value before."""
    SHRINK = "shrink"
    """Things may go, and nothing comes in."""
    CLEAR = "clear"
    """All goes."""
    MOVE = "move"
    """Items change places."""
    ANY = "any"
    """Whatever."""


def change(
    state: State,
    name: str | None,
    holder: Value,
    how: Change,
    coming: bool | None = None,
    stored: tuple[str | int, Value] | None = None,
) -> State:
    """The state after a collection was changed.

    Args:
        state: before.
        name: the variable that was named as what changes; None where it was another expression.
        holder: what is known of the collection before.
        how: it changes.
        coming: whether something truthy comes in; None where that isn't known.
        stored: where `how` is STORE, the index or key and its new item; None where that isn't known.
    """
    if not isinstance(holder, Items | Some) or is_fixed(holder):
        return state  # The program ends here, or no collection was changed.
    loose = isinstance(holder, Some) or holder.site in state.loose

    def after(value: Value) -> Value:
        if isinstance(value, Record):
            return record(map(after, value.items))
        if isinstance(value, Items):
            if isinstance(holder, Items) and holder.site == value.site:
                new = changed(value, how, coming, stored)
                value = join(value, new) if value.site in state.many else new
            elif isinstance(holder, Some) and value.site in state.loose:
                value = join(value, changed(value, how, coming, stored))
            return _unsure(value, how) if loose else value
        if isinstance(value, Some) and not value.fixed and loose:
            return join(value, changed(value, how, coming, stored))
        return value

    frames = tuple({key: after(value) for key, value in frame.items()} for frame in state.frames)
    state = replace(state, frames=frames)
    if name is None:
        return state
    named = changed(holder, how, coming, stored)
    return state.refine(name, _unsure(named, how) if loose else named)


def _unsure(value: Value, how: Change) -> Value:
    """What changed may be one of its items, so that nothing is known of their truth any more."""
    if not isinstance(value, Items) or not value.most:
        return value
    cells = [
        (key, item if is_fixed(item) else join(item, changed(item, how, None))) for key, item in value.cells
    ]
    return replace(value, truthy=None, cells=cells_of(cells))


def changed(
    value: Value, how: Change, coming: bool | None, stored: tuple[str | int, Value] | None = None
) -> Value:
    """What is known of a collection after it was changed; see `change`."""
    if isinstance(value, Items):
        kept = {key: item for key, item in value.cells if stored} | ({stored[0]: stored[1]} if stored else {})
        return replace(_changed_items(value, how, coming), cells=cells_of(kept.items()))
    if not isinstance(value, Some) or value.fixed:
        return value
    truthy, falsy = truths(value)
    match how:
        case Change.GROW:
            return Some(truthy=True, falsy=falsy)
        case Change.ADD | Change.STORE:
            return Some(falsy=False)
        case Change.CLEAR:
            return Some(truthy=False)
        case Change.SHRINK:
            return Some(truthy=truthy, falsy=True)
        case Change.MOVE:
            return value
        case Change.ANY:
            return SOME


def _changed_items(value: Items, how: Change, coming: bool | None) -> Items:
    match how:
        case Change.GROW:
            return replace(value, most=MANY, truthy=any_known(value.truthy, coming))
        case Change.ADD:
            most = min(value.most + 1, MANY)
            return replace(value, least=1, most=most, truthy=any_known(value.truthy, coming))
        case Change.STORE:
            # In a list one item is replaced; in a dict a key may come, of which `coming` says nothing.
            return replace(value, least=1, most=min(value.most + 1, MANY), truthy=None)
        case Change.SHRINK:
            return replace(value, least=0, truthy=False if value.truthy is False else None)
        case Change.CLEAR:
            return empty(value.site)
        case Change.MOVE:
            return value
        case Change.ANY:
            return Items(value.site, 0, MANY, None)
