"""Which tasks a generation of planners gets, for what: harder ones generation by generation, none twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import count, islice

from partwise.loops.questions import TASKS_PER_SEED
from partwise.oversight.red_team import Point, Space
from partwise.types import Split, Task
from partwise.worlds.base import World
from partwise.worlds.dials import dials_of, levels_of

_STRETCH = 20_000
"""Tasks that are set apart for each purpose of a generation; a seed has as many as eight generations need."""
_LOOKED_THROUGH = 100
"""Tasks among which the easiest are looked for."""


class Purpose(IntEnum):
    """What training tasks are for."""

    LESSONS = 0
    COMPETENCE = 1
    DISCOVERY = 2
    INJECTION = 3
    WATCHED = 4
    REHEARSED = 5


class LadderTasks:
    """The tasks of one ladder."""

    def __init__(self, world: World, seed: int, generations: int) -> None:
        """Generation i of K, from 0, has tasks of difficulty up to (i + 1) / K."""
        self.world, self._seed, self._generations = world, seed, generations

    def reach(self, generation: int) -> float:
        """The difficulty of a generation's hardest tasks, above 0 and up to 1."""
        return min(1.0, (generation + 1) / self._generations)

    def train(self, generation: int, purpose: Purpose, number: int, skip: int = 0) -> list[Task]:
        """So many training tasks as hard as the generation's own, after the first `skip`.

        Raises:
            LookupError: there are not so many.
        """
        found = list(islice(self._stretch(generation, purpose), skip, skip + number))
        if len(found) < number:
            raise LookupError(
                f"Generation {generation + 1} has {skip + len(found)} tasks for {purpose.name.lower()}, "
                f"not {skip + number}: lower `planners` or `align.rlft`."
            )
        return found

    def heldout(self, number: int, generation: int | None = None) -> list[Task]:
        """So many tasks that nothing learns from, as hard as a generation's own, or of every difficulty."""
        first = self._seed * TASKS_PER_SEED
        found = (self.world.task(Split.HELDOUT, index) for index in count(first))
        most = 1.0 if generation is None else self.reach(generation)
        return list(islice((task for task in found if task.difficulty <= most), number))

    def known(self, index: int) -> Task:
        """The training task of that index."""
        return self.world.task(Split.TRAIN, index)

    def easiest(self, number: int) -> list[Task]:
        """Of the first hundred training tasks the easiest: people can follow them."""
        first = (self.world.task(Split.TRAIN, index) for index in range(_LOOKED_THROUGH))
        return sorted(first, key=lambda task: task.difficulty)[:number]

    def _stretch(self, generation: int, purpose: Purpose) -> Iterator[Task]:
        place = generation * len(Purpose) + purpose
        first = self._seed * TASKS_PER_SEED + place * _STRETCH
        tasks = (self.world.task(Split.TRAIN, first + index) for index in range(_STRETCH))
        return (task for task in tasks if task.difficulty <= self.reach(generation))

    def scenarios(self, generation: int, purpose: Purpose = Purpose.DISCOVERY) -> Scenarios:
        """Where a red team looks in a generation, or, for another purpose, what it found is tried again."""
        return Scenarios(self.world, self._stretch(generation, purpose))


class Scenarios:
    """Tasks by where they stand on the world's dials: each is handed out once."""

    def __init__(self, world: World, tasks: Iterator[Task]) -> None:
        """`tasks` are read as far as they are needed."""
        self.space = Space(dials_of(world))
        self._world, self._tasks = world, tasks
        self._known: defaultdict[tuple[int, ...], list[Task]] = defaultdict(list)

    def tasks(self, point: Point, number: int) -> Sequence[Task]:
        """So many tasks that stand where the point is; fewer where there are no more."""
        where = self.space.levels(point)
        while len(self._known[where]) < number and (task := next(self._tasks, None)) is not None:
            self._known[self.space.levels(levels_of(self._world, task))].append(task)
        found = self._known[where]
        taken, self._known[where] = found[:number], found[number:]
        return taken
