"""Tiny language models from random weights: one dial from ten thousand to five million parameters.

Llama architecture, tied embeddings. Not Qwen2: transformers (5.23) reopens any tokenizer that lies beside a
Qwen2 configuration as Qwen's own BPE class, and so would silently encode with another vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerBase,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The dimensions of a tiny model. Few layers: a CPU core prefers them wide and shallow."""

    hidden: int
    layers: int
    intermediate: int
    heads: int
    kv_heads: int
    """One where it will do: reading the cache is half of what a decoding step costs."""


SIZES: Mapping[str, Shape] = {
    "nano": Shape(hidden=16, layers=1, intermediate=64, heads=1, kv_heads=1),
    "micro": Shape(hidden=32, layers=2, intermediate=64, heads=2, kv_heads=1),
    "mini": Shape(hidden=64, layers=2, intermediate=160, heads=2, kv_heads=1),
    "small": Shape(hidden=96, layers=3, intermediate=224, heads=3, kv_heads=1),
    "medium": Shape(hidden=160, layers=4, intermediate=448, heads=5, kv_heads=1),
    "large": Shape(hidden=256, layers=6, intermediate=800, heads=8, kv_heads=2),
}
"""With the dinner world's vocabulary, about 11k, 32k, 112k, 307k, 1.2M and 4.8M parameters."""


def shape_of_width(width: int) -> Shape:
    """A shape for any width from 8 up: for ladders whose steps are finer than `SIZES`.

    Two layers at least: with one, no model can copy a word of what it was asked by what stands before it.
    """
    layers = 2 + (width >= 96) + (width >= 160) + 2 * (width >= 256)
    # Rotary positions turn pairs, so that a head is of even width.
    heads = max((heads for heads in range(1, width // 32 + 1) if width % (2 * heads) == 0), default=1)
    return Shape(
        hidden=width,
        layers=layers,
        intermediate=round(2.5 * width / 8) * 8,
        heads=heads,
        kv_heads=1,
    )


_LONGEST_CONTEXT = 4096
"""Tokens. A bound for the configuration only: nothing is allocated for it."""


def tiny_config(size: str | int | Shape, tokenizer: PreTrainedTokenizerBase) -> LlamaConfig:
    """The configuration of a tiny model over the tokenizer's vocabulary.

    `size` is a name of `SIZES`, a width (`shape_of_width`) or a shape.

    Raises:
        ValueError: there is no size of that name.
    """
    if isinstance(size, str) and size not in SIZES:
        raise ValueError(f"no tiny model is called '{size}': choose one of {', '.join(SIZES)}")
    if isinstance(size, int):
        size = shape_of_width(size)
    shape = SIZES[size] if isinstance(size, str) else size
    end_id: Any = tokenizer.eos_token_id
    pad_id: Any = tokenizer.pad_token_id
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=_LONGEST_CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end_id,
        pad_token_id=pad_id,
        attention_dropout=0.0,
    )


def tiny_model(size: str | int | Shape, tokenizer: PreTrainedTokenizerBase, seed: int) -> LlamaForCausalLM:
    """A language model of random weights, in float32 on the CPU.

    Args:
        size: a name of `SIZES`, a width, or a shape.
        tokenizer: its vocabulary's length, padding and end of sequence become the model's.
        seed: decides the weights. The global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(tiny_config(size, tokenizer))
        _initialise(model)
    return model


def tiny_reward_model(
    size: str, tokenizer: PreTrainedTokenizerBase, seed: int
) -> LlamaForSequenceClassification:
    """A reward model of random weights: one number for a sequence, read at its last token that is no padding.

    Arguments are those of `tiny_model`.
    """
    config = tiny_config(size, tokenizer)
    config.num_labels = 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForSequenceClassification(config)
        _initialise(model)
    return model


def count_parameters(model: nn.Module) -> int:
    """How many parameters a model has; tied ones count once."""
    return sum(parameter.numel() for parameter in model.parameters())


def _initialise(model: nn.Module) -> None:
    """Scale each matrix by its own width: the usual deviation of 0.02 is far too small for these."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=1 / math.sqrt(module.in_features))
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=1 / math.sqrt(module.embedding_dim))
