"""Failure signatures: each fires where it should, stays silent where not, and says the same live as after."""

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.measure.intervals import Measure
from partwise.measure.signatures import (
    Signature,
    Thresholds,
    imitation_by_generation,
    imitation_cascade,
    mode_collapse,
    non_saliency,
)

SHARES = st.none() | st.floats(0, 1)
CURVES = st.lists(SHARES, max_size=12)
TWO_CURVES = st.lists(st.tuples(st.none() | st.sampled_from([0.5, 0.95, 1.0]), SHARES), max_size=12)
RUNGS = st.lists(st.tuples(st.integers(1, 10**6), st.none() | st.integers(0, 4000)), max_size=8)


def columns(rows: Sequence[tuple[float | None, float | None]]) -> tuple[list[float | None], ...]:
    return [row[0] for row in rows], [row[1] for row in rows]


def utility(right: int | None, tasks: int = 4000) -> Measure:
    """A share and its Wilson interval."""
    if right is None:
        return Measure(mean=None, ci95=None, n=0)
    share, z2 = right / tasks, 1.96**2
    center, half = share + z2 / 2 / tasks, (z2 * (share * (1 - share) + z2 / 4 / tasks) / tasks) ** 0.5
    low, high = ((center + sign * half) / (1 + z2 / tasks) for sign in (-1, 1))
    return Measure(mean=share, ci95=(low, high), n=tasks)


def ladder(rungs: Sequence[tuple[int, int | None]]) -> Signature:
    return non_saliency([size for size, _ in rungs], [utility(right) for _, right in rungs])


def assert_live_is_as_after(signature: Callable[[int], Signature], points: int) -> None:
    """Fed point by point: nothing before the first firing on the whole curve, and that one from then on."""
    whole = signature(points)
    for seen in range(points + 1):
        live = signature(seen)
        assert live.fired == (whole.at is not None and seen > whole.at)
        if live.fired:
            assert live == whole
        else:
            assert live.at is None


def test_memorised_noise_with_a_falling_test_is_a_cascade():
    train = [0.5, 0.7, 0.9, 0.96, 0.99]
    test = [0.5, 0.72, 0.8, 0.78, 0.7]
    found = imitation_cascade(train, test)
    assert found.fired and found.at == 4 and found.value == pytest.approx(0.1)
    assert found.sentence.startswith("At step 4 test accuracy is 0.10 below its best")


def test_no_cascade_without_both_halves_of_it():
    still_learning = imitation_cascade([0.5, 0.7, 0.9], [0.8, 0.7, 0.6])
    assert not still_learning.fired and still_learning.value is None
    assert still_learning.sentence.startswith("Undefined")
    clean = imitation_cascade([0.5, 0.97, 1.0], [0.6, 0.9, 0.88])
    assert not clean.fired and clean.at is None and clean.value == pytest.approx(0.02)
    assert clean.sentence.startswith("Not seen")
    with pytest.raises(ValueError, match="same steps"):
        imitation_cascade([0.5], [])


def test_errors_handed_down_are_a_cascade_only_over_generations():
    assert imitation_by_generation([0.4, 0.6, 0.85, 0.9]).at == 2
    assert not imitation_by_generation([0.4, 0.5, 0.6]).fired
    assert not imitation_by_generation([0.99]).fired
    assert imitation_by_generation([None, 0.99]).value is None


def test_diversity_that_falls_and_stays_down_is_a_collapse():
    found = mode_collapse([3.0, 2.8, 1.4, 1.2, 1.1])
    assert found.fired and found.at == 3 and found.value == pytest.approx(1.4 / 3)
    assert mode_collapse([3.0, None, 1.4, None, 1.2]).at == 4
    assert mode_collapse([3.0, 1.4, 1.2, 1.1], Thresholds(rounds=3)).at == 3


def test_no_collapse_where_it_comes_back_or_only_fades():
    assert not mode_collapse([3.0, 1.4, 2.9, 1.4, 2.9]).fired
    fades = mode_collapse([3.0, 2.5, 2.0, 1.6])
    assert not fades.fired and fades.value == pytest.approx(2 / 3)
    assert mode_collapse([3.0, 1.4]).value is None
    assert mode_collapse([0.0, 0.0, 0.0]).value is None


def test_capacity_that_brings_nothing_is_not_salient():
    found = ladder([(10_000, 3000), (40_000, 3000)])
    assert found.fired and found.at == 1 and found.value is not None and 0 < found.value < 0.03
    assert ladder([(10_000, 2400), (40_000, 3000), (160_000, 2900)]).at == 2
    # Steps of less than a doubling add up: the third is held against the first.
    assert ladder([(10_000, 3000), (15_000, None), (20_000, 3000)]).at == 2


def test_no_alarm_where_capacity_pays_or_nothing_can_be_said():
    pays = ladder([(10_000, 2400), (40_000, 3000), (160_000, 3400)])
    assert not pays.fired and pays.value is not None and pays.value > 0.1
    few = non_saliency([1, 9], [utility(75, 100), utility(75, 100)])
    assert not few.fired, "a hundred tasks can't tell no gain from some"
    same_size = ladder([(10_000, 3000), (15_000, 2000)])
    assert not same_size.fired and same_size.value is None
    one_seed = non_saliency([1, 9], [Measure(mean=0.5, ci95=None, n=1)] * 2)
    assert not one_seed.fired and one_seed.value is None
    with pytest.raises(ValueError, match="2 models, but 1 utilities"):
        non_saliency([1, 2], [utility(1)])


@pytest.mark.parametrize("unmeasured", [None, math.nan])
@pytest.mark.parametrize("points", [0, 1, 5])
def test_what_was_not_measured_never_fires_and_is_said_to_be_undefined(unmeasured: float | None, points: int):
    curve = [unmeasured] * points
    for found in (
        imitation_cascade([1.0] * points, curve),
        imitation_cascade(curve, [1.0, 0.0, 0.0, 0.0, 0.0][:points]),
        imitation_by_generation(curve),
        mode_collapse(curve),
        ladder([(10**i, None) for i in range(points)]),
    ):
        assert (found.fired, found.at, found.value) == (False, None, None)
        assert found.sentence.startswith("Undefined: ")


@settings(deadline=None)
@given(TWO_CURVES)
def test_a_cascade_is_found_live(rows: list[tuple[float | None, float | None]]):
    assert_live_is_as_after(lambda seen: imitation_cascade(*columns(rows[:seen])), len(rows))


@settings(deadline=None)
@given(CURVES)
def test_imitation_and_collapse_are_found_live(curve: list[float | None]):
    assert_live_is_as_after(lambda seen: imitation_by_generation(curve[:seen]), len(curve))
    assert_live_is_as_after(lambda seen: mode_collapse(curve[:seen]), len(curve))


@settings(deadline=None)
@given(RUNGS)
def test_non_saliency_is_found_live(rungs: list[tuple[int, int | None]]):
    assert_live_is_as_after(lambda seen: ladder(rungs[:seen]), len(rungs))


@settings(deadline=None)
@given(TWO_CURVES, st.floats(0, 1), st.floats(0, 1))
def test_a_worse_curve_never_unfires_a_cascade(
    rows: list[tuple[float | None, float | None]], more: float, less: float
):
    train, test = columns(rows)
    found = imitation_cascade(train, test)
    if found.at is None:
        return
    until = [value or 0.0 for value in test[: found.at + 1]]
    peak = until.index(max(until))
    fitted = [None if value is None else value + more * (1 - value) for value in train]
    fallen = [value if value is None or i <= peak else value * less for i, value in enumerate(test)]
    worse = imitation_cascade(fitted, fallen)
    assert worse.at is not None and worse.at <= found.at


@settings(deadline=None)
@given(CURVES, st.floats(0, 1))
def test_a_worse_curve_never_unfires_imitation_or_collapse(curve: list[float | None], by: float):
    imitated = imitation_by_generation(curve)
    more = imitation_by_generation([None if value is None else value + by * (1 - value) for value in curve])
    assert imitated.at is None or (more.at is not None and more.at <= imitated.at)
    first = next((i for i, value in enumerate(curve) if value is not None), 0)
    duller = [value if value is None or i <= first else value * by for i, value in enumerate(curve)]
    collapsed, worse = mode_collapse(curve), mode_collapse(duller)
    assert collapsed.at is None or (worse.at is not None and worse.at <= collapsed.at)


@settings(deadline=None)
@given(st.integers(0, 4000), st.integers(0, 4000), st.integers(0, 4000))
def test_a_larger_model_that_does_worse_never_unfires(small: int, large: int, fewer: int):
    found = ladder([(1000, small), (4000, large)])
    worse = ladder([(1000, small), (4000, max(0, large - fewer))])
    assert worse.fired or not found.fired


@settings(deadline=None)
@given(TWO_CURVES, CURVES)
def test_a_value_is_told_whether_or_not_it_fires(rows: list[tuple[float | None, float | None]], curve):
    for found in (imitation_cascade(*columns(rows)), imitation_by_generation(curve)):
        assert found.value is None or found.fired == (found.value >= found.threshold)
    fallen = mode_collapse(curve)
    assert fallen.value is None or fallen.fired == (fallen.value < fallen.threshold)
