"""Log-probabilities in a trie, and their gradients, are those of transformers."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.fixture_qwen2 import TOKENIZER, VOCABULARY, small_qwen2

from partwise.models.fast import is_supported
from partwise.models.tiny import tiny_model
from partwise.models.trie import Trie, row_logps


def padded(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return tokens, mask


def drawn_rows(rng: random.Random) -> list[list[int]]:
    """Rows that share beginnings of every length, some of them whole."""
    rows = [rng.choices(range(VOCABULARY), k=rng.randint(2, 12))]
    for _ in range(rng.randint(0, 7)):
        other = rng.choice(rows)
        start = other[: rng.randint(1, len(other))]
        rows.append(start + rng.choices(range(VOCABULARY), k=rng.randint(len(start) < 2, 9)))
    return rows


@pytest.mark.parametrize("make", [lambda: tiny_model("small", TOKENIZER, 0), small_qwen2])
@pytest.mark.parametrize("seed", range(3))
def test_log_probabilities_and_gradients_are_those_of_the_model(make, seed):
    model, rng = make(), random.Random(seed)
    assert is_supported(model)
    tokens_BT, mask_BT = padded(drawn_rows(rng))
    wanted_BT = (torch.rand(tokens_BT.shape, generator=torch.Generator().manual_seed(seed)) < 0.6) & (
        mask_BT > 0
    )
    wanted_BT[:, 0] = False
    wanted_BT[0, 1] = True
    weights = torch.randn(tokens_BT.shape, generator=torch.Generator().manual_seed(seed))
    temperature = 0.7

    found = row_logps(model, tokens_BT, mask_BT, wanted_BT, temperature)
    (found * weights).sum().backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    all_logps = (model(tokens_BT, attention_mask=mask_BT).logits / temperature).log_softmax(-1)
    expected = torch.zeros_like(found)
    expected[:, 1:] = all_logps[:, :-1].gather(-1, tokens_BT[:, 1:, None])[..., 0]
    expected = expected * wanted_BT
    (expected * weights).sum().backward()

    assert found[0, 1] < 0
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    for gradient, parameter in zip(gradients, model.parameters(), strict=True):
        scale = parameter.grad.abs().max().item()
        assert scale > 0
        torch.testing.assert_close(gradient, parameter.grad, atol=1e-4 * scale, rtol=1e-4)


@settings(max_examples=200)
@given(st.integers(0, 2**31))
def test_a_trie_has_each_beginning_once(seed: int):
    rows = drawn_rows(random.Random(seed))
    trie = Trie.of(*padded(rows))
    beginnings = {tuple(row[: end + 1]) for row in rows for end in range(len(row))}
    assert len(trie.tokens_N) == len(beginnings)
    named: dict[int, tuple[int, ...]] = {}
    for row, nodes in zip(rows, trie.node_BT.tolist(), strict=True):
        for place, node in enumerate(nodes[: len(row)]):
            assert named.setdefault(node, tuple(row[: place + 1])) == tuple(row[: place + 1])
            assert trie.depth_N[node] == place
            assert trie.tokens_N[node] == row[place]
            assert not place or trie.above_N[node] == nodes[place - 1]
