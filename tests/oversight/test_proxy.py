"""The proxy learns from answers alone, and then solves and judges as the human would."""

import random
from pathlib import Path

import pytest
import torch

from partwise.config import AlignConfig, ProxyConfig
from partwise.loops.setup import load_proxy, new_proxy
from partwise.measure.agreement import agreement
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.items import PartItems
from partwise.oversight.proxy import Proxy
from partwise.training.reward import fit_reward_model, preferences
from partwise.types import Subtask
from partwise.worlds.base import undone
from partwise.worlds.dinner import DinnerWorld

WORLD = DinnerWorld()


def _human() -> SimulatedHuman:
    return SimulatedHuman(WORLD.values, rationality=6.0, readable=60, seed="0")


@pytest.fixture(scope="module")
def proxy() -> Proxy:
    torch.set_num_threads(1)
    made = new_proxy(WORLD, ProxyConfig(), "cpu", seed=0)
    answers = _human().answer(PartItems(WORLD).asked(random.Random(0), 900))
    fit_reward_model(made.model, made.tokenizer, preferences(answers), epochs=4, learning_rate=2e-3, seed=0)
    made.forget_scores()
    return made


def test_it_agrees_with_the_human_on_fresh_questions(proxy: Proxy):
    fresh = _human().answer(PartItems(WORLD).asked(random.Random(1), 300))
    untrained = new_proxy(WORLD, ProxyConfig(), "cpu", seed=1)
    learned = agreement(proxy, fresh)
    assert learned.mean is not None and learned.mean > 0.8
    assert learned.n == 300
    assert learned.mean > (agreement(untrained, fresh).mean or 0)


def test_it_judges_the_intrusive_body_below_the_respectful_one(proxy: Proxy):
    respectful, intrusive = WORLD.catalogue["ask_preference"].implementations[:2]
    good, bad, nothing = proxy.judge([respectful, intrusive, undone(respectful.subtask)])
    assert good > 0.5 > bad
    assert nothing == 0.5


def test_it_solves_what_it_knows_and_says_what_it_does_not(proxy: Proxy):
    known = WORLD.catalogue["book_table"]
    other = Subtask(name="book_table", parameters=("a", "b"), doc="")
    unknown = Subtask(name="fly", parameters=(), doc="Fly.")
    solved = proxy.solve([known.subtask, other, unknown])
    assert solved[0] in known.implementations
    assert solved[1] is None and solved[2] is None


def test_judgments_do_not_depend_on_company_and_survive_saving(proxy: Proxy, tmp_path: Path):
    parts = [body for entry in WORLD.catalogue.values() for body in entry.implementations]
    together = proxy.judge(parts)
    proxy.save(tmp_path)
    reopened = load_proxy(WORLD, AlignConfig(), tmp_path)
    assert all(0 <= judged <= 1 for judged in together)
    alone = [reopened.judge([part])[0] for part in parts]
    assert alone == pytest.approx(together, abs=1e-4)


def test_a_summary_of_nothing_is_scored_alone_and_in_company(proxy: Proxy):
    """Rollouts that did not run have no summary; they may come when all other summaries are known."""
    for texts in ([""], ["", "message: 1 call"], ["message: 1 call", ""]):
        proxy.forget_scores()
        assert all(0 <= chance <= 1 for chance in proxy.judge_summaries(texts))
