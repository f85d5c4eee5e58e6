"""How much of a strong student's capacity weak supervision brings out, and how much of it is imitation.

Burns et al. 2023, "Weak-to-Strong Generalization"; Kim et al. 2025, section 3.3. Every figure is over the
examples of one test set; `intervals.over_seeds` puts seeds together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from partwise.measure.intervals import SHARE, Measure, over_seeds, rate
from partwise.types import Example

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How far a model's confidence can be taken at its word. 0 is best in both."""

    error: Measure
    """Expected calibration error, 0 to 1: sum over bins of n_b / n * |accuracy_b - mean confidence_b|."""
    brier: Measure
    """Brier score, 0 to 1: the mean of (confidence - right)^2, right being 0 or 1."""


def performance_gap_recovered(
    weak: Sequence[bool], student: Sequence[bool], ceiling: Sequence[bool], *, seed: int = 0
) -> Measure:
    """PGR = (weak-to-strong - weak) / (ceiling - weak), in accuracy (Burns et al. 2023, section 3).

    1 is a student as good as one that learned from true labels, 0 one no better than its teacher; it may lie
    outside of both. The interval is a paired percentile bootstrap over examples. Undefined where ceiling and
    floor can't be told apart: unless the ceiling is better by McNemar's exact test, two-sided, at 5%.

    Args:
        weak: whether the teacher is right on each example of the test set.
        student: whether the strong model that learned from it is.
        ceiling: whether the strong model that learned from true labels is.
        seed: of the bootstrap.

    Raises:
        ValueError: the three do not answer the same number of examples.
    """
    n = _same_length("Weak, student and ceiling", weak, student, ceiling)
    right_ND = np.array([weak, student, ceiling], dtype=np.int64).reshape(3, n).T
    if not _told_apart(right_ND[:, 2], right_ND[:, 0]):
        return Measure(mean=None, ci95=None, n=n)
    # Who is right with whom takes 8 patterns: drawing how often each occurs is drawing examples in pairs.
    patterns_PD = np.array([[p >> 2 & 1, p >> 1 & 1, p & 1] for p in range(8)])
    counts_P = np.bincount(right_ND @ [4, 2, 1], minlength=8)
    drawn_BD = np.random.default_rng(seed).multinomial(n, counts_P / n, _RESAMPLES) @ patterns_PD
    # By the test above few resamples have no gap, so that leaving them out hardly moves the interval.
    drawn_BD = drawn_BD[drawn_BD[:, 2] > drawn_BD[:, 0]]
    low, high = np.quantile(_ratio(drawn_BD), (0.025, 0.975))
    return Measure(mean=float(_ratio(right_ND.sum(0, keepdims=True))[0]), ci95=(float(low), float(high)), n=n)


def imitation_rate(student: Sequence[int], teacher: Sequence[int], truth: Sequence[int]) -> Measure:
    """P[student = teacher | teacher wrong]: how many of its teacher's errors a student repeats.

    The three are labels, example by example; `n` counts the teacher's errors, and the interval is Wilson's.
    Undefined where the teacher is never wrong. With two labels it is how often the student errs there; with
    more, a student may err without imitating.

    Raises:
        ValueError: the three are not of one length.
    """
    _same_length("Student, teacher and truth", student, teacher, truth)
    rows = zip(student, teacher, truth, strict=True)
    return rate([answer == taught for answer, taught, true in rows if taught != true])


def calibration(confidences: Sequence[float], right: Sequence[bool], *, bins: int = 10) -> Calibration:
    """Expected calibration error (Naeini et al. 2015; here over bins of equal count) and Brier score (1950).

    Equal confidences share a bin, so that the order of the examples does not matter. Noise makes the error
    larger than it is, by at most B = sqrt(2 / pi) sum_b w_b e_b, where w_b = n_b / n and e_b is the standard
    error of the accuracy in bin b; with s^2 = sum_b (w_b e_b)^2 the interval goes from error - B - 1.96 s to
    error + 1.96 s, kept from 0 to 1. It covers at least as often as it says, where a bootstrap, which adds
    the bias once more, does not. The Brier score's is Student's t. Undefined of nothing.

    Args:
        confidences: the chance, 0 to 1, that the model gave to its answer.
        right: whether that answer was right.
        bins: how many.

    Raises:
        ValueError: not of one length, no bin, or a confidence that is no chance.
    """
    _same_length("Confidences and outcomes", confidences, right)
    if bins < 1:
        raise ValueError(f"Calibration needs at least one bin, not {bins}.")
    given = np.asarray(confidences, dtype=np.float64)
    if not np.all((given >= 0) & (given <= 1)):
        raise ValueError("A confidence lies from 0 to 1: give the chance of the answer, not its logit.")
    outcome = np.asarray(right, dtype=np.float64)
    squares: list[float] = ((given - outcome) ** 2).tolist()
    return Calibration(error=_calibration_error(given, outcome, bins), brier=over_seeds(squares, SHARE))


def accuracy_by_group(examples: Sequence[Example], answers: Sequence[int]) -> dict[str, Measure]:
    """Group to the share of its examples that are answered rightly, with Wilson's interval; sorted by name.

    Raises:
        ValueError: there is not one answer for each example.
    """
    _same_length("Examples and answers", examples, answers)
    right: dict[str, list[bool]] = {group: [] for group in sorted({example.group for example in examples})}
    for example, answer in zip(examples, answers, strict=True):
        right[example.group].append(answer == example.label)
    return {group: rate(outcomes) for group, outcomes in right.items()}


def _told_apart(better: np.ndarray, worse: np.ndarray) -> bool:
    """Whether McNemar's exact test finds the first right more often, at 5%, two-sided."""
    wins, losses = int((better > worse).sum()), int((better < worse).sum())
    return wins > losses and bool(stats.binomtest(wins, wins + losses).pvalue < 0.05)


def _ratio(right_BD: np.ndarray) -> np.ndarray:
    weak, student, ceiling = right_BD.T
    return (student - weak) / (ceiling - weak)


def _calibration_error(given: np.ndarray, outcome: np.ndarray, bins: int) -> Measure:
    n = len(given)
    if n == 0:
        return Measure(mean=None, ci95=None, n=0)
    bin_N = ((stats.rankdata(given, method="min") - 1) * bins / n).astype(np.int64)
    _, bin_N, count_B = np.unique(bin_N, return_inverse=True, return_counts=True)
    right_B = np.bincount(bin_N, outcome)
    error = float(np.abs(np.bincount(bin_N, given) - right_B).sum() / n)
    # Half a success and half a failure more, so that a bin where all are right is not certain.
    share_B = (right_B + 0.5) / (count_B + 1)
    spread_B = count_B / n * np.sqrt(share_B * (1 - share_B) / count_B)
    bias, half = math.sqrt(2 / math.pi) * float(spread_B.sum()), 1.96 * float(np.linalg.norm(spread_B))
    return Measure(mean=error, ci95=(max(0.0, error - bias - half), min(1.0, error + half)), n=n)


def _same_length(names: str, *columns: Sequence[object]) -> int:
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        said = " and ".join(map(str, lengths))
        raise ValueError(f"{names} must be of the same examples, one by one, but there are {said}.")
    return lengths[0]
