"""Losses on signals that may be wrong, and a student that really learns from them."""

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForSequenceClassification

from partwise.config import FitConfig, Loss, Trained
from partwise.oversight.signals import Flipped, ModelSource, TrueLabels
from partwise.training.divergence import Diverged, refuse_divergence
from partwise.training.weak_to_strong import confidence_loss, cross_entropy, fit, product_loss, targets
from partwise.types import Example, Signal

LOGITS = st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=8).map(torch.tensor)


def _weak(logits_BK: torch.Tensor, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(logits_BK.shape, generator=generator).softmax(-1)


@settings(deadline=None)
@given(LOGITS, st.integers(0, 1000))
def test_without_weight_every_loss_is_cross_entropy(logits_BK: torch.Tensor, seed: int):
    weak_BK = _weak(logits_BK, seed)
    plain = cross_entropy(logits_BK, weak_BK)
    torch.testing.assert_close(confidence_loss(logits_BK, weak_BK, 0.0), plain)
    torch.testing.assert_close(product_loss(logits_BK, weak_BK, 0.0), plain, rtol=1e-4, atol=1e-4)


def test_the_confident_student_is_hardened_at_the_signals_share():
    logits_BK = torch.tensor([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [0.0, 4.0]])
    half = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    # All four lean to class 1; half of the signals say so, and the upper half is called 1.
    expected = cross_entropy(logits_BK, torch.tensor([0, 0, 1, 1]))
    torch.testing.assert_close(confidence_loss(logits_BK, half, 1.0), expected)


def test_the_product_of_two_opinions_is_bayes_rule():
    logits_BK = torch.tensor([[0.0, 2.0]], requires_grad=True)
    weak_BK = torch.tensor([[0.7, 0.3]])
    student_K = logits_BK.detach().softmax(-1)[0]
    both_K = weak_BK[0] * student_K / (weak_BK[0] * student_K).sum()
    torch.testing.assert_close(
        product_loss(logits_BK, weak_BK, 1.0), cross_entropy(logits_BK, both_K[None]), rtol=1e-4, atol=1e-4
    )


def test_confidence_is_kept_and_the_rest_shared():
    examples = [Example(key=key, texts=("?",), label=0) for key in ("a", "b")]
    signals = [Signal(example="a", label=2, confidence=0.7, source="x"), None]
    told, nothing = targets(examples, signals, 3)
    assert told is not None and nothing is None
    assert told.tolist() == pytest.approx([0.15, 0.15, 0.7])
    with pytest.raises(ValueError, match=r"x's signal on a says 2: .*labels from 0 to 1"):
        targets(examples, signals, 2)


def _examples(count: int, seed: int, *, pairs: bool) -> list[Example]:
    """What has an exclamation mark is of class 1, or better."""
    rng, examples = random.Random(seed), list[Example]()
    while len(examples) < count:
        words = "".join(rng.choice("abcdefgh ") for _ in range(8))
        label = len(examples) % 2
        texts = (f"{words}.", f"{words}!")
        texts = (texts if label else texts[::-1]) if pairs else (texts[label],)
        examples.append(Example(key=f"{seed} {len(examples)}", texts=texts, label=label))
    return examples


def _model(tokenizer: Any, classes: int) -> LlamaForSequenceClassification:
    tokenizer.pad_token = tokenizer.eos_token
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_labels=classes,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.15,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LlamaForSequenceClassification(config)


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize("pairs", [False, True])
def test_a_student_outgrows_noisy_signals(loss: Loss, pairs: bool, byte_tokenizer: Any):
    model = _model(byte_tokenizer, 1 if pairs else 2)
    train, test = _examples(160, 0, pairs=pairs), _examples(60, 1, pairs=pairs)
    noisy = Flipped(TrueLabels(), 0.2, seed="0").signals(train)
    before, steps = torch.random.get_rng_state(), list[tuple[int, int]]()
    fit(
        model,
        byte_tokenizer,
        train,
        targets(train, noisy, 2),
        FitConfig(loss=loss, epochs=3, batch_size=16, learning_rate=3e-3),
        seed=0,
        listen=lambda step, total: steps.append((step, total)),
    )
    assert torch.equal(before, torch.random.get_rng_state())
    assert steps == [(step, 30) for step in range(1, 31)]
    answers = ModelSource("student", model, byte_tokenizer).signals(test)
    right = [s is not None and s.label == e.label for s, e in zip(answers, test, strict=True)]
    assert sum(right) / len(right) > 0.9


def test_the_same_seed_gives_the_same_student(byte_tokenizer: Any):
    train = _examples(40, 0, pairs=False)
    told = targets(train, TrueLabels().signals(train), 2)
    weights = []
    for seed in (0, 0, 1):
        model = _model(byte_tokenizer, 2)
        fit(model, byte_tokenizer, train, told, FitConfig(epochs=1, batch_size=8), seed=seed)
        weights.append(model.score.weight.detach().clone())
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_with_few_steps_the_rate_does_not_wait_to_rise(byte_tokenizer: Any):
    """The rise took more steps than there were, and nothing was learned without a word."""
    examples = _examples(16, 3, pairs=False)
    signals = TrueLabels().signals(examples)
    weights: list[torch.Tensor] = []
    for warmup in (0, 10):
        model = _model(byte_tokenizer, 2)
        config = FitConfig(epochs=2, batch_size=8, warmup=warmup)
        fit(model, byte_tokenizer, examples, targets(examples, signals, 2), config, seed=0)
        weights.append(next(model.parameters()).detach().clone())
    assert torch.equal(*weights)


def test_a_probe_moves_the_head_alone(byte_tokenizer: Any):
    examples, model = _examples(64, 3, pairs=False), _model(byte_tokenizer, 2)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    said = targets(examples, TrueLabels().signals(examples), 2)
    fit(model, byte_tokenizer, examples, said, FitConfig(trained=Trained.HEAD, learning_rate=1e-2), seed=0)
    moved = {name for name, weight in model.state_dict().items() if not weight.equal(before[name])}
    assert moved == {"score.weight"}


def test_nothing_can_be_learned_from_silence(byte_tokenizer: Any):
    train = _examples(4, 0, pairs=False)
    with pytest.raises(ValueError, match="at least one signal"):
        fit(_model(byte_tokenizer, 2), byte_tokenizer, train, [None] * 4, FitConfig(), seed=0)


def test_a_student_that_diverges_is_said_to(byte_tokenizer: Any):
    train = _examples(40, 0, pairs=False)
    said = targets(train, TrueLabels().signals(train), 2)
    with pytest.raises(Diverged, match=r"^Training diverged: .*; lower fit\.learning_rate\.$"):
        fit(
            _model(byte_tokenizer, 2),
            byte_tokenizer,
            train,
            said,
            FitConfig(epochs=3, batch_size=8, learning_rate=1e30, warmup=0),
            seed=0,
        )
    # What can't be read as a number any more is caught also after the last step.
    model = _model(byte_tokenizer, 2)
    model.score.weight.data[0, 0] = float("inf")
    with pytest.raises(Diverged, match=r"score\.weight are no longer finite; lower mine"):
        refuse_divergence(model, "mine")
