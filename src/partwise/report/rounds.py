"""A run's rounds as its curves show them, from the files that each round leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.report.reading import Figure, arm_figure, group


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One round, as its `round.json` and `log.jsonl` say."""

    index: int
    """From 0."""
    aligned_and_correct: Figure
    """Of validation tasks, as the two that follow."""
    correct: Figure
    aligned: Figure
    """Of those that ran."""
    agreement: Figure
    """On fresh answers to questions like those asked."""
    agreement_unseen: Figure
    """On bodies that people are never asked about."""
    agreement_hard: Figure
    """On the subtasks of hard tasks, whatever people are asked about."""
    summary_accuracy: Figure
    reward: float | None
    """Mean over the round's steps."""
    labels: int | None
    disagreement: Figure
    """Share of answers to random questions that the proxy had wrong before it learned from them, 0 to 1."""
    alarm: bool
    realigned: bool | None
    """None where the run does not say."""
    version: str
    """Of the values that people spoke for."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The rounds of one run."""

    arm: str
    run: str
    rounds: list[RoundRecord]


def round_record(data: Mapping[str, Any], folder: Path) -> RoundRecord | None:
    """One round.

    Args:
        data: what its `round.json` holds.
        folder: its directory.

    Returns:
        None where the data says no round.
    """
    index = data.get("round")
    if not isinstance(index, int):
        return None
    validation = group(data, "validation")
    realigned, labels = data.get("realigned"), data.get("labels")
    return RoundRecord(
        index=index,
        aligned_and_correct=Figure.of(validation.get("aligned_and_correct")),
        correct=Figure.of(validation.get("correct")),
        aligned=arm_figure(validation, "given_ran.aligned"),
        agreement=Figure.of(data.get("agreement")),
        agreement_unseen=Figure.of(data.get("agreement_unseen")),
        agreement_hard=Figure.of(data.get("agreement_hard")),
        summary_accuracy=Figure.of(data.get("summary_accuracy")),
        reward=_mean_reward(folder / "log.jsonl"),
        labels=labels if isinstance(labels, int) and not isinstance(labels, bool) else None,
        disagreement=Figure.of(data.get("disagreement")),
        alarm=data.get("alarm") is True,
        realigned=realigned if isinstance(realigned, bool) else None,
        version=str(data.get("version") or ""),
    )


def _mean_reward(log: Path) -> float | None:
    rewards: list[float] = []
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    reward = group(json.loads(line)).get("reward")
                except (ValueError, RecursionError):
                    continue
                if isinstance(reward, int | float):
                    rewards.append(reward)
    except OSError:
        return None
    return sum(rewards) / len(rewards) if rewards else None
