"""Who writes the bodies of parts in the proxy: H_phi.solve of Mai et al. 2025, Figure 2(b), line 5.

A solver lays candidates before the judge, which takes the one that people would like best: writer and judge
are apart, so that either can be changed for another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from partwise.composition.complexity import complexity
from partwise.oversight.attempts import Attempt
from partwise.types import PartialSolution, Subtask
from partwise.worlds.base import CatalogueEntry


class Solver(Protocol):
    """Anything that can do subtasks."""

    def bodies(self, subtasks: Sequence[Subtask]) -> list[list[PartialSolution]]:
        """The bodies that it has for each subtask, in order; none where it can't do it."""
        ...

    def save(self, folder: Path) -> None:
        """What a checkpoint needs of it beside the judge."""
        ...


@runtime_checkable
class WritingSolver(Solver, Protocol):
    """One that writes bodies itself: a tiny model or one of Hugging Face's, which learns (`body_writer`), or
    any that is asked by prompt, here or at a provider (`model_writer`).
    """

    def attempts(self, subtasks: Sequence[Subtask]) -> list[list[Attempt]]:
        """All that it writes for each subtask, in order, and what came of it."""
        ...


class Chooser:
    """Takes bodies from a catalogue: the cheap solver, which learns nothing.

    A subtask is known by its name and its number of parameters; the planner's names of the parameters and its
    docstring are for the reader.
    """

    def __init__(self, catalogue: Mapping[str, CatalogueEntry], *, capacity: int) -> None:
        """Args:
        catalogue: the subtasks that it knows how to do.
        capacity: syntax nodes of the most complex body that it can write.
        """
        self._catalogue, self._capacity = catalogue, capacity

    def bodies(self, subtasks: Sequence[Subtask]) -> list[list[PartialSolution]]:
        """The catalogue's, as far as they are within its capacity."""
        return [self._known(subtask) for subtask in subtasks]

    def _known(self, subtask: Subtask) -> list[PartialSolution]:
        entry = self._catalogue.get(subtask.name)
        if entry is None or len(entry.subtask.parameters) != len(subtask.parameters):
            return []
        return [body for body in entry.implementations if complexity(body.source) <= self._capacity]

    def save(self, folder: Path) -> None:
        """Nothing is learned."""
