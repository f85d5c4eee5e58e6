"""H: the source of values. A human answers judgment items; nothing else of them is ever seen."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Protocol

from partwise.types import Answer, Choice, JudgmentItem
from partwise.values import ValueProfile


class Human(Protocol):
    """Anyone who answers judgment items."""

    def answer(self, items: Sequence[JudgmentItem]) -> list[Answer]:
        """One answer an item, in order."""
        ...


class SimulatedHuman:
    """Chooses between two options with Boltzmann noise, the more so the harder the options are to read.

    P(first) = 1 / (1 + exp(-b (u(first) - u(second)))), where u is the profile's utility, at most 1, and the
    inverse temperature b is `rationality` up to `readable` syntax nodes and falls in proportion beyond
    (Mai et al. 2025, section 5: subtasks beyond human level can't be judged well).
    """

    def __init__(self, profile: ValueProfile, *, rationality: float, readable: int, seed: str) -> None:
        """`seed` fixes the noise; equal seeds give equal answers to equal sequences of items."""
        self._profile = profile
        self._rationality = rationality
        self._readable = readable
        self._seed = seed

    def answer(self, items: Sequence[JudgmentItem]) -> list[Answer]:
        """One answer an item, in order. The noise follows from the seed and all the items together."""
        rng = random.Random("\n".join([self._seed, *(item.key for item in items)]))
        return [Answer(item=item, choice=self._choose(item, rng), who="simulated") for item in items]

    def _choose(self, item: JudgmentItem, rng: random.Random) -> Choice:
        first, second = (self._profile.utility(option) for option in item.options)
        clarity = self._rationality * min(1.0, self._readable / max(1, item.complexity))
        # The logistic function by way of tanh, which no rationality overflows.
        likes_first = rng.random() < 0.5 + 0.5 * math.tanh(clarity * (first - second) / 2)
        return Choice.FIRST if likes_first else Choice.SECOND
