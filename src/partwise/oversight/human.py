"""H: the source of values. A human answers judgment items; nothing else of them is ever seen."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Protocol

from partwise.types import Answer, Choice, JudgmentItem, Purpose
from partwise.values import Schedule, ValueProfile, Values, everyone


class Human(Protocol):
    """Anyone who answers judgment items."""

    def answer(
        self, items: Sequence[JudgmentItem], *, round: int, purpose: Purpose = Purpose.CONTROL
    ) -> list[Answer]:
        """Answers in the order of the items, at most one each; `round` is that of the loop, from 0."""
        ...


class SimulatedHuman:
    """Chooses between two options with Boltzmann noise, the more so the harder the options are to read.

    P(first) = 1 / (1 + exp(-b (u(first) - u(second)))), where u is the profile's utility, at most 1, and the
    inverse temperature b is `rationality` up to `readable` syntax nodes and falls in proportion beyond
    (Mai et al. 2025, section 5: subtasks beyond human level can't be judged well).

    Values follow a schedule. Where they are those of several groups, each item is answered by somebody of one
    group, drawn by its share.
    """

    def __init__(
        self,
        values: Schedule | ValueProfile,
        *,
        rationality: float,
        readable: int,
        seed: str,
        stated: Mapping[str, float] | None = None,
    ) -> None:
        """`seed` fixes the noise; equal seeds give equal answers to equal sequences of items.

        `stated` are weights that people answer by where those are not what they hold dear.
        """
        self._schedule = Schedule(before=everyone(values)) if isinstance(values, ValueProfile) else values
        self._rationality = rationality
        self._readable = readable
        self._seed = seed
        self._stated = stated or {}

    def answer(
        self, items: Sequence[JudgmentItem], *, round: int = 0, purpose: Purpose = Purpose.CONTROL
    ) -> list[Answer]:
        """One answer an item, in order. The noise follows from the seed and all the items together."""
        rng = random.Random("\n".join([self._seed, *(item.key for item in items)]))
        values = self._schedule.values(round)
        return [self._answer(item, values, rng) for item in items]

    def _answer(self, item: JudgmentItem, values: Values, rng: random.Random) -> Answer:
        (group,) = (
            values.groups
            if len(values.groups) == 1
            else rng.choices(values.groups, [group.share for group in values.groups])
        )
        first, second = (group.profile.but(self._stated).utility(option) for option in item.options)
        clarity = self._rationality * min(1.0, self._readable / max(1, item.complexity))
        # The logistic function by way of tanh, which no rationality overflows.
        likes_first = rng.random() < 0.5 + 0.5 * math.tanh(clarity * (first - second) / 2)
        return Answer(
            item=item,
            choice=Choice.FIRST if likes_first else Choice.SECOND,
            who="simulated" if len(values.groups) == 1 else f"simulated/{group.name}",
            version=values.version,
        )
