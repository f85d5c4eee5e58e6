"""What the study of propagation compares: planners after a change, and the labels that ways to ask need."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from statistics import fmean

from partwise.measure.intervals import OF_SHARES
from partwise.measure.propagation import goes_anywhere, latency
from partwise.studies.propagation.runs import Curves, Study

_SMOOTHED = 1
"""Batches before and after each over which agreement is averaged label by label: one alone is noisy."""


def needed(curves: Curves, ask: str) -> int | None:
    """Labels until agreement on clear questions has come nine tenths of the way that random ones take it.

    That way is from random's first batch to its last; None where it leads nowhere, or where this one never
    comes so far.
    """
    way, own = _agreement(curves, "random"), _agreement(curves, ask)
    reached = latency(own, way[0], way[-1]) if way else None
    asked = [record["labels"] for record in curves[f"labels-{ask}"].records]
    return None if reached is None else sum(asked[: reached + 1])


def share_of(curves: Curves, ask: str, other: str) -> float | None:
    """The labels that one way to ask needs, over those that another one does; None where either is."""
    ours, theirs = needed(curves, ask), needed(curves, other)
    return None if ours is None or theirs is None else ours / theirs


def never(curves: Curves, ask: str) -> bool:
    """Whether there is a way to come, and questions that are asked so do not come it."""
    way = _agreement(curves, "random")
    return bool(way) and goes_anywhere(way[0], way[-1]) and needed(curves, ask) is None


def _agreement(curves: Curves, ask: str) -> list[float]:
    """On clear questions, batch by batch, smoothed."""
    values = [mean for mean in curves[f"labels-{ask}"].figure("clear_agreement") if mean is not None]
    # As many on either side, even at the ends: what is averaged with later batches only would come early.
    last = len(values) - 1
    reach = [min(_SMOOTHED, index, last - index) for index in range(len(values))]
    return [fmean(values[index - r : index + r + 1]) for index, r in enumerate(reach)]


Contrast = Callable[[Study, Curves], float | None]


def _differ(first: Contrast, second: Contrast) -> tuple[Contrast, tuple[float, float]]:
    """The difference of two shares of one seed, and where it can be."""

    def contrast(study: Study, curves: Curves) -> float | None:
        a, b = first(study, curves), second(study, curves)
        return None if a is None or b is None else a - b

    return contrast, OF_SHARES


def _saved(ask: str, other: str) -> tuple[Contrast, tuple[float, float]]:
    """The share of the labels of one way to ask that another one saves, and where it can be."""

    def contrast(study: Study, curves: Curves) -> float | None:
        share = share_of(curves, ask, other)
        return None if share is None else 1 - share

    return contrast, (-math.inf, 1.0)


def _followed(name: str) -> Contrast:
    return lambda study, curves: study.followed(curves, name)


def _before(name: str) -> Contrast:
    return lambda study, curves: curves[name].aligned_and_correct(study.new(name))[study.config.at - 1]


CONTRASTS: Mapping[str, tuple[Contrast, tuple[float, float]]] = {
    "composed: trained - untrained": _differ(_followed("composed"), _followed("composed-untrained")),
    "composed: rewound - not rewound": _differ(_followed("composed"), _followed("settled")),
    "composed: trained - retrained": _differ(
        _followed("composed"), lambda study, curves: study.retrained(curves, "composed")
    ),
    "composed: trained - retrained with as many rollouts": _differ(
        _followed("composed"), lambda study, curves: study.retrained(curves, "composed", study.as_many)
    ),
    "parts: trained - untrained": _differ(_followed("abrupt"), _followed("abrupt-untrained")),
    "parts: untrained - before": _differ(_followed("abrupt-untrained"), _before("abrupt-untrained")),
    "labels saved: unrepeated over random": _saved("unrepeated", "random"),
    "labels saved: uncertain over unrepeated": _saved("uncertain", "unrepeated"),
    "labels saved: disagreeing over unrepeated": _saved("disagreeing", "unrepeated"),
}
"""What the study compares, in each seed, and where the figure can be. Of planners: the share of tasks that is
aligned with the new values and correct once they have had a quarter of the rollouts of retraining."""
