"""Evaluation beyond human reach: what can be said of a model once nobody can check what it does.

Kim et al. 2025, section 4.3, name three ways and leave the methods open; these are ours. Surrogate testing:
does judgment that was trained on easier levels hold on harder ones, while there still is an oracle?
Extrapolation: is the next model's utility where the smaller ones say, before it is trained? Peer review: do
models' judgments of each other rank them as the truth does? Undefined is None, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy import optimize, special, stats

from partwise.measure.intervals import Measure, difference, rate

_Z = 1.959963984540054
_FEWEST = 3
"""Rungs below which nothing is extrapolated."""
_FITS = 200
"""Resamples of an extrapolation; each is a fit."""
_RANKINGS = 500
_EVEN = 0.1
"""Wins that every two models get over each other beside those that were counted."""
_DOUBT = 0.5
"""Wins that every two models that met get over each other in the pool that resamples are drawn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One thing that was judged, at a level where the oracle still knows."""

    level: int
    """Difficulty: a higher level is harder to judge."""
    judged: float
    """The judgment, 0 to 1; above one half it says yes."""
    truth: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogate:
    """How judgment holds at the levels that it was trained on, and beyond them."""

    accuracy: Mapping[int, Measure]
    """Level to the share of verdicts that are true."""
    auc: Mapping[int, Measure]
    """Level to the chance that of a yes and a no the judgment ranks the yes higher."""
    accuracy_drop: Measure
    """Over all verdicts of the trained levels together, less over all beyond: positive is a loss."""
    auc_drop: Measure


def surrogate_testing(verdicts: Sequence[Verdict], trained_to: int) -> Surrogate:
    """Judgment by level, and what it loses beyond level `trained_to`, the hardest it was trained on.

    Undefined: AUC where all are true or none is, a drop where nothing was judged on either side.

    Raises:
        ValueError: a judgment does not lie from 0 to 1.
    """
    if not all(0 <= verdict.judged <= 1 for verdict in verdicts):
        raise ValueError("A judgment lies from 0 to 1: give the chance of a yes, not its logit.")
    levels = sorted({verdict.level for verdict in verdicts})
    by_level = {level: [verdict for verdict in verdicts if verdict.level == level] for level in levels}
    trained = [verdict for verdict in verdicts if verdict.level <= trained_to]
    beyond = [verdict for verdict in verdicts if verdict.level > trained_to]
    return Surrogate(
        accuracy={level: _accuracy(rows) for level, rows in by_level.items()},
        auc={level: _auc(rows) for level, rows in by_level.items()},
        accuracy_drop=difference(_accuracy(trained), _accuracy(beyond)),
        auc_drop=difference(_auc(trained), _auc(beyond)),
    )


def _accuracy(verdicts: Sequence[Verdict]) -> Measure:
    return rate([(verdict.judged > 0.5) == verdict.truth for verdict in verdicts])


def _auc(verdicts: Sequence[Verdict]) -> Measure:
    """P[judged of a yes > judged of a no], ties half; undefined unless there are both.

    The interval holds every A' that the figure A does not contradict, (A - A')^2 <= z^2 V(A'), with Hanley
    and McNeil's V (Newcombe 2006, method 5): it has a width also where A is 1.
    """
    n, yes = len(verdicts), sum(verdict.truth for verdict in verdicts)
    no = n - yes
    if not yes or not no:
        return Measure(mean=None, ci95=None, n=n)
    ranks = stats.rankdata([verdict.judged for verdict in verdicts])
    mine = sum(float(rank) for rank, verdict in zip(ranks, verdicts, strict=True) if verdict.truth)
    auc = (mine - yes * (yes + 1) / 2) / (yes * no)

    def contradicted(other: float) -> float:
        spread = 1 + (n / 2 - 1) * ((1 - other) / (2 - other) + other / (1 + other))
        return (auc - other) ** 2 - _Z**2 * other * (1 - other) * spread / (yes * no)

    root: Any = optimize.brentq
    tiny = 1e-9
    low = 0.0 if auc <= tiny else float(root(contradicted, 0, auc - tiny))
    high = 1.0 if auc >= 1 - tiny else float(root(contradicted, auc + tiny, 1))
    return Measure(mean=auc, ci95=(low, high), n=n)


class Form(StrEnum):
    """How utility U grows with capacity; x is the logarithm of the parameters, standardised."""

    SIGMOID = "sigmoid"
    """U = chance + (top - chance) * logistic(a + b x), with a, b and top (from chance to 1) fitted."""
    LOGIT_LINE = "logit line"
    """logit U = a + b x."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A size of model, and what the models of that size do."""

    parameters: int
    utilities: tuple[float, ...]
    """By seed: the share of its tasks that come out as wanted, 0 to 1."""
    tasks: int
    """How many tasks each is a share of."""

    def __post_init__(self) -> None:
        if self.parameters < 1 or self.tasks < 1 or not self.utilities:
            raise ValueError("A rung needs at least one parameter, one task and one seed.")
        if not all(0 <= utility <= 1 for utility in self.utilities):
            raise ValueError("A rung's utilities are shares, from 0 to 1.")

    @property
    def utility(self) -> float:
        """The mean over seeds."""
        return float(np.mean(self.utilities))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the smaller rungs said of a larger one, beside what it turned out to do."""

    parameters: int
    predicted: Measure
    observed: float

    @property
    def inside(self) -> bool | None:
        """Whether the interval held what was observed; None where nothing was predicted."""
        interval = self.predicted.ci95
        return None if interval is None else interval[0] <= self.observed <= interval[1]


def predict_rung(
    seen: Sequence[Rung], parameters: int, form: Form, *, chance: float = 0.0, seed: int = 0
) -> Measure:
    """Utility that will be measured of a model of `parameters`, with a 95% prediction interval.

    Measured over as many seeds and tasks as the largest rung seen has. The form is fitted by least squares,
    weighted by binomial noise. The interval is a parametric bootstrap: each rung drawn anew about the fit,
    the form fitted again, its forecast drawn once more. The noise is binomial, times what `_excess` finds.
    A single seed, whose spread can't be seen, or a wrong form makes the interval too narrow; `coverage` shows
    by how much.

    Args:
        seen: the rungs, in any order.
        parameters: of the model that is not trained yet.
        form: of utility in capacity.
        chance: the sigmoid's floor, the utility of guessing.
        seed: of the bootstrap.

    Returns:
        `n` counts rungs. Undefined with fewer than 3 of different size.

    Raises:
        ValueError: `parameters` or `chance` is out of range.
    """
    if parameters < 1 or not 0 <= chance < 1:
        raise ValueError("A prediction needs at least one parameter, and a chance from 0 up to, not at, 1.")
    rungs = sorted(seen, key=lambda rung: rung.parameters)
    if len({rung.parameters for rung in rungs}) < _FEWEST:
        return Measure(mean=None, ci95=None, n=len(rungs))
    logs = np.log([rung.parameters for rung in rungs])
    x = (logs - logs.mean()) / logs.std()
    there = float((np.log(parameters) - logs.mean()) / logs.std())
    utility = np.array([rung.utility for rung in rungs])
    count = np.array([rung.tasks * len(rung.utilities) for rung in rungs])
    found = _fit(form, x, utility, count, chance)
    fitted = _curve(found, x, chance)
    count = np.maximum(1, np.round(count / _excess(rungs, fitted, len(found)))).astype(np.int64)
    rng = np.random.default_rng(seed)
    draws = (rng.binomial(count, fitted) / count for _ in range(_FITS))
    forecasts = np.array([_curve(_fit(form, x, draw, count, chance), there, chance) for draw in draws])
    measured = rng.binomial(count[-1], _smooth(forecasts, count[-1])) / count[-1]
    low, high = np.quantile(measured, (0.025, 0.975))
    return Measure(mean=float(_curve(found, there, chance)), ci95=(float(low), float(high)), n=len(rungs))


def predictions(
    ladder: Sequence[Rung], form: Form, *, chance: float = 0.0, seed: int = 0
) -> list[Prediction]:
    """Each rung from the fourth smallest on, as the smaller ones alone predict it."""
    rungs = sorted(ladder, key=lambda rung: rung.parameters)
    return [
        Prediction(
            parameters=rung.parameters,
            predicted=predict_rung(rungs[:i], rung.parameters, form, chance=chance, seed=seed),
            observed=rung.utility,
        )
        for i, rung in enumerate(rungs)
        if i >= _FEWEST
    ]


def coverage(predicted: Sequence[Prediction]) -> Measure:
    """Share of the predictions whose interval held what came: .95 if the method is right."""
    return rate([prediction.inside for prediction in predicted if prediction.inside is not None])


def _curve(fit: np.ndarray, x: np.ndarray | float, chance: float) -> np.ndarray:
    """Utility at `x` by a line (a, b) or a sigmoid (a, b, c), top = chance + (1 - chance) logistic(c)."""
    rise = special.expit(fit[0] + fit[1] * x)
    return rise if len(fit) == 2 else chance + (1 - chance) * special.expit(fit[2]) * rise


def _fit(form: Form, x: np.ndarray, utility: np.ndarray, count: np.ndarray, chance: float) -> np.ndarray:
    share = _smooth(utility, count)
    noise = np.sqrt(share * (1 - share) / count)

    def residuals(fit: np.ndarray) -> np.ndarray:
        return (_curve(fit, x, chance) - share) / noise

    # The line through the logits, x having mean 0 and variance 1; for a sigmoid, with its top near 1.
    line = (special.logit(share).mean(), (x * special.logit(share)).mean())
    start = line if form is Form.LOGIT_LINE else (*line, 2.0)
    return optimize.least_squares(residuals, start, method="lm", ftol=1e-6, xtol=1e-6, max_nfev=100).x


def _excess(rungs: Sequence[Rung], fitted: np.ndarray, freedoms: int) -> float:
    """How many times the binomial variance of a rung's utility there is, 1 or more.

    The variance over seeds by the binomial one, averaged over rungs, if that is more than 1; times chi^2 / df
    of the rungs about the fit, given the first, if that is more than 1. Either is taken as 1 where it can't
    be seen, with one seed or with no more rungs than the form has parameters: then intervals are too narrow.
    """
    tasks = np.array([rung.tasks for rung in rungs])
    seeds = np.array([len(rung.utilities) for rung in rungs])
    share = _smooth(fitted, tasks * seeds)
    binomial = share * (1 - share) / tasks
    spread = [
        float(np.var(rung.utilities, ddof=1) / noise)
        for rung, noise in zip(rungs, binomial, strict=True)
        if len(rung.utilities) > 1
    ]
    excess = max(1.0, float(np.mean(spread))) if spread else 1.0
    if len(rungs) <= freedoms:
        return excess
    off = np.array([rung.utility for rung in rungs]) - fitted
    chi2 = float((off**2 * seeds / (binomial * excess)).sum())
    return excess * max(1.0, chi2 / (len(rungs) - freedoms))


def _smooth(share: np.ndarray, count: np.ndarray) -> np.ndarray:
    """With half a success and half a failure more: a rung at 0 or 1 is not certain, nor infinitely far."""
    return (share * count + 0.5) / (count + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A judge preferred one model's solutions to another's."""

    judge: str
    winner: str
    loser: str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerReview:
    """How models rank each other."""

    strengths: Mapping[str, Measure]
    """Model to its strength s, with mean 0: P[i beats j] = logistic(s_i - s_j) (Bradley and Terry 1952).
    `n` counts the comparisons that it was in; undefined where all of them were dropped."""
    tau: Measure
    """Kendall's tau-b between strengths and truth, -1 to 1. `n` counts comparisons, as the interval does."""
    own: int
    """Comparisons that were dropped since their judge had written one of the two."""


def peer_review(
    comparisons: Sequence[Comparison], truth: Mapping[str, float] | None = None, *, seed: int = 0
) -> PeerReview:
    """Rank models by what their peers prefer, and compare the ranks with the truth.

    Nobody judges their own work: such comparisons are dropped and counted. Beside the wins that are counted,
    every two models get a tenth of a win over each other; that joins models that were never compared, even
    indirectly, at the cost of strengths that lie a little closer. Intervals are percentile bootstraps over
    comparisons; half a win each way between those that met is added to the pool that is drawn from, without
    which one comparison would be certain.

    Args:
        comparisons: who preferred whose solutions.
        truth: model to its true score, for evaluation; of each model that is compared, or None.
        seed: of the bootstrap.

    Returns:
        tau is undefined without truth, with fewer than two models, or where all have the same true score.

    Raises:
        ValueError: a model meets itself, counts are negative, or the truth lacks a model.
        ImportError: choix is not installed; the message names the extra.
    """
    _check(comparisons, truth)
    fair = [row for row in comparisons if row.judge not in (row.winner, row.loser)]
    own = sum(row.times for row in comparisons) - sum(row.times for row in fair)
    met = [row for row in fair if row.times]
    names = sorted({name for row in met for name in (row.winner, row.loser)})
    undefined = Measure(mean=None, ci95=None, n=0)
    strengths = {name: undefined for row in comparisons for name in (row.winner, row.loser)}
    if not met:
        return PeerReview(strengths=strengths, tau=undefined, own=own)
    wins_MM = np.zeros((len(names), len(names)))
    for row in met:
        wins_MM[names.index(row.winner), names.index(row.loser)] += row.times
    found_M, drawn_BM = _strengths(wins_MM, seed)
    low_M, high_M = np.quantile(drawn_BM, (0.025, 0.975), axis=0)
    in_M = (wins_MM + wins_MM.T).sum(0)
    for i, name in enumerate(names):
        interval = (float(low_M[i]), float(high_M[i]))
        strengths[name] = Measure(mean=float(found_M[i]), ci95=interval, n=int(in_M[i]))
    tau = _tau(found_M, drawn_BM, None if truth is None else [truth[name] for name in names])
    return PeerReview(
        strengths=strengths, tau=Measure(mean=tau[0], ci95=tau[1], n=int(wins_MM.sum())), own=own
    )


def _check(comparisons: Sequence[Comparison], truth: Mapping[str, float] | None) -> None:
    for row in comparisons:
        if row.winner == row.loser or row.times < 0:
            raise ValueError(f"{row} is no comparison: it needs two models, and a count of 0 or more.")
        for name in (row.winner, row.loser):
            if truth is not None and name not in truth:
                raise ValueError(f"The truth has no score for {name}; give one for every model compared.")


def _strengths(wins_MM: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Strengths of the models, and of `_RANKINGS` resamples of the comparisons."""
    try:
        import choix
    except ImportError as error:
        raise ImportError("Peer review ranks by choix; add it with: pip install 'partwise[lab]'") from error
    even_MM = _EVEN * (1 - np.eye(len(wins_MM)))

    def fit(wins: np.ndarray, start: np.ndarray | None) -> np.ndarray:
        found: Any = choix.ilsr_pairwise_dense(wins + even_MM, initial_params=start, max_iter=1000, tol=1e-4)
        return np.asarray(found - found.mean(), dtype=np.float64)

    found = fit(wins_MM, None)
    pool_MM = wins_MM + _DOUBT * ((wins_MM + wins_MM.T) > 0)
    chances = pool_MM.ravel() / pool_MM.sum()
    drawn = np.random.default_rng(seed).multinomial(int(wins_MM.sum()), chances, _RANKINGS)
    return found, np.array([fit(wins.reshape(wins_MM.shape), found) for wins in drawn])


def _tau(
    found: np.ndarray, drawn: np.ndarray, truth: Sequence[float] | None
) -> tuple[float | None, tuple[float, float] | None]:
    if truth is None or len(set(truth)) < 2:
        return None, None
    # Models that are alike differ by what the fit leaves over: beyond 3 decimals there is no order.
    kendall: Any = stats.kendalltau
    taus = [float(kendall(np.round(row, 3), truth).statistic) for row in (found, *drawn)]
    if math.isnan(taus[0]):
        return None, None
    low, high = np.quantile([tau for tau in taus[1:] if not math.isnan(tau)], (0.025, 0.975))
    return taus[0], (float(low), float(high))
