"""RLFT: the planner's weights move by GRPO or RLOO, on TRL's GRPOTrainer.

The only file that touches TRL's `rollout_func`, which TRL marks experimental (pinned: trl 1.16).

RLOO is reached through the same trainer. With G rollouts a task, the leave-one-out advantage is
r_i - mean of the others = G/(G-1) (r_i - mean), and with `loss_type="dr_grpo"` the on-policy gradient is
sum_i A_i sum_t grad log p(token_t) over a constant: REINFORCE with a leave-one-out baseline up to a factor
that Adam cancels (Ahmadian et al. 2024, equation 6). TRL's own RLOOTrainer has no hook for two turns.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from partwise.config import RlftConfig
from partwise.training.reward import quiet
from partwise.training.rollout import RolloutEngine
from partwise.types import Outcome, Rollout, Task

RewardFunction = Callable[[Sequence[Rollout]], list[float]]
"""What a rollout earns; one figure a rollout, in order."""
_REFERENCE = "ref"
"""TRL's name for a frozen copy of the adapters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one optimizer step saw; rates are over the rollouts that ran."""

    step: int
    reward: float
    """Mean reward of all rollouts."""
    correct: float | None
    partial: float | None
    """Mean of the partial rewards of all parts."""
    parts: float | None
    """Mean number of parts a solution."""
    counts: dict[str, int] = field(default_factory=dict[str, int])
    """Outcome to number of rollouts."""
    seconds: float


def mean(values: Sequence[float]) -> float | None:
    """The mean, or None of nothing."""
    return sum(values) / len(values) if values else None


def _step(index: int, rollouts: Sequence[Rollout], rewards: Sequence[float], seconds: float) -> Step:
    return Step(
        step=index,
        reward=sum(rewards) / len(rewards),
        correct=mean([float(rollout.correct) for rollout in rollouts if rollout.correct is not None]),
        partial=mean([reward for rollout in rollouts for reward in rollout.partial_rewards]),
        parts=mean([len(rollout.partial_rewards) for rollout in rollouts if rollout.partial_rewards]),
        counts={outcome: sum(rollout.outcome is outcome for rollout in rollouts) for outcome in Outcome},
        seconds=seconds,
    )


def rlft(
    engine: RolloutEngine,
    tasks: Sequence[Task],
    reward: RewardFunction,
    config: RlftConfig,
    *,
    seed: int,
    listen: Callable[[Step], None],
) -> None:
    """P <- RLFT(P, reward): `config.steps` steps over `tasks`, in order, in place.

    `tasks` holds `config.steps * config.tasks_per_step` training tasks. Equal seeds give equal weights on the
    same machine with the same number of threads.

    Raises:
        ValueError: the number of tasks is another.
    """
    if len(tasks) != config.steps * config.tasks_per_step:
        raise ValueError(
            f"{config.steps} steps of {config.tasks_per_step} tasks need as many tasks, not {len(tasks)}"
        )
    generator = torch.Generator().manual_seed(seed)
    steps: list[Step] = []

    def roll_out(prompts: list[str], _trainer: Any) -> dict[str, Any]:
        """TRL's hook. A prompt is a position in `tasks`, repeated once a rollout of its group."""
        start = time.perf_counter()
        positions = [int(prompt) for prompt in prompts[:: config.group_size]]
        rollouts, tokens = engine.roll_out(
            [tasks[position] for position in positions],
            config.group_size,
            temperature=config.temperature,
            generator=generator,
        )
        rewards = reward(rollouts)
        steps.append(_step(len(steps), rollouts, rewards, time.perf_counter() - start))
        listen(steps[-1])
        return {
            "prompt_ids": [row.prompt for row in tokens],
            "completion_ids": [row.completion for row in tokens],
            "env_mask": [row.written for row in tokens],
            "logprobs": None,
            "earned": rewards,
        }

    with tempfile.TemporaryDirectory() as scratch:
        trainer = _trainer(engine, config, len(tasks), scratch, seed, roll_out)
        trainer.train()
    model = engine.planner.model
    if _REFERENCE in getattr(model, "peft_config", {}):
        # The trainer adds the adapters that the KL divergence is taken from, and would do so every round.
        model.delete_adapter(_REFERENCE)
    model.eval()


def _earned(*, earned: list[float | None], **_: Any) -> list[float | None]:
    """The reward function that TRL calls: the rewards were computed with the rollouts."""
    return earned


def _trainer(
    engine: RolloutEngine,
    config: RlftConfig,
    count: int,
    scratch: str,
    seed: int,
    roll_out: Callable[..., Any],
) -> GRPOTrainer:
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    batch = config.tasks_per_step * config.group_size
    micro_batch = math.gcd(batch, config.micro_batch)
    arguments = GRPOConfig(
        output_dir=scratch,
        max_steps=config.steps,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=batch // micro_batch,
        num_generations=config.group_size,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant",
        temperature=config.temperature,
        beta=config.kl,
        loss_type="dr_grpo" if config.algorithm == "rloo" else "grpo",
        scale_rewards="none" if config.algorithm == "rloo" else config.scale,
        max_completion_length=1024,
        shuffle_dataset=False,
        seed=seed,
        data_seed=seed,
        **quiet(),
    )
    trainer = GRPOTrainer(
        model=engine.planner.model,
        reward_funcs=_earned,
        args=arguments,
        train_dataset=Dataset.from_dict({"prompt": [str(position) for position in range(count)]}),
        processing_class=engine.planner.tokenizer,
        rollout_func=roll_out,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer
