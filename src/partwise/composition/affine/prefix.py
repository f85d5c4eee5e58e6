"""The `affine` space of programs that are still being written, statement by statement.

What is known after the first statements of a composition does not depend on those that follow, as long as it
defines no functions. So each statement is followed once, from the states in which those before it leave it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from partwise.composition.affine.follow import Follower
from partwise.composition.affine.module import Found, Module
from partwise.composition.affine.outcomes import States
from partwise.composition.affine.state import State
from partwise.types import Tool


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """What is known after the first statements of a composition."""

    states: States
    """The cases that may hold then."""
    variables: frozenset[str] = frozenset()
    """Names that were given values."""
    steps: int = 0
    """Taken so far."""


class Prefixes:
    """Compositions that go on from one set of partial solutions."""

    def __init__(self, parts: ast.Module, tools: Mapping[str, Tool]) -> None:
        """`parts` from `language.parse`: the partial solutions' functions, and nothing else."""
        self._module = Module(parts, tools)
        try:
            self._module.check_names()
            self.unclear = False
        except Found:
            self.unclear = True
            """Whether a part's name has two meanings, so that no statement is followed by itself."""
        self.attempting = frozenset(self._module.attempting | self._module.irreversible)
        """Functions and tools whose call may do something irreversible."""

    @property
    def start(self) -> Point:
        """Before the first statement."""
        return Point([State(False, ({},))])

    def follow(self, statements: Sequence[ast.stmt], point: Point) -> Point | None:
        """Go on with statements that define no function; None where something may be repeated.

        At most as much is accepted as by `find_repeat`: names are held to one meaning even where nothing is
        attempted. The statements must be kept as long as the point that is returned, which speaks of them.
        """
        module = self._module.going_on(statements, point.variables, point.steps)
        try:
            module.check_names()
            states = Follower(module).go_on(statements, point.states)
            return Point(states, frozenset(module.variables), module.steps)
        except (Found, RecursionError):
            return None
