"""A planner's model is loaded as its settings say, and trained so: precision, attention, memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.fixture_two_turns import step_of_training
from transformers import OpenAIGPTConfig, OpenAIGPTLMHeadModel, PreTrainedTokenizerFast

from partwise.config import AlignConfig
from partwise.models import precision
from partwise.models.errors import ModelError
from partwise.models.hub import load_causal_lm

pytestmark = pytest.mark.usefixtures("one_thread")


def _loaded(folder: Path, **settings: Any) -> tuple[Any, Any]:
    model, tokenizer = load_causal_lm(folder, lora_rank=4, device="cpu", **settings)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            # Otherwise the gradients of half of the adapters are 0.
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(0))
    return model, tokenizer


def test_half_precision_on_request_trains_what_was_sampled(llama_folder: Path):
    model, tokenizer = _loaded(llama_folder, dtype="bfloat16")
    kinds = {parameter.requires_grad: parameter.dtype for parameter in model.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}
    seen = step_of_training(model, tokenizer)
    assert seen.rows == 6 and seen.moved > 0 and 0 < seen.from_sampling < 0.5


def test_four_bits_on_request_train_what_was_sampled(llama_folder: Path):
    model, tokenizer = _loaded(llama_folder, dtype="nf4")
    assert {str(p.dtype) for p in model.parameters() if p.ndim > 1 and not p.requires_grad} == {
        "torch.uint8",
        "torch.float32",
    }
    seen = step_of_training(model, tokenizer)
    assert seen.rows == 6 and seen.moved > 0 and seen.from_sampling < 0.02
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}
    small = step_of_training(model, tokenizer, learning_rate=1e-5)
    assert small.unmoved < 0.5


def test_what_was_learned_above_four_bits_is_saved_and_opened_again(llama_folder: Path, tmp_path: Path):
    model, tokenizer = _loaded(llama_folder, dtype="nf4")
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again, _ = load_causal_lm(tmp_path, lora_rank=0, device="cpu", dtype="nf4")
    ids = torch.arange(9)[None]
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, again(input_ids=ids).logits)


def test_four_bits_without_bitsandbytes_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precision, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"takes bitsandbytes; add it with: pip install"):
        precision.check_precision("nf4")
    precision.check_precision("bfloat16")


def test_attention_is_the_one_that_was_asked_for(llama_folder: Path):
    eager, tokenizer = _loaded(llama_folder, attention="eager")
    usual, _ = _loaded(llama_folder)
    assert eager.config._attn_implementation == "eager" and usual.config._attn_implementation == "sdpa"
    assert step_of_training(eager, tokenizer).from_alone < 1e-3


def test_attention_that_is_not_installed_is_refused(llama_folder: Path):
    with pytest.raises(ModelError, match=r"can't be opened as a causal language model: .*[Ff]lash"):
        _loaded(llama_folder, attention="flash_attention_2")


def test_checkpoints_give_the_same_weights_and_are_computed_twice(llama_folder: Path):
    passes: list[int] = []
    weights: list[dict[str, torch.Tensor]] = []
    for checkpointing in (False, True):
        model, tokenizer = _loaded(llama_folder, checkpointing=checkpointing)
        trained = 0

        def count(module: Any, *_: Any) -> None:
            nonlocal trained
            trained += module.training

        first = model.get_decoder().layers[0].mlp
        first.register_forward_pre_hook(count)
        assert step_of_training(model, tokenizer).moved > 0
        passes.append(trained)
        weights.append({name: weight.detach() for name, weight in model.named_parameters()})
    assert passes[1] == 2 * passes[0] > 0
    assert all(torch.allclose(weight, weights[1][name], atol=1e-6) for name, weight in weights[0].items())


def test_a_model_that_knows_no_checkpoints_is_refused(
    byte_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
):
    config = OpenAIGPTConfig(vocab_size=len(byte_tokenizer), n_embd=8, n_layer=1, n_head=1)
    OpenAIGPTLMHeadModel(config).save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"\(openai-gpt\) knows no gradient checkpointing: leave"):
        _loaded(tmp_path, checkpointing=True)


@pytest.mark.parametrize(
    ("planner", "reason"),
    [
        ({"dtype": "bfloat16"}, "`planner.dtype` is for a `planner.model`"),
        ({"attention": "eager"}, "`planner.attention` is for a `planner.model`"),
        ({"checkpointing": True}, "`planner.checkpointing` is for a `planner.model`"),
        ({"model": "x", "dtype": "bfloat16", "lora_rank": 0}, "`planner.dtype=bfloat16` needs adapters"),
        ({"model": "x", "dtype": "nf4", "lora_rank": 0}, "`planner.dtype=nf4` needs adapters"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(planner: dict[str, Any], reason: str):
    with pytest.raises(ValueError, match=reason):
        AlignConfig.model_validate({"planner": planner})
