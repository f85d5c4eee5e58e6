"""Sentences about contrasts: nothing is said of what can't be told from 0."""

from typing import Any

import pytest

from partwise.measure.contrasts import contrasts
from partwise.report.reading import Figure
from partwise.report.verdicts import contrast_sentences, side_by_side, verdict, weighed

UP, DOWN, BLURRED = [0.1, 0.2, 0.3, 0.2, 0.1], [-0.1, -0.2, -0.3, -0.2, -0.1], [0.1, -0.2, 0.3, -0.1, 0.1]
FOUND = contrasts(
    "a", {"a": BLURRED, "b": UP, "c": DOWN, "d": BLURRED, "e": [0.4, None, None], "f": [None, None]}
)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a", "can't be told from 0"),
        ("b", "it helps"),
        ("c", "it harms"),
        ("d", "can't be told from 0"),
        ("e", "one seed, which says nothing yet"),
        ("f", "undefined"),
    ],
)
def test_a_verdict_is_given_where_it_can_be_told(name: str, said: str):
    assert verdict(FOUND, name, "it helps", "it harms") == said
    figure = Figure.of(FOUND["all"][name]).full
    assert weighed(FOUND, name, "it helps", "it harms") == (
        said if said == "undefined" else f"{figure} ({said})"
    )


def test_correction_takes_back_what_a_single_contrast_would_say():
    # p = .03: found where it is the primary one, and not where it is one of four.
    weak = [0.05, 0.3, 0.2, 0.02, 0.25]
    rest: dict[str, Any] = {name: BLURRED for name in ("x", "y", "z")}
    alone, corrected = contrasts("w", {"w": weak, **rest}), contrasts("x", {"w": weak, **rest})
    assert verdict(alone, "w", "more", "less") == "more"
    assert verdict(corrected, "w", "more", "less") == "can't be told from 0"
    assert "`w` is .16 [.01, .32] (differs from 0)." in contrast_sentences(alone)[0]
    assert contrast_sentences(alone)[1].startswith("Of the 3 other contrasts, none differ from 0")


def test_the_primary_contrast_comes_first_and_all_that_survive_are_named():
    first, second = contrast_sentences(FOUND)
    assert first == (
        "Primary contrast, named before the runs: `a` is .04 [−.20, .28] (can't be told from 0)."
    )
    assert second.startswith("Of the 5 other contrasts, 2 differ from 0 after Holm's")
    assert second.endswith("number: `b`, .18 [.08, .28]; `c`, −.18 [−.28, −.08].")


def test_several_are_sorted_by_their_verdicts():
    one, other, third = ({"x": "b", "y": "d"}, {"x": "a", "y": "d"}, {"x": "b", "y": "c"})
    assert side_by_side(FOUND, one, "more", "less") == (
        ".18 [.08, .28] (x), .04 [−.20, .28] (y): more (x); can't be told from 0 (y)"
    )
    assert side_by_side(FOUND, other, "more", "less").endswith("(y): can't be told from 0")
    assert side_by_side(FOUND, third, "more", "less").endswith(": more (x); less (y)")
