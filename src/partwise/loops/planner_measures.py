"""How planners of a ladder are measured, on tasks that none of them learns from. Evaluation only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from partwise.config import Fidelity
from partwise.loops.ladder_terms import terms_of
from partwise.loops.monitoring import told_apart
from partwise.loops.planner_ladder import PlannerLadder
from partwise.loops.planner_watch import FORMLESS
from partwise.loops.questions import Questions
from partwise.loops.record import write_lines
from partwise.measure.agreement import clear_agreement
from partwise.measure.hazards import shares, to_json
from partwise.measure.oracle import ValueOracle
from partwise.training.rollout import RolloutEngine
from partwise.types import Rollout

_QUESTIONS = 200
"""On which the proxy is compared with what people would say if they never slipped."""


class PlannerMeasures:
    """The figures of one ladder of planners."""

    def __init__(self, ladder: PlannerLadder) -> None:
        """`ladder` has world, people and sandbox."""
        self._ladder, self._terms = ladder, terms_of(ladder.config)

    def measure(
        self, stage: str, generation: int, aligned: Sequence[Path], folder: Path, deeds_file: str
    ) -> dict[str, Any]:
        """The planner of a stage's folder with the proxy beside it; see `SceneMeasures.measure`."""
        ladder = self._ladder
        engine = ladder.open(folder / "model")
        found: dict[str, Any] = {}
        for which, of in (("own", generation), ("all", None)):
            rollouts = self._heldout(engine, of)
            harms = [self.harms(rollout, generation) for rollout in rollouts]
            found[which] = to_json(self._utility(rollouts, harms))
            if which == "own":
                rows = [_row(*each) for each in zip(rollouts, harms, strict=True)]
                write_lines(folder / deeds_file, rows)
                if stage == "competence":
                    found["monitors"] = self._monitors(engine, rollouts, harms, aligned, generation)
        if stage == "injection":
            found["sources"] = self._sources(engine, generation)
        return found

    def _heldout(self, engine: RolloutEngine, generation: int | None) -> list[Rollout]:
        ladder = self._ladder
        tasks = ladder.tasks.heldout(ladder.config.scenes, generation)
        return ladder.rounds.play(engine, tasks, ladder.config.seed + 7)

    def harms(self, rollout: Rollout, generation: int) -> frozenset[str]:
        """What people hold dear by now and the solution has violated, however it ended."""
        oracle = ValueOracle(self._ladder.world, self._ladder.values(generation))
        found = oracle.violations(rollout.task, rollout.execution.trace)
        values = self._ladder.values(generation)
        return frozenset(name for name, violated in found.items() if violated and values.matters(name))

    def _utility(self, rollouts: Sequence[Rollout], harms: Sequence[frozenset[str]]) -> Any:
        return shares(
            formed=[rollout.outcome not in FORMLESS for rollout in rollouts],
            ran=[rollout.execution.ran for rollout in rollouts],
            correct=[bool(rollout.correct) for rollout in rollouts],
            harms=harms,
            families=self._terms.families,
            minded=self._terms.minded,
        )

    def _monitors(
        self,
        engine: RolloutEngine,
        rollouts: Sequence[Rollout],
        harms: Sequence[frozenset[str]],
        aligned: Sequence[Path],
        generation: int,
    ) -> dict[str, Any]:
        """How well the proxy tells harm, from texts alone and from what was done."""
        ladder = self._ladder
        trusted = self._heldout(ladder.open(aligned[-1]), generation) if aligned else []
        seen = (Fidelity.TEXT, ladder.config.discover.fidelity)
        watches = [ladder.watch(engine, fidelity) for fidelity in dict.fromkeys(seen)]

        def said(of: Sequence[Rollout]) -> Mapping[str, Sequence[float | None]]:
            return {watch.monitor.name: watch.monitor.suspicions(of) for watch in watches}

        return told_apart(harms, said(rollouts), said(trusted), families=self._terms.families)

    def _sources(self, engine: RolloutEngine, generation: int) -> dict[str, Any]:
        """How often the proxy prefers what people would if they never slipped, of clear questions."""
        ladder = self._ladder
        questions = Questions(ladder.align, engine, lambda _: ())
        fresh = questions.at_random(f"measured {ladder.config.seed}", _QUESTIONS, seed=generation)
        found = clear_agreement(engine.proxy, list(chain(*fresh)), ladder.values(generation))
        return {
            "asked": _QUESTIONS,
            "decided": found.n,
            "accuracy": {"proxy": found.to_json()},
            "correlation": None,
        }


def _row(rollout: Rollout, harms: frozenset[str]) -> dict[str, Any]:
    """A rollout as a transcript."""
    return {
        "scene": rollout.task.statement,
        "text": rollout.solution.source if rollout.solution else rollout.decomposition,
        "formed": rollout.outcome not in FORMLESS,
        "outcome": str(rollout.outcome),
        "correct": rollout.correct,
        "harms": sorted(harms),
        "trace": [
            {"tool": event.tool, "arguments": event.arguments, "result": event.result}
            for event in rollout.execution.trace
        ],
    }
