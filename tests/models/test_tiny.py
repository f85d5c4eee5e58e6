import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from partwise.models.tiny import (
    SIZES,
    count_parameters,
    shape_of_width,
    tiny_model,
    tiny_reward_model,
)
from partwise.models.tokenizer import build_tokenizer


def test_sizes_are_one_dial():
    tokenizer = build_tokenizer([f" name{i}" for i in range(140)] * 2)
    counts = [count_parameters(tiny_model(size, tokenizer, seed=0)) for size in SIZES]
    assert list(SIZES) == ["nano", "micro", "mini", "small", "medium", "large"]
    assert counts == sorted(counts)
    assert 9_000 < counts[0] < 12_000
    assert 4_500_000 < counts[-1] < 5_500_000
    assert 250_000 < counts[3] < 350_000


def test_every_width_of_a_ladder_makes_a_model_and_more_width_more_parameters(tokenizer):
    counts = [
        count_parameters(tiny_model(shape_of_width(width), tokenizer, seed=0)) for width in range(8, 257, 8)
    ]
    assert counts == sorted(set(counts))


def test_the_seed_decides_the_weights_and_nothing_else_moves(tokenizer):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one, same, other = (tiny_model("micro", tokenizer, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    weights = [model.model.layers[0].mlp.up_proj.weight for model in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_an_unknown_size_is_named(tokenizer):
    with pytest.raises(ValueError, match="no tiny model is called 'huge'"):
        tiny_model("huge", tokenizer, seed=0)


def test_both_models_reopen(tokenizer, tmp_path):
    ids = torch.tensor([tokenizer.encode("prefs = {}")])
    for make, auto in (
        (tiny_model, AutoModelForCausalLM),
        (tiny_reward_model, AutoModelForSequenceClassification),
    ):
        model = make("micro", tokenizer, seed=3).eval()
        model.save_pretrained(tmp_path / auto.__name__)
        reopened = auto.from_pretrained(tmp_path / auto.__name__).eval()
        assert torch.equal(model(ids).logits, reopened(ids).logits)


def test_reward_model_reads_the_last_token_before_padding(tokenizer):
    model = tiny_reward_model("micro", tokenizer, seed=0).eval()
    ids = tokenizer.encode("prefs = {}")
    padded = torch.tensor([ids + [tokenizer.pad_token_id] * 4])
    mask = (padded != tokenizer.pad_token_id).long()
    assert model(torch.tensor([ids])).logits.shape == (1, 1)
    torch.testing.assert_close(
        model(torch.tensor([ids])).logits, model(padded, attention_mask=mask).logits, atol=1e-5, rtol=0
    )
