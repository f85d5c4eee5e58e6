"""Several supervision signals made one: by majority, by confidence, or by what each source is worth.

Kim et al. 2025, on signal diversity: sources whose errors are partly independent correct each other.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from partwise.oversight.signals import Source
from partwise.types import Example, Signal

_TOO_SURE = 1e-6
"""No single source is taken to be surer than this is from 0 and 1, so that others can still outvote it."""
_TIE = 1e-9
"""Chances closer than this are a tie."""


class Method(StrEnum):
    """How signals are combined. Each yields the chances of the labels; the largest is the confidence."""

    MAJORITY = "majority"
    """The label that most sources give; its chance is its share of the votes."""
    CONFIDENCE = "confidence-weighted"
    """The sum of log-odds (Nitzan and Paroush 1982): sources that err independently and evenly over the other
    classes, each with the confidence that it states."""
    DAWID_SKENE = "dawid-skene"
    """Dawid and Skene 1979: each source's confusions and the true labels are estimated together (EM)."""
    GLAD = "glad"
    """Whitehill et al. 2009: each source's ability and each example's difficulty are (EM). Slow: tens of
    seconds for thousands of examples."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Several sources that answer as one.

    Raises:
        ValueError: there is no source, or two share a name.
    """

    sources: Sequence[Source]
    method: Method
    classes: int = 2
    """Classes of the examples of one text; of several texts there are as many answers as texts."""

    def __post_init__(self) -> None:
        names = [source.name for source in self.sources]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a panel needs sources with names of their own, not {names}")

    @property
    def name(self) -> str:
        """`majority of ana, bo, cy`."""
        return _name(self.method, {source.name for source in self.sources})

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """What they say together. Dawid-Skene and GLAD learn who is right from these examples alone."""
        if not examples:
            return []
        said = [source.signals(examples) for source in self.sources]
        classes = max(self.classes, *(len(example.texts) for example in examples))
        combined = combine(said, self.method, classes=classes)
        return [signal and replace(signal, source=self.name) for signal in combined]


def contradicted(said: Sequence[Signal | None], combined: Sequence[Signal | None]) -> float | None:
    """The share of a source's answers, 0 to 1, that differ from the combined ones; None of no answer.

    With `Method.DAWID_SKENE` an estimate of the source's error from answers alone. Few sources that know
    nothing agree with what they come to more often than with the truth: then it is too low.
    """
    against = [
        mine.label != whole.label
        for mine, whole in zip(said, combined, strict=True)
        if mine is not None and whole is not None
    ]
    return sum(against) / len(against) if against else None


def combine(
    signals: Sequence[Sequence[Signal | None]], method: Method, *, classes: int = 2
) -> list[Signal | None]:
    """One signal an example, whatever the order of the sources; None where no source has answered.

    Between labels with equal chances a hash of the example's key decides, so that no class is favoured. A
    label that nobody gives is never the answer, but by Dawid-Skene and GLAD, which may learn that a source is
    always wrong. The cost is that of all the signals that went in; the source names all of theirs.

    Args:
        signals: one list a source, all in the order of the examples.
        method: what the combination believes of its sources.
        classes: how many labels there are to choose from, 2 or more; only confidence weighs with it.

    Raises:
        ValueError: there is no method of that name, no source, lists that do not stand for the same examples,
            under 2 classes, or a label beyond them.
        ModuleNotFoundError: Dawid-Skene and GLAD need crowd-kit.
    """
    if method not in list(Method):
        raise ValueError(f"there is no method '{method}': choose one of {', '.join(Method)}")
    if classes < 2:
        raise ValueError(f"there are 2 labels or more to choose from, not {classes}")
    # The order of the sources is forgotten here, so that not even a rounding error depends on it.
    columns = sorted(signals, key=lambda column: [_sortable(signal) for signal in column])
    rows = _rows(columns)
    match method:
        case Method.MAJORITY:
            chances = [_shares(row) for row in rows]
        case Method.CONFIDENCE:
            chances = [_by_confidence(row, classes) for row in rows]
        case Method.DAWID_SKENE | Method.GLAD:
            chances = _by_crowd(columns, method)
    name = _name(method, {signal.source for row in rows for signal in row})
    return [_signal(row, chance, name) if row else None for row, chance in zip(rows, chances, strict=True)]


def _name(method: Method, sources: set[str]) -> str:
    return f"{method} of {', '.join(sorted(sources))}"


def _sortable(signal: Signal | None) -> tuple[str, int, float]:
    return ("", -1, 0.0) if signal is None else (signal.source, signal.label, signal.confidence)


def _rows(columns: Sequence[Sequence[Signal | None]]) -> list[list[Signal]]:
    """The signals of each example.

    Raises:
        ValueError: there is no source, or the lists do not stand for the same examples.
    """
    lengths = {len(column) for column in columns}
    if len(lengths) != 1:
        raise ValueError(
            f"give one list of signals a source, at least one and all of one length, not of {sorted(lengths)}"
        )
    rows = [[signal for signal in row if signal is not None] for row in zip(*columns, strict=True)]
    for position, row in enumerate(rows):
        if len(keys := {signal.example for signal in row}) > 1:
            raise ValueError(
                f"the sources answer different examples at position {position} ({', '.join(sorted(keys))}): "
                "ask all of them the same examples in the same order"
            )
    return rows


def _signal(row: Sequence[Signal], chances: Mapping[int, float], name: str) -> Signal:
    best = max(chances.values())
    tied = sorted(label for label, chance in chances.items() if chance >= best - _TIE)
    key = row[0].example
    return Signal(
        example=key,
        label=random.Random(f"tie\n{key}").choice(tied),
        confidence=min(1.0, best),
        source=name,
        cost=math.fsum(signal.cost for signal in row),
    )


def _shares(row: Sequence[Signal]) -> dict[int, float]:
    labels = [signal.label for signal in row]
    return {label: labels.count(label) / len(labels) for label in labels}


def _by_confidence(row: Sequence[Signal], classes: int) -> dict[int, float]:
    """P(label) is proportional to the product, over sources of confidence c, of c where one says so and of
    (1 - c) / (classes - 1) where it says another.
    """
    for signal in row:
        if not 0 <= signal.label < classes:
            raise ValueError(
                f"'{signal.source}' answers {signal.label} to {signal.example}, beyond the labels 0 to "
                f"{classes - 1}: set classes to the number of labels"
            )
    odds: dict[int, list[float]] = {}
    for signal in row:
        sure = min(max(signal.confidence, _TOO_SURE), 1 - _TOO_SURE)
        odds.setdefault(signal.label, []).append(math.log(sure * (classes - 1) / (1 - sure)))
    # A label that nobody gives has the score 0. The exact sum does not depend on the order.
    scores = {label: math.fsum(logs) for label, logs in odds.items()}
    top = max([0.0, *scores.values()])
    total = sum(math.exp(scores.get(label, 0.0) - top) for label in range(classes))
    return {label: math.exp(score - top) / total for label, score in scores.items()}


def _by_crowd(columns: Sequence[Sequence[Signal | None]], method: Method) -> list[dict[int, float]]:
    """The chances that crowd-kit's model gives each label of each example; none where nobody has answered."""
    votes = [
        (example, worker, signal.label)
        for worker, column in enumerate(columns)
        for example, signal in enumerate(column)
        if signal is not None
    ]
    chances: list[dict[int, float]] = [{} for _ in columns[0]]
    labels = {label for _, _, label in votes}
    if len(labels) < 2:
        # Nobody ever differs: there is nothing to learn about anybody, and GLAD would divide by zero.
        for example, _, label in votes:
            chances[example] = {label: 1.0}
        return chances
    table = _fit(votes, method)
    columns_of = [int(label) for label in table.columns]
    for example, row in zip(table.index, table.to_numpy().tolist(), strict=True):
        chances[int(example)] = dict(zip(columns_of, row, strict=True))
    return chances


def _fit(votes: Sequence[tuple[int, int, int]], method: Method) -> Any:
    try:
        import pandas as pd
        from crowdkit.aggregation import GLAD, DawidSkene
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"Combining by {method} needs crowd-kit ({error}); pip install 'partwise[lab]'."
        ) from error
    # At GLAD's own tolerance, a tenth of this, it takes twice as long and answers the same.
    model: Any = GLAD(n_iter=100, tol=1e-4) if method == Method.GLAD else DawidSkene(n_iter=100)
    with warnings.catch_warnings():
        # crowd-kit says things to pandas that pandas will not understand for ever.
        warnings.simplefilter("ignore")
        return model.fit(pd.DataFrame(votes, columns=["task", "worker", "label"])).probas_
