"""A red team looks for the scenarios in which harm shows, before anybody is harmed.

Kim et al. 2025, stage 2, risk discovery. What a scenario is, how it is played and who judges the harm are
handed in: here are the space of scenarios, the searches through it, and the loop that spends a budget of
evaluations.
`measure.red_team` says what a search has found; `oversight.red_team_searches` has the searches that learn.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Point = Mapping[str, int]
"""A scenario: the name of every dial and every choice to its level, from 0."""
Severities = Mapping[str, float | None]
"""Kind of harm to how severe it was, 0 to 1: the share of runs in which it showed. None where it could not be
told, which is counted apart and never 0."""
Log = list[tuple[Point, Severities]]
"""What was evaluated and what came of it, in order: all that a search knows, and all that measures read."""
Levels = tuple[int, ...]
"""A point as `Space.levels` has it: dials first, choices after them."""


@dataclass(frozen=True, slots=True)
class Space:
    """All scenarios there are: dials, whose levels have an order, and choices, whose options have none.

    Raises:
        ValueError: there is nothing to vary, a name stands for a dial and a choice, or something has no
            level.
    """

    dials: Mapping[str, int]
    """Name to the number of levels, 1 or more; neighbours among them are alike."""
    choices: Mapping[str, int] = field(default_factory=dict[str, int])
    """Name to the number of options, 1 or more, such as which house; no two are nearer than others."""

    def __post_init__(self) -> None:
        if not self.sizes:
            raise ValueError("a space needs a dial or a choice")
        if twice := sorted(set(self.dials) & set(self.choices)):
            raise ValueError(f"{', '.join(twice)} can't be a dial and a choice: give each a name of its own")
        if empty := sorted(name for name, n in {**self.dials, **self.choices}.items() if n < 1):
            raise ValueError(
                f"a dial has one level or more, and so has a choice: {', '.join(empty)} has none"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the dials, then of the choices."""
        return (*self.dials, *self.choices)

    @property
    def sizes(self) -> Levels:
        """How many levels each has, in the order of the names."""
        return (*self.dials.values(), *self.choices.values())

    @property
    def size(self) -> int:
        """How many points there are."""
        return math.prod(self.sizes)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return math.prod(self.dials.values())

    def cell(self, point: Point) -> Levels:
        """The levels of the dials, without the choices: what measures call a place, unless told otherwise."""
        return self.levels(point)[: len(self.dials)]

    def levels(self, point: Point) -> Levels:
        """The point as levels in the order of the names.

        Raises:
            ValueError: it is no point of this space.
        """
        if set(point) != set(self.names):
            raise ValueError(f"a point has a level for each of {', '.join(self.names)}, not {dict(point)}")
        levels = tuple(point[name] for name in self.names)
        for name, level, size in zip(self.names, levels, self.sizes, strict=True):
            if not 0 <= level < size:
                raise ValueError(f"{name} has levels 0 to {size - 1}, not {level}")
        return levels

    def point(self, levels: Levels) -> dict[str, int]:
        """The point that `levels` made these of."""
        return dict(zip(self.names, levels, strict=True))

    def steps(self, levels: Levels) -> Iterator[list[Levels]]:
        """For each dial and choice the points one step away: the next levels of a dial, all other options of
        a choice. A list is empty where there is nowhere to go.
        """
        for i, (level, size) in enumerate(zip(levels, self.sizes, strict=True)):
            others = (level - 1, level + 1) if i < len(self.dials) else range(size)
            yield [
                (*levels[:i], other, *levels[i + 1 :])
                for other in others
                if 0 <= other < size and other != level
            ]

    def all(self) -> Iterator[Levels]:
        """Every point, in order."""
        return itertools.product(*map(range, self.sizes))


class Search(Protocol):
    """What looks for harm. It proposes, is told what came of it, and learns of nothing else.

    What is proposed follows from the space, the seed, and what was told, point by point: proposing changes
    nothing, and neither does the way in which what was told is cut into batches. So a search that is told a
    log again goes on as the one that the log is of, and equal seeds and equal answers give equal proposals.
    """

    def propose(self, count: int) -> list[Point]:
        """So many points of the space to evaluate next. No point comes again before all have come."""
        ...

    def tell(self, points: Sequence[Point], severities: Sequence[Severities]) -> None:
        """What came of each of the points, in order; they need not have been proposed.

        Raises:
            ValueError: there are more of one than of the other, a point is not in the space, or a severity is
                not within 0 and 1. Nothing is learned of what comes with it.
        """
        ...


Evaluate = Callable[[Sequence[Point]], Sequence[Severities]]
"""Plays scenarios, and judges the harm in each; one answer a point, in order."""


def red_team(search: Search, evaluate: Evaluate, *, budget: int, batch: int, told: Log | None = None) -> Log:
    """Spend a budget on a search.

    Args:
        search: looks for harm. It is told all that is found, and must be new.
        evaluate: plays a batch of scenarios.
        budget: evaluations of points, 0 or more, with those of `told`. Compare searches at equal budgets.
        batch: points that are proposed and evaluated together, 1 or more. Of a larger one less is learned.
        told: the log of a search that was interrupted after whole batches; it goes on the same.

    Returns:
        `told`, and what was evaluated after it; less than the budget where nothing more is proposed.

    Raises:
        ValueError: a batch of nothing, a budget below 0, or what `Search.tell` raises.
    """
    if batch < 1 or budget < 0:
        raise ValueError(f"a batch is of 1 point or more and a budget of 0 or more, not {batch} and {budget}")
    log = list(told or ())
    search.tell([point for point, _ in log], [severities for _, severities in log])
    while len(log) < budget:
        if not (points := search.propose(min(batch, budget - len(log)))):
            break
        severities = evaluate(points)
        search.tell(points, severities)
        log += zip(points, severities, strict=True)
    return log


class Told:
    """What a search was told: which points how often, and the chance that follows from it."""

    def __init__(self, space: Space, seed: int) -> None:
        """Nothing yet. Searches with equal seeds draw alike until they learn."""
        self.space, self.seed = space, seed
        self.times: Counter[Levels] = Counter()

    def add(
        self, points: Sequence[Point], severities: Sequence[Severities]
    ) -> list[tuple[Levels, Severities]]:
        """Count these, once all of them are as `Search.tell` wants them; points as levels come back."""
        if len(points) != len(severities):
            raise ValueError(f"{len(points)} points were evaluated and {len(severities)} answers given")
        told = [(self.space.levels(p), said) for p, said in zip(points, severities, strict=True)]
        for levels, said in told:
            for kind, severity in said.items():
                if severity is not None and not 0 <= severity <= 1:
                    raise ValueError(
                        f"{kind} at {self.space.point(levels)} is a share of runs, 0 to 1, not {severity}"
                    )
        self.times.update(levels for levels, _ in told)
        return told

    def batch(self) -> Batch:
        """A batch to fill, with the chance that belongs to it."""
        return Batch(self.space, self.times, random.Random(f"{self.seed}\n{self.times.total()}"))


class Batch:
    """Points to propose together: none twice, and none that was told, before all of the space have come."""

    def __init__(self, space: Space, times: Counter[Levels], rng: random.Random) -> None:
        """`times` is how often each point was told; `rng` draws all that is random in the batch."""
        self.space, self.rng = space, rng
        self.levels: list[Levels] = []
        # Where all have been told, those are new again that were told as often as any.
        least = min(times.values()) if len(times) == space.size else 0
        self._taken = {levels for levels, n in times.items() if n > least}

    def points(self) -> list[Point]:
        """What was put in."""
        return [self.space.point(levels) for levels in self.levels]

    def is_new(self, levels: Levels) -> bool:
        """Whether this point may be put in."""
        return levels not in self._taken

    def put(self, levels: Levels) -> None:
        """Put in a point that is new."""
        self.levels.append(levels)
        self._taken.add(levels)
        if len(self._taken) == self.space.size:
            self._taken.clear()

    def put_random(self) -> None:
        """Put in any new point, each with the same chance."""
        # Trying is quick while most of the space is new; else the list is no longer than twice what was told.
        if 2 * len(self._taken) > self.space.size:
            return self.put(self.rng.choice([levels for levels in self.space.all() if self.is_new(levels)]))
        levels = self._drawn()
        while not self.is_new(levels):
            levels = self._drawn()
        self.put(levels)

    def _drawn(self) -> Levels:
        return tuple(self.rng.randrange(size) for size in self.space.sizes)


class RandomSearch:
    """Draws every point with the same chance and learns nothing: what others must do better than."""

    def __init__(self, space: Space, *, seed: int = 0) -> None:
        """The seed draws the points."""
        self._told = Told(space, seed)

    def propose(self, count: int) -> list[Point]:
        """Points that are drawn without replacement."""
        batch = self._told.batch()
        while len(batch.levels) < count:
            batch.put_random()
        return batch.points()

    def tell(self, points: Sequence[Point], severities: Sequence[Severities]) -> None:
        """Remember which points have come."""
        self._told.add(points, severities)
