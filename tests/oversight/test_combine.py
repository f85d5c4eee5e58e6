"""Several signals made one: what holds of every method, and what each is for."""

import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.oversight.combine import Method, Panel, combine
from partwise.oversight.signals import Flipped, Recorded, TrueLabels
from partwise.types import Example, Signal

Column = list[Signal | None]
PLAIN = (Method.MAJORITY, Method.CONFIDENCE)
LEARNED = (Method.DAWID_SKENE, Method.GLAD)


def signal(label: int, confidence: float = 0.8, *, source: str = "a", example: str = "x") -> Signal:
    return Signal(example=example, label=label, confidence=confidence, source=source, cost=1.0)


def crowd(
    skill: dict[str, float], n: int, *, classes: int = 2, seed: int = 0
) -> tuple[list[int], list[Column]]:
    """The truth, and sources that are right with the chance `skill`, independently of each other."""
    rng = random.Random(seed)
    truth = [rng.randrange(classes) for _ in range(n)]

    def said(name: str, right: float) -> Column:
        return [
            signal(
                true if rng.random() < right else rng.choice([k for k in range(classes) if k != true]),
                max(right, 0.5),
                source=name,
                example=f"x{i}",
            )
            for i, true in enumerate(truth)
        ]

    return truth, [said(name, right) for name, right in skill.items()]


def accuracy(signals: list[Signal | None], truth: list[int]) -> float:
    return sum(s is not None and s.label == t for s, t in zip(signals, truth, strict=True)) / len(truth)


@st.composite
def columns(draw: st.DrawFn) -> list[Column]:
    n = draw(st.integers(1, 5))
    answer = st.none() | st.tuples(st.integers(0, 2), st.floats(0, 1))
    drawn = draw(st.lists(st.lists(answer, min_size=n, max_size=n), min_size=1, max_size=5))
    return [
        [a and signal(a[0], a[1], source=f"s{i}", example=f"x{j}") for j, a in enumerate(column)]
        for i, column in enumerate(drawn)
    ]


@settings(deadline=None)
@given(columns(), st.sampled_from(PLAIN), st.randoms(use_true_random=False))
def test_the_order_of_the_sources_changes_nothing(said: list[Column], method: Method, rng: random.Random):
    combined = combine(said, method, classes=3)
    assert combine(rng.sample(said, len(said)), method, classes=3) == combined
    for row, one in zip(zip(*said, strict=True), combined, strict=True):
        given_labels = {s.label for s in row if s is not None}
        if one is None:
            assert not given_labels
        else:
            assert one.label in given_labels
            assert 0 <= one.confidence <= 1
            assert one.cost == sum(s is not None for s in row)
            # What all who answer agree on is the answer.
            assert len(given_labels) > 1 or {one.label} == given_labels


@pytest.mark.parametrize("method", LEARNED)
def test_the_order_of_the_sources_changes_nothing_that_is_learned(method: Method):
    _, said = crowd({"a": 0.8, "b": 0.7, "c": 0.6, "d": 0.6}, 25, classes=3)
    said[0][3] = said[1][3] = said[2][3] = said[3][3] = None
    combined = combine(said, method, classes=3)
    assert combine([said[2], said[0], said[3], said[1]], method, classes=3) == combined
    assert combined[3] is None and sum(s is None for s in combined) == 1
    assert {s.source for s in combined if s} == {f"{method} of a, b, c, d"}
    assert {s.cost for s in combined if s} == {4.0}


@pytest.mark.parametrize("method", Method)
def test_a_unanimous_panel_returns_its_label(method: Method):
    truth, said = crowd({"a": 1.0, "b": 1.0, "c": 1.0}, 20, classes=3)
    assert accuracy(combine(said, method, classes=3), truth) == 1.0
    one_class = [[signal(1, source=name)] for name in "abc"]
    (only,) = combine(one_class, method)
    assert only is not None and only.label == 1


@pytest.mark.parametrize("method", Method)
def test_independent_errors_are_corrected(method: Method):
    truth, said = crowd({"a": 0.75, "b": 0.75, "c": 0.75, "d": 0.75, "e": 0.75}, 120)
    best = max(accuracy(column, truth) for column in said)
    # Five of three quarters, by majority: .896.
    assert accuracy(combine(said, method), truth) > best + 0.02


@pytest.mark.parametrize("method", LEARNED)
def test_it_is_learned_who_is_always_wrong(method: Method):
    truth, said = crowd({"a": 0.8, "b": 0.8, "c": 0.8, "liar": 0.0}, 60)
    assert accuracy(combine(said, method), truth) > 0.95
    assert accuracy(combine(said, Method.MAJORITY), truth) < 0.85


def test_confidence_weighs_by_log_odds():
    said: list[Column] = [
        [signal(0, 0.9, source="a")],
        [signal(1, 0.6, source="b")],
        [signal(1, 0.6, source="c")],
    ]
    (combined,) = combine(said, Method.CONFIDENCE)
    # Odds of 9 against 1.5 * 1.5.
    assert combined is not None and combined.label == 0
    assert combined.confidence == pytest.approx(9 / (9 + 2.25))
    (voted,) = combine(said, Method.MAJORITY)
    assert voted is not None and voted.label == 1 and voted.confidence == pytest.approx(2 / 3)


def test_confidence_says_more_the_more_classes_there_are():
    (two,) = combine([[signal(0, 0.5)]], Method.CONFIDENCE, classes=2)
    (four,) = combine([[signal(0, 0.5, source=name)] for name in "ab"], Method.CONFIDENCE, classes=4)
    assert two is not None and two.confidence == pytest.approx(0.5)
    # Odds of 3 * 3 against the 1 of each of three others.
    assert four is not None and four.confidence == pytest.approx(9 / 12)


def test_a_source_that_is_wholly_sure_can_be_outvoted():
    said: list[Column] = [[signal(0, 1.0, source="a")], *([signal(1, 0.999, source=n)] for n in "bcd")]
    (combined,) = combine(said, Method.CONFIDENCE)
    assert combined is not None and combined.label == 1


@pytest.mark.parametrize("method", PLAIN)
def test_a_tie_favours_no_class_and_is_the_same_every_time(method: Method):
    said: list[Column] = [
        [signal(label, source=name, example=f"x{i}") for i in range(400)] for label, name in enumerate("ab")
    ]
    combined = combine(said, method)
    share = sum(s is not None and s.label == 0 for s in combined) / 400
    assert 0.4 < share < 0.6
    assert combine(said, method) == combined
    assert combine([column[200:] for column in said], method) == combined[200:]


def test_nonsense_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="at least one"):
        combine([], Method.MAJORITY)
    with pytest.raises(ValueError, match="all of one length"):
        combine([[signal(0)], []], Method.MAJORITY)
    with pytest.raises(ValueError, match="same examples in the same order"):
        combine([[signal(0)], [signal(0, example="y")]], Method.MAJORITY)
    with pytest.raises(ValueError, match="set classes"):
        combine([[signal(2)]], Method.CONFIDENCE)
    with pytest.raises(ValueError, match="2 labels or more"):
        combine([[signal(0)]], Method.CONFIDENCE, classes=1)
    with pytest.raises(ValueError, match="choose one of majority"):
        combine([[signal(0)]], "mean")  # pyright: ignore[reportArgumentType]


def test_without_crowd_kit_a_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    said: list[Column] = [[signal(0)], [signal(1, source="b")]]
    assert combine(said, Method.MAJORITY)[0] is not None
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'partwise\[lab\]'"):
        combine(said, Method.DAWID_SKENE)


def test_a_panel_is_a_source_like_any_other():
    examples = [Example(key=f"x{i}", texts=("a", "b", "c"), label=i % 3) for i in range(300)]
    truth = [example.label for example in examples]
    sources = [Flipped(TrueLabels(), 0.3, seed=str(seed)) for seed in range(5)]
    panel = Panel(sources, Method.CONFIDENCE)
    signals = panel.signals(examples)
    assert accuracy(signals, truth) > max(accuracy(source.signals(examples), truth) for source in sources)
    assert {s.source for s in signals if s} == {panel.name}
    nested = Panel([panel, Recorded("nobody", [])], Method.MAJORITY)
    assert [s and s.label for s in nested.signals(examples)] == [s and s.label for s in signals]
    assert nested.name == f"majority of {panel.name}, nobody" and panel.signals([]) == []


def test_a_panel_needs_sources_that_can_be_told_apart():
    for sources in ([], [TrueLabels(), TrueLabels()]):
        with pytest.raises(ValueError, match="names of their own"):
            Panel(sources, Method.MAJORITY)
