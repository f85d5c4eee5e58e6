"""Sentences about contrasts: nothing is said of what can't be told from 0, nor of too few seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.measure.contrasts import contrasts
from partwise.report.contrasts import contrast_table
from partwise.report.judging import LEAST, is_judged, judges, seeds_of
from partwise.report.reading import Figure, each_seed
from partwise.report.verdicts import contrast_sentences, side_by_side, verdict, weighed

UP, DOWN, BLURRED = [0.1, 0.2, 0.3, 0.2, 0.1], [-0.1, -0.2, -0.3, -0.2, -0.1], [0.1, -0.2, 0.3, -0.1, 0.1]


def results(primary: str, found: Mapping[str, Sequence[float | None]], **more: Any) -> dict[str, Any]:
    seeds = len(next(iter(found.values())))
    return {"seeds": seeds, "contrasts": contrasts(primary, found), **more}


FOUND = results(
    "a",
    {"a": BLURRED, "b": UP, "c": DOWN, "d": BLURRED, "e": [0.4, None, None, None, None], "f": [None] * 5},
)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a", "can't be told from 0"),
        ("b", "it helps"),
        ("c", "it harms"),
        ("d", "can't be told from 0"),
        ("e", "one seed, too few to judge"),
        ("f", "undefined"),
    ],
)
def test_a_verdict_is_given_where_it_can_be_told(name: str, said: str):
    assert verdict(FOUND, name, "it helps", "it harms") == said
    figure = Figure.of(FOUND["contrasts"]["all"][name]).full
    assert weighed(FOUND, name, "it helps", "it harms") == (
        said if said == "undefined" else f"{figure} ({said})"
    )


def test_correction_takes_back_what_a_single_contrast_would_say():
    # p = .03: found where it is the primary one, and not where it is one of four.
    weak = [0.05, 0.3, 0.2, 0.02, 0.25]
    rest: dict[str, Any] = {name: BLURRED for name in ("x", "y", "z")}
    alone, corrected = results("w", {"w": weak, **rest}), results("x", {"w": weak, **rest})
    assert verdict(alone, "w", "more", "less") == "more"
    # Its interval leaves out 0, so that the sentence has to say why it counts for nothing.
    assert (
        verdict(corrected, "w", "more", "less")
        == "can't be told from 0, corrected for the number of contrasts"
    )
    assert "`w` is .16 [.01, .32] (differs from 0)." in contrast_sentences(alone)[0]
    assert contrast_sentences(alone)[1].startswith("Of the 3 other contrasts, none differ from 0")


def test_the_primary_contrast_comes_first_and_all_that_survive_are_named():
    first, second = contrast_sentences(FOUND)
    assert first == (
        "Primary contrast, named before the runs: `a` is .04 [−.20, .28] (can't be told from 0)."
    )
    assert second.startswith("Of the 5 other contrasts, 2 differ from 0 after Holm's")
    assert second.endswith("number: `b`, .18 [.08, .28]; `c`, −.18 [−.28, −.08].")


def test_one_that_survives_stands_in_the_singular():
    one = {**FOUND["contrasts"]["all"], "c": {**FOUND["contrasts"]["all"]["c"], "told": False}}
    second = contrast_sentences({**FOUND, "contrasts": {**FOUND["contrasts"], "all": one}})[1]
    assert second.startswith("Of the 5 other contrasts, 1 differs from 0 after Holm's")


def test_several_are_sorted_by_their_verdicts():
    one, other, third = ({"x": "b", "y": "d"}, {"x": "a", "y": "d"}, {"x": "b", "y": "c"})
    assert side_by_side(FOUND, one, "more", "less") == (
        ".18 [.08, .28] (x), .04 [−.20, .28] (y): more (x); can't be told from 0 (y)"
    )
    assert side_by_side(FOUND, other, "more", "less").endswith("(y): can't be told from 0")
    assert side_by_side(FOUND, third, "more", "less").endswith(": more (x); less (y)")


@given(st.integers(1, 40), st.booleans())
def test_a_judgment_takes_three_seeds_and_no_quick_run(seeds: int, quick: bool):
    assert judges(seeds, quick) == (seeds >= 3 and not quick)
    for written in (seeds, list(range(10, 10 + seeds))):
        assert seeds_of({"seeds": written}) == seeds
        assert is_judged({"seeds": written, "quick": quick}) == judges(seeds, quick)
    assert not is_judged({}) and LEAST == 3


@pytest.mark.parametrize(
    ("values", "more", "opening", "shown"),
    [
        ([0.4], {}, "One seed: nothing is judged, which takes at least 3.", ".40"),
        ([0.4, 0.41], {}, "2 seeds: nothing is judged, which takes at least 3.", ".40 and .41"),
        ([0.4, 0.41, 0.42], {"quick": True}, "A quick run shows whether the study works", ".40, .41 and .42"),
        ([None], {}, "One seed: nothing is judged", "undefined"),
    ],
)
def test_too_few_seeds_are_shown_and_not_judged(
    values: list[float | None], more: dict[str, Any], opening: str, shown: str
):
    """However clear the figures look: two equal ones have p = 0."""
    found = results("a", {"a": values, "b": values}, **more)
    first, second = contrast_sentences(found)
    assert first.startswith(opening)
    assert second == (
        f"Primary contrast, named before the runs: `a`, by seed {shown}. Others in the table: 1."
    )
    assert verdict(found, "a", "it helps", "it harms") not in ("it helps", "it harms", "can't be told from 0")
    assert weighed(found, "a", "it helps", "it harms").startswith(shown)
    table = contrast_table(found)
    assert list(table.columns) == ["contrast", "figure", "by seed", "judged"]
    assert [row[-1] for row in table.rows] == ["no", "no"]


def test_each_seed_of_a_figure_is_shown():
    assert each_seed({"mean": 0.3, "by_seed": [0.2, None, 0.4]}) == ".20, undefined and .40"
    assert each_seed({"mean": 0.3}) == ".30" and each_seed(None) == "undefined"
