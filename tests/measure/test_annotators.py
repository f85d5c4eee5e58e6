"""Agreement between people: against the library, against a known truth, and where it is undefined."""

import random

import numpy as np
import pytest

from partwise.measure.annotators import (
    Label,
    agreement_of,
    dawid_skene_reliability,
    krippendorff_alpha,
)
from partwise.measure.annotators import _alphas as resampled_alphas  # pyright: ignore[reportPrivateUsage]
from partwise.types import Choice

VALUES = (Choice.FIRST, Choice.SECOND, Choice.TIE)


def labels_of(skill: dict[str, float], units: int, *, seed: int = 0) -> list[Label]:
    """People who give the true label with the chance `skill`, else one of the others."""
    rng = random.Random(seed)
    labels: list[Label] = []
    for unit in range(units):
        truth = rng.choice(VALUES)
        for who, right in skill.items():
            wrong = [value for value in VALUES if value is not truth]
            labels.append(Label(str(unit), who, truth if rng.random() < right else rng.choice(wrong)))
    return labels


def test_the_documented_example_of_alpha():
    """Three coders, 15 units, four values: .691, as Krippendorff's own example says."""
    table = [
        [None, None, None, None, None, 3, 4, 1, 2, 1, 1, 3, 3, None, 3],
        [1, None, 2, 1, 3, 3, 4, 3, None, None, None, None, None, None, None],
        [None, None, 2, 1, 3, 4, 4, None, 2, 1, 1, 3, 3, None, 4],
    ]
    import krippendorff

    counts = np.array(
        [[sum(row[unit] == value for row in table) for value in (1, 2, 3, 4)] for unit in range(15)], float
    )
    paired = counts[counts.sum(1) > 1]
    once = np.ones((1, len(paired)), dtype=int)
    theirs = krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")
    assert resampled_alphas(paired, once)[0] == pytest.approx(theirs) == pytest.approx(0.691358, abs=1e-6)


def test_full_agreement_is_one_and_chance_is_zero():
    assert krippendorff_alpha(labels_of({"a": 1, "b": 1, "c": 1}, 60)).mean == pytest.approx(1)
    chance = krippendorff_alpha(labels_of({"a": 1 / 3, "b": 1 / 3}, 4000))
    assert chance.mean == pytest.approx(0, abs=0.05)
    assert chance.ci95 is not None and chance.ci95[0] < 0 < chance.ci95[1] and chance.n == 4000


def test_the_interval_narrows_with_units():
    few, many = (krippendorff_alpha(labels_of({"a": 0.8, "b": 0.8}, n)) for n in (40, 1600))
    assert few.ci95 and many.ci95 and few.mean is not None
    assert many.ci95[1] - many.ci95[0] < (few.ci95[1] - few.ci95[0]) / 3
    assert few.ci95[0] < few.mean < few.ci95[1]


def test_what_nobody_shares_is_undefined_not_zero():
    alone = [Label(f"{who} {i}", who, Choice.FIRST) for who in ("a", "b") for i in range(5)]
    found = agreement_of(alone)
    assert found.alpha.mean is None and found.alpha.ci95 is None and found.alpha.n == 0
    assert {who: m.mean for who, m in found.reliability.items()} == {"a": None, "b": None}
    assert found.people == 0
    assert agreement_of([]).alpha.mean is None and dawid_skene_reliability([]) == {}


def test_one_label_only_leaves_alpha_undefined():
    same = [Label(str(i), who, Choice.FIRST) for who in "ab" for i in range(9)]
    alpha = krippendorff_alpha(same)
    assert alpha.mean is None and alpha.n == 9


def test_cant_tell_is_no_judgment_and_the_last_answer_counts():
    labels = [Label("1", "a", Choice.FIRST), Label("1", "b", Choice.UNSURE)]
    assert krippendorff_alpha(labels).n == 0
    labels += [Label("1", "b", Choice.SECOND), Label("2", "a", Choice.TIE), Label("2", "b", Choice.TIE)]
    assert krippendorff_alpha(labels).n == 2
    before = krippendorff_alpha(labels).mean
    after = krippendorff_alpha([*labels, Label("1", "b", Choice.FIRST)]).mean
    assert before is not None and after == pytest.approx(1) and before < after


def test_dawid_skene_finds_who_can_be_relied_on():
    skill = {"ana": 0.95, "bo": 0.9, "cy": 0.85, "dud": 0.4}
    found = dawid_skene_reliability(labels_of(skill, 600))
    for who, true in skill.items():
        assert found[who].mean == pytest.approx(true, abs=0.06), who
        assert found[who].n == 600
    means = [found[who].mean for who in skill]
    assert means == sorted(means, key=lambda mean: -(mean or 0))


def test_somebody_who_shares_nothing_is_undefined_beside_others_who_do():
    labels = [*labels_of({"a": 0.9, "b": 0.9, "c": 0.9}, 50), Label("elsewhere", "loner", Choice.FIRST)]
    found = agreement_of(labels)
    assert found.reliability["loner"].mean is None and found.reliability["a"].mean is not None
    assert found.people == 3


def test_two_by_two_says_who_agrees_with_whom():
    labels = [*labels_of({"a": 1, "b": 1, "c": 1 / 3}, 300), Label("alone", "d", Choice.FIRST)]
    found = {(pair.first, pair.second): pair for pair in agreement_of(labels).pairs}
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert found["a", "b"].same.mean == 1 and found["a", "b"].alpha == pytest.approx(1)
    for pair in (found["a", "c"], found["b", "c"]):
        assert pair.same.n == 300 and pair.same.mean == pytest.approx(1 / 3, abs=0.1)
        assert pair.same.ci95 and pair.same.ci95[0] < 1 / 3 < pair.same.ci95[1]
        assert pair.alpha == pytest.approx(0, abs=0.15)
    # Alpha of two people is that of their labels alone.
    alone = krippendorff_alpha(label for label in labels if label.who in "ac")
    assert found["a", "c"].alpha == pytest.approx(alone.mean)


def test_two_who_said_the_same_of_everything_agree_without_an_alpha():
    labels = [Label(str(unit), who, Choice.TIE) for unit in range(4) for who in ("a", "b")]
    (pair,) = agreement_of(labels).pairs
    assert (pair.same.mean, pair.same.n, pair.alpha) == (1, 4, None)
    assert agreement_of([*labels, Label("0", "b", Choice.UNSURE)]).pairs[0].same.n == 3
