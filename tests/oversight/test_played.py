"""People as a language model plays them: what it is told, and how its answers are read."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oversight.fixture_scripted import Scripted, kept, reply

from partwise.config import HumanConfig
from partwise.loops.schedules import schedule
from partwise.measure.agreement import played_agreement
from partwise.models.chat_model import Asked, End, Style
from partwise.models.prompts import make_prompts, read_prompts
from partwise.oversight.items import PartItems
from partwise.oversight.played import PlayedPeople, read_choice
from partwise.types import Choice
from partwise.values import ValueProfile
from partwise.worlds.registry import load_world
from partwise.worlds.telling import held_dear, people_fields

WORLD = load_world("dinner")
ITEMS = list({item.key: item for item in PartItems(WORLD).asked(random.Random(0), 300)}.values())
PROMPTS = make_prompts(read_prompts("full", "full"), people_fields(WORLD))


def people(model: Scripted, folder: Path, human: HumanConfig | None = None) -> PlayedPeople:
    return PlayedPeople(
        kept(model, folder),
        PROMPTS,
        schedule(WORLD, human or HumanConfig()),
        lambda profile: held_dear(WORLD, profile),
        style=Style(temperature=0.0, longest=8),
        seed="0",
    )


def private(asked: Asked) -> str:
    """Somebody who minds that messages are read, if they were told to, and nothing else."""
    told = asked.chat[-1]
    first, second = told.rpartition("\nA:\n")[2].split("\nB:\n")
    if "- privacy:" not in told or ("read_messages" in first) == ("read_messages" in second):
        return "same"
    return "B" if "read_messages" in first else "A"


def test_it_is_told_who_it_is_and_answers_as_one_of_them(tmp_path: Path):
    model = Scripted(private)
    answers = people(model, tmp_path).answer(ITEMS, round=0)
    assert [answer.item for answer in answers] == ITEMS
    assert {answer.who for answer in answers} == {"model"}
    for answer in answers:
        read = ["read_messages" in option.text for option in answer.item.options]
        expected = Choice.TIE if read[0] == read[1] else Choice.SECOND if read[0] else Choice.FIRST
        assert answer.choice == expected
    told = model.asked[0].chat[-1]
    assert all(part in told for part in (ITEMS[0].question, "- privacy: Somebody's private", "- message("))
    assert "It counts 2 times as much as a job well done" in told and "- quiet" not in told
    # It sees what people in the console see: what each option did when it was tried.
    assert any(option.observed and option.observed in told for option in ITEMS[0].options)
    figures = played_agreement(answers, WORLD.values)
    assert 0 < figures["decided"]["mean"] < 0.5 and figures["clear"]["mean"] > 0.8


def test_who_likes_what_stands_first_leans_to_neither_side(tmp_path: Path):
    answers = people(Scripted(lambda _: "A"), tmp_path).answer(ITEMS, round=0)
    firsts = sum(answer.choice is Choice.FIRST for answer in answers)
    assert abs(firsts / len(ITEMS) - 0.5) < 4 * 0.5 / len(ITEMS) ** 0.5


def test_values_that_move_are_told_and_asked_anew(tmp_path: Path):
    human = HumanConfig.model_validate({"drift": {"shape": "abrupt", "at": 3, "to": {"privacy": 0.0}}})
    model = Scripted(private)
    played = people(model, tmp_path, human)
    before, after = (played.answer(ITEMS[:60], round=index) for index in (2, 3))
    assert Counter(answer.choice for answer in after) == {Choice.TIE: 60} != Counter(a.choice for a in before)
    assert {answer.version for answer in before}.isdisjoint(answer.version for answer in after)
    asked = len(model.asked)
    assert played.answer(ITEMS[:60], round=2) == before  # from what is kept
    assert len(model.asked) == asked


def test_groups_answer_by_their_share_and_their_own_values(tmp_path: Path):
    groups = {"open": {"share": 0.25, "values": {"privacy": 0.0}}, "others": {"share": 0.75}}
    human = HumanConfig.model_validate({"groups": groups})
    answers = people(Scripted(private), tmp_path, human).answer(ITEMS, round=0)
    who = Counter(answer.who for answer in answers)
    assert set(who) == {"model/open", "model/others"}
    assert abs(who["model/open"] / len(ITEMS) - 0.25) < 4 * (0.25 * 0.75 / len(ITEMS)) ** 0.5
    assert {answer.choice for answer in answers if answer.who == "model/open"} == {Choice.TIE}


@pytest.mark.parametrize(
    ("text", "end", "choice"),
    [
        ("A", End.ENDED, Choice.FIRST),
        ("(b) is kinder", End.CUT, Choice.SECOND),
        ("**Same**", End.ENDED, Choice.TIE),
        ("<think>A? B?</think>\nB", End.ENDED, Choice.SECOND),
        ("Apples", End.ENDED, Choice.UNSURE),
        ("I would take A", End.ENDED, Choice.UNSURE),
        ("", End.ENDED, Choice.UNSURE),
        ("A", End.REFUSED, Choice.UNSURE),
        ("B", End.FAILED, Choice.UNSURE),
    ],
)
def test_an_answer_is_read_strictly(text: str, end: End, choice: Choice):
    assert read_choice(reply(text, end), False) == choice
    turned = {Choice.FIRST: Choice.SECOND, Choice.SECOND: Choice.FIRST}
    assert read_choice(reply(text, end), True) == turned.get(choice, choice)


@given(st.dictionaries(st.sampled_from(WORLD.dimensions), st.floats(0, 3)))
def test_what_weighs_nothing_is_not_told(weights: dict[str, float]):
    profile = ValueProfile(weights)
    told = held_dear(WORLD, profile)
    named = [name for name in WORLD.dimensions if f"- {name}: " in told]
    assert named == [name for name in WORLD.dimensions if profile.weight(name) > 0]
    assert told


def test_a_model_and_a_place_for_it_go_together():
    for human in ({"who": "model"}, {"model": "m"}, {"who": "panel:simulated,model"}):
        with pytest.raises(ValueError, match=r"`human.model` and a place for it go"):
            HumanConfig.model_validate(human)
    assert (
        HumanConfig.model_validate({"who": "panel:simulated,model", "model": "openai/m"}).model == "openai/m"
    )
    with pytest.raises(ValueError, match=r"there is `simulated`, `console`, `model` and `panel:...` of"):
        HumanConfig.model_validate({"who": "modle"})
