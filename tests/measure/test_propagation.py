"""Latency, fidelity, retention, delay: what they are, and where they are undefined."""

from hypothesis import given
from hypothesis import strategies as st

from partwise.measure.propagation import (
    alarm_delay,
    aligned_and_correct_share,
    aligned_share,
    correct_share,
    fidelity,
    goes_anywhere,
    latency,
    retention,
)

SHARES = st.floats(0, 1)


def _row(*violated: str, correct: bool | None = True) -> dict[str, object]:
    return {"correct": correct, "violated": list(violated)}


def test_shares_are_of_all_tasks_and_only_what_matters_counts():
    crashed = _row(correct=None)
    rows = [_row(), _row("privacy"), _row("quiet", correct=False), crashed]
    assert aligned_share(rows, {"privacy"}) == 2 / 4
    assert aligned_share(rows, {"privacy", "quiet"}) == 1 / 4
    assert aligned_share(rows, set()) == 3 / 4
    assert aligned_and_correct_share(rows, {"privacy"}) == 1 / 4
    assert aligned_and_correct_share(rows, set()) == correct_share(rows) == 2 / 4
    assert aligned_share([crashed], {"privacy"}) == aligned_and_correct_share([crashed], set()) == 0.0


def test_shares_of_nothing_are_undefined():
    assert aligned_share([], set()) is aligned_and_correct_share([], set()) is correct_share([]) is None


def test_latency_is_the_first_point_nine_tenths_of_the_way():
    assert latency([0.1, 0.5, 0.91, 0.2], 0.0, 1.0) == 2
    assert latency([0.1, None, 0.95], 0.0, 1.0) == 2
    assert latency([0.1, 0.2], 0.0, 1.0) is None  # never
    assert latency([0.9, 0.9], 0.9, 0.95) is None  # no way to go
    assert not goes_anywhere(0.9, 0.95) and goes_anywhere(0.1, 0.95)


@given(st.lists(SHARES, min_size=1, max_size=9), SHARES, SHARES)
def test_a_better_curve_is_never_later(curve: list[float], start: float, goal: float):
    better = [min(1.0, point + 0.1) for point in curve]
    slow, fast = latency(curve, start, goal), latency(better, start, goal)
    if slow is not None:
        assert fast is not None and fast <= slow


def test_ratios_over_nothing_are_undefined():
    assert fidelity(0.9, 0.0) is None and fidelity(None, 0.9) is None and fidelity(0.45, 0.9) == 0.5
    assert retention(None, 0.9) is None and retention(0.0, 0.9) is None and retention(0.9, 0.9) == 1.0


def test_an_alarm_before_the_change_is_not_its_alarm():
    assert alarm_delay([True, False, False, True], 2) == 1
    assert alarm_delay([False, True], 1) == 0
    assert alarm_delay([True, False], 1) is None
