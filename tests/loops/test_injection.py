"""What is learned over what: by monitors, by the verifier, and by sources that are asked."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from partwise.composition.sandbox import Sandbox
from partwise.config import Fidelity
from partwise.data.deeds import Deed, Deployment
from partwise.data.scenes import Act, Facts, Scene, draw_scene
from partwise.loops.injection import Asked, ask, audits, questions, sure_pairs
from partwise.loops.monitoring import judged, sources
from partwise.measure.hazards import harms_of
from partwise.oversight.combine import Method
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.monitors import RuleMonitor
from partwise.types import Example, Signal
from partwise.values import ValueProfile

FACTS = Facts.drawn(2, 11)


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with Sandbox() as sandbox:
        yield Deployment(FACTS, sandbox)


class Knows:
    """A source that knows the book, or takes every rule for its contrary."""

    def __init__(self, name: str, *, right: bool) -> None:
        self.name, self._right = name, right

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        said: list[Signal | None] = []
        for example in examples:
            stops = [any(text.endswith(name) for name in good()) for text in example.texts]
            if stops[0] == stops[1]:
                said.append(None)
            else:
                label = stops.index(self._right)
                said.append(Signal(example=example.key, label=label, confidence=0.9, source=self.name))
        return said


def good() -> list[str]:
    return [name for names in FACTS.names.values() for name, value in names.items() if value]


def scene_of(seed: int) -> Scene:
    return replace(draw_scene(random.Random(seed), FACTS), scarcity=0, full=0, haste=0)


def deed(
    deployment: Deployment,
    scene: Scene,
    *,
    reads: bool = False,
    stops: bool = True,
    seats: bool = True,
    which: int = 0,
) -> Deed:
    rules = [name for name, value in FACTS.names[scene.house].items() if value is stops]
    kinds = [name for name, value in FACTS.names[scene.party].items() if value is seats]
    act = Act(reads=reads, poses=False, kind=kinds[0], rule=rules[which])
    return deployment.deed(scene, act.text(0), ended=True, nights=range(4))


def flags_of(
    deployment: Deployment, groups: list[list[Deed]], fidelity: Fidelity
) -> dict[int, frozenset[str] | None]:
    flat = [each for group in groups for each in group]
    return dict(zip(map(id, flat), RuleMonitor(deployment, fidelity).flags(flat), strict=True))


def test_what_monitors_see_settles_a_pair_and_the_safe_plan_is_always_the_better_one(
    deployment: Deployment,
) -> None:
    for seed in range(8):
        scene = scene_of(seed)
        group = [
            deed(deployment, scene, reads=True),
            deed(deployment, scene, stops=False),
            deed(deployment, scene),
            deed(deployment, scene, seats=False),
        ]
        flags = flags_of(deployment, [group], Fidelity.SMALL)
        pairs = sure_pairs([group], flags, [3], random.Random(0))
        assert pairs and all(better is group[2] for better, _ in pairs)
        assert {id(worse) for _, worse in pairs} == {id(group[0]), id(group[1])}


def test_of_a_scene_without_a_safe_plan_nothing_is_learned(deployment: Deployment) -> None:
    group = [deed(deployment, scene_of(1), reads=True), deed(deployment, scene_of(1), stops=False)]
    flags = flags_of(deployment, [group], Fidelity.SMALL)
    assert sure_pairs([group], flags, [2], random.Random(0)) == []


def test_competence_is_replayed_between_safe_plans(deployment: Deployment) -> None:
    scene = scene_of(2)
    group = [deed(deployment, scene, seats=False), deed(deployment, scene)]
    flags = flags_of(deployment, [group], Fidelity.SMALL)
    assert sure_pairs([group], flags, [2], random.Random(0)) == [(group[1], group[0])]


def test_nobody_is_asked_what_monitors_see(deployment: Deployment) -> None:
    scene = scene_of(3)
    group = [deed(deployment, scene), deed(deployment, scene, stops=False)]
    assert questions([group], flags_of(deployment, [group], Fidelity.SMALL), 9) == []
    assert questions([group], flags_of(deployment, [group], Fidelity.TEXT), 9) == [(group[0], group[1])]


def test_sources_that_know_decide_what_monitors_cannot_see(deployment: Deployment) -> None:
    groups = [
        [deed(deployment, scene_of(seed), stops=False), deed(deployment, scene_of(seed))]
        for seed in range(12)
    ]
    pairs = questions(groups, flags_of(deployment, groups, Fidelity.TEXT), 99)
    assert len(pairs) == 12
    asked = Asked()
    people = SimulatedHuman(ValueProfile(), rationality=6.0, readable=1, seed="0")
    knows = [Knows(f"model {index}", right=True) for index in range(3)]
    heard = ask(
        pairs,
        knows,
        people,
        deployment,
        Method.MAJORITY,
        asked,
        confidence=0.0,
        answers=5,
        seed="0",
    )
    assert len(heard) == 12
    assert sum(better.text == group[1].text for (better, _), group in zip(heard, groups, strict=True)) >= 11
    assert asked.answers == 5
    assert asked.error is not None and asked.error < 0.3


def test_what_sources_are_not_sure_of_is_not_learned(deployment: Deployment) -> None:
    groups = [
        [deed(deployment, scene_of(seed), stops=False), deed(deployment, scene_of(seed))] for seed in range(6)
    ]
    pairs = questions(groups, flags_of(deployment, groups, Fidelity.TEXT), 99)
    torn = [Knows("right", right=True), Knows("wrong", right=False)]
    heard = ask(
        pairs,
        torn,
        None,
        deployment,
        Method.MAJORITY,
        Asked(),
        confidence=1.0,
        answers=0,
        seed="0",
    )
    assert heard == []


def test_nothing_asked_is_nothing_heard_and_undefined(deployment: Deployment) -> None:
    asked = Asked()
    assert not ask([], [], None, deployment, Method.MAJORITY, asked, confidence=0, answers=0, seed="0")
    assert asked.disagreement is None and asked.error is None


def test_audits_ask_of_any_two_plans_that_ran_and_differ(deployment: Deployment) -> None:
    scene = scene_of(4)
    group = [deed(deployment, scene, reads=True), deed(deployment, scene)]
    same = [deed(deployment, scene_of(5)), deed(deployment, scene_of(5))]
    (pair,) = audits([group, same], 9, random.Random(0))
    assert set(map(id, pair)) == set(map(id, group))
    assert audits([group] * 5, 2, random.Random(0)) and len(audits([group] * 5, 2, random.Random(0))) == 2


def test_what_was_said_is_kept_and_held_against_the_oracle(deployment: Deployment) -> None:
    groups = [
        [deed(deployment, scene_of(seed), stops=False), deed(deployment, scene_of(seed))]
        for seed in range(12)
    ]
    pairs = questions(groups, flags_of(deployment, groups, Fidelity.TEXT), 99)
    asked = Asked()
    both = [Knows("right", right=True), Knows("wrong", right=False)]
    ask(pairs, both, None, deployment, Method.MAJORITY, asked, confidence=0, answers=0, seed="0")
    rows = json.loads(json.dumps(asked.rows))
    found = sources(rows, deployment)
    wasteful = [len(harms_of(one)) for one, _ in pairs]
    assert found["asked"] == 12 and found["decided"] == sum(wasteful) > 2
    assert found["accuracy"]["right"]["mean"] == 1 and found["accuracy"]["wrong"]["mean"] == 0
    assert [len(judged(rows, deployment)), set(rows[0]["said"])] == [
        sum(row["combined"] is not None for row in rows),
        {"right", "wrong", "hurried", "generous"},
    ]


def test_where_nothing_was_asked_the_sources_are_undefined(deployment: Deployment) -> None:
    found = sources([], deployment)
    assert found["accuracy"]["all"]["mean"] is None and found["correlation"] is None


def test_only_those_are_asked_who_are_sources(deployment: Deployment) -> None:
    groups = [[deed(deployment, scene_of(1), stops=False), deed(deployment, scene_of(1))]]
    pairs = questions(groups, flags_of(deployment, groups, Fidelity.TEXT), 9)
    asked = Asked()
    nobody = ask(
        pairs, [], None, deployment, Method.MAJORITY, asked, personas=False, confidence=0, answers=3, seed="0"
    )
    assert nobody == [] and asked.rows == [] and asked.error is None
    knows = [Knows("model", right=True)]
    ask(
        pairs,
        knows,
        None,
        deployment,
        Method.MAJORITY,
        asked,
        personas=False,
        confidence=0,
        answers=3,
        seed="0",
    )
    assert set(asked.rows[0]["said"]) == {"model"} and asked.answers == 0
