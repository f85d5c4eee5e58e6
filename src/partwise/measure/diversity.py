"""What several sources add to each other, and how varied a model's outputs are. Undefined is None, never 0.

Kim et al. 2025, on signal diversity: combining sources helps as far as their errors are uncorrelated, and a
model that learns from itself alone loses the variety of its outputs (mode collapse).

The variety of a sample (entropy, distinct-n, Vendi score) depends on its size: compare samples of one size.
It comes without an interval, which is to be taken over seeds.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from partwise.measure.intervals import OF_SHARES, SHARE, Measure, over_seeds, rate
from partwise.oversight.combine import Method, combine
from partwise.types import Example, Signal

Answers = Mapping[str, Sequence[Signal | None]]
"""Source to its signals, in the order of the examples."""
Tokens = str | Sequence[Hashable]
"""An output: a text, which is split at white space, or the tokens of one."""
T = TypeVar("T")

_RESAMPLES = 1000
_LEAST_SHARED = 4
"""Examples under which two sources' errors are not compared."""
_MOST_SOURCES = 6
"""Up to so many sources, all orders are tried."""
_ORDERS = 100
"""Orders that are drawn of more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCorrelation:
    """Whether sources err on the same examples."""

    sources: tuple[str, ...]
    matrix: tuple[tuple[Measure, ...], ...]
    """Phi of each two sources, rows and columns in their order; n counts the examples that both answered."""
    mean: Measure
    """Over the pairs of two different sources for which it is defined; n counts the examples that two or more
    answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """What the n-th source adds."""

    sources: int
    """n, from 1."""
    accuracy: Measure
    """Of n sources combined, averaged over the orders in which they may join."""
    benefit: Measure
    """That, minus the accuracy of n - 1; undefined for the first, which joins nobody."""


def accuracies(answers: Answers, examples: Sequence[Example]) -> dict[str, Measure]:
    """Source to the share of its answers that is right; n counts the answers: what it left out is not wrong.

    Raises:
        ValueError: signals that do not stand for the examples, in their order.
    """
    _check(answers, examples)
    return {
        source: rate([s.label == e.label for s, e in zip(said, examples, strict=True) if s is not None])
        for source, said in answers.items()
    }


def error_correlation(answers: Answers, examples: Sequence[Example]) -> ErrorCorrelation:
    """The phi coefficient of two sources' errors, on the examples that both answered.

    With e_i = 1 where source i errs, phi = (E[e_i e_j] - E[e_i] E[e_j]) / (sd(e_i) sd(e_j)): 1 where they err
    together, 0 where they err independently, below 0 where each is right when the other errs. Undefined where
    one of the two makes no error, or only errors, and under 4 examples. Intervals are percentiles of a
    bootstrap over examples, one for the matrix and its mean.

    Raises:
        ValueError: signals that do not stand for the examples, in their order.
    """
    _check(answers, examples)
    names = tuple(answers)
    said_SE = np.array([[signal is not None for signal in said] for said in answers.values()], dtype=float)
    wrong_SE = np.array(
        [
            [s is not None and s.label != e.label for s, e in zip(said, examples, strict=True)]
            for said in answers.values()
        ],
        dtype=float,
    )
    shape = (len(names), len(examples))
    said_SE, wrong_SE = said_SE.reshape(shape), wrong_SE.reshape(shape)
    shared_SS = said_SE @ said_SE.T
    phi_SS = np.where(shared_SS < _LEAST_SHARED, np.nan, _phi(wrong_SE, said_SE))
    resampled_RSS = _resampled(wrong_SE, said_SE)
    pairs = np.triu(np.isfinite(phi_SS), k=1)
    return ErrorCorrelation(
        sources=names,
        matrix=tuple(
            tuple(_measure(phi_SS[i, j], resampled_RSS[:, i, j], shared_SS[i, j]) for j in range(len(names)))
            for i in range(len(names))
        ),
        mean=_measure(
            _mean(phi_SS[pairs]),
            np.array([_mean(resample_SS[pairs]) for resample_SS in resampled_RSS]),
            (said_SE.sum(0) > 1).sum(),
        ),
    )


def _phi(wrong_SE: NDArray[Any], said_SE: NDArray[Any], times_E: NDArray[Any] | float = 1.0) -> NDArray[Any]:
    """Phi of every two sources, where example e counts `times_E[e]` times; NaN where it is undefined."""
    n_SS = (said_SE * times_E) @ said_SE.T
    one_SS = (wrong_SE * times_E) @ said_SE.T  # errors of the row's source where the column's answered
    both_SS = (wrong_SE * times_E) @ wrong_SE.T
    spread_SS = one_SS * (n_SS - one_SS) * (one_SS * (n_SS - one_SS)).T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread_SS > 0, (n_SS * both_SS - one_SS * one_SS.T) / np.sqrt(spread_SS), np.nan)


def _resampled(wrong_SE: NDArray[Any], said_SE: NDArray[Any]) -> NDArray[Any]:
    """Phi of every two sources in each resample of the examples."""
    n = wrong_SE.shape[1]
    rng = np.random.default_rng(0)
    times_RE = (rng.multinomial(n, np.full(n, 1 / n)) for _ in range(_RESAMPLES if n else 0))
    found = [_phi(wrong_SE, said_SE, times_E) for times_E in times_RE]
    return np.array(found).reshape(len(found), len(wrong_SE), len(wrong_SE))


def _mean(values: NDArray[Any]) -> float:
    """Of those that are defined; NaN of none."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else math.nan


def _measure(value: float, resampled: NDArray[Any], n: float) -> Measure:
    """A figure and its percentiles; no interval where one resample in twenty leaves it undefined."""
    if math.isnan(value):
        return Measure(mean=None, ci95=None, n=int(n))
    defined = resampled[np.isfinite(resampled)]
    if len(defined) < 0.95 * _RESAMPLES:
        return Measure(mean=float(value), ci95=None, n=int(n))
    low, high = np.percentile(defined, [2.5, 97.5])
    return Measure(mean=float(value), ci95=(float(low), float(high)), n=int(n))


def marginal_benefit(
    answers: Answers, examples: Sequence[Example], method: Method, *, classes: int = 2, seed: str = "0"
) -> list[Benefit]:
    """What the n-th source adds to the accuracy of the combination, for every n, averaged over orders.

    All orders of up to 6 sources, 100 drawn by `seed` of more. All n are compared on the same examples: those
    that every source answered, which `n` counts. Intervals are Student's over the draw of these examples, of
    the difference within each; what Dawid-Skene and GLAD would have learned from others is not in it.

    Args:
        answers: the sources.
        examples: with the true labels.
        method: how they are combined.
        classes: how many labels there are to choose from; only confidence weighs with it.
        seed: draws the orders.

    Raises:
        ValueError: signals that do not stand for the examples, in their order, or what `combine` raises.
    """
    _check(answers, examples)
    names = sorted(answers)
    shared = [i for i in range(len(examples)) if all(said[i] is not None for said in answers.values())]
    orders = _orders(names, seed)
    known: dict[frozenset[str], NDArray[Any]] = {}

    def right(subset: frozenset[str]) -> NDArray[Any]:
        """Whether the combination of these sources is right, for each shared example."""
        if subset not in known:
            said = [[answers[name][i] for i in shared] for name in sorted(subset)]
            combined = combine(said, method, classes=classes)
            known[subset] = np.array(
                [
                    s is not None and s.label == examples[i].label
                    for s, i in zip(combined, shared, strict=True)
                ],
                dtype=float,
            )
        return known[subset]

    benefits: list[Benefit] = []
    before_E: NDArray[Any] | None = None
    for n in range(1, len(names) + 1):
        times = Counter(frozenset(order[:n]) for order in orders)
        right_E = np.sum([count * right(subset) for subset, count in times.items()], axis=0) / len(orders)
        added = [] if before_E is None else (right_E - before_E).tolist()
        accuracy, benefit = over_seeds(right_E.tolist(), SHARE), over_seeds(added, OF_SHARES)
        benefits.append(Benefit(sources=n, accuracy=accuracy, benefit=benefit))
        before_E = right_E
    return benefits


def _orders(names: Sequence[str], seed: str) -> list[tuple[str, ...]]:
    if len(names) <= _MOST_SOURCES:
        return list(itertools.permutations(names))
    rng = random.Random(seed)
    return [tuple(rng.sample(names, len(names))) for _ in range(_ORDERS)]


def _check(answers: Answers, examples: Sequence[Example]) -> None:
    for source, said in answers.items():
        if len(said) != len(examples):
            raise ValueError(
                f"'{source}' gives {len(said)} signals for {len(examples)} examples: give one each"
            )
        for signal, example in zip(said, examples, strict=True):
            if signal is not None and signal.example != example.key:
                raise ValueError(
                    f"'{source}' answers {signal.example} where {example.key} is asked: "
                    "give signals in the order of the examples"
                )


def output_entropy(outputs: Sequence[str]) -> Measure:
    """The entropy of a sample of outputs, in nats: 0 (all the same) to ln n (all differ).

    H = -sum p ln p over the distinct texts, p their shares of the sample. Undefined of nothing.
    """
    n = len(outputs)
    if not n:
        return Measure(mean=None, ci95=None, n=0)
    shares = [count / n for count in Counter(outputs).values()]
    return Measure(mean=max(0.0, -math.fsum(p * math.log(p) for p in shares)), ci95=None, n=n)


def distinct_n(outputs: Iterable[Tokens], n: int) -> Measure:
    """Of all n-grams of tokens, the share that is distinct, 0 to 1 (Li et al. 2016, distinct-1 and -2).

    `Measure.n` counts the n-grams, within outputs; undefined where no output has n tokens.

    Raises:
        ValueError: n is under 1.
    """
    if n < 1:
        raise ValueError(f"n-grams have at least one token, not {n}")
    grams = [gram for output in outputs for gram in _grams(_tokens(output), n)]
    share = len(set(grams)) / len(grams) if grams else None
    return Measure(mean=share, ci95=None, n=len(grams))


def vendi_score(kernel_NN: NDArray[Any]) -> Measure:
    """How many different outputs a sample is worth, 1 (all the same) to n (nothing in common).

    exp(-sum l ln l) over the eigenvalues l of K / n, for a positive semidefinite kernel K with K_ii = 1: the
    exponential of its von Neumann entropy (Friedman and Dieng 2023, section 3). Undefined of nothing.

    Raises:
        ValueError: K is not a kernel of that kind.
    """
    n = len(kernel_NN)
    if not n:
        return Measure(mean=None, ci95=None, n=0)
    if kernel_NN.shape != (n, n) or not np.allclose(kernel_NN, kernel_NN.T):
        raise ValueError(
            f"a kernel is a square symmetric matrix of finite similarities, not {kernel_NN.shape}"
        )
    if not np.allclose(kernel_NN.diagonal(), 1):
        raise ValueError("every output is as similar as 1 to itself: divide K_ij by sqrt(K_ii K_jj)")
    shares = np.linalg.eigvalsh(kernel_NN / n)
    if shares[0] < -1e-6:
        raise ValueError("the kernel has a negative eigenvalue: take a positive semidefinite similarity")
    shares = shares[shares > 0]
    return Measure(mean=float(np.exp(-(shares * np.log(shares)).sum()).clip(1, n)), ci95=None, n=n)


def similarities(outputs: Sequence[T], similarity: Callable[[T, T], float]) -> NDArray[Any]:
    """The kernel of a similarity function, which is symmetric, positive semidefinite, and 1 for equals."""
    kernel_NN = np.eye(len(outputs))
    for i, j in itertools.combinations(range(len(outputs)), 2):
        kernel_NN[i, j] = kernel_NN[j, i] = similarity(outputs[i], outputs[j])
    return kernel_NN


def ngram_similarities(outputs: Sequence[Tokens], longest: int = 4) -> NDArray[Any]:
    """The kernel of n-gram overlap: the cosine of the counts of n-grams, its mean over n = 1 to `longest`.

    An output of fewer than n tokens is one n-gram as a whole.
    """
    tokens = [_tokens(output) for output in outputs]
    kernel_NN = np.zeros((len(outputs), len(outputs)))
    for n in range(1, longest + 1):
        column: dict[tuple[Hashable, ...], int] = {}
        entries = [
            (row, column.setdefault(gram, len(column)), count)
            for row, output in enumerate(tokens)
            for gram, count in Counter(_grams(output, n) or [output]).items()
        ]
        rows, columns, counts = np.array(entries, dtype=int).reshape(-1, 3).T
        counts_NG = sparse.csr_array((counts, (rows, columns)), shape=(len(tokens), len(column)))
        overlap_NN = (counts_NG @ counts_NG.T).toarray().astype(float)
        norm_N = np.sqrt(overlap_NN.diagonal())
        kernel_NN += overlap_NN / np.outer(norm_N, norm_N) / longest
    return kernel_NN


def _tokens(output: Tokens) -> tuple[Hashable, ...]:
    return tuple(output.split() if isinstance(output, str) else output)


def _grams(tokens: tuple[Hashable, ...], n: int) -> list[tuple[Hashable, ...]]:
    return [tokens[i : i + n] for i in range(len(tokens) - n + 1)]
