"""A text's logits are those that plain transformers gives of it alone, whatever the padding."""

import copy
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast

from partwise.models.classifier import (
    Encoder,
    TextError,
    batch_of,
    conversation_of,
    logits_of,
    longest_text,
)

VOCABULARY, BOS, EOS, PAD = 40, 1, 2, 3
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    **dict.fromkeys(
        ("hidden_size", "intermediate_size", "embedding_size", "ffn_dim", "d_model", "n_embd"), 32
    ),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "num_key_value_heads", "n_head", "encoder_attention_heads"), 2),
    **dict.fromkeys(("decoder_attention_heads",), 2),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "word_embed_proj_dim"), 32),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 64),
    "head_dim": 16,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
}
DECODERS = ("llama", "gpt2", "qwen2", "mistral", "gemma", "opt", "bloom", "gpt_neox", "phi3")
ENCODERS = ("bert", "roberta", "electra", "albert", "deberta-v2")
OTHERS = ("convbert", "fnet", "bart")
"""Which mix padding into what stands beside it, or read every end of sequence."""


@cache
def model_of(kind: str, pad: int | None) -> Any:
    known = AutoConfig.for_model(kind)
    given_ = {name: value for name, value in SMALL.items() if hasattr(known, name)}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = type(known)(**given_, pad_token_id=None if kind in DECODERS else PAD, num_labels=2)
        model = AutoModelForSequenceClassification.from_config(config).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)  # else all texts would read nearly the same
    if kind in DECODERS:
        model.config.pad_token_id = pad
    return model


def alone(model: Any, row: Sequence[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=torch.tensor([row])).logits[0]


ROWS = st.lists(st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=12), min_size=1, max_size=5)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(DECODERS), st.sampled_from([None, 0, EOS, PAD, -1, VOCABULARY]), ROWS)
def test_decoders_read_each_text_as_alone_whatever_their_padding(
    kind: str, pad: int | None, rows: list[list[int]]
):
    """Texts hold every token, that of padding and of the end among them, also as their last."""
    model = model_of(kind, pad)
    for many in (rows, [*rows, rows[0][:1]], [[*row, EOS] for row in rows], [[*row, PAD] for row in rows]):
        found = logits_of(model, *batch_of(many))
        for row, logits in zip(many, found, strict=True):
            torch.testing.assert_close(logits, alone(model, row), atol=2e-4, rtol=2e-4)
    assert model.config.pad_token_id == pad


@settings(max_examples=50, deadline=None)
@given(st.sampled_from((*ENCODERS, *OTHERS)), ROWS)
def test_encoders_and_those_that_padding_moves_read_each_text_as_alone(kind: str, rows: list[list[int]]):
    model = model_of(kind, PAD)
    plain = [[token for token in row if token > PAD] or [BOS] for row in rows]
    many = [[*row, EOS] for row in plain] if kind == "bart" else plain
    found = logits_of(model, *batch_of(many))
    for row, logits in zip(many, found, strict=True):
        torch.testing.assert_close(logits, alone(model, row), atol=2e-4, rtol=2e-4)


def test_gradients_are_those_of_each_text_alone():
    """So a student learns in batches what it would learn text by text, with no padding of its own."""
    model = copy.deepcopy(model_of("llama", None)).train()
    rows = [[5, 6, 7, EOS], [8], [9, 9, PAD]]
    logits_of(model, *batch_of(rows)).sum().backward()
    together = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    for row in rows:
        model(input_ids=torch.tensor([row])).logits.sum().backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(together[name], weight.grad, atol=2e-4, rtol=2e-3)
    assert model.training and model.config.pad_token_id is None


def test_where_a_text_has_all_tokens_none_is_left_for_padding():
    model = model_of("llama", None)
    rows = [list(range(VOCABULARY)), [4]]
    found = logits_of(model, *batch_of(rows))
    for row, logits in zip(rows, found, strict=True):
        torch.testing.assert_close(logits, alone(model, row), atol=2e-4, rtol=2e-4)


def test_the_sign_of_the_beginning_is_read_once(byte_tokenizer: PreTrainedTokenizerFast):
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.bos_token = "a"
    first = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing("a $A", special_tokens=[("a", first)])
    encode = Encoder(_wide(), tokenizer)
    assert encode("ab") == encode("b") and encode("ab").count(first) == 1


def _wide() -> Any:
    model = copy.deepcopy(model_of("llama", None))
    model.resize_token_embeddings(257)
    return model


def test_a_text_is_cut_only_where_asked_and_that_is_counted(byte_tokenizer: PreTrainedTokenizerFast):
    model = _wide()
    encode = Encoder(model, byte_tokenizer, cut=10)
    assert len(encode("x" * 10)) == len(encode("y" * 11)) == 10 and encode.shortened == {"y" * 11}
    assert len(Encoder(model, byte_tokenizer)("z" * 64)) == 64
    for cut in (None, 70):
        with pytest.raises(TextError, match="the text is 65 tokens long and the model reads 64 at most"):
            Encoder(model, byte_tokenizer, cut=cut)("z" * 65)


def test_a_tokenizer_of_another_model_is_said_to_be(byte_tokenizer: PreTrainedTokenizerFast):
    with pytest.raises(TextError, match="they do not belong together"):
        Encoder(model_of("llama", None), byte_tokenizer)("zzz")


@pytest.mark.parametrize(
    ("kind", "told", "longest"),
    [
        ("gpt2", 10**30, 64),
        ("gpt2", 32, 32),
        ("bert", 512, 64),
        ("roberta", 10**30, 64 - PAD - 1),
        ("bloom", 10**30, None),
        ("bloom", 99, 99),
    ],
)  # fmt: skip
def test_the_longest_text_that_a_model_reads(
    kind: str, told: int, longest: int | None, byte_tokenizer: PreTrainedTokenizerFast
):
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.model_max_length = told
    model = model_of(kind, None)
    assert longest_text(model, tokenizer) == longest
    if longest is not None and told > 1000:
        alone(model, [5] * longest)
        with pytest.raises((IndexError, RuntimeError)):
            alone(model, [5] * (longest + 1))


@pytest.mark.parametrize("broken", ["{{ raise_exception('no') }}", "{{ messages[7].content }}", "{% if %}"])
def test_a_template_that_refuses_or_fails_is_one_sentence(
    broken: str, byte_tokenizer: PreTrainedTokenizerFast
):
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.chat_template = broken
    messages = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    with pytest.raises(
        TextError, match=r"^the model's chat template refuses a conversation of system, user: "
    ):
        conversation_of(tokenizer, messages)
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }};{% endfor %}"
    assert conversation_of(tokenizer, messages) == "a;b;"
