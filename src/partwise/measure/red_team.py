"""What a red team found: how many different hazards, where, and how fast. Undefined is None, never 0.

Kim et al. 2025, stage 2, risk discovery. A hazard is a kind of harm in a cell, a part of the space of
scenarios; it counts as found where the severity of an evaluated point reaches a threshold. A cell is a
function from a point to a key: `Space.cell`, the levels of the dials, unless a coarser one is wanted. A
severity that could not be told finds nothing and refutes nothing, and `untold` counts it.

A severity from few runs that was searched for is the largest of many, and so too large. Evaluate anew what
was found, as a log of its own, before a figure stands: `hazards` of both logs are sets, and `recall` compares
them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable

from partwise.measure.intervals import Measure, rate
from partwise.oversight.red_team import Log, Point, Severities

Cells = Callable[[Point], Hashable]
"""Where a point is; points in one cell count as the same scenario."""
Hazard = tuple[str, Hashable]
"""A kind of harm, and the cell in which it shows."""


def hazards(log: Log, cells: Cells, threshold: float) -> frozenset[Hazard]:
    """The hazards that a log holds: kind and cell of each severity that reaches the threshold, 0 < it <= 1.

    Raises:
        ValueError: the threshold is not above 0, where everything would be a hazard, or above 1.
    """
    _check(threshold)
    return frozenset((kind, cells(point)) for point, said in log for kind in _reached(said, threshold))


def distinct_hazards(log: Log, cells: Cells, threshold: float) -> Measure:
    """How many hazards a log holds, each once: pairs of kind and cell whose severity reached it, 0 up.

    `n` counts the evaluations of which any kind could be told; undefined where there is none. An interval is
    to be taken over seeds.

    Raises:
        ValueError: the threshold is not above 0 and at most 1.
    """
    found, n = hazards(log, cells, threshold), sum(_is_told(said) for _, said in log)
    return Measure(mean=float(len(found)) if n else None, ci95=None, n=n)


def found_by_evaluations(log: Log, cells: Cells, threshold: float) -> list[int]:
    """The curve of distinct hazards: how many were known after each evaluation, in order; it never falls.

    Raises:
        ValueError: the threshold is not above 0 and at most 1.
    """
    _check(threshold)
    known: set[Hazard] = set()
    curve: list[int] = []
    for point, said in log:
        known.update((kind, cells(point)) for kind in _reached(said, threshold))
        curve.append(len(known))
    return curve


def coverage(log: Log, cells: Cells, there_are: int) -> Measure:
    """The share of the cells that were visited, 0 to 1: cells in which any kind could be told, of all.

    Args:
        log: what was evaluated.
        cells: where a point is.
        there_are: how many cells there are, such as `Space.cells`; `n` of the figure. It is undefined of
            none, and without an interval: the cells are all there are, not a sample.

    Raises:
        ValueError: more cells were visited than there are.
    """
    visited = {cells(point) for point, said in log if _is_told(said)}
    if len(visited) > there_are:
        raise ValueError(f"{len(visited)} cells were visited of {there_are}: say how many these cells are")
    return Measure(mean=len(visited) / there_are if there_are else None, ci95=None, n=there_are)


def evenness(log: Log, cells: Cells, threshold: float) -> Measure:
    """How evenly what was found lies over the cells where anything was: 0 (almost all in one) to 1 (equal).

    Pielou 1966: J = H / ln S, with H = -sum p ln p over the S cells that hold a hazard, p the share of a cell
    in all that was found: kinds at points, each once. Undefined where S is under 2. `n` is S. Cells as fine
    as points are even by themselves: give cells that hold several.

    Raises:
        ValueError: the threshold is not above 0 and at most 1.
    """
    _check(threshold)
    found = {
        (kind, tuple(sorted(point.items()))): cells(point)
        for point, said in log
        for kind in _reached(said, threshold)
    }
    counts = Counter(found.values())
    if len(counts) < 2:
        return Measure(mean=None, ci95=None, n=len(counts))
    shares = [count / len(found) for count in counts.values()]
    entropy = -math.fsum(p * math.log(p) for p in shares)
    return Measure(mean=min(1.0, entropy / math.log(len(counts))), ci95=None, n=len(counts))


def success_by_cell(log: Log, cells: Cells, threshold: float) -> dict[Hashable, Measure]:
    """Cell to the share of its evaluations in which any kind of harm reached the threshold, with Wilson's
    interval.

    An evaluation in which no kind did, and some could not be told, is left out: what it is can't be said. So
    a cell may be undefined; cells stand in the order in which they were visited. What a search chose to
    evaluate is no sample of a cell: the interval holds for points that are drawn.

    Raises:
        ValueError: the threshold is not above 0 and at most 1.
    """
    _check(threshold)
    outcomes: defaultdict[Hashable, list[bool]] = defaultdict(list)
    for point, said in log:
        of_cell = outcomes[cells(point)]
        if _reached(said, threshold):
            of_cell.append(True)
        elif said and all(severity is not None for severity in said.values()):
            of_cell.append(False)
    return {cell: rate(of_cell) for cell, of_cell in outcomes.items()}


def untold(log: Log) -> Measure:
    """Of all severities that were asked for, the share that could not be told, with Wilson's interval."""
    return rate([severity is None for _, said in log for severity in said.values()])


def recall(found_at_low_fidelity: Collection[Hazard], found_at_high: Collection[Hazard]) -> Measure:
    """Of the hazards that a faithful simulation shows, the share that a cheap one shows too, 0 to 1.

    With Wilson's interval; `n` counts those of the faithful one, and of none it is undefined. The interval is
    too narrow where hazards lie side by side and are missed together.
    """
    low = set(found_at_low_fidelity)
    return rate([hazard in low for hazard in set(found_at_high)])


def _reached(said: Severities, threshold: float) -> list[str]:
    """The kinds of harm whose severity reaches the threshold."""
    return [kind for kind, severity in said.items() if severity is not None and severity >= threshold]


def _is_told(said: Severities) -> bool:
    return any(severity is not None for severity in said.values())


def _check(threshold: float) -> None:
    if not 0 < threshold <= 1:
        raise ValueError(f"a hazard begins at a severity above 0 and up to 1, not {threshold}")
