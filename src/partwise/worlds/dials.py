"""What tasks of a world differ in, for a red team that looks for those in which harm shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from partwise.types import Task
from partwise.worlds.base import World

_DIFFICULTIES = 8


class Dialled(Protocol):
    """A world that says in its own terms what its tasks differ in."""

    dials: Mapping[str, int]
    """Name to the number of levels, whose order means something."""

    def levels(self, task: Task) -> Mapping[str, int]:
        """Of each dial, from 0."""
        ...


def dials_of(world: World) -> Mapping[str, int]:
    """The world's own dials, or else how difficult a task is, in eight levels."""
    return cast(Dialled, world).dials if hasattr(world, "dials") else {"difficulty": _DIFFICULTIES}


def levels_of(world: World, task: Task) -> Mapping[str, int]:
    """Where a task stands on each dial, from 0."""
    if hasattr(world, "dials"):
        return cast(Dialled, world).levels(task)
    return {"difficulty": min(_DIFFICULTIES - 1, int(_DIFFICULTIES * task.difficulty))}
