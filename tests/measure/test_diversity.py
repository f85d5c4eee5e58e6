"""What sources add to each other, and the variety of outputs: known cases, bounds, and what is undefined."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.measure.diversity import (
    accuracies,
    distinct_n,
    error_correlation,
    marginal_benefit,
    ngram_similarities,
    output_entropy,
    similarities,
    vendi_score,
)
from partwise.oversight.combine import Method
from partwise.types import Example, Signal

Answers = dict[str, list[Signal | None]]
OUTPUTS = st.lists(st.text("ab c", max_size=12), min_size=1, max_size=12)


def asked(n: int) -> list[Example]:
    return [Example(key=f"x{i}", texts=("a", "b"), label=i % 2) for i in range(n)]


def answers_of(wrong: dict[str, list[bool | None]]) -> Answers:
    """Sources that err where it is said, and give no answer where it says None."""
    return {
        name: [
            None
            if errs is None
            else Signal(example=f"x{i}", label=(i + errs) % 2, confidence=0.8, source=name)
            for i, errs in enumerate(errors)
        ]
        for name, errors in wrong.items()
    }


def independent(skill: dict[str, float], n: int, seed: int = 0) -> Answers:
    rng = random.Random(seed)
    return answers_of({name: [rng.random() > right for _ in range(n)] for name, right in skill.items()})


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=4, max_size=30))
@settings(max_examples=40, deadline=None)
def test_phi_is_the_correlation_of_errors_and_undefined_where_one_does_not_vary(
    errors: list[tuple[bool, bool]],
):
    first, second = (list(column) for column in zip(*errors, strict=True))
    found = error_correlation(answers_of({"a": first, "b": second}), asked(len(errors)))
    phi = found.matrix[0][1]
    assert phi == found.matrix[1][0] and phi.n == len(errors) and found.mean.mean == phi.mean
    if len(set(first)) < 2 or len(set(second)) < 2:
        assert phi.mean is None and phi.ci95 is None
    else:
        assert phi.mean == pytest.approx(np.corrcoef(first, second)[0, 1])


def test_errors_made_together_independently_and_in_turn():
    rng = random.Random(0)
    errs: list[bool | None] = [rng.random() < 0.3 for _ in range(800)]
    wrong = {
        "a": errs,
        "twin": errs,
        "other": [rng.random() < 0.3 for _ in errs],
        "foil": [not e for e in errs],
    }
    found = error_correlation(answers_of(wrong), asked(800))
    together, alone, turn = found.matrix[0][1:]
    assert together.mean == pytest.approx(1) and turn.mean == pytest.approx(-1)
    assert alone.ci95 is not None and alone.ci95[0] < 0 < alone.ci95[1] and alone.ci95[1] < 0.15
    assert found.matrix[0][0].mean == pytest.approx(1)
    pairs = [found.matrix[i][j].mean for i in range(4) for j in range(i)]
    assert found.mean.mean == pytest.approx(np.mean(np.array(pairs, float))) and found.mean.n == 800


def test_the_interval_of_phi_covers_the_truth_as_often_as_it_says():
    # Errors that are shared half of the time have a correlation of one half.
    covered = 0
    for seed in range(60):
        rng = random.Random(seed)
        first: list[bool | None] = [rng.random() < 0.4 for _ in range(150)]
        second = [e if rng.random() < 0.5 else rng.random() < 0.4 for e in first]
        ci95 = error_correlation(answers_of({"a": first, "b": second}), asked(150)).matrix[0][1].ci95
        assert ci95 is not None
        covered += ci95[0] <= 0.5 <= ci95[1]
    assert covered >= 51


def test_only_what_both_answered_counts():
    wrong: dict[str, list[bool | None]] = {
        "a": [True, False, True, False, True, None, None],
        "b": [True, False, True, False, None, True, None],
        "late": [None, None, None, False, True, True, None],
    }
    found = error_correlation(answers_of(wrong), asked(7))
    assert found.matrix[0][1].n == 4 and found.matrix[0][1].mean == pytest.approx(1)
    # Two or three examples in common say nothing.
    assert found.matrix[0][2].mean is None and found.matrix[0][2].n == 2
    assert found.mean.mean == pytest.approx(1) and found.mean.n == 6
    assert {name: (m.mean, m.n) for name, m in accuracies(answers_of(wrong), asked(7)).items()} == {
        "a": (pytest.approx(0.4), 5),
        "b": (pytest.approx(0.4), 5),
        "late": (pytest.approx(1 / 3), 3),
    }


def test_of_nothing_all_is_undefined():
    silent = answers_of({"a": [None] * 5, "b": [None] * 5})
    assert accuracies(silent, asked(5))["a"].mean is None
    assert [b.accuracy.mean for b in marginal_benefit(silent, asked(5), Method.MAJORITY)] == [None, None]
    for answers, n in ((silent, 5), (answers_of({"a": [], "b": []}), 0), (answers_of({"a": [True] * 9}), 9)):
        found = error_correlation(answers, asked(n))
        assert found.mean.mean is None and found.mean.ci95 is None
    assert error_correlation({}, []).matrix == () and marginal_benefit({}, [], Method.MAJORITY) == []


def test_signals_out_of_order_are_refused():
    answers = answers_of({"a": [True, False]})
    with pytest.raises(ValueError, match="2 signals for 3 examples"):
        accuracies(answers, asked(3))
    with pytest.raises(ValueError, match="in the order of the examples"):
        error_correlation(answers, asked(2)[::-1])


def test_each_source_adds_less_than_the_last_and_all_add_up():
    names = "abcdef"
    answers, examples = independent(dict.fromkeys(names, 0.7), 600), asked(600)
    found = marginal_benefit(answers, examples, Method.MAJORITY)
    assert [b.sources for b in found] == [1, 2, 3, 4, 5, 6] and found[0].benefit.mean is None
    alone = [measure.mean for measure in accuracies(answers, examples).values()]
    assert found[0].accuracy.mean == pytest.approx(np.mean(np.array(alone, float)))
    added = [b.benefit.mean or 0.0 for b in found[1:]]
    assert (found[0].accuracy.mean or 0) + sum(added) == pytest.approx(found[-1].accuracy.mean)
    # The third breaks ties, and helps more than the fifth; the second alone helps nobody.
    assert added[1] > added[3] > 0 and added[0] == pytest.approx(0, abs=0.03)
    third = found[2].benefit
    assert third.ci95 is not None and 0 < third.ci95[0] < third.ci95[1] and third.n == 600


def test_copies_add_nothing():
    one = independent({"a": 0.7}, 200)["a"]
    found = marginal_benefit({"a": one, "b": one, "c": one}, asked(200), Method.MAJORITY)
    assert [b.benefit.mean for b in found[1:]] == [pytest.approx(0), pytest.approx(0)]


def test_benefits_compare_the_same_examples_whatever_the_number_of_sources():
    answers = independent({"a": 0.9, "b": 0.9, "c": 0.9}, 50)
    answers["b"][:20] = [None] * 20
    found = marginal_benefit(answers, asked(50), Method.CONFIDENCE)
    assert {b.accuracy.n for b in found} == {30}


def test_orders_of_many_sources_are_drawn_by_the_seed():
    answers, examples = independent({str(i): 0.5 + i / 20 for i in range(9)}, 60), asked(60)
    first, again = (marginal_benefit(answers, examples, Method.MAJORITY, seed="1") for _ in range(2))
    shuffled = dict(reversed(list(answers.items())))
    assert first == again == marginal_benefit(shuffled, examples, Method.MAJORITY, seed="1")
    assert first != marginal_benefit(answers, examples, Method.MAJORITY, seed="2")
    assert len(first) == 9


@settings(deadline=None)
@given(OUTPUTS)
def test_entropy_lies_between_none_and_all_different(outputs: list[str]):
    entropy = output_entropy(outputs)
    assert entropy.mean is not None and entropy.n == len(outputs)
    assert -1e-12 <= entropy.mean <= math.log(len(outputs)) + 1e-12
    assert (entropy.mean < 1e-12) == (len(set(outputs)) == 1)


def test_entropy_in_nats():
    assert output_entropy(["a", "b", "a", "b"]).mean == pytest.approx(math.log(2))
    assert output_entropy(["a", "b", "c", "d"]).mean == pytest.approx(math.log(4))
    assert output_entropy(["a", "a", "a", "b"]).mean == pytest.approx(0.5623351446)


def test_distinct_n_counts_tokens_not_letters():
    assert distinct_n(["a b a b"], 1).mean == pytest.approx(2 / 4)
    assert distinct_n(["a b a b"], 2).mean == pytest.approx(2 / 3)
    assert distinct_n([[7, 8], [7, 8], [9]], 2).mean == pytest.approx(1 / 2)
    assert distinct_n(["aaaa"], 1).n == 1
    with pytest.raises(ValueError, match="at least one token"):
        distinct_n(["a"], 0)


@settings(deadline=None)
@given(OUTPUTS, st.integers(1, 4))
def test_distinct_n_is_a_share_and_falls_with_repetition(outputs: list[str], n: int):
    once, twice = distinct_n(outputs, n), distinct_n(outputs * 2, n)
    if not once.n:
        assert once.mean is None
    else:
        assert once.mean is not None and 0 < once.mean <= 1
        assert twice.mean == pytest.approx(once.mean / 2) and twice.n == 2 * once.n


@settings(deadline=None)
@given(st.integers(1, 12))
def test_the_vendi_score_counts_what_is_different(n: int):
    assert vendi_score(np.ones((n, n))).mean == pytest.approx(1)
    assert vendi_score(np.eye(n)).mean == pytest.approx(n)
    # Two kinds, in equal shares.
    assert vendi_score(np.kron(np.eye(2), np.ones((n, n)))).mean == pytest.approx(2)


@settings(deadline=None)
@given(OUTPUTS)
def test_with_equality_for_similarity_the_vendi_score_is_the_exponential_of_entropy(outputs: list[str]):
    kernel = similarities(outputs, lambda a, b: float(a == b))
    entropy = output_entropy(outputs).mean
    assert entropy is not None and vendi_score(kernel).mean == pytest.approx(math.exp(entropy))


@settings(deadline=None)
@given(OUTPUTS)
def test_ngram_overlap_is_a_kernel(outputs: list[str]):
    kernel = ngram_similarities(outputs)
    score = vendi_score(kernel)
    assert score.mean is not None and 1 <= score.mean <= len(outputs) and score.n == len(outputs)
    assert kernel.min() >= 0 and kernel.max() <= 1 + 1e-9
    assert vendi_score(ngram_similarities(outputs * 2)).mean == pytest.approx(score.mean)


def test_ngram_overlap_of_known_texts():
    kernel = ngram_similarities(["a b", "b a", "c d", "a b"], longest=2)
    # Words in common, no pair of words in common: half.
    assert kernel[0] == pytest.approx([1, 0.5, 0, 1])


def test_no_kernel_is_refused_in_a_sentence_and_none_is_undefined():
    assert vendi_score(np.zeros((0, 0))).mean is None
    assert output_entropy([]).mean is None and distinct_n([], 1).mean is None
    assert vendi_score(ngram_similarities([])).mean is None
    for kernel, says in (
        (np.ones((2, 3)), "square symmetric"),
        (np.array([[1, 0.2], [0.4, 1]]), "square symmetric"),
        (np.array([[1, math.nan], [math.nan, 1]]), "square symmetric"),
        (2 * np.eye(2), "as similar as 1 to itself"),
        (np.array([[1.0, 3.0], [3.0, 1.0]]), "negative eigenvalue"),
    ):
        with pytest.raises(ValueError, match=says):
            vendi_score(kernel)
