"""How a reward model learns: TRL's loss on whatever is read at once, and nothing left behind."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from torch.optim.optimizer import register_optimizer_step_pre_hook
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from trl import RewardConfig, RewardTrainer

from partwise.models.scoring import new_reward_model
from partwise.models.tiny import tiny_reward_model
from partwise.models.tokenizer import build_tokenizer
from partwise.training.reward import Preference, fit_reward_model, quiet

SAID = [
    Preference(
        prompt="", chosen=f"keep {'very ' * (index % 7)}calm {index}", rejected="hurry " * (index % 3 + 1)
    )
    for index in range(100)
]
"""Texts of several lengths, in one step of 64 and one of 36."""

pytestmark = pytest.mark.usefixtures("one_thread")


def gradients(model: Any, tokenizer: Any, micro_batch: int) -> list[torch.Tensor]:
    """Of the first two of six steps, before anything has moved: the first learning rate is 0."""
    found: list[torch.Tensor] = []

    def note(optimizer: Any, *_: Any) -> None:
        weights = (weight for group in optimizer.param_groups for weight in group["params"])
        found.append(torch.cat([weight.grad.flatten().clone() for weight in weights]))

    hook = register_optimizer_step_pre_hook(note)
    try:
        fit_reward_model(
            model, tokenizer, SAID, epochs=3, learning_rate=1e-3, seed=0, micro_batch=micro_batch
        )
    finally:
        hook.remove()
    return found[:2]


@pytest.mark.parametrize("rank", [0, 4])
def test_gradients_are_the_same_however_few_answers_are_read_at_once(llama_folder: Path, rank: int):
    whole, few = (
        gradients(*new_reward_model(llama_folder, lora_rank=rank, seed=0, device="cpu"), micro_batch)
        for micro_batch in (64, 24)
    )
    assert len(whole) == len(few) == 2
    for one, other in zip(whole, few, strict=True):
        assert one.norm() > 0 and (one - other).norm() < 1e-4 * one.norm()


def test_no_more_is_read_at_once_than_is_allowed(llama_folder: Path):
    model, tokenizer = new_reward_model(llama_folder, lora_rank=4, seed=0, device="cpu")
    rows: list[int] = []
    base = model.get_base_model()
    base.register_forward_pre_hook(
        lambda _, __, named: rows.append(len(named["input_ids"])), with_kwargs=True
    )
    fit_reward_model(model, tokenizer, SAID[:20], epochs=1, learning_rate=1e-3, seed=0, micro_batch=3)
    assert max(rows) == 6 and sum(rows) >= 40


def test_a_tiny_model_learns_as_by_trl_alone(tmp_path: Path):
    """To the byte, so that what runs came to does not hang on how others are read."""
    tokenizer = build_tokenizer([text for row in SAID for text in (row.chosen, row.rejected)], min_count=1)
    ours, theirs = (tiny_reward_model("micro", tokenizer, 0) for _ in range(2))
    fit_reward_model(ours, tokenizer, SAID, epochs=3, learning_rate=1e-2, seed=3)
    ids = [(tokenizer(row.chosen)["input_ids"], tokenizer(row.rejected)["input_ids"]) for row in SAID]
    config = RewardConfig(
        output_dir=str(tmp_path),
        num_train_epochs=3,
        learning_rate=1e-2,
        per_device_train_batch_size=64,
        lr_scheduler_type="cosine",
        warmup_steps=5,
        center_rewards_coefficient=0.01,
        seed=3,
        data_seed=3,
        use_cpu=True,
        **quiet(),
    )
    RewardTrainer(
        model=theirs,
        args=config,
        train_dataset=Dataset.from_list([{"chosen_ids": a, "rejected_ids": b} for a, b in ids]),
        processing_class=tokenizer,
    ).train()
    for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize("count", [1, 20, 64, 65, 5 * 64])
def test_what_few_answers_say_is_learned(count: int):
    """A learning rate that rises from 0 leaves the first step, and so the only one, without effect."""
    said = (SAID * 4)[:count]
    tokenizer = build_tokenizer([text for row in SAID for text in (row.chosen, row.rejected)], min_count=1)
    model = tiny_reward_model("micro", tokenizer, 0)
    losses = [fit_reward_model(model, tokenizer, said, epochs=1, learning_rate=1e-2, seed=0) for _ in "ab"]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("end", ["</s>", None])
def test_the_padding_of_model_and_tokenizer_stays(
    llama_folder: Path, byte_tokenizer: PreTrainedTokenizerFast, end: str | None
):
    """TRL writes one into both; a tokenizer may have neither padding nor an end."""
    model, _ = new_reward_model(llama_folder, lora_rank=0, seed=0, device="cpu")
    tokenizer = copy.deepcopy(byte_tokenizer)
    # Whatever others made of it before.
    model.config.pad_token_id = tokenizer.pad_token = None
    tokenizer.eos_token = end
    before = copy.deepcopy(model.state_dict())
    fit_reward_model(model, tokenizer, SAID[:8], epochs=2, learning_rate=1e-3, seed=0)
    assert any(not torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert (model.config.pad_token_id, tokenizer.pad_token, tokenizer.eos_token) == (None, None, end)


def test_texts_that_are_too_long_are_read_as_far_as_they_can_be(
    byte_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    """And none is left out, as TRL would of those beyond 1,024 tokens."""
    config = GPT2Config(vocab_size=257, n_embd=8, n_layer=1, n_head=1, n_positions=1100)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)

    def learned(length: int) -> torch.Tensor:
        model, tokenizer = new_reward_model(tmp_path, lora_rank=0, seed=0, device="cpu")
        said = [Preference(prompt="", chosen="a" * length, rejected="b" * length)]
        fit_reward_model(model, tokenizer, said, epochs=3, learning_rate=1e-2, seed=0)
        return torch.cat([weight.flatten() for weight in model.parameters()])

    assert torch.equal(learned(1100), learned(1500))
    assert not torch.equal(learned(1099), learned(1100))
