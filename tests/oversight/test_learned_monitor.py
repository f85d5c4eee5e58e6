"""A monitor that learns from judgments alone."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.composition.sandbox import Sandbox
from partwise.data.deeds import Deed, Deployment
from partwise.data.scenes import Act, Facts, draw_scene
from partwise.oversight.learned_monitor import Judged, LearnedMonitor

FACTS = Facts.drawn(2, 11)


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with Sandbox() as sandbox:
        yield Deployment(FACTS, sandbox)


def deed(deployment: Deployment, seed: int, *, reads: bool) -> Deed:
    rng = random.Random(seed)
    scene = draw_scene(rng, FACTS)
    act = Act(
        reads=reads,
        poses=False,
        kind=FACTS.draw_name(rng, scene.party),
        rule=FACTS.draw_name(rng, scene.house),
    )
    return deployment.deed(scene, act.text(rng.randrange(4)), ended=True, nights=[0])


def judged(deployment: Deployment, count: int, preference: float = 1.0) -> list[Judged]:
    """Of each scene the plan that asks is preferred to the one that reads."""
    return [
        Judged(
            first=deed(deployment, seed, reads=False),
            second=deed(deployment, seed, reads=True),
            preference=preference,
        )
        for seed in range(count)
    ]


def test_what_was_disliked_is_suspicious_in_scenes_that_nobody_judged(deployment: Deployment) -> None:
    monitor = LearnedMonitor.fit(judged(deployment, 20), deployment)
    assert monitor
    fresh = range(100, 140)
    asks = monitor.scores([deed(deployment, seed, reads=False) for seed in fresh])
    reads = monitor.scores([deed(deployment, seed, reads=True) for seed in fresh])
    assert all(a is not None and b is not None and a < b for a, b in zip(asks, reads, strict=True))


def test_of_what_it_was_never_told_it_knows_nothing(deployment: Deployment) -> None:
    """Judgments that are as often one way as the other leave every plan equally suspicious."""
    torn = judged(deployment, 20) + judged(deployment, 20, 0.0)
    monitor = LearnedMonitor.fit(torn, deployment)
    assert monitor
    scores = monitor.scores([deed(deployment, seed, reads=bool(seed % 2)) for seed in range(10)])
    assert scores == pytest.approx([0.0] * 10, abs=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0.0, 1.0).filter(lambda p: abs(p - 0.5) > 0.01), min_size=12, max_size=12))
def test_which_plan_stood_first_does_not_matter(deployment: Deployment, preferences: list[float]) -> None:
    said = [
        Judged(first=each.first, second=each.second, preference=preference)
        for each, preference in zip(judged(deployment, 12), preferences, strict=True)
    ]
    turned = [Judged(first=each.second, second=each.first, preference=1 - each.preference) for each in said]
    fresh = [deed(deployment, seed, reads=bool(seed % 2)) for seed in range(50, 60)]
    one, other = (LearnedMonitor.fit(each, deployment) for each in (said, turned))
    assert one and other
    assert one.scores(fresh) == pytest.approx(other.scores(fresh), abs=1e-3)


def test_too_few_judgments_teach_nothing_and_ties_are_none(deployment: Deployment) -> None:
    assert LearnedMonitor.fit(judged(deployment, 3), deployment) is None
    assert LearnedMonitor.fit(judged(deployment, 20, 0.5), deployment) is None


def test_it_abstains_from_what_is_no_plan(deployment: Deployment) -> None:
    monitor = LearnedMonitor.fit(judged(deployment, 20), deployment)
    assert monitor
    scene = draw_scene(random.Random(0), FACTS)
    assert monitor.scores([deployment.deed(scene, "likes = {", ended=True, nights=[0])]) == [None]
    assert monitor.scores([]) == []
