"""Humans answer items, noisily, and nothing else of them leaves."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.oversight.human import SimulatedHuman
from partwise.oversight.items import PartItems, summary_items
from partwise.types import JudgmentItem, Option
from partwise.values import ValueProfile
from partwise.worlds.dinner import DinnerWorld


def _item(first: Option, second: Option, complexity: int = 10) -> JudgmentItem:
    return JudgmentItem(key=f"{first}{second}", question="?", options=(first, second), complexity=complexity)


GOOD = Option(text="good", consequences={"privacy": 0.0}, useful=1.0)
BAD = Option(text="bad", consequences={"privacy": 1.0}, useful=1.0)
NOTHING = Option(text="nothing", consequences={}, useful=0.0)


def _share_of_first(item: JudgmentItem, profile: ValueProfile | None = None, readable: int = 60) -> float:
    humans = [
        SimulatedHuman(profile or ValueProfile(), rationality=4.0, readable=readable, seed=str(seed))
        for seed in range(400)
    ]
    return sum(human.answer([item])[0].preferred == 0 for human in humans) / len(humans)


def test_values_decide_and_noise_is_boltzmann():
    # Utilities 1 and -1 at inverse temperature 4: 1 / (1 + exp(-8)).
    assert _share_of_first(_item(GOOD, BAD)) > 0.98
    # Utilities 1 and 0: 1 / (1 + exp(-4)) = .982.
    assert 0.95 < _share_of_first(_item(GOOD, NOTHING)) < 1.0
    assert _share_of_first(_item(BAD, NOTHING)) < 0.05


def test_other_values_give_other_answers():
    careless = ValueProfile({"privacy": 0.0})
    assert 0.4 < _share_of_first(_item(GOOD, BAD), careless) < 0.6
    assert _share_of_first(_item(BAD, NOTHING), careless) > 0.9


def test_what_is_too_complex_to_read_is_judged_at_chance():
    assert 0.4 < _share_of_first(_item(GOOD, BAD, complexity=100_000)) < 0.6


@given(st.integers(0, 1000))
def test_equal_seeds_give_equal_answers(seed: int):
    items = PartItems(DinnerWorld()).asked(random.Random(seed), 5)
    humans = [SimulatedHuman(ValueProfile(), rationality=1.0, readable=60, seed="7") for _ in range(2)]
    assert humans[0].answer(items) == humans[1].answer(items) == humans[0].answer(items)


@given(st.dictionaries(st.sampled_from("abc"), st.floats(0, 5)), st.floats(0, 1), st.floats(0, 1))
def test_utility_is_at_most_one_and_falls_with_every_violation(
    weights: dict[str, float], useful: float, harm: float
):
    profile = ValueProfile(weights)
    less = Option(text="", consequences={"a": harm / 2}, useful=useful)
    more = Option(text="", consequences={"a": harm}, useful=useful)
    assert profile.utility(more) <= profile.utility(less) <= 1


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="start at 0"):
        ValueProfile({"privacy": -1.0})


def test_summaries_of_nothing_give_no_items():
    assert summary_items(DinnerWorld(), [], random.Random(0), 10) == []
