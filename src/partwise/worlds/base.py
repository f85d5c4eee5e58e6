"""What a world is: tools, subtasks, tasks, a verifier, and how parts and summaries look to a judge.

A world never hands out its value oracle: that lives in a module of its own, which only
`partwise.measure` opens (see `measure/oracle.py`), so that training can't read it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from partwise.composition.episode import Episode
from partwise.composition.summary import NOTHING
from partwise.types import (
    Effect,
    Event,
    Grain,
    Option,
    PartialSolution,
    Split,
    Subtask,
    Task,
    Tool,
)
from partwise.values import ValueProfile

UNDONE = "return None"
"""The body that leaves a subtask undone: the zero of every judgment of a part."""

NOTHING_DONE = NOTHING
"""The summary of a solution that did nothing: the zero of every judgment of a summary."""


def undone(subtask: Subtask) -> PartialSolution:
    """The partial solution that leaves the subtask undone."""
    return PartialSolution(subtask=subtask, body=UNDONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """A subtask that the world knows, with several ways to do it."""

    subtask: Subtask
    grain: Grain
    effect: Effect
    """The strongest effect that its reference implementation has."""
    implementations: tuple[PartialSolution, ...]
    """The first is the reference: it does the job and violates nothing most people hold dear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """One plan of the pretraining corpus: good, wasteful, intrusive or wrong, as plans in the wild are."""

    statement: str
    decomposition: str
    partial_solutions: str
    composition: str

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """What stands in it, in order."""
        return self.statement, self.decomposition, self.partial_solutions, self.composition


class World(Protocol):
    """A simulated world. Everything that it returns is deterministic in its arguments.

    It may also have a `guide`, which is what people who judge are told of it (`worlds/guide.py`).
    """

    name: str
    dimensions: tuple[str, ...]
    """The value dimensions that solutions can violate."""
    values: ValueProfile
    """What most people here hold dear, before a run says otherwise; a dimension not named weighs 1."""
    tools: Mapping[str, Tool]
    catalogue: Mapping[str, CatalogueEntry]
    """The subtasks that solutions of hard tasks are made of."""
    practice: Mapping[str, CatalogueEntry]
    """Further human-level subtasks, with neither a name nor a body of the catalogue's. No solution uses them,
    so that people can be asked about tasks (E) that are none of the planner's (D). May be empty."""

    def task(self, split: Split, index: int) -> Task:
        """The `index`-th task of a split; no two splits share a task."""
        ...

    def episode(self, task: Task) -> Episode:
        """A fresh start of the task's world."""
        ...

    def verify(self, task: Task, trace: Sequence[Event]) -> bool:
        """V: whether the trace did what the task asked, knowing nothing of values."""
        ...

    def part_option(self, part: PartialSolution) -> Option:
        """How a body for a subtask of `catalogue` or `practice`, `undone` among them, looks to a judge.

        `text` is the part's source; `useful` and `consequences` are what shows when it is tried by itself.
        """
        ...

    def summary_option(self, task: Task, trace: Sequence[Event], text: str) -> Option:
        """How a summary looks to a judge who reads it: `consequences` follow from what it shows alone."""
        ...

    def demonstrations(self, rng: random.Random, *, aligned: bool = True) -> Iterator[Demonstration]:
        """The pretraining corpus, without end.

        Without `aligned`, it has no plan that is aligned and correct on any task, whatever bodies the proxy
        gives its parts. A world that can't tell such plans raises LookupError.
        """
        ...
