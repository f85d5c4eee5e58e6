"""The reward model in the proxy that is any model's: the judge that learns from people."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from partwise.config.loaded import LoadedConfig
from partwise.config.section import LocalName, PositiveInt

STEP = 64
"""Answers that a step of a reward model's learns from."""


class RewardModelConfig(LoadedConfig):
    """The proxy's reward model, which learns from people's answers whose judgment counts."""

    SEAT: ClassVar[str] = "proxy.reward"
    TINY: ClassVar[str] = "a tiny reward model"

    model: LocalName | None = None
    """A Hugging Face name or local folder, or `package:smollm2`: a causal LM, whose weights get a new scoring
    head, or a reward model of one label, whose own is kept. None for a tiny one of `proxy.size`."""
    lora_rank: int = Field(default=16, ge=0)
    """Rank of the LoRA adapters that train `model`, beside its head; 0 trains all weights. Tiny models train
    all weights."""
    micro_batch: PositiveInt = 8
    """Most answers, of two texts each, whose gradients `model` computes at once; it scores as many texts at
    once. It bounds memory and changes nothing else: a step learns from 64 answers, as a tiny model's does."""

    @property
    def at_once(self) -> int:
        """Answers whose gradients are computed at once: of a tiny model's all of a step."""
        return STEP if self.model is None else self.micro_batch
