"""What following an expression comes to: states, with what is known of the value there; and loops."""

from __future__ import annotations

import ast
from collections.abc import Callable

from partwise.composition.affine.state import MOST_STATES, State, covers, few, join_states, together
from partwise.composition.affine.values import FALSY, SOME, Items, Record, Value, join, size

Outcomes = list[tuple[State, Value]]
States = list[State]


def merged(outcomes: Outcomes) -> Outcomes:
    """The same outcomes, each once; put together where they are too many."""
    kept: Outcomes = []
    for outcome in outcomes:
        if outcome not in kept:
            kept.append(outcome)
    if len(kept) <= MOST_STATES:
        return kept
    found: dict[bool, tuple[State, Value]] = {}
    for state, value in kept:
        if (before := found.get(state.done)) is None:
            found[state.done] = state, value
        else:
            name = "#value"  # Joined as a variable is, so that what is lost sight of is noted.
            both = join_states(before[0].bind(name, before[1]), state.bind(name, value))
            found[state.done] = both.drop([name]), both.look_up(name)
    return list(found.values())


def refined(state: State, node: ast.expr, value: Value) -> State:
    """The state in which more is known of what an expression names."""
    return state.refine(node.id, value) if isinstance(node, ast.Name) else state


def loop(start: State, over: Value, held: str, once: Callable[[State, Value], States]) -> States:
    """The states in which a loop over a value may end, or that go on to its `else`.

    Args:
        start: before the first round.
        over: what it runs over. It is kept under the name `held`, so that changes of it are seen.
        held: a name that none can have.
        once: one round, from a state and what is known of the item to the states at its end.
    """
    start = start.bind(held, over).let_go(over)
    least, most = size(over)
    work = once(start, _element(over)) if most else []
    ends = [*([] if least else [start]), *work]
    seen: States = []
    while True:
        # Python asks for the size anew before each round.
        work = [state for state in few(work) if size(state.look_up(held))[1] > 1]
        work = [state for state in work if not any(covers(known, state) for known in seen)]
        if not work:
            return few([state.drop([held]) for state in ends])
        seen += work
        if len(seen) > MOST_STATES:
            seen = work = together(seen)
        work = [end for state in work for end in once(state, _element(state.look_up(held)))]
        ends += work


def _element(over: Value) -> Value:
    """What is known of each item of what a loop runs over."""
    if isinstance(over, Record) and over.items:
        found = over.items[0]
        for item in over.items[1:]:
            found = join(found, item)
        return found
    if isinstance(over, Items) and over.truthy is False:
        return FALSY
    return SOME
