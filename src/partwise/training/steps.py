"""What an optimizer step of RLFT saw, over the rollouts of all processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from partwise.types import Outcome, Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one optimizer step saw; rates are over the rollouts that ran."""

    step: int
    reward: float
    """Mean reward of all rollouts."""
    correct: float | None
    partial: float | None
    """Mean of the partial rewards of all parts."""
    parts: float | None
    """Mean number of parts a solution."""
    counts: dict[str, int] = field(default_factory=dict[str, int])
    """Outcome to number of rollouts."""
    seconds: float


def mean(values: Sequence[float]) -> float | None:
    """The mean, or None of nothing."""
    return sum(values) / len(values) if values else None


class Seen(NamedTuple):
    """What a step says of a rollout."""

    outcome: Outcome
    correct: bool | None
    partial_rewards: tuple[float, ...]
    reward: float
    """What it earned."""

    @classmethod
    def of(cls, rollout: Rollout, reward: float) -> Seen:
        """A rollout that earned `reward`."""
        return cls(rollout.outcome, rollout.correct, rollout.partial_rewards, reward)


def step_of(index: int, seen: Sequence[Seen], seconds: float) -> Step:
    """Step `index`, from 0, that took so many seconds."""
    return Step(
        step=index,
        reward=sum(row.reward for row in seen) / len(seen),
        correct=mean([float(row.correct) for row in seen if row.correct is not None]),
        partial=mean([reward for row in seen for reward in row.partial_rewards]),
        parts=mean([len(row.partial_rewards) for row in seen if row.partial_rewards]),
        counts={outcome: sum(row.outcome is outcome for row in seen) for outcome in Outcome},
        seconds=seconds,
    )
