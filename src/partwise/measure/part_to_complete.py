"""Part-to-complete generalization: how much of whole solutions' alignment the judgments of parts recover."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from partwise.measure.intervals import Measure, correlation

if TYPE_CHECKING:
    # At run time it would bring torch into a study's parent process, which only collects.
    from partwise.measure.evaluate import Judged

_RESAMPLES = 2000


CORRELATED: Mapping[str, Callable[[Sequence[float]], float]] = {"sum": sum, "mean": fmean, "parts": len}
"""What is correlated with the alignment of the whole: the paper's reward of the parts, their sum; their mean,
which does not pay for more of them; and how many there are, which is no judgment at all."""


def part_to_complete_correlations(judged: Sequence[Judged]) -> dict[str, Any]:
    """Pearson's r between each of `CORRELATED` of a solution and its complete alignment (0 or 1).

    Solutions that did not run are left out. `results.json` holds it.
    """
    known = [row for row in judged if row.aligned is not None and row.rollout.partial_rewards]
    aligned = [float(bool(row.aligned)) for row in known]
    return {
        name: correlation([float(of(row.rollout.partial_rewards)) for row in known], aligned).to_json()
        for name, of in CORRELATED.items()
    }


def gap_recovered(arm: Measure, floor: Measure, ceiling: Measure, *, seed: int = 0) -> Measure:
    """(A_arm - A_floor) / (A_ceiling - A_floor) on aligned-and-correct, with a bootstrap interval over tasks.

    The three are shares of all tasks. Undefined where the 95% interval of ceiling - floor reaches 0: then the
    two can't be told apart. `n` is the smallest number of tasks of the three.
    """
    n = min(arm.n, floor.n, ceiling.n)
    if n == 0 or arm.mean is None or floor.mean is None or ceiling.mean is None:
        return Measure(mean=None, ci95=None, n=0)
    rng = np.random.default_rng(seed)
    a, f, c = arm.mean, floor.mean, ceiling.mean
    sides = ((arm.n, a), (floor.n, f), (ceiling.n, c))
    draws = [rng.binomial(count, share, _RESAMPLES) / count for count, share in sides]
    gaps = draws[2] - draws[1]
    if np.quantile(gaps, 0.025) <= 0:
        return Measure(mean=None, ci95=None, n=n)
    # The quantile above is positive: gaps at or below zero are rare enough to leave out of the spread.
    ratios = ((draws[0] - draws[1])[gaps > 0]) / gaps[gaps > 0]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Measure(mean=(a - f) / (c - f), ci95=(float(low), float(high)), n=n)
