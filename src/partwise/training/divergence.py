"""Training that has left the numbers: its learning rate was too high, and what it made means nothing."""

from __future__ import annotations

from typing import Any


class Diverged(Exception):
    """A model's loss or weights are no longer finite; the message is one sentence that says what to lower."""


def refuse_divergence(model: Any, setting: str) -> None:
    """Raise where a model has a weight that is not finite.

    Args:
        model: that was trained.
        setting: what to call its learning rate.

    Raises:
        Diverged: it has.
    """
    bad = next((name for name, weight in model.named_parameters() if not weight.isfinite().all()), None)
    if bad is not None:
        raise Diverged(f"Training diverged: the weights {bad} are no longer finite; lower {setting}.")
