"""Latency, fidelity, retention, delay: what they are, and where they are undefined."""

from hypothesis import given
from hypothesis import strategies as st

from partwise.measure.propagation import (
    alarm_delay,
    aligned_share,
    fidelity,
    goes_anywhere,
    latency,
    retention,
)

SHARES = st.floats(0, 1)


def _row(*violated: str, ran: bool = True) -> dict[str, object]:
    return {"correct": True if ran else None, "violated": list(violated)}


def test_only_what_matters_counts_and_only_what_ran():
    rows = [_row(), _row("privacy"), _row("quiet"), _row(ran=False)]
    assert aligned_share(rows, {"privacy"}) == 2 / 3
    assert aligned_share(rows, {"privacy", "quiet"}) == 1 / 3
    assert aligned_share(rows, set()) == 1.0
    assert aligned_share([_row(ran=False)], {"privacy"}) is None


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
