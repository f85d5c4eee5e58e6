"""One step of RLFT in each of several processes, held to the gradient of all their rows; run by a launcher.

It prints, from the first process, the cosine of the two gradients and whether all ended with equal weights.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from tests.training.fixture_architectures import TOKENIZER, tiny_lm
from tests.training.fixture_two_turns import TASKS, TEMPERATURE, ScriptedEngine
from transformers import TrainerCallback

from partwise.config import RlftConfig
from partwise.models.hub import without_chance
from partwise.models.planner import Planner
from partwise.models.processes import processes
from partwise.training import rlft as module
from partwise.training.rollout import Tokens

_GROUP = 4


def _rewards(rows: Sequence[Any]) -> list[float]:
    """Far more apart in one process than in the other, so that each's own spread would not do."""
    scale = 10.0 ** processes().rank
    return [scale * (index % _GROUP) ** 2 for index in range(len(rows))]


def _expected(model: Any, rows: Sequence[Tokens], rewards: torch.Tensor, algorithm: str) -> torch.Tensor:
    """The gradient of all rows, one at a time, by the formula of the algorithm."""
    groups = rewards.view(-1, _GROUP)
    advantages = (groups - groups.mean(1, keepdim=True)).flatten()
    if algorithm == "grpo":
        advantages = advantages / (rewards.std() + 1e-4)
    model.zero_grad()
    for row, advantage in zip(rows, advantages, strict=True):
        ids = torch.tensor([row.prompt + row.completion])
        logps = (model(input_ids=ids).logits[0, :-1] / TEMPERATURE).log_softmax(-1)
        taken = logps.gather(1, ids[0, 1:, None])[len(row.prompt) - 1 :, 0]
        loss = -advantage * (taken * torch.tensor(row.written)).sum()
        (loss / (sum(row.written) if algorithm == "grpo" else 1)).backward()
    found = torch.cat([weight.grad.flatten() for weight in model.parameters()])
    model.zero_grad()
    return found


def main(algorithm: str) -> None:
    """One step by `algorithm`."""
    together = processes()
    torch.set_num_threads(1)
    torch.manual_seed(together.rank)  # whatever each began with, all go on with the first one's
    model = tiny_lm("llama")
    without_chance(model)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
    engine = ScriptedEngine(
        Planner(model, TOKENIZER, prompts=None, max_decomposition_tokens=7, max_composition_tokens=7)
    )
    seen: dict[str, torch.Tensor] = {}

    def reward(rollouts: Sequence[Any]) -> list[float]:
        earned = _rewards(rollouts)
        rows, rewards = together.gather(engine.rows), together.gather(earned)
        seen["expected"] = _expected(model, rows, torch.tensor(rewards), algorithm)
        return earned

    class Catch(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            seen["found"] = torch.cat([weight.grad.flatten().clone() for weight in model.parameters()])

    build = module._trainer

    def with_catch(*arguments: Any) -> Any:
        made = build(*arguments)
        made.add_callback(Catch())
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_trainer", with_catch)
        module.rlft(
            engine,  # type: ignore[arg-type]
            [*TASKS, *TASKS],
            reward,
            RlftConfig(
                algorithm=algorithm,  # type: ignore[arg-type]
                steps=2,
                tasks_per_step=2,
                group_size=_GROUP,
                micro_batch=2,
                temperature=TEMPERATURE,
            ),
            seed=0,
            listen=lambda step: None,
        )
    weights = together.gather([torch.cat([weight.detach().flatten() for weight in model.parameters()])])
    if together.is_first:
        cosine = torch.cosine_similarity(seen["found"], seen["expected"], dim=0).item()
        print(f"cosine {cosine:.6f} equal {all(torch.equal(weights[0], other) for other in weights)}")


if __name__ == "__main__":
    main(sys.argv[1])
