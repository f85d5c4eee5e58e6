"""Figures carry their uncertainty, and undefined is never zero."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.measure.intervals import Measure, correlation, difference, over_seeds, rate
from partwise.measure.part_to_complete import gap_recovered


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_a_rate_lies_within_its_interval(outcomes: list[bool]):
    measure = rate(outcomes)
    assert measure.ci95 is not None and measure.mean is not None
    assert 0 <= measure.ci95[0] <= measure.mean + 1e-12 and measure.mean - 1e-12 <= measure.ci95[1] <= 1
    assert measure.n == len(outcomes)


def test_the_wilson_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = [
        low <= 0.3 <= high
        for low, high in (rate(list(rng.random(100) < 0.3)).ci95 or (1, 0) for _ in range(500))
    ]
    assert 0.92 < np.mean(covered) < 0.98


def test_nothing_is_undefined():
    for measure in (
        rate([]),
        over_seeds([]),
        over_seeds([None]),
        correlation([], []),
        gap_recovered(rate([]), rate([]), rate([])),
    ):
        assert measure.mean is None and measure.ci95 is None


def test_one_seed_has_no_interval_and_undefined_seeds_are_left_out():
    assert over_seeds([0.5]).ci95 is None
    two = over_seeds([0.4, None, 0.6])
    assert two.mean == pytest.approx(0.5) and two.n == 2


def test_a_constant_has_no_correlation():
    assert correlation([1.0] * 10, list(range(10))).mean is None
    assert correlation([0.0, 1, 2, 3, 4], [0.0, 1, 2, 3, 5]).mean == pytest.approx(0.986, abs=0.01)


def test_the_gap_recovered():
    floor, ceiling = rate([False] * 1000), rate([True] * 900 + [False] * 100)
    arm = rate([True] * 450 + [False] * 550)
    measure = gap_recovered(arm, floor, ceiling)
    assert measure.mean == pytest.approx(0.5)
    assert measure.ci95 is not None and measure.ci95[0] < 0.5 < measure.ci95[1]


def test_a_gap_that_is_not_there_can_not_be_recovered():
    rng = np.random.default_rng(0)
    same = [rate(list(rng.random(200) < 0.5)) for _ in range(3)]
    assert gap_recovered(*same).mean is None
    assert gap_recovered(*[rate([True] * 9)] * 3).mean is None


def test_the_documented_example_of_a_difference():
    """56 of 70 less 48 of 80: .2, from .0524 to .3339 (Newcombe 1998, table II, method 10)."""
    found = difference(rate([True] * 56 + [False] * 14), rate([True] * 48 + [False] * 32))
    assert found.mean == pytest.approx(0.2) and found.n == 70
    assert found.ci95 == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_difference_from_nothing_is_undefined():
    nothing, one_seed = rate([]), Measure(mean=0.5, ci95=None, n=1)
    assert difference(nothing, rate([True])).mean is None
    assert difference(rate([True]), one_seed).mean == 0.5 and difference(rate([True]), one_seed).ci95 is None


@given(st.lists(st.booleans(), max_size=40))
def test_a_figure_is_read_back_as_it_was_written(outcomes: list[bool]):
    figure = rate(outcomes)
    assert Measure.from_json(json.loads(json.dumps(figure.to_json()))) == figure
