"""What is said where a model can't be had."""

from __future__ import annotations


class ModelError(ValueError):
    """A model, or what it is to be told, can't be used as asked; the message is one sentence."""
