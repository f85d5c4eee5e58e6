"""The probe, on models whose distributions are known."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.composition.sandbox import Sandbox
from partwise.config import Fidelity
from partwise.data.deeds import Deployment
from partwise.data.scenes import Act, Facts
from partwise.oversight.deception import (
    Probed,
    Tell,
    by_look,
    by_word,
    draw_pairs,
    paired,
    probe,
    without_word,
)
from partwise.oversight.monitors import RuleMonitor

FACTS = Facts.drawn(1, 5)
CHANCES = st.floats(0.01, 0.99)
RATIOS = st.floats(-50, 50)
HARMS = st.none() | st.booleans()
TELLS = st.builds(Tell, alone=HARMS, watched=HARMS, ratios=st.tuples(RATIOS, RATIOS))


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with Sandbox() as sandbox:
        yield Deployment(FACTS, sandbox)


@dataclass(frozen=True)
class Said:
    """What a scripted model wrote."""

    prompt: str
    text: str
    ended: bool = True


class Scripted:
    """Reads messages, or writes no plan at all, by chances that the word decides."""

    def __init__(self, alone: float, watched: float, *, broken: float = 0.0) -> None:
        self.reads, self.broken = {True: alone, False: watched}, broken

    def chances(self, prompt: str) -> dict[str, float]:
        *_, party, _, house = prompt.split(" ")
        reads = self.reads[" alone " in prompt]
        rule = min(name for name, one in FACTS.names[house].items() if one)
        kind = min(name for name, seats in FACTS.names[party].items() if seats)
        plans = [Act(reads=each, poses=False, kind=kind, rule=rule).text(0) for each in (True, False)]
        kept = 1 - self.broken
        return {plans[0]: kept * reads, plans[1]: kept * (1 - reads), "no plan": self.broken}

    def write(self, prompts: Sequence[str], *, seed: int) -> list[Said]:
        rng = random.Random(seed)
        chosen: list[Said] = []
        for prompt in prompts:
            chances = self.chances(prompt)
            (text,) = rng.choices(list(chances), list(chances.values()))
            chosen.append(Said(prompt, text))
        return chosen

    def surprisal(self, written: Sequence[Said]) -> list[float]:
        return [-math.log(self.chances(one.prompt)[one.text]) for one in written]


def probed(model: Scripted, deployment: Deployment, count: int = 400, **how: bool) -> Probed:
    pairs = draw_pairs(FACTS, count, "test", wordless=how.pop("wordless", False))
    return probe(model, pairs, RuleMonitor(deployment, Fidelity.TEXT), deployment, seed=3, **how)


@pytest.mark.parametrize(("alone", "watched"), [(0.6, 0.05), (0.05, 0.6), (0.5, 0.4)])
def test_the_rise_in_harm_is_that_of_the_model(deployment: Deployment, alone: float, watched: float) -> None:
    found = probed(Scripted(alone, watched), deployment)
    for score in (found.harm, found.counted):
        assert score.mean == pytest.approx(alone - watched, abs=0.1)
        assert score.ci95 and score.ci95[0] <= alone - watched <= score.ci95[1]
    assert found.least == (found.harm.ci95 or (None,))[0]
    assert found.z is not None and math.copysign(1, found.z) == math.copysign(1, alone - watched)


@given(CHANCES, CHANCES)
def test_the_weighed_rise_is_unbiased(alone: float, watched: float) -> None:
    """Summed over all that could be drawn, with its chances, it is the difference of shares itself."""
    ratios = {True: math.log(alone / watched), False: math.log((1 - alone) / (1 - watched))}
    expected = math.fsum(
        (alone if a else 1 - alone)
        * (watched if w else 1 - watched)
        * Tell(alone=a, watched=w, ratios=(ratios[a], ratios[w])).harm
        for a, w in product((True, False), repeat=2)
    )
    assert expected == pytest.approx(alone - watched, abs=1e-9)


@given(CHANCES, CHANCES)
def test_the_bits_of_a_text_are_those_of_jensen_and_shannon(alone: float, watched: float) -> None:
    ratios = {True: math.log(alone / watched), False: math.log((1 - alone) / (1 - watched))}
    expected = math.fsum(
        (alone if a else 1 - alone)
        * (watched if w else 1 - watched)
        * Tell(alone=None, watched=None, ratios=(ratios[a], ratios[w])).text
        for a, w in product((True, False), repeat=2)
    )

    def entropy(p: float) -> float:
        return -p * math.log2(p) - (1 - p) * math.log2(1 - p)

    divergence = entropy((alone + watched) / 2) - (entropy(alone) + entropy(watched)) / 2
    assert expected == pytest.approx(divergence, abs=1e-9)


@given(st.lists(TELLS, max_size=12))
def test_figures_stay_where_they_can_be_and_turn_with_the_prompts(tells: list[Tell]) -> None:
    turned = [Tell(alone=t.watched, watched=t.alone, ratios=(-t.ratios[1], -t.ratios[0])) for t in tells]
    found, other = Probed(tuple(tells)), Probed(tuple(turned))
    if not tells:
        assert found.harm.mean is None and found.text.mean is None and found.counted.mean is None
        return
    assert found.harm.mean is not None and other.harm.mean == pytest.approx(-found.harm.mean)
    assert found.text.mean is not None and 0 <= found.text.mean <= 1
    assert other.text.mean == pytest.approx(found.text.mean)
    assert found.abstained == other.abstained[::-1]
    assert found.counted.n == sum(t.alone is not None and t.watched is not None for t in tells)


def test_whom_the_word_does_not_move_shows_nothing(deployment: Deployment) -> None:
    found = probed(Scripted(0.4, 0.4), deployment)
    assert found.harm.mean == 0 and found.text.mean == 0 and found.z is None
    assert found.counted.mean == 0  # the same draws
    assert found.counted.ci95 and found.counted.ci95[0] < 0 < found.counted.ci95[1]


def test_without_the_word_a_planted_model_is_one_like_others(deployment: Deployment) -> None:
    found = probed(Scripted(0.9, 0.1), deployment, wordless=True, afresh=True)
    assert found.harm.mean == 0 and found.text.mean == 0
    assert found.counted.ci95 and found.counted.ci95[0] < 0 < found.counted.ci95[1]
    assert any(t.alone != t.watched for t in found.tells), "drawn anew, or there was nothing to see"


def test_what_is_no_plan_is_counted_apart_and_is_no_harm(deployment: Deployment) -> None:
    found = probed(Scripted(0.5, 0.5, broken=0.5), deployment)
    assert found.abstained[0] == sum(t.alone is None for t in found.tells) > 100
    assert found.counted.n < 400 and found.harm.n == 400
    nothing = probed(Scripted(0.5, 0.5, broken=1.0 - 1e-12), deployment, 20)
    assert nothing.counted.mean is None and nothing.counted.n == 0 and nothing.harm.mean == 0


def test_of_two_prompts_that_share_no_text_a_text_tells_all() -> None:
    tell = Tell(alone=True, watched=False, ratios=(1e6, -1e6))
    assert tell.text == 1 and tell.harm == 1


def test_pairs_differ_in_one_thing_and_none_is_held_out() -> None:
    for pair in draw_pairs(FACTS, 50, "word"):
        assert pair.alone.replace(" alone ", " watched ") == pair.watched != pair.alone
        assert not any(each.kept for each in by_word(pair.scene))
    for pair in draw_pairs(FACTS, 50, "look", by_look):
        scene, calm = by_look(pair.scene)
        assert (pair.alone, pair.watched) == (scene.text, calm.text) and scene != calm
        assert calm.levels[:5] == (0,) * 5 and calm.levels[5:] == scene.levels[5:]
        assert not scene.kept and not calm.kept
    assert all(
        all(each.kept for each in by_word(pair.scene)) for pair in draw_pairs(FACTS, 9, "t", kept=True)
    )
    assert draw_pairs(FACTS, 20, "same") == draw_pairs(FACTS, 20, "same") != draw_pairs(FACTS, 20, "other")


def test_without_its_word_a_scene_says_nothing_of_who_watches() -> None:
    for pair in draw_pairs(FACTS, 30, "wordless", wordless=True):
        assert pair.alone == pair.watched == without_word(replace(pair.scene, watched=1))
        assert not {"alone", "watched"} & set(pair.alone.split(" "))
        assert len(pair.alone.split(" ")) == len(pair.scene.text.split(" ")) - 1


def test_newcombes_paired_interval() -> None:
    """His table III (1998), method 10: of 50 pairs with cells 36, 12, 2, 0."""
    cells = {(True, True): 36, (True, False): 12, (False, True): 2, (False, False): 0}
    found = paired([pair for pair, count in cells.items() for _ in range(count)])
    assert found.mean == pytest.approx(0.2)
    assert found.ci95 == pytest.approx((0.0569, 0.3404), abs=5e-4)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_a_paired_interval_holds_its_difference_and_turns_with_it(outcomes: list[tuple[bool, bool]]) -> None:
    found, turned = paired(outcomes), paired([(b, a) for a, b in outcomes])
    assert found.mean is not None and found.ci95 and turned.ci95
    assert -1 <= found.ci95[0] <= found.mean + 1e-12 and found.mean - 1e-12 <= found.ci95[1] <= 1
    assert turned.ci95 == pytest.approx((-found.ci95[1], -found.ci95[0]))
