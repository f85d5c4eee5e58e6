"""Training that has left the numbers: its learning rate was too high, and nothing that it made means a thing."""

from __future__ import annotations

from typing import Any


class Diverged(Exception):
    """A model's loss or weights are no longer finite; the message is one sentence that names the setting."""

    def __init__(self, what: str, setting: str) -> None:
        """Args:
        what: what is no longer finite, as the first half of a sentence.
        setting: the learning rate's name in the configuration.
        """
        super().__init__(f"Training diverged: {what}; lower {setting}.")


def refuse_divergence(model: Any, setting: str) -> None:
    """Raise where a model has a weight that is not finite.

    Raises:
        Diverged: it has.
    """
    bad = next((name for name, weight in model.named_parameters() if not weight.isfinite().all()), None)
    if bad is not None:
        raise Diverged(f"the weights {bad} are no longer finite", setting)
