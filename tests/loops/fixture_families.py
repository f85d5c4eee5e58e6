"""Models of random weights after seven families, each with a tokenizer of its family's kind, in a folder."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tests.models.fixture_styles import STYLES, Style
from tokenizers import Regex, normalizers, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from partwise.worlds.registry import load_world

_MERGED = 400
_BARE = Style(
    base="bytes",
    template=None,
    bos="<|endoftext|>",
    eos="<|endoftext|>",
    ends=frozenset({"<|endoftext|>"}),
    closes=False,
)
"""A base model's: no chat template, and one token for both ends of a text."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """An architecture and how its tokenizers are."""

    kind: str
    """transformers' name of it."""
    style: Style
    more: Mapping[str, Any]
    """Of its configuration, beside the sizes."""


_GATED = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
FAMILIES: Mapping[str, Family] = {
    "Qwen2": Family(kind="qwen2", style=STYLES["ChatML (Qwen)"], more=_GATED),
    "Qwen3": Family(kind="qwen3", style=STYLES["Qwen 3, thinking"], more={**_GATED, "head_dim": 8}),
    "Llama": Family(kind="llama", style=STYLES["Llama 3"], more=_GATED),
    "Gemma": Family(kind="gemma2", style=STYLES["Gemma"], more={**_GATED, "head_dim": 8}),
    "Mistral": Family(kind="mistral", style=STYLES["Mistral"], more=_GATED),
    "Phi": Family(kind="phi", style=_BARE, more=_GATED),
    "GPT-2": Family(kind="gpt2", style=_BARE, more={"n_embd": 32, "n_layer": 2, "n_head": 4}),
}


def corpus() -> list[str]:
    """What the tokenizers learn from: plans of the dinner world."""
    plans = islice(load_world("dinner").demonstrations(random.Random(0)), 100)
    return ["\n".join(plan.texts) for plan in plans]


def save_family(family: Family, folder: Path) -> PreTrainedTokenizerFast:
    """Write a model and its tokenizer, as they would be downloaded; returns the tokenizer as it was made."""
    tokenizer = family.style.make(corpus(), _MERGED)
    if family.kind.startswith("qwen"):
        # Beside such a model transformers cuts texts as Qwen does, whatever the tokenizer's own file says.
        bare = tokenizer.backend_tokenizer
        cut = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated")
        letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        bare.pre_tokenizer = pre_tokenizers.Sequence([cut, letters])
        bare.normalizer = normalizers.NFC()
    config = AutoConfig.for_model(
        family.kind,
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
        **family.more,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return tokenizer
