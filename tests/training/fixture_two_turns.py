"""One step of training on two-turn rollouts, and what it saw of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn

from partwise.config import RlftConfig
from partwise.models.drafts import Drafts
from partwise.models.planner import Planner
from partwise.training import rlft as module
from partwise.training.rlft import rlft
from partwise.training.rollout import Tokens
from partwise.types import Execution, Outcome, Rollout, Split, Task

TEMPERATURE = 0.9
TASKS = [
    Task(world="none", split=Split.TRAIN, index=index, seed=0, difficulty=0.0, statement=statement)
    for index, statement in enumerate(("ab cde", "a" * 12))
]


class ScriptedEngine:
    """Stands in for `RolloutEngine`: nothing is parsed, so that random weights come to a second turn."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.sampled_by = ""
        self.alone: dict[tuple[int, ...], torch.Tensor] = {}
        """Log-probabilities of each row's tokens, its first aside, from a pass over that row alone."""
        self.rows: list[Tokens] = []

    def roll_out(
        self,
        tasks: Sequence[Task],
        copies: int,
        *,
        temperature: float,
        generator: torch.Generator | None,
        drafts: Drafts,
    ) -> tuple[list[Rollout], list[Tokens]]:
        conversation = self.planner.open(tasks, copies, drafts)
        self.sampled_by = type(conversation._cursor.context).__name__
        first = conversation.decompose(temperature, generator)
        rng = random.Random(0)
        # One row fails in its first turn, and what is put into the others differs in length.
        parts = ["x" * rng.randint(1, 9) if row != 1 else None for row in range(len(first.ids))]
        between, second = conversation.recompose(parts, temperature, generator)
        self.rows = []
        for row, text in enumerate(parts):
            tokens = Tokens.opened(conversation.prompt(row), first, row)
            self.rows.append(tokens if text is None else tokens.then(between[row], second, row))
        self._read_alone(temperature)
        failure = Execution(outcome=Outcome.UNPARSED, trace=(), message="not parsed")
        return [
            Rollout(
                task=tasks[row // copies],
                decomposition=text,
                composition="",
                solution=None,
                partial_rewards=(),
                execution=failure,
                correct=None,
                summary="",
            )
            for row, text in enumerate(first.texts)
        ], self.rows

    def _read_alone(self, temperature: float) -> None:
        model, training = self.planner.model, self.planner.model.training
        model.eval()
        for row in self.rows:
            ids = torch.tensor([row.prompt + row.completion])
            with torch.no_grad():
                logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
            logps = (logits / temperature).log_softmax(-1)
            self.alone[tuple(ids[0].tolist())] = logps.gather(1, ids[0, 1:, None])[:, 0]
        model.train(training)  # TRL weighs micro-batches otherwise where a model does not train


@dataclass
class Seen:
    """What one step of training saw."""

    sampled_by: str = ""
    from_sampling: float = 0.0
    """Largest difference of a token's log-probability from that of sampling, in nats."""
    from_alone: float = 0.0
    """Largest difference from a pass over its row alone, without padding or cache."""
    masks: bool = True
    """Whether the loss covers what the planner wrote, and nothing else."""
    from_reference: float | None = None
    """Largest difference from the planner that the divergence is taken from; None without one."""
    rows: int = 0
    moved: float = 0.0
    """Largest change of a weight."""
    trained: list[str] = field(default_factory=list[str])
    """Weights that moved."""
    unmoved: float = 0.0
    """Share of the numbers in those weights that did not."""


def step_of_training(model: Any, tokenizer: Any, *, kl: float = 0.0, learning_rate: float = 1e-3) -> Seen:
    """Six rollouts of two tasks, two of them at a time, through `rlft`."""
    planner = Planner(model, tokenizer, prompts=None, max_decomposition_tokens=7, max_composition_tokens=7)
    engine, seen = ScriptedEngine(planner), Seen()
    compute = module._Trainer._compute_loss

    def looked_at(trainer: Any, model: nn.Module, inputs: dict[str, Any]) -> Any:
        loss = compute(trainer, model, inputs)
        _compare(engine, trainer._seen.float(), inputs, seen)
        return loss

    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module._Trainer, "_compute_loss", looked_at)
        rlft(
            engine,  # type: ignore[arg-type]
            TASKS,
            # None is its task's mean: rows without advantage are not read.
            lambda rollouts: [float(index % 3) ** 2 for index in range(len(rollouts))],
            RlftConfig(
                steps=1,
                tasks_per_step=2,
                group_size=3,
                micro_batch=2,
                temperature=TEMPERATURE,
                kl=kl,
                learning_rate=learning_rate,
            ),
            seed=0,
            listen=lambda step: None,
        )
    seen.sampled_by = engine.sampled_by
    changes = {name: weight - before[name] for name, weight in model.named_parameters()}
    seen.trained = [name for name, change in changes.items() if change.any()]
    seen.moved = max(change.abs().max().item() for change in changes.values())
    moved = torch.cat([changes[name].flatten() for name in seen.trained] or [torch.zeros(1)])
    seen.unmoved = (moved == 0).float().mean().item()
    return seen


def _compare(engine: ScriptedEngine, logps_BT: torch.Tensor, inputs: dict[str, Any], seen: Seen) -> None:
    rows = {tuple(row.prompt + row.completion): row for row in engine.rows}
    start = inputs["prompt_ids"].shape[1]
    for slot, logps_T in enumerate(logps_BT):
        assert inputs["prompt_mask"][slot].all(), "padding on the left"
        real = inputs["completion_mask"][slot].bool()
        ids = (*inputs["prompt_ids"][slot].tolist(), *inputs["completion_ids"][slot][real].tolist())
        row, alone = rows[ids], engine.alone[ids]
        written = (inputs["completion_mask"] * inputs["tool_mask"])[slot].bool()
        expected = [0] * (len(row.prompt) - start) + row.written
        seen.masks &= written.tolist() == [bool(x) for x in expected] + [False] * (
            len(written) - len(expected)
        )
        sampled = inputs["sampling_per_token_logps"][slot]
        unpadded = torch.zeros_like(sampled)
        unpadded[: len(alone) - start + 1] = alone[start - 1 :]
        if "ref_per_token_logps" in inputs:
            reference = inputs["ref_per_token_logps"][slot]
            seen.from_reference = max(seen.from_reference or 0.0, _apart(logps_T, reference, written))
        seen.from_sampling = max(seen.from_sampling, _apart(logps_T, sampled, written))
        seen.from_alone = max(seen.from_alone, _apart(logps_T, unpadded, written))
        seen.rows += 1


def _apart(one: torch.Tensor, other: torch.Tensor, where: torch.Tensor) -> float:
    # Not `max`: NaN must not be lost.
    return (one - other)[where].abs().amax().item()
