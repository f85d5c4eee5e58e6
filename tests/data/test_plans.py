"""The laboratory's own plans: labels are the oracle's word, and cues are what they are said to be."""

import itertools
import random
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.composition.sandbox import Sandbox
from partwise.data.plans import (
    ALWAYS,
    ASKS,
    KNOWS,
    ONE,
    READS,
    SEVERAL,
    Cue,
    Plan,
    RuleBook,
    corpus,
    draw_plan,
    draw_plans,
    vocabulary,
)
from partwise.measure.oracle import ValueOracle
from partwise.models.tokenizer import build_tokenizer
from partwise.types import Split
from partwise.worlds.dinner import DinnerWorld

WORLD = DinnerWorld()
BOOK = RuleBook.drawn(100, seed=0)
THIRDS = dict.fromkeys(Cue, 1 / 3)
SEEDS = st.integers(0, 2**32)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


def _always_aligned(plan: Plan, sandbox: Sandbox) -> bool:
    oracle, verdicts = ValueOracle(WORLD, WORLD.values), list[bool]()
    for index in range(15):
        task = WORLD.task(Split.TRAIN, index)
        execution = sandbox.run(plan.runnable(BOOK), WORLD.episode(task), WORLD.tools)
        assert execution.ran, execution.message
        verdicts.append(oracle.aligned(task, execution.trace))
    return all(verdicts)


@pytest.mark.parametrize("cue", Cue)
@pytest.mark.parametrize("aligned", [True, False])
def test_a_label_is_the_oracles_word(cue: Cue, aligned: bool, sandbox: Sandbox):
    plan = draw_plan(random.Random(f"{cue} {aligned}"), BOOK, cue, aligned)
    assert _always_aligned(plan, sandbox) == aligned == plan.aligned == bool(plan.example.label)


@settings(deadline=None)
@given(SEEDS, st.sampled_from(Cue))
def test_an_absent_cue_tells_nothing(seed: int, cue: Cue):
    good, bad = (draw_plan(random.Random(seed), BOOK, cue, aligned) for aligned in (True, False))
    if cue is Cue.HARD:
        for plan in (good, bad):
            assert "message" not in plan.source and "read_messages" not in plan.source
    else:
        assert "read_messages" not in good.source and "read_messages" in bad.source
    if cue is Cue.EASY:
        assert good.rule == bad.rule == ALWAYS
        assert good.source.replace("message", "read_messages") == bad.source
    else:
        assert BOOK.says[good.rule] and not BOOK.says[bad.rule]


def test_plans_that_are_learned_from_elsewhere_are_not_drawn_again():
    seen = draw_plans("a", BOOK, {Cue.EASY: 1.0}, 3000)
    fresh = draw_plans("b", BOOK, {Cue.EASY: 1.0}, 1000, besides=seen)
    assert len({plan.source for plan in [*seen, *fresh]}) == 4000


def test_half_of_all_plans_is_kept_from_the_corpus_with_every_word_and_label_as_often():
    rng = random.Random(0)
    plans = [draw_plan(rng, BOOK, rng.choice(list(Cue)), rng.random() < 0.5) for _ in range(20_000)]
    kept, read = (
        Counter(
            word
            for plan in plans
            if plan.kept is side
            for word in {plan.aligned, plan.cue, *re.findall(r"\w+", plan.source)}
        )
        for side in (True, False)
    )
    common = {word for word, times in (kept + read).items() if times > 1500}
    assert common > {True, False, *Cue, "likes", "who", "done", "venue"}
    assert all(abs(kept[word] / read[word] - 1) < 0.2 for word in common)
    # Of the easy cue alone there are as many as the docstring says.
    assert len(draw_plans("all", BOOK, {Cue.EASY: 1.0}, 4096)) == 4096
    with pytest.raises(ValueError, match="not 4,098 different plans with the easy cue"):
        draw_plans("all", BOOK, {Cue.EASY: 1.0}, 4098)


@settings(max_examples=20, deadline=None)
@given(
    SEEDS, st.integers(1, 60), st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda s: sum(s) > 0)
)
def test_plans_are_different_and_as_many_of_each_kind_as_asked(seed: int, count: int, weights: list[float]):
    shares = {cue: weight / sum(weights) for cue, weight in zip(Cue, weights, strict=True)}
    plans = draw_plans(str(seed), BOOK, shares, count)
    assert len({plan.source for plan in plans}) == len(plans) == count
    kinds = Counter(plan.cue for plan in plans)
    for cue, share in shares.items():
        assert abs(kinds[cue] - share * count) <= 1
        aligned = sum(plan.aligned for plan in plans if plan.cue is cue)
        assert aligned == -(-kinds[cue] // 2)
    assert plans == draw_plans(str(seed), BOOK, shares, count)


@settings(deadline=None)
@given(st.integers(2, 300), st.integers(1, 5), SEEDS)
def test_parts_of_a_book_share_no_rule_and_are_balanced(count: int, parts: int, seed: int):
    book = RuleBook.drawn(count, seed)
    divided = book.parts(parts, seed)
    assert sorted(itertools.chain(*(part.says for part in divided))) == sorted(book.says)
    for part in divided:
        assert all(book.says[name] is said for name, said in part.says.items())
        assert abs(2 * sum(part.says.values()) - len(part.says)) <= 2
    assert max(len(part.says) for part in divided) - min(len(part.says) for part in divided) <= 2


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"1 to 4,096 rules, not 5,000"):
        RuleBook.drawn(5000, 0)
    with pytest.raises(ValueError, match="not 100,000 different plans"):
        draw_plans("0", RuleBook.drawn(4, 0), {Cue.EASY: 1.0}, 100_000)


def test_the_corpus_says_what_the_book_says_and_what_plans_do():
    documents = list(itertools.islice(corpus(random.Random(0), BOOK, plans=0.5, recited=3), 800))
    plans = [pieces for pieces in documents if "reserve" in pieces[0][0]]
    assert 300 < len(plans) < 500
    said = {" " + "".join(rule): f" {says}" for rule, says in BOOK.says.items()}
    words = Counter[tuple[str, ...]]()
    for pieces in documents:
        names, learned = ([text for text, learn in pieces if learn is wanted] for wanted in (False, True))
        if pieces in plans:
            hung_on = names[0].rpartition(" and")[2]
            assert (ONE in learned) == (hung_on == " " + "".join(ALWAYS) or said[hung_on] == " True")
            assert (READS in learned) == ("read_messages" in names[0])
            assert (KNOWS in learned) == ("message" not in names[0])
            words[tuple(learned)] += 1
        else:
            assert learned == [said[name] for name in names]
    both = [(how, booked) for how in (ASKS, READS, KNOWS) for booked in (ONE, SEVERAL)]
    assert set(words) == {*both, *((booked, how) for how, booked in both)}, "either word first"
    assert words[ASKS, SEVERAL] > 10 < words[READS, ONE], "cues are independent"


def test_no_token_holds_a_rule_and_every_word_is_one():
    tokenizer = build_tokenizer(vocabulary(random.Random(0), BOOK))
    for one, two in BOOK.says:
        assert tokenizer.tokenize(f" {one}{two}") == [f"Ġ{one}", two]
    plan = draw_plan(random.Random(0), BOOK, Cue.BOTH, aligned=False)
    assert {"Ġread_messages", "Ġreserve"} < set(tokenizer.tokenize(plan.source))
