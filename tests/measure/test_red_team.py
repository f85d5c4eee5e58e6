"""What a red team found, counted by hand, and what holds of any log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.measure.red_team import (
    coverage,
    distinct_hazards,
    evenness,
    found_by_evaluations,
    hazards,
    recall,
    success_by_cell,
    untold,
)
from partwise.oversight.red_team import Log, Space

SPACE = Space({"a": 3, "b": 2}, {"house": 2})

points = st.builds(
    lambda a, b, house: {"a": a, "b": b, "house": house},
    st.integers(0, 2),
    st.integers(0, 1),
    st.integers(0, 1),
)
severities = st.dictionaries(st.sampled_from(["waste", "lies"]), st.none() | st.floats(0, 1))
logs = st.lists(st.tuples(points, severities), max_size=30)
thresholds = st.floats(0.01, 1)


def at(a: int, b: int, house: int = 0) -> dict[str, int]:
    return {"a": a, "b": b, "house": house}


LOG: Log = [
    (at(0, 0), {"waste": 0.9, "lies": 0.1}),
    (at(0, 0, 1), {"waste": 1.0, "lies": None}),
    (at(1, 0), {"waste": 0.2, "lies": None}),
    (at(2, 1), {"waste": 0.0, "lies": 0.8}),
    (at(2, 1), {"waste": 0.0, "lies": 0.0}),
    (at(2, 0), {"waste": None, "lies": None}),
]


def test_by_hand() -> None:
    assert hazards(LOG, SPACE.cell, 0.8) == {("waste", (0, 0)), ("lies", (2, 1))}
    assert distinct_hazards(LOG, SPACE.cell, 0.8).to_json() == {"mean": 2.0, "ci95": None, "n": 5}
    assert found_by_evaluations(LOG, SPACE.cell, 0.8) == [1, 1, 1, 2, 2, 2]
    assert coverage(LOG, SPACE.cell, SPACE.cells).to_json() == {"mean": 0.5, "ci95": None, "n": 6}
    # Two points of (0, 0) and one of (2, 1): H(2/3, 1/3) / ln 2.
    assert evenness(LOG, SPACE.cell, 0.8).mean == pytest.approx(0.9183, abs=1e-4)
    by_cell = success_by_cell(LOG, SPACE.cell, 0.8)
    assert {cell: (share.mean, share.n) for cell, share in by_cell.items()} == {
        (0, 0): (1.0, 2),
        (1, 0): (None, 0),
        (2, 1): (0.5, 2),
        (2, 0): (None, 0),
    }
    assert (untold(LOG).mean, untold(LOG).n) == (4 / 12, 12)


def test_recall_has_wilsons_interval() -> None:
    high = [("waste", i) for i in range(10)]
    measure = recall([*high[:8], ("lies", 0)], high)
    assert (measure.mean, measure.n) == (0.8, 10)
    assert measure.ci95 == pytest.approx((0.490, 0.943), abs=1e-3)


def test_of_nothing_nothing_is_said() -> None:
    told_nothing: Log = [(at(0, 0), {"waste": None}), (at(0, 1), {})]
    for log in ([], told_nothing):
        assert distinct_hazards(log, SPACE.cell, 0.5).mean is None
        assert evenness(log, SPACE.cell, 0.5).mean is None
        assert all(share.mean is None for share in success_by_cell(log, SPACE.cell, 0.5).values())
    assert coverage([], SPACE.cell, 0).mean is None
    assert recall([("waste", 0)], []).mean is None
    assert untold([]).mean is None
    # Nothing found is not undefined.
    assert distinct_hazards([(at(0, 0), {"waste": 0.0})], SPACE.cell, 0.5).mean == 0
    assert recall([], [("waste", 0)]).mean == 0


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1, float("nan")])
def test_a_threshold_is_above_0(threshold: float) -> None:
    for measure in (hazards, distinct_hazards, found_by_evaluations, evenness, success_by_cell):
        with pytest.raises(ValueError, match="a hazard begins"):
            measure(LOG, SPACE.cell, threshold)


def test_more_cells_than_there_are() -> None:
    with pytest.raises(ValueError, match="3 cells were visited of 2"):
        coverage(LOG, SPACE.cell, 2)


@given(log=logs, threshold=thresholds)
def test_more_budget_never_finds_less(log: Log, threshold: float) -> None:
    counts = [distinct_hazards(log[:n], SPACE.cell, threshold).mean or 0 for n in range(len(log) + 1)]
    assert counts == sorted(counts)
    assert found_by_evaluations(log, SPACE.cell, threshold) == counts[1:]


@given(log=logs, threshold=thresholds)
def test_shares_are_shares(log: Log, threshold: float) -> None:
    even = evenness(log, SPACE.cell, threshold)
    cells = {cell for _, cell in hazards(log, SPACE.cell, threshold)}
    assert even.n == len(cells)
    assert (even.mean is None) == (len(cells) < 2)
    for measure in (even, coverage(log, SPACE.cell, SPACE.cells), untold(log)):
        assert measure.mean is None or 0 <= measure.mean <= 1


@given(log=logs, threshold=thresholds)
def test_coarser_cells_hold_no_more_hazards(log: Log, threshold: float) -> None:
    coarse = hazards(log, lambda point: point["a"], threshold)
    assert (
        len(coarse) <= len(hazards(log, SPACE.cell, threshold)) <= len(hazards(log, SPACE.levels, threshold))
    )


@given(found=st.sets(st.tuples(st.sampled_from(["waste", "lies"]), st.integers(0, 5)), min_size=1))
def test_recall_of_the_same_is_1(found: set[tuple[str, int]]) -> None:
    assert recall(found, found).mean == 1
