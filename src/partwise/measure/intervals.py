"""Figures with their 95% intervals. Undefined is None, never zero."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy import stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A figure as it is reported."""

    mean: float | None
    """None where it is undefined."""
    ci95: tuple[float, float] | None
    """None where the figure or its spread is undefined (one seed, no data)."""
    n: int
    """What it rests on: tasks within a run, seeds over several."""

    def to_json(self) -> dict[str, Any]:
        """`{"mean", "ci95", "n"}`."""
        return {"mean": self.mean, "ci95": None if self.ci95 is None else list(self.ci95), "n": self.n}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Measure:
        """What `to_json` made."""
        interval = data["ci95"]
        return cls(mean=data["mean"], ci95=None if interval is None else tuple(interval), n=data["n"])


def rate(outcomes: Sequence[bool]) -> Measure:
    """A share of yes and its Wilson interval; undefined of nothing."""
    if not outcomes:
        return Measure(mean=None, ci95=None, n=0)
    test = stats.binomtest(sum(outcomes), len(outcomes))
    interval = test.proportion_ci(method="wilson")
    return Measure(
        mean=float(test.statistic), ci95=(float(interval.low), float(interval.high)), n=len(outcomes)
    )


def difference(first: Measure, second: Measure) -> Measure:
    """`first - second` of two independent figures, its interval made of theirs (Zou and Donner 2008).

    low = d - sqrt((first - low_1)^2 + (high_2 - second)^2), high likewise; of two Wilson intervals this is
    Newcombe's (1998, method 10). Undefined where either is; `n` is the smaller of the two.
    """
    n = min(first.n, second.n)
    if first.mean is None or second.mean is None:
        return Measure(mean=None, ci95=None, n=n)
    mean = first.mean - second.mean
    if first.ci95 is None or second.ci95 is None:
        return Measure(mean=mean, ci95=None, n=n)
    below = math.hypot(first.mean - first.ci95[0], second.ci95[1] - second.mean)
    above = math.hypot(first.ci95[1] - first.mean, second.mean - second.ci95[0])
    return Measure(mean=mean, ci95=(mean - below, mean + above), n=n)


SHARE = (0.0, 1.0)
"""Where a share can be."""
OF_SHARES = (-1.0, 1.0)
"""Where a difference of two shares can be."""


def over_seeds(values: Sequence[float | None], within: tuple[float, float] | None = None) -> Measure:
    """The mean over seeds and its Student t interval. Seeds where the figure is undefined are left out of it.

    `n` counts the seeds that are in it; with one the interval is undefined. `within` is where the figure can
    be, such as `SHARE`: the interval's ends stay there, which takes nothing away from how often it holds.
    """
    defined = [value for value in values if value is not None]
    if not defined:
        return Measure(mean=None, ci95=None, n=0)
    center = float(np.mean(defined))
    if len(defined) == 1:
        return Measure(mean=center, ci95=None, n=1)
    half = float(stats.sem(defined) * stats.t.ppf(0.975, len(defined) - 1))
    low, high = within or (-math.inf, math.inf)
    return Measure(mean=center, ci95=(max(low, center - half), min(high, center + half)), n=len(defined))


def correlation(first: Sequence[float], second: Sequence[float]) -> Measure:
    """Pearson's r and its Fisher interval; undefined under 4 pairs or where either does not vary."""
    n = len(first)
    if n < 4 or len(set(first)) < 2 or len(set(second)) < 2:
        return Measure(mean=None, ci95=None, n=n)
    result = cast(Any, stats.pearsonr(first, second))
    interval = result.confidence_interval(0.95)
    low, high = float(interval.low), float(interval.high)
    if math.isnan(low) or math.isnan(high):
        return Measure(mean=float(result.statistic), ci95=None, n=n)
    return Measure(mean=float(result.statistic), ci95=(low, high), n=n)
