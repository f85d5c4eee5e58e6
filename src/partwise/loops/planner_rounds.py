"""What planners of a ladder do in every stage: play tasks, learn solutions as they are, learn by RLFT."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

import torch
from transformers import LlamaForCausalLM

from partwise.config import AlignConfig, PlannersConfig, RlftConfig
from partwise.loops.planner_watch import Watch
from partwise.models import tiny
from partwise.models.planner import Planner
from partwise.training.language import Listener, for_width, train_language_model
from partwise.training.pretrain import examples, read_plans, tokenizer_of
from partwise.training.rlft import RewardFunction, rlft
from partwise.training.rollout import RolloutEngine
from partwise.types import Rollout, Task
from partwise.worlds.base import Demonstration, World

_TOGETHER = 250
"""Rollouts of a batch: they bound the memory."""
_BATCH = 16
"""Solutions a step of teaching."""


class Say(Protocol):
    """Told of progress."""

    def __call__(self, phase: str, done: int, total: int, **figures: float) -> None:
        """See `runs.progress.Progress`."""
        ...


def demonstration(rollout: Rollout) -> Demonstration:
    """A rollout as a plan to learn from."""
    parts = rollout.solution.partial_solutions if rollout.solution else ()
    return Demonstration(
        statement=rollout.task.statement,
        decomposition=rollout.decomposition,
        partial_solutions="\n".join(part.source for part in parts),
        composition=rollout.composition,
    )


class PlannerRounds:
    """The rounds of one ladder."""

    def __init__(self, align: AlignConfig, world: World, say: Say) -> None:
        """Args:
        align: how planners learn.
        world: whose tasks they are.
        say: told of progress.
        """
        self._align, self._world, self._say = align, world, say

    @property
    def tasks_a_round(self) -> int:
        """As many as its steps have."""
        return self._align.rlft.steps * self._align.rlft.tasks_per_step

    def parameters(self, widths: Sequence[int]) -> list[int]:
        """Of a planner of each width, with the vocabulary that the seed's corpus gives it."""
        tokenizer = tokenizer_of(read_plans(self._world, self._align.base))
        with torch.device("meta"):
            models = [LlamaForCausalLM(tiny.tiny_config(width, tokenizer)) for width in widths]
        return [tiny.count_parameters(model) for model in models]

    def play(self, engine: RolloutEngine, tasks: Sequence[Task], seed: int) -> list[Rollout]:
        """One rollout a task."""
        generator = torch.Generator().manual_seed(seed)
        found: list[Rollout] = []
        for start in range(0, len(tasks), _TOGETHER):
            batch, _ = engine.roll_out(
                tasks[start : start + _TOGETHER],
                1,
                temperature=self._align.rlft.temperature,
                generator=generator,
            )
            found += batch
        return found

    def teach(
        self,
        planner: Planner,
        solutions: Sequence[Demonstration],
        how: PlannersConfig,
        *,
        seed: int,
        scratch: Path,
        listen: Listener,
    ) -> None:
        """Next-token learning of solutions, and of plans of the corpus beside them; of none, nothing."""
        if not solutions:
            return
        corpus = self._world.demonstrations(random.Random(f"replay {seed}"))
        replayed = list(itertools.islice(corpus, round(how.replayed * len(solutions))))
        pad_id: Any = planner.tokenizer.pad_token_id
        train_language_model(
            planner.model,
            examples(planner.tokenizer, [*solutions, *replayed]),
            pad_id,
            epochs=how.epochs,
            batch_size=_BATCH,
            learning_rate=for_width(how.teach_rate, planner.model),
            seed=seed,
            device=planner.device,
            scratch=scratch,
            listen=listen,
        )

    def train(
        self,
        engine: RolloutEngine,
        batches: Sequence[Sequence[Task]],
        reward: RewardFunction,
        watch: Watch,
        *,
        seed: int,
        phase: str,
    ) -> list[dict[str, float | None]]:
        """Lines 3 and 4 of Figure 2(a), a batch a round.

        Returns:
            Of each round's rollouts, what `Watch.seen` says, and their mean `reward`.
        """
        curve: list[dict[str, float | None]] = []
        for index, tasks in enumerate(batches):
            rollouts: list[Rollout] = []

            def noted(tried: Sequence[Rollout], into: list[Rollout] = rollouts) -> list[float]:
                into += tried
                return reward(tried)

            steps: list[float] = []
            rlft(
                engine,
                tasks,
                noted,
                self._rate(index, len(batches), engine.planner),
                seed=seed + index,
                listen=lambda step, into=steps: into.append(step.reward),
            )
            seen = watch.seen(rollouts) if rollouts else {}
            curve.append({**seen, "reward": fmean(steps) if steps else None})
            shown = {name: seen[name] for name in ("competence", "hazard") if name in seen}
            self._say(phase, index + 1, len(batches), **shown)
        return curve

    def _rate(self, index: int, rounds: int, planner: Planner) -> RlftConfig:
        """A round's settings: the learning rate falls in a straight line, and with the root of the width."""
        config = self._align.rlft
        done = index / max(1, rounds - 1)
        rate = config.learning_rate * (1 - (1 - config.final) * done)
        return config.model_copy(update={"learning_rate": min(rate, for_width(rate, planner.model))})
