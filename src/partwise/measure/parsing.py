"""What share of a planner's turns parses, and what the others are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from partwise.measure.intervals import Measure, rate
from partwise.types import Outcome, Rollout

_SHOWN = 1000
"""Characters of an example; the transcripts have all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsing:
    """How much of what a planner writes is text of the language."""

    decompositions: Measure
    """P[the first turn parses], of all rollouts."""
    compositions: Measure
    """P[the second turn parses], of the rollouts that came to one; undefined where none did."""
    unparsed: dict[str, dict[str, Any]]
    """See `unparsed`."""

    def to_json(self) -> dict[str, Any]:
        """As results hold it."""
        return {
            "decompositions": self.decompositions.to_json(),
            "compositions": self.compositions.to_json(),
            "unparsed": self.unparsed,
        }


def parsing(rollouts: Sequence[Rollout]) -> Parsing:
    """The shares of both turns that parse."""
    failed = [row.turn for row in rollouts if row.execution.unparsed is not None]
    first = failed.count("decomposition")
    second = sum(row.turn == "composition" and row.outcome is not Outcome.UNSOLVED for row in rollouts)
    wrong = failed.count("composition")
    return Parsing(
        decompositions=rate([False] * first + [True] * (len(rollouts) - first)),
        compositions=rate([False] * wrong + [True] * (second - wrong)),
        unparsed=unparsed(rollouts),
    )


def unparsed(rollouts: Sequence[Rollout]) -> dict[str, dict[str, Any]]:
    """By turn and by kind (`types.Unparsed`), how many rollouts ended so, and the first of them.

    Truncated turns are among them; they have an outcome of their own.
    """
    found: dict[str, dict[str, Any]] = {"decomposition": {}, "composition": {}}
    for row in rollouts:
        if (kind := row.execution.unparsed) is not None:
            first = {"count": 0, "example": _example(row)}
            found[row.turn].setdefault(str(kind), first)["count"] += 1
    return found


def _example(row: Rollout) -> dict[str, Any]:
    text = row.composition if row.turn == "composition" else row.decomposition
    return {"task": row.task.index, "message": row.execution.message, "text": text[:_SHOWN]}
