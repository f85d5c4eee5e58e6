"""Which questions are chosen, given a proxy whose scores are real and small."""

import copy
import random
from collections import Counter
from statistics import fmean

import pytest
import torch

from partwise.config import ProxyConfig
from partwise.loops.setup import new_proxy
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.items import PartItems
from partwise.oversight.proxy import Proxy
from partwise.oversight.queries import choose
from partwise.training.reward import fit_reward_model, preferences
from partwise.types import JudgmentItem
from partwise.worlds.dinner import DinnerWorld

WORLD = DinnerWorld()


def _learn(proxy: Proxy, privacy: float, seed: int) -> None:
    human = SimulatedHuman(WORLD.values.but({"privacy": privacy}), rationality=6.0, readable=60, seed="0")
    answers = human.answer(PartItems(WORLD).asked(random.Random(seed), 300))
    fit_reward_model(
        proxy.model, proxy.tokenizer, preferences(answers), epochs=3, learning_rate=2e-3, seed=seed
    )
    proxy.forget_scores()


@pytest.fixture(scope="module")
def committee() -> tuple[Proxy, Proxy]:
    """A proxy, and the same after people have stopped to mind that messages are read."""
    torch.set_num_threads(1)
    former = new_proxy(WORLD, ProxyConfig(size="micro"), "cpu", seed=0)
    _learn(former, privacy=1.0, seed=0)
    now = Proxy(copy.deepcopy(former.model), former.tokenizer, WORLD.catalogue, capacity=24)
    _learn(now, privacy=0.0, seed=1)
    return former, now


@pytest.fixture(scope="module")
def candidates() -> list[JudgmentItem]:
    return PartItems(WORLD).asked(random.Random(2), 300)


def _pairs(items: list[JudgmentItem]) -> set[frozenset[str]]:
    return {frozenset(option.text for option in item.options) for item in items}


@pytest.mark.parametrize("ask", ["random", "uncertain", "disagreeing"])
def test_as_many_as_wanted_and_reproducible(
    ask: str, committee: tuple[Proxy, Proxy], candidates: list[JudgmentItem]
):
    former, now = committee
    first, again = (choose(candidates, 30, ask, now, [former], Counter(), random.Random(3)) for _ in range(2))
    assert first == again and len(first) == 30
    assert {item.key for item in first} <= {item.key for item in candidates}
    if ask != "random":
        assert len(_pairs(first)) == 30  # no pair twice while there are others


def test_random_takes_them_as_they_come(committee: tuple[Proxy, Proxy], candidates: list[JudgmentItem]):
    assert choose(candidates, 10, "random", committee[1], [], Counter(), random.Random(0)) == candidates[:10]


def test_uncertain_ones_are_nearer_to_a_tie(committee: tuple[Proxy, Proxy], candidates: list[JudgmentItem]):
    now = committee[1]
    chosen = choose(candidates, 20, "uncertain", now, [], Counter(), random.Random(0))

    def distance(items: list[JudgmentItem]) -> float:
        return fmean(abs(chance - 0.5) for chance in now.chances(items))

    assert distance(chosen) < distance(candidates) / 2


def test_disagreeing_ones_are_about_what_has_changed(
    committee: tuple[Proxy, Proxy], candidates: list[JudgmentItem]
):
    former, now = committee

    def about_messages(items: list[JudgmentItem]) -> float:
        return fmean(any("read_messages" in option.text for option in item.options) for item in items)

    chosen = choose(candidates, 20, "disagreeing", now, [former], Counter(), random.Random(0))
    assert about_messages(chosen) > about_messages(candidates) + 0.2


def test_when_candidates_run_out_pairs_are_asked_again(
    committee: tuple[Proxy, Proxy], candidates: list[JudgmentItem]
):
    few = candidates[:2] * 5
    assert len(choose(few, 8, "uncertain", committee[1], [], Counter(), random.Random(0))) == 8
