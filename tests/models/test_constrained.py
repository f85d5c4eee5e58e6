"""Models of random weights, held to a language: whatever they draw, they write texts of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessorList, PreTrainedTokenizerFast

from partwise.composition.acceptor import DECOMPOSITIONS, Compositions
from partwise.composition.language import parse_decomposition
from partwise.composition.spaces import check_solution
from partwise.models.constrained import ConstrainedProcessor, Writing, _byte_of_sign, token_bytes
from partwise.models.hub import ModelError
from partwise.models.planner import Planner
from partwise.models.tiny import tiny_model
from partwise.models.trie import row_logps
from partwise.types import Solution, Split, Task
from partwise.worlds.registry import load_world

DINNER = load_world("dinner")
PARTS = tuple(DINNER.catalogue[name].implementations[0] for name in ("ask_preference", "book_table"))
SOURCES = "\n".join(part.source for part in PARTS)
TASK = Task(world="none", split=Split.TRAIN, index=0, seed=0, difficulty=0.0, statement="a task")
LIMIT = 40


RARE = bytes((4, 6, 19, 20, 22, 29, 192, 193, 241, 242, *range(245, 256)))
"""Bytes for which SmolLM2's tokenizer has no token: they did not occur in what it was made from."""


def byte_tokenizer(texts: list[str], missing: bytes = b"") -> PreTrainedTokenizerFast:
    """As GPT-2's, Qwen2's and Llama 3's: a token may hold parts of two characters."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    signs = {byte: sign for sign, byte in _byte_of_sign().items()}
    trainer = trainers.BpeTrainer(
        vocab_size=450,
        initial_alphabet=[sign for byte, sign in signs.items() if byte not in missing],
        special_tokens=["<end>"],
    )
    tokenizer.train_from_iterator(texts * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")


@pytest.fixture(scope="module")
def bytes_bpe(corpus: list[str]) -> PreTrainedTokenizerFast:
    return byte_tokenizer([*corpus, "é — ’ “x”, 京都"])


@pytest.fixture(scope="module")
def rare_missing(corpus: list[str]) -> PreTrainedTokenizerFast:
    return byte_tokenizer(corpus, RARE)


def planner(tokenizer: Any, limit: int = LIMIT) -> Planner:
    return Planner(
        tiny_model("nano", tokenizer, 0),
        tokenizer,
        prompts=None,
        max_decomposition_tokens=limit,
        max_composition_tokens=limit,
        constrained=True,
    )


@pytest.mark.parametrize("kind", ["tokenizer", "bytes_bpe", "rare_missing"])
@pytest.mark.parametrize("space", ["free", "affine"])
def test_two_turns_are_texts_of_their_languages(kind: str, space: str, request: pytest.FixtureRequest):
    language = Compositions(PARTS, space, DINNER.tools)
    conversation = planner(request.getfixturevalue(kind)).open([TASK], 48)
    first = conversation.decompose(1.0, torch.Generator().manual_seed(0))
    assert all(map(parse_decomposition, first.texts)) and all(first.finished)
    _, second = conversation.recompose([SOURCES] * 48, 1.0, torch.Generator().manual_seed(1), [language] * 48)
    for text in second.texts:
        solution = Solution(partial_solutions=PARTS, composition=text)
        assert check_solution(solution, space, DINNER.tools) is None
    # The way to an end is counted: nothing is cut, though the model would write on.
    assert all(second.finished) and max(map(len, first.ids + second.ids)) <= LIMIT


def test_what_was_drawn_has_the_models_own_chance(tokenizer: PreTrainedTokenizerFast):
    held = planner(tokenizer)
    conversation = held.open([TASK], 8)
    turn = conversation.decompose(0.8, torch.Generator().manual_seed(0))
    prompt = conversation.prompt(0)
    for ids, drawn, logps in zip(turn.ids, turn.drawn, turn.logps, strict=True):
        tokens = torch.tensor([[*prompt, *ids]])
        wanted = torch.tensor([[0] * len(prompt) + drawn])
        expected = row_logps(held.model, tokens, torch.ones_like(tokens), wanted, 0.8)[0, len(prompt) :]
        assert torch.allclose(expected.detach(), torch.tensor(logps), atol=1e-4)
    assert 0 < sum(map(sum, turn.drawn)) < sum(map(len, turn.ids))


def test_generate_of_transformers_writes_texts_of_the_language(bytes_bpe: PreTrainedTokenizerFast):
    config = LlamaConfig(
        # Wider than the tokenizer, as Qwen's: tokens that stand for nothing.
        vocab_size=len(bytes_bpe) + 14,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        eos_token_id=bytes_bpe.eos_token_id,
        pad_token_id=bytes_bpe.eos_token_id,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    language = Compositions(PARTS, "affine", DINNER.tools)
    languages = [DECOMPOSITIONS, language] * 8
    prompts = torch.full((16, 3), 5)
    for temperature in (1.0, 0.0):
        writing = Writing(bytes_bpe, [config.eos_token_id])
        held = ConstrainedProcessor(writing, languages, 3, LIMIT, temperature=temperature)
        found = model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            max_new_tokens=LIMIT,
            do_sample=True,
            logits_processor=LogitsProcessorList([held]),
        )
        texts = bytes_bpe.batch_decode(found[:, 3:], skip_special_tokens=True)
        for text in texts[::2]:
            assert parse_decomposition(text)
        for text in texts[1::2]:
            solution = Solution(partial_solutions=PARTS, composition=text)
            assert check_solution(solution, "affine", DINNER.tools) is None


def test_characters_of_several_bytes_may_be_parted(bytes_bpe: PreTrainedTokenizerFast):
    writing = Writing(bytes_bpe, [0])
    node = writing.begin(DECOMPOSITIONS)
    for byte in 'def f(x): "京 é"'.encode():
        assert node
        token = _id(bytes_bpe, byte)
        node = writing.then(node, token, 100)
    assert node and node.ends
    # Half of a character ends nowhere, and no other may begin in it.
    start = writing.begin(Compositions(PARTS, "free", DINNER.tools))
    assert start
    half = writing.then(
        writing.then(start, bytes_bpe.encode('"')[0], 100) or start, _id(bytes_bpe, 0xE4), 100
    )
    assert half and not half.ends and writing.then(half, _id(bytes_bpe, ord("a")), 100) is None


def _id(tokenizer: PreTrainedTokenizerFast, byte: int) -> int:
    """The token of one byte."""
    return next(token for token, piece in token_bytes(tokenizer).items() if piece == bytes((byte,)))


def test_no_character_is_begun_that_could_not_be_ended(corpus: list[str]):
    """The shortest way out of a part of a character is 0x80, for which this tokenizer has no token."""
    writing = Writing(tokenizer := byte_tokenizer(corpus, b"\x80"), [0])
    start = writing.begin(Compositions(PARTS, "free", DINNER.tools))
    assert start
    within = writing.then(start, _id(tokenizer, ord('"')), 100)
    assert within and writing.then(within, _id(tokenizer, ord("a")), 100)
    assert writing.then(within, _id(tokenizer, 0xC3), 100) is None


def test_a_tokenizer_that_lacks_a_printable_byte_is_refused(corpus: list[str]):
    with pytest.raises(ModelError, match=r"has no token for '~'; leave planner\.constrained out"):
        Writing(byte_tokenizer(corpus, b"~"), [0])


def test_a_tokenizer_without_bytes_is_refused(tokenizer: PreTrainedTokenizerFast):
    words = Tokenizer(models.WordLevel({"a": 0, "<end>": 1}, unk_token="a"))
    other = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>")
    with pytest.raises(ModelError, match=r"planner\.constrained=true needs a tokenizer over bytes"):
        Writing(other, [1])
    with pytest.raises(ModelError, match=r"raise planner\.max_decomposition_tokens"):
        planner(copy.deepcopy(tokenizer), 5)
