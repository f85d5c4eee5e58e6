"""What a debate promises, whatever the judge: who reveals what, in which order, by which strength."""

import itertools
import random
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partwise.models.tiny import tiny_reward_model
from partwise.models.tokenizer import build_tokenizer
from partwise.oversight.debate import (
    Case,
    ClassifierJudge,
    Debate,
    Debater,
    Seen,
    Side,
    consult,
    debate,
    hear,
    judge_model,
    unaided,
)
from partwise.oversight.signals import ModelSource
from partwise.types import Effect, Event, Example, Split, Task

ALL = 1000
"""More candidates than there are events: a debater who examines everything."""


def a_case(events: int) -> Case:
    trace = tuple(
        Event(
            tool="message" if position % 2 else "reserve",
            effect=Effect.READ,
            arguments=(f"guest {position}",),
            result=["Luna", "Oliva"] if position % 2 else True,
            line=position + 1,
            caller="",
        )
        for position in range(events)
    )
    task = Task(world="w", split=Split.TRAIN, index=0, seed=0, difficulty=0.5, statement="Dinner for two.")
    return Case(task, trace)


class Weighing:
    """A judge to whom each event weighs something, and who adds up what it sees: 0 to 1."""

    def __init__(self, weights: Sequence[float]):
        self.weights = weights
        self.calls: list[int] = []

    def __call__(self, seen: Sequence[Seen]) -> list[float]:
        self.calls.append(len(seen))
        return [0.5 + sum(self.weights[event] for event in shown) for _, shown in seen]


def weighed(count: int) -> st.SearchStrategy[list[float]]:
    """Weights, no two of them equal, so that each has one best event."""
    return st.permutations(range(-count, count)).map(lambda order: [n / 1000 for n in order[:count]])


weights = st.integers(1, 9).flatmap(weighed)
strengths = st.builds(Debater, st.integers(1, 6), looks_ahead=st.booleans())


@given(weights, strengths, strengths, st.integers(0, 8), st.integers())
def test_debaters_take_turns_and_reveal_each_event_once(weights, pro, con, turns, seed):
    case, judge = a_case(len(weights)), Weighing(weights)
    (said,) = hear([debate(case, pro, con, turns, random.Random(seed))], judge)
    assert len(said.turns) == min(turns, len(weights))
    events = [turn.event for turn in said.turns]
    assert len(set(events)) == len(events) and set(events) <= set(range(len(weights)))
    sides = [turn.by for turn in said.turns]
    assert all(first is not then for first, then in itertools.pairwise(sides))
    assert set(sides) <= {Side.PRO, Side.CON}


@given(weights, strengths, strengths, st.integers(0, 8), st.integers())
def test_each_word_is_the_judges_on_what_is_revealed_so_far(weights, pro, con, turns, seed):
    case, judge = a_case(len(weights)), Weighing(weights)
    (said,) = hear([debate(case, pro, con, turns, random.Random(seed))], judge)
    shown: frozenset[int] = frozenset()
    assert said.before == judge([(case, shown)])[0]
    for turn in said.turns:
        shown |= {turn.event}
        assert turn.word == judge([(case, shown)])[0]
    assert said.word == judge([(case, shown)])[0]
    assert said.fine == (said.word > 0.5)


@given(weights, st.integers(1, 8), st.integers(), st.sampled_from((Side.PRO, Side.CON)))
def test_an_adviser_who_examines_all_reveals_what_serves_its_side_best(weights, turns, seed, side):
    case, judge = a_case(len(weights)), Weighing(weights)
    adviser = Debater(ALL, looks_ahead=True)  # nobody replies: looking ahead changes nothing
    (said,) = hear([consult(case, adviser, side, turns, random.Random(seed))], judge)
    best = sorted(range(len(weights)), key=lambda event: weights[event], reverse=side is Side.PRO)
    assert [turn.event for turn in said.turns] == best[:turns]
    assert {turn.by for turn in said.turns} == {side}


@given(weights, st.integers())
def test_the_opponent_of_one_who_reveals_at_random_gains_by_examining_all(weights, seed):
    case, judge = a_case(len(weights)), Weighing(weights)
    words = [
        hear([debate(case, pro, Debater(1), 1, random.Random(seed))], judge)[0]
        for pro in (Debater(1), Debater(ALL))
    ]
    if words[1].turns[0].by is Side.PRO:
        assert words[1].word == max(0.5 + weight for weight in weights)
        assert words[1].word >= words[0].word


def test_looking_ahead_leaves_an_event_alone_that_the_other_side_can_turn():
    """Event 0 looks best for pro until con shows event 1; event 2 is worth less, whatever is replied."""

    def judge(seen: Sequence[Seen]) -> list[float]:
        worth = {
            frozenset({0}): 0.9,
            frozenset({1}): 0.5,
            frozenset({2}): 0.7,
            frozenset({0, 1}): 0.1,
            frozenset({0, 2}): 0.8,
            frozenset({1, 2}): 0.6,
        }
        return [worth.get(shown, 0.5) for _, shown in seen]

    pro_begins = next(seed for seed in range(100) if random.Random(seed).randrange(2) == 0)

    def final(pro: Debater) -> Debate:
        return hear([debate(a_case(3), pro, Debater(ALL), 2, random.Random(pro_begins))], judge)[0]

    greedy, cautious = final(Debater(ALL)), final(Debater(ALL, looks_ahead=True))
    assert [turn.event for turn in greedy.turns] == [0, 1] and not greedy.fine
    assert [turn.event for turn in cautious.turns] == [2, 1] and cautious.fine


@given(st.lists(weights, min_size=1, max_size=4), strengths, strengths, st.integers(0, 5), st.integers())
def test_no_debate_depends_on_those_heard_beside_it(many, pro, con, turns, seed):
    longest = max(many, key=len)
    cases = [a_case(len(weights)) for weights in many]

    def talks():
        return [
            talk
            for index, case in enumerate(cases)
            for talk in (
                debate(case, pro, con, turns, random.Random(f"{seed} {index}")),
                unaided(case, turns, random.Random(f"{seed} {index}")),
            )
        ]

    judge = Weighing(longest)
    assert hear(talks(), judge) == [hear([talk], Weighing(longest))[0] for talk in talks()]
    # The judge is asked a turn of all of them at once, not talk by talk.
    assert len(judge.calls) <= 1 + 2 * turns


def test_every_event_comes_up_as_often_where_there_is_no_help():
    case, judge = a_case(4), Weighing([0.1, 0.2, -0.1, -0.2])
    said = hear([unaided(case, 1, random.Random(f"{n}")) for n in range(2000)], judge)
    for event in range(4):
        share = sum(one.turns[0].event == event for one in said) / len(said)
        assert share == pytest.approx(0.25, abs=0.05)
    assert {one.turns[0].by for one in said} == {Side.CHANCE}


def test_an_event_reads_in_the_order_of_the_trace_and_collections_are_counted():
    case = a_case(3)
    assert case.text([2, 1]) == "Dinner for two.\n2: message guest 1, 2 items\n3: reserve guest 2, True"
    assert case.text([]) == "Dinner for two."


def test_a_debater_examines_something():
    with pytest.raises(ValueError, match="examines at least 1 event, not 0"):
        Debater(0)


def test_a_judge_of_random_weights_follows_from_its_seed_alone():
    tokenizer = build_tokenizer([a_case(4).text(range(4))] * 2)
    before = torch.random.get_rng_state()
    first, again, other = (judge_model("nano", tokenizer, seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_classifier_judges_as_it_classifies_the_whole_text():
    """Lines are encoded apart, and batches padded; neither may change what the model says of the text."""
    cases = [a_case(5), a_case(12)]
    tokenizer = build_tokenizer([case.text(range(3)) for case in cases] * 2)
    model = judge_model("micro", tokenizer, 0)
    seen = [
        (case, frozenset(shown))
        for case in cases
        for shown in ((), (0,), (0, 2), (1, 4), range(5), (4, 1), (0,))
    ]
    words = ClassifierJudge(model, tokenizer, batch_size=3)(seen)
    texts = [case.text(shown) for case, shown in seen]
    source = ModelSource("m", model, tokenizer)
    signals = source.signals([Example(key=text, texts=(text,), label=0) for text in texts])
    expected = [s.confidence if s.label == 1 else 1 - s.confidence for s in signals if s is not None]
    assert words == pytest.approx(expected, abs=1e-5)
    opposite = ClassifierJudge(model, tokenizer, fine=0)(seen)
    assert [1 - word for word in opposite] == pytest.approx(words, abs=1e-5)
    assert words[3] == words[5] and words[1] == words[6]


def test_a_judge_needs_two_labels():
    tokenizer = build_tokenizer(["Dinner for two."] * 2)
    model = tiny_reward_model("nano", tokenizer, 0)
    with pytest.raises(ValueError, match="two labels, not 1"):
        ClassifierJudge(model, tokenizer)
