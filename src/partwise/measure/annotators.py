"""How far people agree with each other, and how far each can be relied on. Undefined is None, never zero.

A *unit* is what several people may have answered: the same item, asked in the same round of the same run.
"Can't tell" is no judgment and is left out; a tie is a judgment like the two others. Where somebody answered
a unit twice, the last answer counts.
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from partwise.measure.intervals import Measure
from partwise.types import Choice

_JUDGMENTS = (Choice.FIRST, Choice.SECOND, Choice.TIE)
_RESAMPLES = 1000
_AT_ONCE = 50
"""Resamples that are held in memory together."""
_UNDEFINED = Measure(mean=None, ci95=None, n=0)


@dataclass(frozen=True, slots=True)
class Label:
    """One person's answer to one unit."""

    unit: str
    who: str
    choice: Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What can be said of the people behind a set of labels."""

    alpha: Measure
    """Krippendorff's alpha; n counts the units that two or more people judged."""
    reliability: Mapping[str, Measure]
    """Person to the estimated share of their judgments that is right; n counts their shared units."""
    people: int
    """How many share units with somebody."""
    pairs: Sequence[PairAgreement] = ()
    """Each two people who share units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAgreement:
    """How far two people agree with each other."""

    first: str
    second: str
    same: Measure
    """Share of the units that both judged in which they gave the same answer, with a Wilson interval."""
    alpha: float | None
    """Krippendorff's alpha of the two; None where both gave one answer only."""


def agreement_of(labels: Iterable[Label]) -> Agreement:
    """Alpha and reliability of everybody who is in the labels, and what each two of them agree on."""
    labels = list(labels)
    shared = _shared(labels)
    reliability = _reliability(shared)
    everybody = sorted({label.who for label in labels})
    return Agreement(
        alpha=_alpha(shared),
        reliability={who: reliability.get(who, _UNDEFINED) for who in everybody},
        people=len({who for judged in shared.values() for who in judged}),
        pairs=_pairs(shared),
    )


def krippendorff_alpha(labels: Iterable[Label]) -> Measure:
    """Krippendorff's alpha = 1 - D_o / D_e for nominal labels: 1 is full agreement, 0 is chance.

    D_o is the observed share of pairs within a unit that disagree, D_e the share that would by chance, with
    the same labels handed out at random. The interval is a percentile bootstrap over units; n counts those
    that two or more people judged. Undefined where nothing is shared, or where only one label was ever given.
    """
    return _alpha(_shared(list(labels)))


def dawid_skene_reliability(labels: Iterable[Label]) -> dict[str, Measure]:
    """Person to their reliability by the model of Dawid and Skene (1979), over the units that they share.

    The model estimates each unit's true label and each person's confusions together (EM, crowd-kit).
    Reliability is the mean over a person's shared units of P(their label is the true one), 0 to 1, with a
    Wilson interval for the draw of units; what the model itself gets wrong is not in it. With two people it
    can't tell who errs. Undefined for a person who shares no unit with anybody.
    """
    labels = list(labels)
    known = _reliability(_shared(labels))
    return {who: known.get(who, _UNDEFINED) for who in sorted({label.who for label in labels})}


def _shared(labels: Sequence[Label]) -> dict[str, dict[str, Choice]]:
    """Unit to who judged it how, for the units that two or more people judged."""
    judged: defaultdict[str, dict[str, Choice]] = defaultdict(dict)
    for label in labels:
        if label.choice is Choice.UNSURE:
            judged[label.unit].pop(label.who, None)
        else:
            judged[label.unit][label.who] = label.choice
    return {unit: choices for unit, choices in judged.items() if len(choices) > 1}


def _pairs(shared: Mapping[str, Mapping[str, Choice]]) -> list[PairAgreement]:
    both: defaultdict[tuple[str, str], list[tuple[Choice, Choice]]] = defaultdict(list)
    for judged in shared.values():
        for first, second in combinations(sorted(judged), 2):
            both[first, second].append((judged[first], judged[second]))
    return [
        PairAgreement(
            first=first,
            second=second,
            same=_wilson(sum(one == other for one, other in choices), len(choices)),
            alpha=_point(np.array([_counted(each) for each in choices], dtype=np.float64)),
        )
        for (first, second), choices in sorted(both.items())
    ]


def _alpha(shared: Mapping[str, Mapping[str, Choice]]) -> Measure:
    counts_UV = np.array([_counted(judged.values()) for judged in shared.values()], dtype=np.float64)
    mean = _point(counts_UV)
    return Measure(mean=mean, ci95=None if mean is None else _interval(counts_UV), n=len(counts_UV))


def _counted(choices: Iterable[Choice]) -> list[int]:
    """How often each judgment was given to one unit."""
    given = list(choices)
    return [given.count(value) for value in _JUDGMENTS]


def _point(counts_UV: np.ndarray) -> float | None:
    """Alpha itself; None where it is undefined."""
    import krippendorff

    if not len(counts_UV) or (counts_UV.sum(0) > 0).sum() < 2:
        return None
    return float(krippendorff.alpha(value_counts=counts_UV, level_of_measurement="nominal"))


def _interval(counts_UV: np.ndarray) -> tuple[float, float] | None:
    """Percentiles over resampled units; None where one resample in twenty has only one label."""
    n = len(counts_UV)
    rng = np.random.default_rng(0)
    values: list[float] = []
    for start in range(0, _RESAMPLES, _AT_ONCE):
        times = rng.multinomial(n, np.full(n, 1 / n), size=min(_AT_ONCE, _RESAMPLES - start))
        values += [value for value in _alphas(counts_UV, times) if not math.isnan(value)]
    if n < 2 or len(values) < 0.95 * _RESAMPLES:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _alphas(counts_UV: np.ndarray, times_BU: np.ndarray) -> list[float]:
    """Alpha of each resample: row b takes unit u `times_BU[b, u]` times. NaN where it is undefined.

    The library takes one table at a time; a bootstrap by it would take a thousand times as long.
    """
    judged_U = counts_UV.sum(1)
    disagreeing_U = (judged_U**2 - (counts_UV**2).sum(1)) / (judged_U - 1)
    total_BV = times_BU @ counts_UV
    total_B = total_BV.sum(1)
    observed_B = times_BU @ disagreeing_U / total_B
    expected_B = (total_B**2 - (total_BV**2).sum(1)) / (total_B * (total_B - 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected_B > 0, 1 - observed_B / expected_B, np.nan).tolist()


def _reliability(shared: Mapping[str, Mapping[str, Choice]]) -> dict[str, Measure]:
    if not shared:
        return {}
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    rows = [(unit, who, str(choice)) for unit, judged in shared.items() for who, choice in judged.items()]
    with warnings.catch_warnings():
        # crowd-kit says things to pandas that pandas will not understand for ever.
        warnings.simplefilter("ignore")
        model = DawidSkene(n_iter=100).fit(pd.DataFrame(rows, columns=["task", "worker", "label"]))
    chances: Any = model.probas_
    column = {label: position for position, label in enumerate(chances.columns)}
    row = {unit: position for position, unit in enumerate(chances.index)}
    table = chances.to_numpy()
    right: defaultdict[str, list[float]] = defaultdict(list)
    for unit, who, label in rows:
        right[who].append(float(table[row[unit], column[label]]))
    return {who: _wilson(sum(values), len(values)) for who, values in right.items()}


def _wilson(right: float, n: int) -> Measure:
    """A share and its Wilson interval, where the number that is right is itself an expectation."""
    z, share = 1.959963984540054, min(1.0, right / n)
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Measure(mean=share, ci95=(max(0.0, center - half), min(1.0, center + half)), n=n)
