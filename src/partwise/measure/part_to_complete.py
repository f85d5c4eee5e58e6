"""Part-to-complete generalization: how much of whole solutions' alignment the judgments of parts recover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from partwise.measure.intervals import Measure, correlation

if TYPE_CHECKING:
    # At run time it would bring torch into a study's parent process, which only collects.
    from partwise.measure.evaluate import Judged

_RESAMPLES = 2000


def part_to_complete_correlation(judged: Sequence[Judged]) -> Measure:
    """Pearson's r between a solution's mean partial reward and its complete alignment (0 or 1).

    The mean, not the sum, which would count the parts. Solutions that did not run are left out.
    """
    pairs = [(row.partial, float(row.aligned)) for row in judged if row.aligned is not None]
    known = [(partial, aligned) for partial, aligned in pairs if partial is not None]
    return correlation([partial for partial, _ in known], [aligned for _, aligned in known])


def gap_recovered(
    arm: Sequence[bool], floor: Sequence[bool], ceiling: Sequence[bool], *, seed: int = 0
) -> Measure:
    """(A_arm - A_floor) / (A_ceiling - A_floor) on aligned-and-correct, with a bootstrap interval over tasks.

    Undefined where the 95% interval of ceiling - floor reaches 0: then the two can't be told apart.
    `n` is the smallest number of rollouts of the three.
    """
    n = min(len(arm), len(floor), len(ceiling))
    if n == 0:
        return Measure(mean=None, ci95=None, n=0)
    rng = np.random.default_rng(seed)
    draws = [rng.binomial(len(rows), np.mean(rows), _RESAMPLES) / len(rows) for rows in (arm, floor, ceiling)]
    gaps = draws[2] - draws[1]
    if np.quantile(gaps, 0.025) <= 0:
        return Measure(mean=None, ci95=None, n=n)
    a, f, c = (float(np.mean(rows)) for rows in (arm, floor, ceiling))
    # The quantile above is positive: gaps at or below zero are rare enough to leave out of the spread.
    ratios = ((draws[0] - draws[1])[gaps > 0]) / gaps[gaps > 0]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Measure(mean=(a - f) / (c - f), ci95=(float(low), float(high)), n=n)
