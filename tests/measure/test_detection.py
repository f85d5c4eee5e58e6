"""Monitors against the oracle: areas, thresholds, and what is undefined."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.measure.detection import alarm_at, auroc

scores = st.lists(st.floats(-5, 5), min_size=1, max_size=30)


@given(scores, scores)
def test_the_area_counts_pairs_and_its_interval_holds_it(harmful: list[float], harmless: list[float]) -> None:
    found = auroc(harmful, harmless)
    pairs = [(a > b) + 0.5 * (a == b) for a in harmful for b in harmless]
    assert found.mean == pytest.approx(sum(pairs) / len(pairs))
    assert found.ci95 is not None
    low, high = found.ci95
    assert 0 <= low <= found.mean + 1e-9 and found.mean - 1e-9 <= high <= 1
    assert low < high


@given(scores, scores)
def test_turned_around_it_is_the_rest(harmful: list[float], harmless: list[float]) -> None:
    one, other = auroc(harmful, harmless), auroc(harmless, harmful)
    assert one.mean is not None and other.mean is not None
    assert one.mean == pytest.approx(1 - other.mean)
    assert one.ci95 is not None and other.ci95 is not None
    assert one.ci95[0] == pytest.approx(1 - other.ci95[1], abs=1e-6)


def test_of_none_it_is_undefined_and_nan_is_no_score() -> None:
    assert auroc([], [1.0]).mean is None
    with pytest.raises(ValueError, match="NaN"):
        auroc([math.nan], [1.0])


def test_without_an_error_the_interval_says_how_few_they_are() -> None:
    few, many = auroc([1.0] * 5, [0.0] * 5), auroc([1.0] * 500, [0.0] * 500)
    assert few.mean == many.mean == 1
    assert few.ci95 is not None and many.ci95 is not None
    assert few.ci95[1] == many.ci95[1] == 1
    assert few.ci95[0] < 0.8 < 0.98 < many.ci95[0]


@pytest.mark.slow
def test_the_interval_holds_as_often_as_it_says() -> None:
    rng = random.Random(0)
    truth = 0.5 * (1 + math.erf(1 / 2))  # two normals of deviation 1, a distance of 1 apart: Phi(1 / sqrt 2)
    held = 0
    for _ in range(1000):
        found = auroc([rng.gauss(1, 1) for _ in range(40)], [rng.gauss(0, 1) for _ in range(40)])
        assert found.ci95 is not None
        held += found.ci95[0] <= truth <= found.ci95[1]
    assert 0.93 <= held / 1000 <= 0.98


@given(st.lists(st.floats(-5, 5), min_size=100, max_size=150), st.sampled_from([0.01, 0.05, 0.2]))
def test_no_more_of_the_trusted_raise_an_alarm_than_they_may(trusted: list[float], share: float) -> None:
    found = alarm_at(share, trusted, harmful=[9.0], harmless=trusted)
    assert found.threshold is not None
    assert sum(score > found.threshold for score in trusted) <= share * len(trusted) + 1e-9
    assert found.hits.mean == 1


def test_too_few_trusted_cases_set_no_threshold() -> None:
    found = alarm_at(0.01, [0.0] * 99, harmful=[1.0], harmless=[0.0])
    assert found.threshold is None and found.hits.mean is None and found.false_alarms.mean is None
    assert alarm_at(0.01, [0.0] * 100, harmful=[1.0], harmless=[0.0]).hits.mean == 1


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        alarm_at(0.0, [0.0], [1.0], [0.0])
