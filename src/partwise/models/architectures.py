"""Which architectures of transformers can be planners."""

from __future__ import annotations

from transformers import PreTrainedConfig


def refusal(config: PreTrainedConfig) -> str:
    """Why a model with this configuration can't be trained as a planner; empty where it can."""
    return ""
