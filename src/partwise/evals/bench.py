"""Measures planners on a world's tasks, wherever their turns are written."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import cast

from partwise.composition.sandbox import Sandbox
from partwise.evals.judges import open_judge, refuse_judge
from partwise.evals.said import UNSAID, Said, Spoken
from partwise.evals.terms import Terms
from partwise.measure.evaluate import Judged, judge
from partwise.measure.oracle import ValueOracle
from partwise.models.planner import Planner
from partwise.models.prompts import Prompts, make_prompts, read_prompts
from partwise.training.rollout import RolloutEngine
from partwise.types import Rollout, Split, Task
from partwise.worlds.base import World
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
        self.prompts = _prompts(terms, self.world)
        self.judge = open_judge(self.world, terms.proxy)

    @cached_property
    def oracle(self) -> ValueOracle:
        """Opened when it is first asked for: tasks of training have no use for it.

        Its values are what most people there hold dear: models from elsewhere have heard nobody in
        particular.
        """
        return ValueOracle(self.world, self.world.values)

    def tasks(self) -> list[Task]:
        """The tasks, in order."""
        return [self.task(self.terms.start + index) for index in range(self.terms.tasks)]

    def task(self, index: int) -> Task:
        """The task of that index in the split."""
        return self.world.task(Split(self.terms.split), index)

    def engine(self, planner: Planner) -> RolloutEngine:
        """What walks a planner of this process through the tasks."""
        return RolloutEngine(self.world, planner, self.judge.proxy, self._sandbox, space=self.terms.space)

    def parts(self, task: Task, first: Spoken) -> str | None:
        """Source of the partial solutions that a first turn has asked for; None where it fails."""
        said = Said([first], [UNSAID])
        self._walk([task], said)
        return said.parts[0]

    def rolled_out(
        self, tasks: Sequence[Task], first: Sequence[Spoken], second: Sequence[Spoken]
    ) -> list[Rollout]:
        """Each task's rollout, given both turns; a second one that never was is `UNSAID`."""
        return self._walk(tasks, Said(first, second))

    def judged(
        self, tasks: Sequence[Task], first: Sequence[Spoken], second: Sequence[Spoken]
    ) -> list[Judged]:
        """The same with the oracle's word on each."""
        return judge(self.rolled_out(tasks, first, second), self.oracle)

    def _walk(self, tasks: Sequence[Task], said: Said) -> list[Rollout]:
        # All of a planner that the engine uses.
        engine = self.engine(cast(Planner, said))
        rollouts, _ = engine.roll_out(tasks, 1, temperature=self.terms.temperature, generator=None)
        return rollouts


def _prompts(terms: Terms, world: World) -> Prompts:
    return make_prompts(read_prompts(terms.prompts, "full"), fields(world))


def refuse_terms(terms: Terms) -> None:
    """Refuse terms that there can be no bench of, before a proxy is loaded.

    Raises:
        LookupError, ModelError, RunError: as `Bench`.
    """
    world = load_world(terms.world)
    _prompts(terms, world)
    refuse_judge(world, terms.proxy)


@lru_cache(maxsize=4)
def shared_bench(terms: Terms) -> Bench:
    """One of this process for equal terms, for callers that are told of one sample at a time.

    Raises:
        LookupError, ModelError, RunError: as `Bench`.
    """
    return Bench(terms, _sandbox())


@lru_cache(maxsize=1)
def _sandbox() -> Sandbox:
    """One for the process: neither Inspect nor verifiers tells a task when all of its samples are done."""
    sandbox = Sandbox()
    atexit.register(sandbox.close)
    return sandbox
