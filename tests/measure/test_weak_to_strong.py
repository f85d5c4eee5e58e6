"""PGR, imitation, calibration: what they are on data whose truth is known, and where they are undefined."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.measure.intervals import Measure
from partwise.measure.weak_to_strong import (
    accuracy_by_group,
    calibration,
    imitation_rate,
    performance_gap_recovered,
)
from partwise.types import Example

OUTCOMES = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=60)
LABELS = st.lists(st.tuples(*[st.integers(0, 2)] * 3), max_size=60)


def pgr(rows: list[tuple[bool, bool, bool]], seed: int = 0) -> Measure:
    return performance_gap_recovered(*([row[i] for row in rows] for i in range(3)), seed=seed)


def drawn(n: int, seed: int) -> list[tuple[bool, bool, bool]]:
    """Weak .6, student .7, ceiling .8: half of the gap is recovered. All find the same examples hard."""
    hard = np.random.default_rng(seed).random(n)
    return [(bool(h < 0.6), bool(h < 0.7), bool(h < 0.8)) for h in hard]


def test_the_ends_of_the_scale():
    rows = drawn(500, 0)
    as_ceiling = pgr([(weak, ceiling, ceiling) for weak, _, ceiling in rows])
    as_weak = pgr([(weak, weak, ceiling) for weak, _, ceiling in rows])
    assert as_ceiling.mean == 1 and as_ceiling.ci95 == (1, 1)
    assert as_weak.mean == 0 and as_weak.ci95 == (0, 0)
    worse = pgr([(weak, False, ceiling) for weak, _, ceiling in rows])
    assert worse.mean is not None and worse.mean < 0 and worse.n == 500


def test_the_interval_covers_the_true_pgr_as_often_as_it_says():
    found = [pgr(drawn(400, seed)).ci95 for seed in range(100)]
    assert all(found)
    assert 0.91 < np.mean([ci[0] <= 0.5 <= ci[1] for ci in found if ci]) <= 0.99


def test_who_is_right_with_whom_narrows_the_interval():
    rows = drawn(400, 1)
    weak, student, ceiling = zip(*rows, strict=True)
    apart = list(zip(weak, np.random.default_rng(0).permutation(student).tolist(), ceiling, strict=True))
    paired, loose = pgr(rows), pgr(apart)
    assert paired.mean == loose.mean
    assert paired.ci95 and loose.ci95
    assert paired.ci95[1] - paired.ci95[0] < 0.7 * (loose.ci95[1] - loose.ci95[0])


@settings(deadline=None)
@given(OUTCOMES, st.randoms())
def test_it_is_defined_only_where_the_ceiling_is_surely_better(rows: list[tuple[bool, bool, bool]], random):
    found = pgr(rows)
    wins = sum(ceiling and not weak for weak, _, ceiling in rows)
    losses = sum(weak and not ceiling for weak, _, ceiling in rows)
    if wins <= losses or wins < 6:
        assert found.mean is None and found.ci95 is None
    if losses == 0 and wins >= 6:
        weak, student, ceiling = (sum(column) for column in zip(*rows, strict=True))
        assert found.mean == pytest.approx((student - weak) / (ceiling - weak)) and found.ci95
        shuffled = list(rows)
        random.shuffle(shuffled)
        assert pgr(shuffled) == found
    assert found.n == len(rows)


def test_equal_floor_and_ceiling_seldom_pass_for_a_gap():
    rng = np.random.default_rng(0)
    defined = [
        pgr([tuple(row) for row in (rng.random((200, 3)) < 0.7).tolist()]).mean is not None
        for _ in range(300)
    ]
    assert np.mean(defined) < 0.05


@settings(deadline=None)
@given(LABELS)
def test_imitation_is_counted_on_the_teachers_errors_alone(rows: list[tuple[int, int, int]]):
    student, teacher, truth = ([row[i] for row in rows] for i in range(3))
    errors = [(s, t) for s, t, y in rows if t != y]
    found = imitation_rate(student, teacher, truth)
    assert found.n == len(errors)
    if not errors:
        assert found.mean is None and found.ci95 is None
        return
    assert found.mean == pytest.approx(sum(s == t for s, t in errors) / len(errors))
    assert imitation_rate(teacher, teacher, truth).mean == 1
    assert imitation_rate(truth, teacher, truth).mean == 0


def test_what_is_not_of_the_same_examples_is_refused():
    with pytest.raises(ValueError, match="same examples, one by one, but there are 1 and 2 and 1"):
        performance_gap_recovered([True], [True, False], [True])
    with pytest.raises(ValueError, match="Student, teacher and truth"):
        imitation_rate([0], [0], [0, 1])
    with pytest.raises(ValueError, match="Confidences and outcomes"):
        calibration([0.5], [])
    with pytest.raises(ValueError, match="from 0 to 1"):
        calibration([float("nan")], [True])
    with pytest.raises(ValueError, match="from 0 to 1"):
        calibration([1.5], [True])
    with pytest.raises(ValueError, match="at least one bin"):
        calibration([0.5], [True], bins=0)


def test_overconfidence_is_the_error():
    right = [True] * 60 + [False] * 40
    found = calibration([0.9] * 100, right)
    assert found.error.mean == pytest.approx(0.3) and found.error.n == 100
    assert found.brier.mean == pytest.approx(0.6 * 0.01 + 0.4 * 0.81)
    assert found.error.ci95 and 0.15 < found.error.ci95[0] < 0.3 < found.error.ci95[1] < 0.45
    assert found.brier.ci95 and 0.2 < found.brier.ci95[0] < 0.33 < found.brier.ci95[1] < 0.45


def test_bins_hold_equally_many():
    """Ten bins of ten: in each, five are right and the mean confidence is off by a known amount."""
    centers = np.repeat(np.arange(10) / 10, 10)
    confidences = (centers + np.tile(np.arange(10) / 100, 10)).tolist()
    found = calibration(confidences, [True, False] * 50)
    assert found.error.mean == pytest.approx(np.mean([abs(k / 10 + 0.045 - 0.5) for k in range(10)]))


@pytest.mark.parametrize("n", [100, 2000])
@pytest.mark.parametrize("excess", [0.0, 0.02, 0.15])
def test_the_interval_of_the_calibration_error_covers_it(n: int, excess: float):
    """Also where it is 0, which the figure itself never reaches."""
    rng = np.random.default_rng(0)
    covered: list[bool] = []
    for _ in range(100):
        said = 0.2 + 0.8 * rng.random(n)
        found = calibration(said.tolist(), (rng.random(n) < said - excess).tolist()).error
        assert found.mean and found.ci95
        covered.append(found.ci95[0] <= excess <= found.ci95[1])
    assert np.mean(covered) > 0.93


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 0.7, 0.9, 1.0]), st.booleans()), max_size=40), st.randoms()
)
def test_calibration_lies_in_its_interval_whatever_the_order(rows: list[tuple[float, bool]], random):
    found = calibration([c for c, _ in rows], [r for _, r in rows])
    shuffled = list(rows)
    random.shuffle(shuffled)
    again = calibration([c for c, _ in shuffled], [r for _, r in shuffled])
    assert (found.error.ci95 is None) == (not rows) and (found.brier.ci95 is None) == (len(rows) < 2)
    for measure, other in ((found.error, again.error), (found.brier, again.brier)):
        assert measure.n == len(rows) and (measure.mean is None) == (not rows)
        if measure.mean is not None:
            assert 0 <= measure.mean <= 1 and measure.mean == pytest.approx(other.mean)
        if measure.mean is not None and measure.ci95 is not None:
            assert 0 <= measure.ci95[0] <= measure.mean <= measure.ci95[1] <= 1


def test_accuracy_is_told_apart_by_group():
    groups = ["easy"] * 4 + ["overlap"] * 2 + ["hard"]
    examples = [Example(key=str(i), texts=("x",), label=i % 2, group=group) for i, group in enumerate(groups)]
    found = accuracy_by_group(examples, [0, 1, 0, 0, 1, 0, 0])
    assert {group: (measure.mean, measure.n) for group, measure in found.items()} == {
        "easy": (0.75, 4),
        "hard": (1.0, 1),
        "overlap": (0.0, 2),
    }
    assert accuracy_by_group([], []) == {}
    with pytest.raises(ValueError, match="Examples and answers"):
        accuracy_by_group(examples, [0])
