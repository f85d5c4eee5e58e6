"""Measures planners on a world's tasks, wherever their turns are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from partwise.composition.sandbox import Sandbox
from partwise.evals.judges import open_judge
from partwise.evals.said import UNSAID, Said, Spoken
from partwise.evals.terms import Terms
from partwise.measure.evaluate import Judged, judge
from partwise.measure.oracle import ValueOracle
from partwise.models.planner import Planner
from partwise.models.prompts import make_prompts, read_prompts
from partwise.training.rollout import RolloutEngine
from partwise.types import Rollout, Split, Task
from partwise.worlds.registry import load_world
from partwise.worlds.telling import fields


class Bench:
    """The tasks of one comparison, what models are told of them, and who judges what came of it."""

    def __init__(self, terms: Terms, sandbox: Sandbox) -> None:
        """Args:
        terms: equal for all that are compared.
        sandbox: where solutions run.

        Raises:
            LookupError: there is no such world.
            ModelError: the prompts can't be used, or a proxy can't be loaded.
            RunError: `terms.proxy` is no run that has a proxy for the world.
        """
        self.terms, self._sandbox = terms, sandbox
        self.world = load_world(terms.world)
        self.prompts = make_prompts(read_prompts(terms.prompts, "full"), fields(self.world))
        self.judge = open_judge(self.world, terms.proxy)
        # What most people there hold dear: models from elsewhere have heard nobody in particular.
        self.oracle = ValueOracle(self.world, self.world.values)

    def tasks(self) -> list[Task]:
        """The tasks, in order."""
        split, first = Split(self.terms.split), self.terms.start
        return [self.world.task(split, first + index) for index in range(self.terms.tasks)]

    def engine(self, planner: Planner) -> RolloutEngine:
        """What walks a planner of this process through the tasks."""
        return RolloutEngine(self.world, planner, self.judge.proxy, self._sandbox, space=self.terms.space)

    def parts(self, task: Task, first: Spoken) -> str | None:
        """Source of the partial solutions that a first turn has asked for; None where it fails."""
        said = Said([first], [UNSAID])
        self._walk([task], said)
        return said.parts[0]

    def judged(
        self, tasks: Sequence[Task], first: Sequence[Spoken], second: Sequence[Spoken]
    ) -> list[Judged]:
        """What became of each task, given both turns; a second one that never was is `UNSAID`."""
        return judge(self._walk(tasks, Said(first, second)), self.oracle)

    def _walk(self, tasks: Sequence[Task], said: Said) -> list[Rollout]:
        # All of a planner that the engine uses.
        engine = self.engine(cast(Planner, said))
        rollouts, _ = engine.roll_out(tasks, 1, temperature=self.terms.temperature, generator=None)
        return rollouts
