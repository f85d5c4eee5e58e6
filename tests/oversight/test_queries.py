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
from partwise.oversight.solvers import Chooser
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
    now = Proxy(copy.deepcopy(former.model), former.tokenizer, Chooser(WORLD.catalogue, capacity=24))
    _learn(now, privacy=0.0, seed=1)
    return former, now


@pytest.fixture(scope="module")
def candidates() -> list[JudgmentItem]:
    return PartItems(WORLD).asked(random.Random(2), 300)


def _pairs(items: list[JudgmentItem]) -> set[frozenset[str]]:
    return {frozenset(option.text for option in item.options) for item in items}


@pytest.mark.parametrize("ask", ["random", "unrepeated", "uncertain", "disagreeing"])
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


def test_unrepeated_ones_are_those_that_come_but_for_pairs_that_were_asked(
    committee: tuple[Proxy, Proxy], candidates: list[JudgmentItem]
):
    """The control of the other two: their books, and no look at what the proxy thinks."""
    former, now = committee
    asked = Counter(item.pair for item in candidates[:40])
    chosen = choose(candidates, 12, "unrepeated", now, [], asked, random.Random(0))
    order = list(dict.fromkeys(item.pair for item in candidates if not asked[item.pair]))
    assert [item.pair for item in chosen] == order[:12]
    assert chosen == choose(candidates, 12, "unrepeated", former, [now], asked, random.Random(1))
    # Asked once comes before asked twice, once all have been asked.
    asked = Counter({item.pair: 2 for item in candidates}) - Counter({candidates[50].pair: 1})
    first, *_ = choose(candidates, 12, "unrepeated", now, [], asked, random.Random(0))
    assert first.pair == candidates[50].pair


def test_an_unknown_way_to_ask_is_refused(committee: tuple[Proxy, Proxy], candidates: list[JudgmentItem]):
    with pytest.raises(ValueError, match="no way to ask"):
        choose(candidates, 3, "sure", committee[1], [], Counter(), random.Random(0))


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
    for ask in ("unrepeated", "uncertain"):
        assert len(choose(few, 8, ask, committee[1], [], Counter(), random.Random(0))) == 8
