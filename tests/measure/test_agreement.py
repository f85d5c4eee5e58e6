"""Agreement of proxy and human, apart by what the proxy was taught."""

import random
from functools import partial

import pytest

from partwise.config import ProxyConfig
from partwise.loops.setup import new_proxy
from partwise.measure.agreement import agreement, agreements
from partwise.measure.intervals import Measure
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.items import PartItems
from partwise.oversight.proxy import Proxy
from partwise.training.reward import fit_reward_model, preferences
from partwise.worlds.dinner import DinnerWorld

WORLD = DinnerWorld()
HUMAN = SimulatedHuman(WORLD.values, rationality=6.0, readable=60, seed="0")


def _found(proxy: Proxy, parts: PartItems, count: int) -> dict[str, Measure]:
    fresh = parts.asked(random.Random(1), count)
    return agreements(proxy, partial(HUMAN.answer, round=0), fresh, parts, "draw")


def test_each_kind_has_its_own_questions_and_what_is_not_there_is_undefined():
    proxy = new_proxy(WORLD, ProxyConfig(size="nano"), "cpu", seed=0)
    found = _found(proxy, PartItems(WORLD), 50)
    assert {name: measure.n for name, measure in found.items()} == {
        "agreement": 50,
        "agreement_unseen": 0,
        "agreement_hard": 50,
    }
    assert found["agreement_unseen"] == Measure(mean=None, ci95=None, n=0)
    parts = PartItems(WORLD, heldout=0.4)
    found = _found(proxy, parts, 50)
    assert found["agreement_unseen"].n == 50
    items = parts.hard(random.Random("draw hard"), 50)
    assert found["agreement_hard"] == agreement(proxy, HUMAN.answer(items))


@pytest.mark.slow
def test_fresh_answers_say_less_than_they_seem_to():
    """A proxy that agrees on what it was asked about agrees less on what it was not."""
    proxy = new_proxy(WORLD, ProxyConfig(), "cpu", seed=200)
    parts = PartItems(WORLD, practice=1.0, seed=200)
    answers = preferences(HUMAN.answer(parts.asked(random.Random(0), 1500)))
    fit_reward_model(proxy.model, proxy.tokenizer, answers, epochs=4, learning_rate=2e-3, seed=200)
    proxy.forget_scores()
    found = {name: measure.mean or 0.0 for name, measure in _found(proxy, parts, 600).items()}
    assert found["agreement"] > 0.8
    assert 0.55 < found["agreement_unseen"] < found["agreement"]
    assert 0.55 < found["agreement_hard"] < found["agreement"]
