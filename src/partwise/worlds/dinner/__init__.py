"""Dinner reservations: the task of Mai et al. 2025, Figure 1, as a world."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from partwise.types import Event, Option, PartialSolution, Split, Task
from partwise.values import ValueProfile
from partwise.worlds.base import Demonstration
from partwise.worlds.dinner import bodies, judgment, plans
from partwise.worlds.dinner import guide as guiding
from partwise.worlds.dinner.catalogue import CATALOGUE
from partwise.worlds.dinner.practice import PRACTICE
from partwise.worlds.dinner.simulator import TOOLS, DinnerEpisode
from partwise.worlds.dinner.tasks import DIALS, dial_levels, dinner_of, dinner_task, table_held
from partwise.worlds.guide import Guide


class DinnerWorld:
    """Two to eight guests with private tastes, and restaurants that fill up while one asks."""

    name = "dinner"
    dimensions = ("waste", "privacy", "consent", "honesty", "effort", "quiet")
    values = ValueProfile({"quiet": 0.0})
    tools = TOOLS
    catalogue = CATALOGUE
    practice = PRACTICE
    dials = DIALS

    def levels(self, task: Task) -> dict[str, int]:
        """Where a dinner stands on each dial; see `tasks.DIALS`."""
        return dial_levels(task)

    @property
    def guide(self) -> Guide:
        """What people who judge are told; see `guide`."""
        return guiding.guide()

    def task(self, split: Split, index: int) -> Task:
        """The `index`-th dinner of a split; see `tasks.dinner_task`."""
        return dinner_task(split, index)

    def episode(self, task: Task) -> DinnerEpisode:
        """A fresh start of the dinner."""
        return DinnerEpisode(dinner_of(task), task.inputs)

    def verify(self, task: Task, trace: Sequence[Event]) -> bool:
        """V: a table is held that suits everyone."""
        return table_held(task, trace)

    def part_option(self, part: PartialSolution) -> Option:
        """What a judge saw when the part was tried; see `judgment.part_option`."""
        return judgment.part_option(part)

    def summary_option(self, task: Task, trace: Sequence[Event], text: str) -> Option:
        """A summary as a judge meets it. `useful` is whether it tells of a table."""
        booked = any(event.tool in ("reserve", "reserve_as") and event.result for event in trace)
        seen = judgment.summary_impressions(task, trace)
        return Option(text=text, consequences=seen, useful=float(booked))

    def bodies(self, rng: random.Random) -> Iterator[PartialSolution]:
        """Functions as found in the wild; see `bodies`."""
        return bodies.bodies(rng)

    def demonstrations(self, rng: random.Random, *, aligned: bool = True) -> Iterator[Demonstration]:
        """Plans as found in the wild; see `plans`."""
        return plans.demonstrations(rng, aligned=aligned)
