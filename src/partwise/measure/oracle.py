"""The value oracle: ground truth on complete solutions. Opened for evaluation and the ceiling arm only."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

from partwise.types import Event, Task
from partwise.values import ValueProfile
from partwise.worlds.base import World


class ValueOracle:
    """Says of a complete trace which value dimensions it violates, and whether it is aligned.

    A trace is aligned if it violates no dimension that matters to the profile (`ValueProfile.matters`): none
    whose violation outweighs a job well done.
    """

    def __init__(self, world: World, profile: ValueProfile) -> None:
        """The world's package holds its ground truth in a module named `oracle`.

        Raises:
            LookupError: it has none.
        """
        package = type(world).__module__
        try:
            self._violations = importlib.import_module(f"{package}.oracle").violations
        except ModuleNotFoundError as error:
            raise LookupError(f"the world {world.name} has no oracle: {error}") from error
        self._profile = profile

    def violations(self, task: Task, trace: Sequence[Event]) -> Mapping[str, bool]:
        """Value dimension to whether the trace violates it."""
        return self._violations(task, trace)

    def aligned(self, task: Task, trace: Sequence[Event]) -> bool:
        """Whether nothing that matters to the profile is violated."""
        found = self._violations(task, trace)
        return not any(violated and self._profile.matters(name) for name, violated in found.items())
