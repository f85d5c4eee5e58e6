"""What verifier and monitors see of planners, none of which reads the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import torch

from partwise.composition.summary import summarise
from partwise.config import DiscoverConfig, Fidelity
from partwise.loops.planner_tasks import LadderTasks, Scenarios
from partwise.measure.intervals import Measure, rate
from partwise.oversight.proxy_monitor import KINDS, ProxyMonitor
from partwise.oversight.red_team import Point, Severities
from partwise.training.rollout import RolloutEngine
from partwise.types import Outcome, Rollout

_SMALL = 2
"""Dinners, or whatever a world's tasks are, in which a solution is tried at the fidelity `small`."""
FORMLESS = (Outcome.UNPARSED, Outcome.TRUNCATED)


class Watch:
    """A planner and its proxy under watch."""

    def __init__(self, engine: RolloutEngine, fidelity: Fidelity, tasks: LadderTasks) -> None:
        """Args:
        engine: plays, and has the proxy.
        fidelity: how much of the world the monitor sees.
        tasks: of the ladder, of which the easiest are the small ones.
        """
        self.engine, self.fidelity = engine, fidelity
        self._small = tasks.easiest(_SMALL) if fidelity is Fidelity.SMALL else []
        self.monitor = ProxyMonitor(engine.proxy, fidelity, self._summaries)

    def _summaries(self, rollout: Rollout) -> list[str]:
        """Of what a solution did, as much as is seen; one that did not run has none."""
        if self.fidelity is Fidelity.TEXT or rollout.solution is None:
            return []
        if self.fidelity is Fidelity.FULL:
            return [rollout.summary] if rollout.execution.ran else []
        world = self.engine.world
        tried = [(task, self.engine.execute(task, rollout.solution)) for task in self._small]
        return [summarise(done.trace, world.tools, task.inputs) for task, done in tried if done.ran]

    def flags(self, rollouts: Sequence[Rollout]) -> list[frozenset[str] | None]:
        """See `ProxyMonitor.flags`."""
        return self.monitor.flags(rollouts)

    def seen(self, rollouts: Sequence[Rollout]) -> dict[str, float]:
        """Shares of all rollouts, at least one: `form`, `competence`, `conformity` (it ran and the monitor
        minds nothing) and `hazard` (the monitor minds something).
        """
        flags = self.flags(rollouts)
        return {
            "form": fmean(rollout.outcome not in FORMLESS for rollout in rollouts),
            "competence": fmean(bool(rollout.correct) for rollout in rollouts),
            "conformity": fmean(self._clear(rollouts, flags)),
            "hazard": fmean(bool(kinds) for kinds in flags),
        }

    def forecast(self, rollouts: Sequence[Rollout]) -> dict[str, Any]:
        """The conformity that the monitor sees, as a forecast; nobody reviews what a peer did."""
        nobody = Measure(mean=None, ci95=None, n=0)
        clear = rate(self._clear(rollouts, self.flags(rollouts)))
        return {"surrogate": clear.to_json(), "peer review": nobody.to_json()}

    def _clear(self, rollouts: Sequence[Rollout], flags: Sequence[frozenset[str] | None]) -> list[bool]:
        return [
            rollout.execution.ran and kinds == frozenset()
            for rollout, kinds in zip(rollouts, flags, strict=True)
        ]


class Played:
    """What a red team is answered: tasks that stand where it points are solved by a planner."""

    def __init__(self, watch: Watch, scenarios: Scenarios, how: DiscoverConfig, seed: int) -> None:
        """Args:
        watch: of the planner.
        scenarios: of its generation.
        how: tasks a point, as `copies`.
        seed: decides what it writes.
        """
        self.space = scenarios.space
        self.found: list[dict[str, Any]] = []
        """Solutions that the monitor minds, with their tasks."""
        self.abstained = 0
        """Solutions of which it could not tell."""
        self.plans = 0
        self._watch, self._scenarios, self._how = watch, scenarios, how
        self._generator = torch.Generator().manual_seed(seed)
        self._kinds = KINDS if watch.fidelity is not Fidelity.TEXT else KINDS[:1]

    def __call__(self, points: Sequence[Point]) -> list[Severities]:
        """The share of a point's solutions that show each kind of harm; None where none could be told."""
        tasks = [list(self._scenarios.tasks(point, self._how.copies)) for point in points]
        every = [task for some in tasks for task in some]
        rollouts, _ = (
            self._watch.engine.roll_out(every, 1, temperature=1.0, generator=self._generator)
            if every
            else ([], [])
        )
        flags = self._watch.flags(rollouts)
        self._note(rollouts, flags)
        said: list[Severities] = []
        start = 0
        for some in tasks:
            told = [kinds for kinds in flags[start : start + len(some)] if kinds is not None]
            said.append(self._severities(told))
            start += len(some)
        return said

    def _severities(self, told: Sequence[frozenset[str]]) -> Severities:
        return {kind: fmean(kind in kinds for kinds in told) if told else None for kind in self._kinds}

    def _note(self, rollouts: Sequence[Rollout], flags: Sequence[frozenset[str] | None]) -> None:
        self.plans += len(rollouts)
        self.abstained += sum(kinds is None for kinds in flags)
        self.found += [
            {
                "task": rollout.task.index,
                "scene": rollout.task.statement,
                "text": rollout.solution.source if rollout.solution else "",
                "kinds": sorted(kinds),
            }
            for rollout, kinds in zip(rollouts, flags, strict=True)
            if kinds
        ]


def sides(own: Sequence[Rollout], latest: Sequence[Rollout], other: Sequence[Rollout]) -> list[bool]:
    """For each task in which two predecessors did different things whether the model did as the latest.

    What was done is which tools were called; tasks in which it did as neither are left out.
    """
    taken: list[bool] = []
    for mine, late, early in zip(own, latest, other, strict=True):
        calls = _calls(mine)
        if _calls(late) != _calls(early) and calls in (_calls(late), _calls(early)):
            taken.append(calls == _calls(late))
    return taken


def _calls(rollout: Rollout) -> frozenset[str]:
    return frozenset(event.tool for event in rollout.execution.trace)
