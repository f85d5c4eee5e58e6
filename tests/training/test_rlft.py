"""RLFT moves the planner as its formulas say, on tokens that the planner wrote itself."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback
from trl import GRPOTrainer

from partwise.composition.sandbox import Sandbox
from partwise.config import AlignConfig
from partwise.loops.setup import base_planner, load_planner, new_proxy
from partwise.training import rlft as module
from partwise.training.divergence import Diverged
from partwise.training.rlft import rlft
from partwise.training.rollout import RolloutEngine, Tokens
from partwise.training.steps import Step
from partwise.types import Outcome, Rollout, Split
from partwise.worlds.dinner import DinnerWorld

WORLD = DinnerWorld()


@pytest.fixture
def engine(small_config: AlignConfig) -> Any:
    torch.set_num_threads(1)
    planner = load_planner(WORLD, small_config.planner, base_planner(WORLD, small_config.base))
    with Sandbox() as sandbox:
        proxy = new_proxy(WORLD, small_config.proxy, "cpu", seed=0)
        yield RolloutEngine(WORLD, planner, proxy, sandbox, space="free")


def _arbitrary(rollouts: Sequence[Rollout]) -> list[float]:
    """Rewards that differ between any two texts."""
    return [random.Random(row.decomposition + row.composition).random() for row in rollouts]


def _policy_gradient(
    engine: RolloutEngine, tokens: Sequence[Tokens], advantages: Sequence[float]
) -> torch.Tensor:
    """sum_i A_i sum_t grad log p(token_t), over the tokens that the planner wrote, one rollout at a time."""
    model = engine.planner.model
    model.zero_grad()
    for row, advantage in zip(tokens, advantages, strict=True):
        ids = torch.tensor([row.prompt + row.completion])
        logps = model(ids).logits[0, :-1].log_softmax(-1)
        taken = logps.gather(1, ids[0, 1:, None])[len(row.prompt) - 1 :, 0]
        (-advantage * (taken * torch.tensor(row.written)).sum()).backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def _catch(
    seen: dict[str, Any], engine: RolloutEngine, monkeypatch: pytest.MonkeyPatch, trainer: type | None = None
) -> None:
    """Keep the gradient of each step in `seen["found"]`, of TRL's own trainer if that is given."""

    class Catch(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            seen["found"] = torch.cat([p.grad.flatten().clone() for p in engine.planner.model.parameters()])

    build = module._trainer

    def with_catch(*args: Any) -> Any:
        made = build(*args)
        made.add_callback(Catch())
        return made

    monkeypatch.setattr(module, "_trainer", with_catch)
    if trainer:
        monkeypatch.setattr(module, "_Trainer", trainer)


@pytest.mark.slow
def test_rloo_is_reinforce_with_a_leave_one_out_baseline(
    engine: RolloutEngine, small_config: AlignConfig, monkeypatch: pytest.MonkeyPatch
):
    config = small_config.rlft.model_copy(
        update={"algorithm": "rloo", "steps": 1, "tasks_per_step": 2, "group_size": 8, "micro_batch": 8}
    )
    seen: dict[str, Any] = {}
    original = engine.roll_out

    def remember(*args: Any, **kwargs: Any) -> tuple[list[Rollout], list[Tokens]]:
        seen["rollouts"], seen["tokens"] = original(*args, **kwargs)
        rewards = _arbitrary(seen["rollouts"])
        groups = [rewards[start : start + 8] for start in (0, 8)]
        leave_one_out = [r - (sum(group) - r) / 7 for group in groups for r in group]
        seen["expected"] = _policy_gradient(engine, seen["tokens"], leave_one_out)
        engine.planner.model.zero_grad()
        return seen["rollouts"], seen["tokens"]

    _catch(seen, engine, monkeypatch)
    monkeypatch.setattr(engine, "roll_out", remember)
    rlft(
        engine,
        [WORLD.task(Split.TRAIN, i) for i in range(2)],
        _arbitrary,
        config,
        seed=0,
        listen=lambda s: None,
    )
    assert any(0 in row.written for row in seen["tokens"]), "no rollout came to its second turn"
    similarity = torch.cosine_similarity(seen["found"], seen["expected"], dim=0)
    assert similarity > 0.9999


@pytest.mark.slow
@pytest.mark.parametrize(("algorithm", "kl"), [("grpo", 0.0), ("rloo", 0.0), ("grpo", 0.1)])
def test_repeated_rows_give_the_gradient_of_all_rows(
    engine: RolloutEngine, small_config: AlignConfig, algorithm: str, kl: float
):
    """Against TRL's own trainer, where rows are repeated, and one task's rows all earn the same."""
    config = small_config.rlft.model_copy(
        update={"algorithm": algorithm, "kl": kl, "temperature": 0.3, "steps": 2, "learning_rate": 1e-2}
        | {"tasks_per_step": 4, "group_size": 16, "micro_batch": 16}
    )
    start = {name: weight.clone() for name, weight in engine.planner.model.state_dict().items()}
    found: list[torch.Tensor] = []
    for trainer in (None, GRPOTrainer):
        engine.planner.model.load_state_dict(start)
        seen: dict[str, Any] = {}
        with pytest.MonkeyPatch.context() as patch:
            _catch(seen, engine, patch, trainer)

            def reward(rollouts: Sequence[Rollout]) -> list[float]:
                texts = [row.decomposition + row.composition for row in rollouts]
                assert len(set(texts)) < len(texts)
                dull = min(row.task.index for row in rollouts)
                given = zip(_arbitrary(rollouts), rollouts, strict=True)
                return [0.5 if row.task.index == dull else earned for earned, row in given]

            tasks = [WORLD.task(Split.TRAIN, index) for index in range(8)]
            rlft(engine, tasks, reward, config, seed=0, listen=lambda s: None)
        found.append(seen["found"])
    assert torch.cosine_similarity(*found, dim=0) > 0.9999
    assert found[0].norm() == pytest.approx(found[1].norm().item(), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["grpo", pytest.param("rloo", marks=pytest.mark.long)])
def test_the_reward_rises(engine: RolloutEngine, small_config: AlignConfig, algorithm: str):
    """A reward that is easy to reach, programs that run, is learned by either algorithm."""
    config = small_config.rlft.model_copy(
        update={"algorithm": algorithm, "steps": 15, "tasks_per_step": 4, "group_size": 8, "micro_batch": 32}
    )
    steps: list[Step] = []
    tasks = [WORLD.task(Split.TRAIN, index) for index in range(60)]
    rlft(
        engine,
        tasks,
        lambda rows: [float(row.execution.ran) for row in rows],
        config,
        seed=0,
        listen=steps.append,
    )
    first, last = (sum(step.reward for step in part) / 3 for part in (steps[:3], steps[-3:]))
    assert last > first + 0.1
    assert [sum(step.counts.values()) for step in steps] == [32] * 15


@pytest.mark.slow
def test_a_learning_rate_that_leaves_the_numbers_is_named(engine: RolloutEngine, small_config: AlignConfig):
    config = small_config.rlft.model_copy(update={"steps": 1, "learning_rate": 1e39})
    tasks = [WORLD.task(Split.TRAIN, index) for index in range(config.tasks_per_step)]
    with pytest.raises(Diverged, match=r"no longer finite; lower rlft\.learning_rate"):
        rlft(engine, tasks, _arbitrary, config, seed=0, listen=lambda step: None)


@pytest.mark.slow
def test_equal_seeds_give_equal_weights(small_config: AlignConfig, tmp_path: Path):
    weights: list[torch.Tensor] = []
    torch.set_num_threads(1)
    for _ in range(2):
        planner = load_planner(WORLD, small_config.planner, base_planner(WORLD, small_config.base))
        with Sandbox() as sandbox:
            proxy = new_proxy(WORLD, small_config.proxy, "cpu", seed=0)
            engine = RolloutEngine(WORLD, planner, proxy, sandbox, space="free")
            tasks = [WORLD.task(Split.TRAIN, index) for index in range(4)]
            rlft(engine, tasks, _arbitrary, small_config.rlft, seed=3, listen=lambda step: None)
        weights.append(torch.cat([parameter.detach().flatten() for parameter in planner.model.parameters()]))
    assert torch.equal(*weights)


@pytest.mark.slow
def test_every_rollout_is_accounted_for(engine: RolloutEngine):
    tasks = [WORLD.task(Split.VALIDATION, index) for index in range(20)]
    generator = torch.Generator().manual_seed(0)
    rollouts, tokens = engine.roll_out(tasks, 4, temperature=1.0, generator=generator)
    assert len(rollouts) == len(tokens) == 80
    assert {row.outcome for row in rollouts} > {Outcome.RAN}, "a planner this small also fails"
    for row, ids in zip(rollouts, tokens, strict=True):
        assert len(ids.completion) == len(ids.written)
        assert (row.correct is None) == (row.outcome is not Outcome.RAN)
        assert row.execution.message if row.outcome is not Outcome.RAN else not row.execution.message
        assert all(0 <= reward <= 1 for reward in row.partial_rewards)


def test_the_number_of_tasks_must_fit(small_config: AlignConfig):
    with pytest.raises(ValueError, match="tasks need as many"):
        rlft(None, [], _arbitrary, small_config.rlft, seed=0, listen=lambda step: None)  # type: ignore[arg-type]
