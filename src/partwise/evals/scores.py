"""What Inspect is told of a rollout, and the shares of all tasks that it makes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai.scorer import Metric, SampleScore, Score, Value, metric

from partwise.evals.verdicts import counted
from partwise.measure.intervals import SHARE, Measure, over_seeds, rate


@metric(scores="reduced")
def share() -> Metric:
    """The share of all tasks; of several epochs, the mean over tasks of what Inspect's reducer leaves."""

    def measured(scores: list[SampleScore]) -> Value:
        mean = measured_share([score.score.as_float() for score in scores]).mean
        return float("nan") if mean is None else mean

    return measured


@metric(scores="reduced")
def ci95() -> Metric:
    """The 95% interval of `share` over tasks: Wilson's, or Student's t where epochs leave parts of a yes."""

    def measured(scores: list[SampleScore]) -> Value:
        interval = measured_share([score.score.as_float() for score in scores]).ci95
        return {} if interval is None else dict(zip(("low", "high"), interval, strict=True))

    return measured


def measured_share(values: Sequence[float]) -> Measure:
    """The share of yes among values of 0 and 1, or the mean of values between; undefined of none."""
    if all(value in SHARE for value in values):
        return rate([value == 1 for value in values])
    return over_seeds(values, within=SHARE)


def score_of(row: Mapping[str, Any], kind: str) -> Score:
    """The score of a rollout, as a line of `transcripts.jsonl` has it."""
    found = counted(row)
    return Score(
        value=dict(found),
        answer=row["source"] or row["decomposition"],
        explanation=row["summary"] if found["ran"] else f"{row['outcome']}: {row['message']}",
        reason=kind or None,
        metadata={key: value for key, value in row.items() if key not in ("task", "statement")},
    )
