"""What came of a rollout, in yes and no and in one word, as Inspect and verifiers are told alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.evals.said import Spoken
from partwise.types import Outcome, Rollout

REFUSED = "refused"
"""The kind of failure of an answer that the provider withheld."""
KINDS = (*(str(outcome) for outcome in Outcome if outcome is not Outcome.RAN), REFUSED)
"""All kinds of failure; a rollout is of one of them, or ran."""


def counted(row: Mapping[str, Any]) -> dict[str, int]:
    """What holds of a rollout, by its line of `transcripts.jsonl`: 1 or 0, so that means are shares of all.

    What did not run to its end is neither correct nor aligned.
    """
    correct, aligned = bool(row["correct"]), bool(row["aligned"])
    return {
        # First what counts: Inspect takes the first for its headline.
        "aligned_and_correct": int(correct and aligned),
        "correct": int(correct),
        "aligned": int(aligned),
        "ran": int(row["outcome"] == Outcome.RAN),
    }


def kind_of(rollout: Rollout, first: Spoken, second: Spoken) -> str:
    """How it failed: its outcome, or that an answer was withheld; empty where it ran."""
    if rollout.execution.ran:
        return ""
    return REFUSED if first.refused or second.refused else str(rollout.outcome)
