"""How large a model is, from its configuration alone: no weight is read or made."""

from __future__ import annotations

import copy
import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
)
from transformers.pytorch_utils import Conv1D

from partwise.models import architectures
from partwise.models.errors import ModelError
from partwise.models.precision import NF4_BYTES
from partwise.models.scoring import heads


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSize:
    """What memory and work follow from."""

    parameters: int
    """Those that are shared count once."""
    active: int
    """Parameters that a token is multiplied by: of experts those that it goes through, of embeddings none."""
    trained: int
    """Parameters whose gradients are taken: all, or those of adapters."""
    layers: int
    width: int
    inner: int
    """Width within a layer."""
    queries: int
    """Numbers of a token's queries in a layer."""
    cached: int
    """Numbers that a token's keys and values take in a layer's cache."""
    vocabulary: int
    weight_bytes: int
    """Of one weight that is not packed, and of a number that is computed from it."""
    packed: int = 0
    """Parameters that are held in four bits."""

    @property
    def weights(self) -> int:
        """Bytes of all weights, those of adapters apart."""
        return (self.parameters - self.packed) * self.weight_bytes + round(self.packed * NF4_BYTES)

    @property
    def adapted(self) -> bool:
        """Whether adapters are trained in the model's stead."""
        return self.trained < self.parameters


def size_of(
    config: PreTrainedConfig,
    *,
    lora_rank: int,
    weight_bytes: int,
    scores: bool = False,
    packed: bool = False,
) -> ModelSize:
    """The size of a causal language model, or of one with a head that scores.

    Args:
        config: of the model.
        lora_rank: of adapters on all linear layers; 0 trains all weights.
        weight_bytes: of one weight, as the run will hold it.
        scores: whether it has a head of one label, which is trained beside adapters, in the place of one that
            writes.
        packed: whether its linear layers are held in four bits, but for the head.

    Raises:
        ModelError: transformers can't make such a model of it.
    """
    model = _skeleton(config, scores)
    text: Any = config.get_text_config()
    heads = text.num_attention_heads
    head = getattr(text, "head_dim", None) or text.hidden_size // heads
    shared = getattr(text, "num_key_value_heads", None) or heads
    parameters = sum(weight.numel() for weight in model.parameters())
    return ModelSize(
        parameters=parameters,
        active=_active(model, text),
        trained=_adapters(model, lora_rank, scores) if lora_rank else parameters,
        layers=text.num_hidden_layers,
        width=text.hidden_size,
        inner=_first(getattr(text, "intermediate_size", None)) or 4 * text.hidden_size,
        queries=heads * head,
        cached=2 * shared * head,
        vocabulary=model.get_input_embeddings().weight.shape[0],
        weight_bytes=weight_bytes,
        packed=sum(module.weight.numel() for _, module in _linear(model, scores)) if packed else 0,
    )


def config_of(shape: dict[str, Any]) -> PreTrainedConfig:
    """The configuration that a table of settings says, as a config.json would.

    Raises:
        ModelError: it names no architecture, or settings that this one can't have.
    """
    kind = shape.get("model_type")
    try:
        return AutoConfig.for_model(**shape)
    except (ValueError, TypeError, KeyError) as error:
        said = str(error).strip().splitlines()[0].rstrip(".")
        raise ModelError(f"a table of a model must say what config.json does ({kind}): {said}") from error


def _skeleton(config: PreTrainedConfig, scores: bool) -> Any:
    kind: Any = AutoModelForCausalLM
    if scores:
        kind, config = AutoModelForSequenceClassification, copy.deepcopy(config)
        config.num_labels = 1
    try:
        with torch.device("meta"), _quiet():
            return kind.from_config(config, trust_remote_code=False)
    except (ValueError, RuntimeError, KeyError, ImportError) as error:
        said = str(error).strip().splitlines()[0].rstrip(".")
        wanted = "reward model" if scores else "causal language model"
        raise ModelError(f"{config.model_type} can't be made a {wanted}: {said}") from error


@contextmanager
def _quiet() -> Generator[None]:
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _active(model: Any, text: Any) -> int:
    """Parameters but for the embedding that is only looked up in, and for the experts that are left out."""
    embedded, head = model.get_input_embeddings().weight, model.get_output_embeddings()
    tied = head is not None and head.weight is embedded
    experts: int | None = _first(
        getattr(text, "num_local_experts", None)
        or getattr(text, "num_experts", None)
        or getattr(text, "n_routed_experts", None)
    )
    taken: int | None = getattr(text, "num_experts_per_tok", None)
    share = taken / experts if experts and taken else 1.0
    counted = 0.0
    for name, weight in model.named_parameters():
        if weight is embedded and not tied:
            continue
        counted += weight.numel() * (share if ".experts." in name else 1.0)
    return round(counted)


def _linear(model: Any, scores: bool) -> Iterator[tuple[str, Any]]:
    """Linear layers but those of the head, by name."""
    parts = [part for head in _heads(model, scores) for part in head.modules()]
    head = {model.get_output_embeddings(), *parts}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | Conv1D) and module not in head:
            yield name, module


def _heads(model: Any, scores: bool) -> list[Any]:
    """What a model that scores has beside its body."""
    return [model.get_submodule(name) for name in heads(model)] if scores else []


def _adapters(model: Any, rank: int, scores: bool) -> int:
    """Parameters of adapters on all linear layers but the head, as `hub.with_new_adapters` puts them; a head
    that scores is trained itself.
    """
    without = set(architectures.unadapted(model))
    adapters = sum(
        rank * sum(module.weight.shape) for name, module in _linear(model, scores) if name not in without
    )
    return adapters + sum(weight.numel() for head in _heads(model, scores) for weight in head.parameters())


def _first(value: Any) -> Any:
    """Some architectures give a figure a layer."""
    return value[0] if isinstance(value, list | tuple) and value else value
