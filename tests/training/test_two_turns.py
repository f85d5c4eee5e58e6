"""What holds of a step of training on two turns, whatever the architecture."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.models.fixture_styles import STYLES
from tests.training.fixture_architectures import TOKENIZER, tiny_lm
from tests.training.fixture_two_turns import step_of_training
from transformers import LlamaConfig, LlamaForCausalLM

from partwise.models.chance import without_chance
from partwise.models.chat import end_ids
from partwise.models.errors import ModelError
from partwise.models.hub import with_new_adapters

pytestmark = pytest.mark.usefixtures("one_thread")


def _model(rank: int = 0, name: str = "gpt2") -> Any:
    model = tiny_lm(name)
    model = with_new_adapters(model, rank) if rank else model
    without_chance(model)
    return model


@pytest.mark.parametrize(
    ("name", "rank"), [("gpt2", 0), ("gpt2", 4), ("modernbert-decoder", 0), ("modernbert-decoder", 4)]
)
def test_the_divergence_is_from_the_planner_as_the_round_began(name: str, rank: int):
    """Not as it was first loaded: in the second round it has moved. Also with a head of the model's own."""
    model = _model(rank, name)
    for _ in range(2):
        seen = step_of_training(model, TOKENIZER, kl=0.1, learning_rate=0.05)
        assert seen.from_reference is not None
        assert seen.from_reference < 1e-4
        assert seen.moved > 0.01
    assert step_of_training(model, TOKENIZER).from_reference is None


def test_the_model_is_left_as_it_was():
    model = _model(4)
    named = {name for name, _ in model.named_parameters()}
    step_of_training(model, TOKENIZER, kl=0.1)
    assert {name for name, _ in model.named_parameters()} == named
    assert "forward" not in vars(model.get_base_model())
    assert not model.training


def test_two_visible_gpus_change_nothing_for_a_planner_on_the_cpu(monkeypatch: pytest.MonkeyPatch):
    model = _model()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    seen = step_of_training(model, TOKENIZER)
    assert seen.rows == 6
    assert model.device == torch.device("cpu")


def test_a_small_learning_rate_moves_the_weights():
    """In half precision it is lost, which is why what is trained is float32."""
    full = step_of_training(_model(), TOKENIZER, learning_rate=1e-5)
    assert full.from_sampling < 1e-3
    half = step_of_training(_model().bfloat16(), TOKENIZER, learning_rate=1e-5)
    assert full.unmoved < 0.5 < 0.9 < half.unmoved
    adapted = with_new_adapters(tiny_lm("gpt2").bfloat16(), 4)
    without_chance(adapted)
    seen = step_of_training(adapted, TOKENIZER, learning_rate=1e-5)
    assert all("lora_B" in name for name in seen.trained)
    assert seen.unmoved < 0.5


def test_a_model_that_trains_on_something_else_is_stopped():
    dropping = tiny_lm("opt")
    with pytest.raises(ModelError, match=r"the planner \(opt\) gives .* nats apart on average"):
        step_of_training(dropping, TOKENIZER)


def test_a_model_that_has_diverged_is_stopped():
    model = _model()
    torch.nn.init.constant_(model.transformer.ln_f.weight, float("nan"))
    with pytest.raises(ModelError, match="its weights have diverged"):
        step_of_training(model, TOKENIZER)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in ("Llama 2", "Phi-3") else pytest.mark.slow) for name in STYLES],
)
def test_the_loss_covers_what_was_written_with_any_tokenizer(name: str):
    tokenizer = STYLES[name].make()
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        attention_dropout=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
        torch.nn.init.normal_(model.model.embed_tokens.weight)
        # A bias towards the ends of turns: the last hidden states lean to their rows.
        model.lm_head.weight.data[sorted(end_ids(tokenizer))] *= 20
    without_chance(model)
    seen = step_of_training(model, tokenizer)
    assert seen.masks
    assert max(seen.from_sampling, seen.from_alone) < 1e-3
