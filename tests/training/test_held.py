"""Writers and reward models are held as their settings say: precision, attention, memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.nn import Linear4bit

from partwise.config import AlignConfig, PreferConfig
from partwise.models.errors import ModelError
from partwise.models.scoring import load_reward_model, new_reward_model
from partwise.models.writer import Writer
from partwise.training.preference import encoded, prefer
from partwise.training.reward import Preference, fit_reward_model

pytestmark = pytest.mark.usefixtures("one_thread")

Held = dict[str, Any]
Weights = dict[str, torch.Tensor]


def judged(folder: Path, rank: int, held: Held) -> tuple[Any, Callable[[], object]]:
    model, tokenizer = new_reward_model(folder, lora_rank=rank, seed=0, device="cpu", **held)
    said = [Preference(prompt="", chosen=f"a{n}", rejected=f"b{n}") for n in range(8)]
    return model, lambda: fit_reward_model(
        model, tokenizer, said, epochs=2, learning_rate=1e-3, seed=0, micro_batch=3
    )


def written(folder: Path, rank: int, held: Held) -> tuple[Any, Callable[[], object]]:
    writer = Writer.load(folder, lora_rank=rank, **held)
    pairs = [encoded(writer.tokenizer, f"ask {n}", "yes", "no") for n in range(6)]
    config = PreferConfig(learning_rate=1e-3, kept=1.0, batch_size=3)
    return writer.model, lambda: prefer(writer.model, writer.tokenizer, pairs, config, seed=0)


SEATS = pytest.mark.parametrize("seat", [judged, written])


def trained(model: Any) -> Weights:
    return {name: each.detach().clone() for name, each in model.named_parameters() if each.requires_grad}


def passes_of(model: Any, train: Callable[[], object]) -> int:
    """How often the first layer was computed in training, with the weights that learn."""
    count, layer = 0, next(module for name, module in model.named_modules() if name.endswith("layers.0.mlp"))

    def note(module: Any, *_: Any) -> None:
        nonlocal count
        count += module.training and torch.is_grad_enabled()  # not as a reference

    hook = layer.register_forward_pre_hook(note)
    train()
    hook.remove()
    return count


@SEATS
@pytest.mark.parametrize("rank", [0, 4])
def test_checkpoints_give_the_same_weights_and_are_computed_twice(
    llama_folder: Path, seat: Callable[..., Any], rank: int
) -> None:
    found: list[Weights] = []
    passes: list[int] = []
    for checkpointing in (False, True):
        model, train = seat(llama_folder, rank, {"checkpointing": checkpointing})
        before = trained(model)
        passes.append(passes_of(model, train))
        found.append(trained(model))
        assert any(not torch.equal(each, before[name]) for name, each in found[-1].items())
    assert passes[1] == 2 * passes[0] > 0
    assert all(torch.allclose(each, found[1][name], atol=1e-5) for name, each in found[0].items())


@SEATS
def test_half_precision_learns_by_adapters_in_full(llama_folder: Path, seat: Callable[..., Any]) -> None:
    model, train = seat(llama_folder, 4, {"dtype": "bfloat16"})
    kinds = {(each.requires_grad, each.dtype) for each in model.parameters()}
    assert (False, torch.bfloat16) in kinds and (True, torch.bfloat16) not in kinds
    before = trained(model)
    train()
    moved = [not torch.equal(each, before[name]) for name, each in trained(model).items()]
    assert any(moved) and all(each.isfinite().all() for each in trained(model).values())


def packed(model: Any) -> set[str]:
    """The linear layers that are held in four bits, by the last part of their names."""
    found = {name for name, each in model.named_modules() if isinstance(each, Linear4bit)}
    return {name.removesuffix(".base_layer").rpartition(".")[2] for name in found}


@SEATS
def test_four_bits_learn_by_adapters_in_full(llama_folder: Path, seat: Callable[..., Any]) -> None:
    model, train = seat(llama_folder, 4, {"dtype": "nf4"})
    # Neither heads nor embeddings: those are drawn anew, or read as they are.
    assert packed(model) == {f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down")}
    assert {each.dtype for each in model.parameters() if each.requires_grad} == {torch.float32}
    before = trained(model)
    train()
    moved = [not torch.equal(each, before[name]) for name, each in trained(model).items()]
    assert any(moved) and all(each.isfinite().all() for each in trained(model).values())
    assert {each.dtype for each in trained(model).values()} == {torch.float32}
    assert any(not torch.equal(each, each.bfloat16().float()) for each in trained(model).values())


@SEATS
def test_attention_is_the_one_that_was_asked_for(llama_folder: Path, seat: Callable[..., Any]) -> None:
    assert seat(llama_folder, 4, {"attention": "eager"})[0].config._attn_implementation == "eager"
    with pytest.raises(ModelError, match="can't be opened"):
        seat(llama_folder, 4, {"attention": "flash_attention_2"})


def test_a_reward_model_that_is_opened_again_is_held_likewise(llama_folder: Path, tmp_path: Path) -> None:
    held = {"dtype": "bfloat16", "attention": "eager", "checkpointing": True}
    model, tokenizer = new_reward_model(llama_folder, lora_rank=4, seed=0, device="cpu", **held)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again, _ = load_reward_model(tmp_path, device="cpu", trained=True, **held)
    for each in (model, again):
        assert each.config._attn_implementation == "eager"
        assert any(getattr(module, "gradient_checkpointing", False) for module in each.modules())
        # A head that was read stays beside the one that learns, in full like it.
        assert torch.bfloat16 in {p.dtype for p in each.parameters() if not p.requires_grad}
    read, _ = load_reward_model(tmp_path, device="cpu")
    assert not any(getattr(module, "gradient_checkpointing", False) for module in read.modules())


@pytest.mark.parametrize("seat", ["writer", "reward"])
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"dtype": "float32"}, "dtype` is for a `proxy.{}.model`: a tiny"),
        ({"attention": "eager"}, "attention` is for a `proxy.{}.model`: a tiny"),
        ({"checkpointing": True}, "checkpointing` is for a `proxy.{}.model`: a tiny"),
        ({"model": "x", "dtype": "bfloat16", "lora_rank": 0}, r"lora_rank` above 0\)"),
        ({"model": "x", "dtype": "nf4", "lora_rank": 0}, r"lora_rank` above 0\)"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(seat: str, settings: Held, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.format(seat)):
        AlignConfig.model_validate({"proxy": {seat: settings}})
