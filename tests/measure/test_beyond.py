"""Beyond human reach: judgment past its training, the next rung foretold, and models that rank each other."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from partwise.measure.beyond import (
    Comparison,
    Form,
    PeerReview,
    Rung,
    Verdict,
    coverage,
    peer_review,
    predict_rung,
    predictions,
    surrogate_testing,
)
from partwise.measure.intervals import Measure, rate

SIZES = [5_000 * 4**i for i in range(6)]
FORMS = list(Form)


def verdicts(n: int, level: int, skill: float, seed: int = 0) -> list[Verdict]:
    """Judgments whose AUC is known: of a yes and of a no they lie `skill` deviations apart."""
    rng = np.random.default_rng([seed, level])
    truth = rng.random(n) < 0.5
    judged = expit(rng.normal(size=n) + skill * (truth - 0.5))
    return [Verdict(level=level, judged=float(j), truth=bool(t)) for j, t in zip(judged, truth, strict=True)]


def ladder(
    sizes: list[int], seed: int = 0, seeds: int = 3, tasks: int = 500, spread: float = 0.1
) -> list[Rung]:
    """Utility whose logit grows evenly with log capacity, measured by several seeds on so many tasks."""
    rng = np.random.default_rng(seed)
    rungs: list[Rung] = []
    for size in sizes:
        chance = expit(-0.5 + 0.5 * np.log(size / SIZES[0]) / np.log(4) + spread * rng.normal(size=seeds))
        utilities = tuple(float(u) for u in rng.binomial(tasks, chance) / tasks)
        rungs.append(Rung(parameters=size, utilities=utilities, tasks=tasks))
    return rungs


def tournament(strengths: dict[str, float], times: int, seed: int = 0) -> list[Comparison]:
    """Every model judges every two others `times` times, by their true strengths."""
    rng = np.random.default_rng(seed)
    played: list[Comparison] = []
    for judge in strengths:
        others = [name for name in strengths if name != judge]
        for i, first in enumerate(others):
            for second in others[i + 1 :]:
                won = int(rng.binomial(times, expit(strengths[first] - strengths[second])))
                played.append(Comparison(judge=judge, winner=first, loser=second, times=won))
                played.append(Comparison(judge=judge, winner=second, loser=first, times=times - won))
    return played


def width(measure: Measure) -> float:
    assert measure.ci95 is not None
    return measure.ci95[1] - measure.ci95[0]


def means(review: PeerReview) -> dict[str, float | None]:
    return {name: strength.mean for name, strength in review.strengths.items()}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), st.booleans()), max_size=30))
def test_auc_counts_pairs(rows: list[tuple[float, bool]]):
    judged = [Verdict(level=1, judged=score, truth=truth) for score, truth in rows]
    found = surrogate_testing(judged, 1).auc.get(1, rate([]))
    pairs = [(yes > no) + 0.5 * (yes == no) for yes, t in rows if t for no, u in rows if not u]
    if not pairs:
        assert found.mean is None and found.ci95 is None
        return
    assert found.mean == pytest.approx(np.mean(pairs)) and found.ci95 and found.n == len(rows)
    assert 0 <= found.ci95[0] <= found.mean <= found.ci95[1] <= 1 and width(found) > 0


@pytest.mark.parametrize("skill", [0.0, 1.0, 3.0])
def test_the_interval_of_an_auc_covers_as_often_as_it_says(skill: float):
    true = stats.norm.cdf(skill / np.sqrt(2))
    found = [surrogate_testing(verdicts(60, 1, skill, seed), 1).auc[1].ci95 for seed in range(150)]
    assert 0.91 < np.mean([ci[0] <= true <= ci[1] for ci in found if ci]) <= 1


def test_judgment_that_fails_beyond_its_training_drops():
    rows = [row for level in (1, 2) for row in verdicts(300, level, 3)]
    holds = surrogate_testing([*rows, *verdicts(300, 3, 3), *verdicts(300, 4, 3)], trained_to=2)
    fails = surrogate_testing([*rows, *verdicts(300, 3, 1), *verdicts(300, 4, 0)], trained_to=2)
    assert list(fails.accuracy) == list(fails.auc) == [1, 2, 3, 4]
    for drop in (holds.accuracy_drop, holds.auc_drop):
        assert drop.ci95 and drop.ci95[0] < 0 < drop.ci95[1]
    for drop in (fails.accuracy_drop, fails.auc_drop):
        assert drop.ci95 and drop.ci95[0] > 0.1 and drop.n == 600
    by_level = [fails.auc[level].mean for level in (2, 3, 4)]
    assert by_level == sorted(by_level, key=lambda mean: -(mean or 0))


def test_a_drop_needs_both_sides():
    only_trained = surrogate_testing(verdicts(50, 1, 2), trained_to=1)
    assert only_trained.accuracy[1].mean and only_trained.accuracy_drop.mean is None
    assert surrogate_testing(verdicts(50, 2, 2), trained_to=1).auc_drop.mean is None
    assert surrogate_testing([], 1).accuracy == {}
    with pytest.raises(ValueError, match="from 0 to 1"):
        surrogate_testing([Verdict(level=1, judged=float("nan"), truth=True)], 1)


@pytest.mark.parametrize("form", FORMS)
def test_fewer_than_three_sizes_foretell_nothing(form: Form):
    two = ladder(SIZES[:2])
    for seen in ([], two, [*two, replace(two[0], utilities=(0.9,))]):
        found = predict_rung(seen, SIZES[2], form)
        assert found.mean is None and found.ci95 is None and found.n == len(seen)
    assert predictions(ladder(SIZES[:3]), form) == [] and coverage([]).mean is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "utilities", [(0.4, 0.5, 0.6), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.9, 0.2, 0.9), (0, 0, 1)]
)
def test_three_points_are_enough_whatever_they_are(form: Form, utilities: tuple[float, ...]):
    seen = [
        Rung(parameters=size, utilities=(utility,), tasks=200)
        for size, utility in zip(SIZES, utilities, strict=False)
    ]
    found = predict_rung(seen, SIZES[3], form)
    assert found.mean is not None and found.ci95 is not None
    assert 0 <= found.ci95[0] < found.ci95[1] <= 1 and 0 <= found.mean <= 1


def test_each_form_continues_a_curve_of_its_own():
    x = np.log(SIZES) - np.log(SIZES[0])
    curves = {Form.LOGIT_LINE: expit(-1 + 0.4 * x), Form.SIGMOID: 0.5 + 0.35 * expit(-2 + 0.9 * x)}
    for form, curve in curves.items():
        rungs = [
            Rung(parameters=s, utilities=(float(u),), tasks=10**6) for s, u in zip(SIZES, curve, strict=True)
        ]
        found = predict_rung(rungs[:5], SIZES[5], form, chance=0.5)
        assert found.mean == pytest.approx(curve[5], abs=0.003) and width(found) < 0.02


def test_a_prediction_is_made_before_the_rung_is_trained():
    rungs = ladder(SIZES[:5])
    first, second = predictions(rungs, Form.LOGIT_LINE)
    assert [first.parameters, second.parameters] == SIZES[3:5] and first.predicted.n == 3
    other = [*rungs[:3], replace(rungs[3], utilities=(0.0, 0.0, 0.0)), rungs[4]]
    surprised = predictions(other, Form.LOGIT_LINE)[0]
    assert surprised.predicted == first.predicted and surprised.inside is False
    assert coverage([first, surprised]).mean == 0.5 and first.inside is True
    assert predict_rung(rungs[2::-1], SIZES[3], Form.LOGIT_LINE) == first.predicted, "in any order"


def test_the_prediction_interval_covers_about_as_often_as_it_says():
    held_back = [
        prediction
        for seed in range(20)
        for prediction in predictions(ladder(SIZES[:5], seed), Form.LOGIT_LINE)
    ]
    found = coverage(held_back)
    assert found.n == 40 and found.mean is not None and found.mean >= 0.87
    assert np.mean([width(prediction.predicted) for prediction in held_back]) < 0.25


def test_a_wrong_form_is_found_out():
    """Growth that stops at .8: the line goes on to grow, the sigmoid does not."""
    rungs = [
        Rung(parameters=size, utilities=(utility,) * 3, tasks=3000)
        for size, utility in zip(SIZES, (0.3, 0.55, 0.72, 0.78, 0.798, 0.8), strict=True)
    ]
    by_form = {form: predictions(rungs, form)[-1] for form in FORMS}
    assert by_form[Form.SIGMOID].inside
    assert by_form[Form.LOGIT_LINE].predicted.mean and by_form[Form.LOGIT_LINE].predicted.mean > 0.83


def test_noise_widens_a_prediction():
    even = [
        Rung(parameters=size, utilities=(u,) * 3, tasks=400)
        for size, u in zip(SIZES, (0.4, 0.5, 0.6, 0.69), strict=False)
    ]
    few = [replace(rung, tasks=50) for rung in even]
    seeds = [replace(rung, utilities=(rung.utility - 0.1, rung.utility, rung.utility + 0.1)) for rung in even]
    bent = [replace(rung, utilities=(u,) * 3) for rung, u in zip(even, (0.4, 0.6, 0.5, 0.69), strict=True)]
    narrow = width(predict_rung(even, SIZES[4], Form.LOGIT_LINE))
    for noisy in (few, seeds, bent):
        assert width(predict_rung(noisy, SIZES[4], Form.LOGIT_LINE)) > 1.5 * narrow


def test_what_is_no_rung_is_refused():
    with pytest.raises(ValueError, match="at least one parameter, one task and one seed"):
        Rung(parameters=10, utilities=(), tasks=5)
    with pytest.raises(ValueError, match="shares, from 0 to 1"):
        Rung(parameters=10, utilities=(float("nan"),), tasks=5)
    with pytest.raises(ValueError, match="a chance from 0"):
        predict_rung([], 10, Form.SIGMOID, chance=1.0)


TRUTH = {"xs": -1.5, "s": -0.5, "m": 0.5, "l": 1.5}


def test_peers_find_the_true_order():
    found = peer_review(tournament(TRUTH, 60), TRUTH)
    assert found.tau.mean == 1 and found.tau.n == 12 * 60 and found.own == 0
    for name, true in TRUTH.items():
        strength = found.strengths[name]
        assert strength.ci95 and strength.ci95[0] < true < strength.ci95[1] and strength.n == 360
    reverse = {name: -score for name, score in TRUTH.items()}
    assert peer_review(tournament(TRUTH, 60), reverse).tau.mean == -1
    alike = peer_review(tournament(dict.fromkeys(TRUTH, 0.0), 60), TRUTH).tau
    assert alike.ci95 and alike.ci95[0] < 0 < alike.ci95[1]


def test_own_work_is_never_judged():
    fair = tournament(TRUTH, 20)
    own = [Comparison(judge="xs", winner="xs", loser=rival, times=500) for rival in ("s", "m", "l")]
    lost = [Comparison(judge="l", winner="xs", loser="l", times=7)]
    found = peer_review([*fair, *own, *lost], TRUTH)
    assert found == replace(peer_review(fair, TRUTH), own=1507)
    nothing_left = peer_review(own, TRUTH)
    assert nothing_left.own == 1500 and nothing_left.tau.mean is None
    assert set(means(nothing_left).values()) == {None}


def test_groups_that_never_meet_are_ranked_within():
    found = means(
        peer_review(
            [
                Comparison(judge="z", winner="a", loser="b", times=9),
                Comparison(judge="z", winner="c", loser="d", times=9),
            ]
        )
    )
    a, b, c, d = (found[name] for name in "abcd")
    assert a and b and c and d and a > b and c > d
    assert a == pytest.approx(c, abs=0.01) and b == pytest.approx(d, abs=0.01)


def test_one_comparison_proves_little():
    found = peer_review([Comparison(judge="z", winner="a", loser="b")], {"a": 1.0, "b": 0.0})
    assert found.tau.mean == 1 and found.tau.ci95 == (-1, 1) and found.tau.n == 1
    many = peer_review([Comparison(judge="z", winner="a", loser="b", times=30)], {"a": 1.0, "b": 0.0})
    assert many.tau.ci95 == (1, 1)


def test_tau_is_undefined_without_an_order_to_find():
    played = tournament(TRUTH, 5)
    for truth in (None, dict.fromkeys(TRUTH, 1.0)):
        found = peer_review(played, truth)
        assert found.tau.mean is None and found.tau.ci95 is None and found.strengths["l"].mean
    assert peer_review([]).strengths == {}


@settings(deadline=None, max_examples=5)
@given(st.lists(st.integers(0, 30), min_size=6, max_size=6), st.permutations("abcd"))
def test_strengths_do_not_hang_on_names_and_turn_round_with_the_wins(counts: list[int], names: list[str]):
    pairs = ["ab", "ba", "bc", "cd", "dc", "ad"]
    played = [
        Comparison(judge="z", winner=p[0], loser=p[1], times=n) for p, n in zip(pairs, counts, strict=True)
    ]
    renamed = dict(zip("abcd", names, strict=True))
    other = [replace(row, winner=renamed[row.winner], loser=renamed[row.loser]) for row in played]
    turned = [replace(row, winner=row.loser, loser=row.winner) for row in played]
    here, there, back = (means(peer_review(rows)) for rows in (played, other, turned))
    for name in "abcd":
        strength = here[name]
        if strength is None:
            assert there[renamed[name]] is None and back[name] is None
        else:
            assert there[renamed[name]] == pytest.approx(strength, abs=0.01)
            assert back[name] == pytest.approx(-strength, abs=0.01)


def test_what_is_no_comparison_is_refused():
    with pytest.raises(ValueError, match="needs two models"):
        peer_review([Comparison(judge="z", winner="a", loser="a")])
    with pytest.raises(ValueError, match="count of 0 or more"):
        peer_review([Comparison(judge="z", winner="a", loser="b", times=-1)])
    with pytest.raises(ValueError, match="no score for b"):
        peer_review([Comparison(judge="z", winner="a", loser="b")], {"a": 1.0})


def test_without_choix_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "choix", None)
    with pytest.raises(ImportError, match=r"pip install 'partwise\[lab\]'"):
        peer_review([Comparison(judge="z", winner="a", loser="b")])
