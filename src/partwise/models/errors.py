"""What is said where a model can't be had."""

from __future__ import annotations


class ModelError(ValueError):
    """A model, or what it is to be told, can't be used as asked; the message is one sentence."""


class Unanswered(Exception):
    """A model does not answer for now, or may not be asked any more; the message is one sentence.

    What it has answered is kept, so that a run that stops by it goes on from there when it is resumed.
    """
