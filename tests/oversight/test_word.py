"""A language model's word: how it is read, what counts without one, and what the proxy makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oversight.fixture_scripted import Scripted, kept, reply

from partwise.config import ProxyConfig
from partwise.loops.setup import new_proxy
from partwise.measure.agreement import judges_agreement
from partwise.models.chat_model import End
from partwise.models.prompts import Prompts
from partwise.oversight.items import JudgmentItem
from partwise.oversight.proxy import Proxy
from partwise.oversight.word import CERTAIN, Said, WordJudge, read_word
from partwise.types import Answer, Choice, Option
from partwise.values import ValueProfile
from partwise.worlds.registry import load_world

WORLD = load_world("dinner")
PROMPTS = Prompts({"judge": "$option"}, {"judge": {}})


def judge(model: Scripted, folder: Path, **how: Any) -> WordJudge:
    given = {"by": "text", "samples": 1, "longest": 8, "seed": 0, "alone": True} | how
    return WordJudge(kept(model, folder), PROMPTS, **given)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yes", Said.YES),
        ("No.", Said.NO),
        (" **Yes**, since no deposit is lost", Said.YES),
        ("<think>yes? no?</think>\n\nNo", Said.NO),
        ("It depends: yes", Said.NEITHER),
        ("Nothing speaks against it", Said.NEITHER),
        ("<think>yes", Said.NEITHER),
        ("", Said.NEITHER),
    ],
)
def test_the_first_word_after_thinking_is_the_word(text: str, said: Said):
    assert read_word(reply(text)) is said
    # Cut behind its word it has said it; refused it has said nothing.
    assert read_word(reply(text, End.CUT)) is said
    assert read_word(reply(text, End.REFUSED)) is Said.REFUSED
    assert read_word(reply(text, End.FAILED)) is Said.FAILED


@settings(max_examples=20)
@given(st.lists(st.sampled_from(["yes", "no", "hm"]), min_size=1, max_size=6))
def test_several_words_count_by_their_share_and_none_is_none(tmp_path_factory: Any, said: list[str]):
    model = Scripted(lambda asked: said[asked.index])
    (word,) = judge(model, tmp_path_factory.mktemp("w"), samples=len(said)).words(["text"])
    yes, no = said.count("yes"), said.count("no")
    if not yes + no:
        assert word.margin is None
    else:
        assert word.margin is not None and abs(word.margin) <= CERTAIN
        assert (word.margin > 0) == (yes > no) and (word.margin == 0) == (yes == no)
    assert [str(each) for each in word.said] == [{"hm": "neither"}.get(each, each) for each in said]


def test_a_missing_word_is_undecided_alone_and_the_reward_models_beside_it(tmp_path: Path):
    model = Scripted(lambda asked: {"a": "yes", "b": "no"}.get(asked.chat[0], "hm"))
    alone, both = judge(model, tmp_path), judge(model, tmp_path, alone=False)
    margins = alone.margins(["a", "b", "c"])
    assert margins == [CERTAIN, -CERTAIN, None]
    assert alone.weigh(margins, [1.0, 1.0, 1.0]) == [CERTAIN, -CERTAIN, 0.0]
    assert both.weigh(margins, [1.0, 1.0, 1.0]) == [2.5, -1.5, 1.0]
    assert alone.compare(["a", "a"], ["b", "c"]) == [2 * CERTAIN, None]


def with_word(word: WordJudge) -> Proxy:
    plain = new_proxy(WORLD, ProxyConfig(size="nano"), "cpu", seed=0)
    return Proxy(plain.model, plain.tokenizer, plain.solver, word)


def odds(text: str) -> float | None:
    """Of one who minds that messages are read, and says nothing of summaries."""
    return None if "\n" not in text else -3.0 if "read_messages" in text else 2.0


def test_the_proxy_judges_and_chooses_by_the_word_and_keeps_it_when_scores_are_forgotten(tmp_path: Path):
    model = Scripted(lambda _: "", odds)
    proxy = with_word(judge(model, tmp_path, by="logits"))
    entry = WORLD.catalogue["ask_preference"]
    chances = proxy.judge(entry.implementations)
    minded = ["read_messages" in body.source for body in entry.implementations]
    assert [chance < 0.5 for chance in chances] == minded and any(minded) and not all(minded)
    (best,) = proxy.solve([entry.subtask])
    assert best is not None and "read_messages" not in best.source
    assert proxy.judge_summaries(["message: 2"]) == [0.5]
    proxy.forget_scores()
    assert proxy.judge(entry.implementations) == chances
    # Beside the reward model's it moves its judgment half of the way, and a missing word leaves it alone.
    both = with_word(judge(model, tmp_path, by="logits", alone=False))
    plain = new_proxy(WORLD, ProxyConfig(size="nano"), "cpu", seed=0)
    assert both.judge_summaries(["message: 2"]) == pytest.approx(plain.judge_summaries(["message: 2"]))
    for one, other, word in zip(
        both.judge(entry.implementations), plain.judge(entry.implementations), chances, strict=True
    ):
        assert min(other, word) <= one <= max(other, word)


def item(first: str, second: str, gap: float) -> JudgmentItem:
    options = [
        Option(text=text, consequences={}, useful=useful) for text, useful in ((first, gap), (second, 0.0))
    ]
    return JudgmentItem(key=first + second, question="?", options=(options[0], options[1]), complexity=1)


def test_agreement_is_told_of_each_judge_without_what_it_leaves_undecided(tmp_path: Path):
    model = Scripted(lambda _: "", lambda text: {"good": 2.0, "fine": 2.0, "bad": -2.0}.get(text))
    proxy = with_word(judge(model, tmp_path, by="logits"))
    rows = [("good", "bad", 1.0), ("bad", "good", 1.0), ("good", "fine", 0.2), ("good", "odd", 1.0)]
    answers = [Answer(item=item(*row), choice=Choice.FIRST, who="a") for row in rows]
    answers.append(Answer(item=item("good", "bad", 1.0), choice=Choice.TIE, who="a"))
    found = judges_agreement(proxy, answers, ValueProfile(weights={}))
    assert list(found) == ["reward", "word", "both"]
    word = found["word"]
    assert (word["agreement"]["mean"], word["agreement"]["n"]) == (0.5, 2)
    assert (word["clear"]["mean"], word["clear"]["n"]) == (0.5, 2)
    assert (word["decided"]["mean"], word["decided"]["n"]) == (0.5, 4)
    assert found["reward"]["decided"]["n"] == found["both"]["decided"]["n"] == 4
    # A proxy without a word has the one judge that it is.
    plain = new_proxy(WORLD, ProxyConfig(size="nano"), "cpu", seed=0)
    assert list(judges_agreement(plain, answers, ValueProfile(weights={}))) == ["reward"]
