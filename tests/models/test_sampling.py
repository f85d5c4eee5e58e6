import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.fixture_qwen2 import TOKENIZER, VOCABULARY, small_qwen2
from transformers import (
    AutoModelForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from partwise.models.drafts import AHEAD, Drafts
from partwise.models.fast import FastContext, FastWeights, is_supported
from partwise.models.generic import CachedContext, ReplayContext, WholeContext, cuts_by_rows
from partwise.models.sampling import Sampler
from partwise.models.tiny import tiny_model


def tokens(rng: random.Random, least: int, most: int) -> list[int]:
    return rng.choices(range(VOCABULARY), k=rng.randint(least, most))


def reference(model, rows: list[list[int]]) -> torch.Tensor:
    """Logits after each row, one forward pass a row, without padding or cache."""
    with torch.no_grad():
        return torch.stack([model(torch.tensor([row])).logits[0, -1] for row in rows])


CONTEXTS = {
    "fast": lambda model, prompts, copies: FastContext(FastWeights(model), prompts, copies),
    "cached": lambda model, prompts, copies: CachedContext(model, prompts, copies, 0),
    "replay": lambda model, prompts, copies: ReplayContext(model, prompts, copies, 0),
    "whole": lambda model, prompts, copies: WholeContext(model, prompts, copies, 0),
}


@pytest.mark.parametrize("kind", CONTEXTS)
@pytest.mark.parametrize("make", [lambda: tiny_model("small", TOKENIZER, 0).eval(), small_qwen2])
def test_logits_are_those_of_the_model(kind, make):
    """Ragged prompts, copies, steps, rows that leave and return, a long ragged insertion, more steps."""
    model, rng = make(), random.Random(0)
    prompts = [tokens(rng, 1, 20) for _ in range(4)]
    rows = [list(prompt) for prompt in prompts for _ in range(3)]
    context = CONTEXTS[kind](model, prompts, 3)

    def agree(order, logits):
        expected = reference(model, [rows[row] for row in order])
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)

    def step(order):
        chosen = torch.tensor(tokens(rng, len(order), len(order)))
        for row, token in zip(order, chosen.tolist(), strict=True):
            rows[row].append(token)
        agree(order, context.step(chosen))

    agree(range(12), context.first_logits_RV)
    step(list(range(12)))
    step(context.select([0, 2, 3, 5, 7, 8, 10]))
    step(context.select([3, 8, 10]))
    order = context.select([row for row in range(12) if row != 3])
    inserted = {row: tokens(rng, 1, 300) for row in order}
    inserted[4] = inserted[5]
    for row in order:
        rows[row] += inserted[row]
    agree(order, context.extend([inserted[row] for row in order]))
    step(order)
    step(context.select([4, 5, 11]))


@pytest.mark.parametrize("longest", range(248, 260))
def test_rows_that_read_more_than_others_never_read_beyond_what_there_is(longest):
    """Row by row another number of guesses, where the cache of a row is about to be full (256 tokens)."""
    model, rng = tiny_model("nano", TOKENIZER, 0).eval(), random.Random(longest)
    rows = [tokens(rng, 20, 20), tokens(rng, 20, 20)]
    context = FastContext(FastWeights(model), rows, 1)
    chunks = [tokens(rng, longest - 20, longest - 20), tokens(rng, 9, 9)]
    context.extend(chunks)
    rows = [[*row, *chunk] for row, chunk in zip(rows, chunks, strict=True)]
    for counts in ((1, 7), (7, 1), (1, 1), (2, 5)):
        chunks = [tokens(rng, count, count) for count in counts]
        logits_NV = context.read_ahead(chunks)
        read = [
            [*row, *chunk[: place + 1]]
            for row, chunk in zip(rows, chunks, strict=True)
            for place in range(len(chunk))
        ]
        torch.testing.assert_close(logits_NV, reference(model, read), atol=1e-4, rtol=1e-4)
        rows = [[*row, *chunk] for row, chunk in zip(rows, chunks, strict=True)]


def test_rows_that_read_the_same_are_computed_once_and_stay_apart():
    model = tiny_model("micro", TOKENIZER, 0).eval()
    context = FastContext(FastWeights(model), [[5, 6, 7]], 4)
    rows = [[5, 6, 7, 9] for _ in range(3)] + [[5, 6, 7, 8]]
    context.step(torch.tensor([9, 9, 9, 8]))
    logits = context.extend([[1, 2], [1, 2], [1, 2, 3], [1, 2]])
    rows = [row + chunk for row, chunk in zip(rows, [[1, 2], [1, 2], [1, 2, 3], [1, 2]], strict=True)]
    torch.testing.assert_close(logits, reference(model, rows), atol=1e-4, rtol=1e-4)
    logits = context.step(torch.tensor([3, 4, 4, 4]))
    rows = [[*row, token] for row, token in zip(rows, [3, 4, 4, 4], strict=True)]
    torch.testing.assert_close(logits, reference(model, rows), atol=1e-4, rtol=1e-4)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_rows_share_what_they_have_read_and_part_in_any_order(seed: int):
    """Two tokens only: rows read the same for a while, leave the batch together and come back apart."""
    model, rng = tiny_model("nano", TOKENIZER, 0).eval(), random.Random(seed)
    prompts = [rng.choices((5, 6), k=rng.randint(1, 2)) for _ in range(2)]
    rows = [list(prompt) for prompt in prompts for _ in range(4)]
    context = FastContext(FastWeights(model), prompts, 4)
    order = list(range(8))
    for _ in range(10):
        if rng.random() < 0.5:
            order = context.select(rng.sample(range(8), rng.randint(1, 8)))
        way = rng.choice(("step", "extend", "read ahead"))
        chunks = [rng.choices((5, 6), k=1 if way == "step" else rng.randint(1, 3)) for _ in order]
        if way == "read ahead":
            logits = context.read_ahead(chunks)
            beginnings = [
                rows[row] + chunk[: end + 1]
                for row, chunk in zip(order, chunks, strict=True)
                for end in range(len(chunk))
            ]
            torch.testing.assert_close(logits, reference(model, beginnings), atol=1e-4, rtol=1e-4)
            forgotten = [rng.randrange(len(chunk)) for chunk in chunks]
            context.forget(forgotten)
            for row, chunk, count in zip(order, chunks, forgotten, strict=True):
                rows[row] += chunk[: len(chunk) - count]
            continue
        for row, chunk in zip(order, chunks, strict=True):
            rows[row] += chunk
        one = torch.tensor([chunk[0] for chunk in chunks])
        logits = context.step(one) if way == "step" else context.extend(chunks)
        expected = reference(model, [rows[row] for row in order])
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


def rollouts(
    sampler: Sampler, seed: int, temperature: float = 1.0
) -> tuple[list[list[int]], list[list[int]]]:
    rng, generator = random.Random(0), torch.Generator().manual_seed(seed)
    cursor = sampler.start([tokens(rng, 2, 9) for _ in range(3)], 4)
    first = sampler.generate(cursor, 20, temperature=temperature, generator=generator)
    sampler.insert(cursor, [None if row == 5 else tokens(rng, 1, 30) for row in range(12)])
    return first, sampler.generate(cursor, 20, temperature=temperature, generator=generator)


def test_paths_agree_and_a_seed_decides():
    model = tiny_model("mini", TOKENIZER, 0)
    eos_ids = range(0, VOCABULARY, 15)
    fast, generic = (Sampler(model, eos_ids=eos_ids, pad_id=0, fast=choice) for choice in (True, False))
    torch.manual_seed(1)
    first, second = rollouts(fast, seed=3)
    torch.manual_seed(2)
    assert rollouts(fast, seed=3) == (first, second) == rollouts(generic, seed=3)
    assert rollouts(fast, seed=4) != (first, second)
    assert rollouts(fast, seed=3, temperature=0.0) == rollouts(fast, seed=4, temperature=0.0)
    assert second[5] == []
    assert model.training
    for row in first + second:
        assert len(row) <= 20
        assert not set(row[:-1]) & set(eos_ids)
    assert any(row[-1] in eos_ids for row in first)


class Told(Drafts):
    """Guesses what it is told, right or wrong."""

    def __init__(self, rng: random.Random, truth: list[list[int]]) -> None:
        super().__init__()
        self._rng, self._texts = rng, truth

    def guess(self, text, most):
        for row in self._texts:
            if row[: len(text)] == list(text) and self._rng.random() < 0.8:
                right = row[len(text) : len(text) + self._rng.randint(0, most)]
                return [token if self._rng.random() < 0.9 else 0 for token in right]
        return tokens(self._rng, 0, most)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("make", [lambda: tiny_model("mini", TOKENIZER, 0), small_qwen2])
def test_drafts_change_nothing_that_is_sampled(make, seed):
    """Guesses that hold, that fail at any place, and that were learned: the tokens of sampling without."""
    sampler = Sampler(make(), eos_ids=range(0, VOCABULARY, 15), pad_id=0, fast=True)
    rng = random.Random(seed)
    prompts = [tokens(rng, 2, 9) for _ in range(3)]
    inserted = [None if row == 5 else tokens(rng, 1, 30) for row in range(12)]

    def written(drafts):
        generator = torch.Generator().manual_seed(seed)
        cursor = sampler.start(prompts, 4, drafts)
        turns, logps = [], []
        for turn in range(2):
            if turn:
                sampler.insert(cursor, inserted)
            turns.append(sampler.generate(cursor, 20, temperature=0.7, generator=generator))
            logps += [logp for row in cursor.logps for logp in row]
        return turns, logps, cursor.texts

    turns, logps, texts = written(None)
    learned = Drafts()
    for drafts in (Told(rng, texts), Told(rng, texts), learned, learned):
        found_turns, found_logps, found_texts = written(drafts)
        assert (found_turns, found_texts) == (turns, texts)
        torch.testing.assert_close(found_logps, logps, atol=1e-4, rtol=1e-4)


def test_what_is_guessed_right_is_read_in_one_pass(monkeypatch: pytest.MonkeyPatch):
    sampler = Sampler(tiny_model("mini", TOKENIZER, 0), eos_ids=(), pad_id=0, fast=True)
    drafts, layers = Drafts(), FastContext._layers
    passes = 0

    def counted(*given):
        nonlocal passes
        passes += 1
        return layers(*given)

    monkeypatch.setattr(FastContext, "_layers", counted)
    took: list[int] = []
    for _ in range(2):
        passes = 0
        sampler.generate(sampler.start([[5, 6, 7]], 1, drafts), 36, temperature=0.0)
        took.append(passes)
    assert took[0] <= 36
    assert took[1] <= 36 // AHEAD


def test_rows_follow_the_softmax():
    model = tiny_model("micro", TOKENIZER, 0).eval()
    prompt, draws = [[3, 1, 4]], 4000
    sampler = Sampler(model, eos_ids=(), pad_id=0)
    sampled = sampler.generate(
        sampler.start(prompt, draws), 1, temperature=0.7, generator=torch.Generator().manual_seed(0)
    )
    counts = torch.bincount(torch.tensor(sampled)[:, 0], minlength=VOCABULARY).double()
    expected = draws * (reference(model, prompt)[0].double() / 0.7).softmax(0)
    common = expected >= 5
    statistic = ((counts - expected) ** 2 / expected)[common].sum() / (common.sum() - 1)
    assert common.sum() > 10
    assert statistic < 1.7


def test_a_sampler_sees_the_weights_move():
    model = tiny_model("micro", TOKENIZER, 0)
    sampler = Sampler(model, eos_ids=(), pad_id=0)
    before = sampler.start([[1, 2, 3]]).context.first_logits_RV
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight.mul_(2)
    assert not torch.allclose(before, sampler.start([[1, 2, 3]]).context.first_logits_RV)


def test_a_byte_level_llama_takes_the_generic_path(llama_folder, byte_tokenizer):
    model = AutoModelForCausalLM.from_pretrained(llama_folder)
    sampler = Sampler.of(model, byte_tokenizer)
    slow = Sampler(model, eos_ids=[byte_tokenizer.eos_token_id], pad_id=0, fast=False)
    prompts = [byte_tokenizer.encode(text) for text in ("abc", "a longer prompt")]
    cursor = slow.start(prompts, 2)
    assert isinstance(cursor.context, CachedContext)
    first = slow.generate(cursor, 12, temperature=1.0, generator=torch.Generator().manual_seed(0))
    assert [len(row) for row in first]
    assert first == sampler.generate(
        sampler.start(prompts, 2), 12, temperature=1.0, generator=torch.Generator().manual_seed(0)
    )


def test_sliding_windows_are_replayed():
    config = MistralConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=8,
    )
    model = MistralForCausalLM(config).eval()
    assert not is_supported(model)
    assert not cuts_by_rows(model)
    sampler = Sampler(model, eos_ids=range(0, VOCABULARY, 15), pad_id=0)
    first, second = rollouts(sampler, seed=0, temperature=0.0)
    rng = random.Random(0)
    rows = [prompt for prompt in [tokens(rng, 2, 9) for _ in range(3)] for _ in range(4)]
    inserted = [None if row == 5 else tokens(rng, 1, 30) for row in range(12)]
    for row, turn, extra, last in zip(rows, first, inserted, second, strict=True):
        written = [*row, *turn]
        assert reference(model, [written[:-1]]).argmax() == turn[-1]
        if extra is not None:
            assert reference(model, [written + extra + last[:-1]]).argmax() == last[-1]


@pytest.mark.parametrize(
    ("prompts", "copies"), [([], 1), ([[1], []], 1), ([[1]], 0)], ids=["none", "empty", "no copy"]
)
def test_bad_prompts_are_refused(prompts, copies):
    sampler = Sampler(tiny_model("nano", TOKENIZER, 0), eos_ids=(), pad_id=0)
    with pytest.raises(ValueError, match="at least one prompt"):
        sampler.start(prompts, copies)


def test_bad_calls_are_refused():
    sampler = Sampler(tiny_model("nano", TOKENIZER, 0), eos_ids=(), pad_id=0)
    cursor = sampler.start([[1]], 2)
    with pytest.raises(ValueError, match="2 rows need 2 lists of tokens, not 1"):
        sampler.insert(cursor, [[1]])
    with pytest.raises(ValueError, match="at least 1"):
        sampler.generate(cursor, 0, temperature=1.0)
    bigger = tiny_model("nano", TOKENIZER, 0).bfloat16()
    with pytest.raises(ValueError, match="fast path"):
        Sampler(bigger, eos_ids=(), pad_id=0, fast=True)
