"""What is said of a generation before it is trained."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.loops.forecasting import extrapolated, held
from partwise.measure.intervals import Measure

SHARES = st.floats(0.05, 0.95)


@given(st.lists(SHARES, max_size=2), st.integers(10_000, 10_000_000))
def test_two_generations_point_nowhere(shares: list[float], parameters: int) -> None:
    before = [(1000 * 4**index, share) for index, share in enumerate(shares)]
    said = extrapolated(before, parameters, 500)
    assert said.mean is None and held(said, 0.5) is None


@given(SHARES)
def test_a_share_that_stays_is_forecast_to_stay(share: float) -> None:
    said = extrapolated([(1000 * 4**index, share) for index in range(4)], 256_000, 500)
    assert said.mean == pytest.approx(share, abs=0.01) and held(said, share)


def test_a_share_that_rises_is_forecast_to_rise_and_stays_a_share() -> None:
    said = extrapolated([(1000, 0.5), (4000, 0.7), (16_000, 0.85)], 64_000, 500)
    assert said.mean is not None and said.ci95 is not None
    assert 0.85 < said.mean < 1 and said.ci95[1] <= 1
    assert held(said, said.mean) and held(said, 0.2) is False


def test_what_came_at_an_end_of_the_interval_was_held() -> None:
    said = Measure(mean=0.5, ci95=(0.4, 0.6), n=3)
    assert [held(said, each) for each in (0.39, 0.4, 0.6, 0.61)] == [False, True, True, False]
