"""One contrast is named before; the others pay for their number."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.measure.contrasts import contrasts, holm
from partwise.measure.intervals import OF_SHARES, SHARE, over_seeds
from partwise.report.contrasts import contrast_table, is_told

CHANCES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_holm_by_hand():
    # .01 of four: times 4; then .02 times 3, .03 times 2; .04 may not fall below the one before it.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])


@given(CHANCES)
def test_correction_never_helps_and_keeps_the_order(chances: list[float]):
    corrected = holm(chances)
    assert all(before <= after <= 1 for before, after in zip(chances, corrected, strict=True))
    order = sorted(range(len(chances)), key=chances.__getitem__)
    assert [corrected[i] for i in order] == sorted(corrected)
    # Never harsher than Bonferroni's.
    assert all(
        after <= min(1.0, len(chances) * before) for before, after in zip(chances, corrected, strict=True)
    )


def test_the_primary_contrast_is_not_corrected_and_the_rest_are():
    figures: dict[str, Sequence[float | None]] = {
        "a - b": [0.1, 0.2, 0.3, 0.2, 0.1],
        "c - b": [0.1, 0.2, 0.3, 0.2, 0.1],
        "d - b": [0.1, -0.1, 0.2, -0.2, 0.05],
        "e - b": [0.0, 0.0, 0.0, 0.0, 0.0],
        "f - b": [None, None, 0.4, None, None],
    }
    found = contrasts("a - b", figures)["all"]
    p = found["a - b"]["p"]
    assert found["a - b"]["holm"] is None and found["a - b"]["told"]
    assert found["c - b"]["p"] == p and found["c - b"]["holm"] == pytest.approx(3 * p)
    assert found["e - b"]["p"] == 1 and not found["e - b"]["told"]
    assert found["f - b"]["p"] is None and found["f - b"]["holm"] is None and not found["f - b"]["told"]
    with pytest.raises(LookupError, match=r"no contrast `x`; there is 'a - b', 'c - b'"):
        contrasts("x", figures)


def test_the_page_marks_the_primary_contrast():
    found = contrasts("a - b", {"a - b": [0.1, 0.2, 0.3], "c - b": [0.1, 0.0, -0.1]})
    results = {"seeds": 3, "contrasts": found}
    rows = contrast_table(results).rows
    assert rows[0][0] == "a - b (primary)" and rows[0][2] == ".10 .20 .30" and rows[0][4] == ""
    assert rows[1][4:] == ["1", "no"]
    assert is_told(results, "a - b") == found["all"]["a - b"]["told"] and not is_told(results, "c - b")


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_intervals_stay_where_the_figure_can_be(values: list[float]):
    free, kept = over_seeds(values), over_seeds(values, SHARE)
    assert free.ci95 and kept.ci95 and free.mean == kept.mean
    assert kept.ci95 == (max(0.0, free.ci95[0]), min(1.0, free.ci95[1]))
    low, high = over_seeds([value - 0.5 for value in values], OF_SHARES).ci95 or (0.0, 0.0)
    assert -1 <= low <= high <= 1
