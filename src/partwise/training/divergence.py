"""Training that has left the numbers: its learning rate was too high, and what it made means nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class Diverged(Exception):
    """A model's loss or weights are no longer finite; the message is one sentence that says what to lower."""


def refuse_divergence(model: Any, setting: str, whose: str = "the") -> None:
    """Raise where a model has a weight that is not finite.

    Args:
        model: that was trained.
        setting: what to call its learning rate.
        whose: goes before its weights in the sentence, `the planner's`; for a model that has no role here,
            `divergence_of` says it.

    Raises:
        Diverged: it has.
    """
    bad = next((name for name, weight in model.named_parameters() if not weight.isfinite().all()), None)
    if bad is not None:
        raise Diverged(f"Training diverged: {whose} weights {bad} are no longer finite; lower {setting}.")


@contextmanager
def divergence_of(who: str) -> Generator[None]:
    """Put before what is said of a model that diverges within which one it is: size and setting don't tell.

    Args:
        who: its role and its name, such as `ceiling nano`; or the run in which it stands.
    """
    try:
        yield
    except Diverged as error:
        raise Diverged(f"{who}: {error}") from error
