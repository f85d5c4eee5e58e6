"""A language model that debates: what it is told, how it is read, and what chance does in its place."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oversight.fixture_scripted import Scripted, kept, reply
from tests.oversight.test_debate import Weighing, a_case

from partwise.models.chat_model import End, Style
from partwise.models.prompts import make_prompts, read_prompts
from partwise.oversight.debate import Debater, Reveal, Side, Spoken, consult, debate, hear
from partwise.oversight.spoken import ModelDebater
from partwise.worlds.registry import load_world
from partwise.worlds.telling import debater_fields

WORLD = load_world("dinner")
PROMPTS = make_prompts(read_prompts("full", "full"), debater_fields(WORLD))


def voice(model: Scripted, folder: Path) -> ModelDebater:
    return ModelDebater(kept(model, folder), PROMPTS, Style(temperature=0.0, longest=8))


def test_it_is_told_all_events_its_side_and_what_is_revealed(tmp_path: Path) -> None:
    model, case = Scripted(lambda asked: "2"), a_case(4)
    turns = [Reveal(case, Side.PRO, frozenset()), Reveal(case, Side.CON, frozenset({3, 0}))]
    assert voice(model, tmp_path)(turns) == [1, 1]
    told = [asked.chat[-1] for asked in model.asked]
    for text in told:
        assert all(line in text for line in case.lines) and case.task.statement in text
        assert "- privacy: " in text and "read_messages" in text
    assert "Revealed so far: nothing" in told[0] and "that nobody would mind what" in told[0]
    assert "Revealed so far: 1, 4" in told[1] and "that somebody would mind what" in told[1]


@pytest.mark.parametrize(
    ("said", "event"),
    [
        ("12", 11),
        ("12: it books a table", 11),
        (" **3**", 2),
        ("<think>1 or 2?</think>\n4.", 3),
        ("1", None),  # it is revealed already
        ("13", None),  # there is none
        ("123", None),
        ("Event 3", None),
        ("", None),
    ],
)
def test_an_answer_begins_with_the_number_of_a_hidden_event_or_is_not_read(
    tmp_path: Path, said: str, event: int | None
) -> None:
    turn = Reveal(a_case(12), Side.PRO, frozenset({0}))
    assert voice(Scripted(lambda asked: said), tmp_path)([turn]) == [event]


def test_a_refusal_reveals_nothing_and_nobody_asked_is_asked_nothing(tmp_path: Path) -> None:
    refusing = Scripted(lambda asked: reply("", End.REFUSED))
    assert voice(refusing, tmp_path)([Reveal(a_case(3), Side.CON, frozenset())]) == [None]
    assert voice(refusing, tmp_path)([]) == [] and len(refusing.asked) == 1


class Choosing:
    """Reveals the last hidden event for pro and the first for con; every n-th time nothing is to be read."""

    def __init__(self, unread: int) -> None:
        self.unread, self.asked = unread, 0

    def __call__(self, asked: Sequence[Reveal]) -> list[int | None]:
        said: list[int | None] = []
        for turn in asked:
            self.asked += 1
            readable = self.asked % self.unread
            said.append((turn.hidden[-1] if turn.side is Side.PRO else turn.hidden[0]) if readable else None)
        return said


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 4), st.integers())
def test_each_event_is_revealed_once_and_what_is_not_read_is_marked(
    events: int, turns: int, unread: int, seed: int
) -> None:
    case, speaker = a_case(events), Choosing(unread)
    talks = [debate(case, Spoken(), Spoken(), turns, random.Random(f"{seed} {n}")) for n in range(3)]
    said = hear(talks, Weighing([0.01] * events), speaker)
    assert speaker.asked == 3 * min(turns, events)
    assert sum(turn.unread for one in said for turn in one.turns) == speaker.asked // unread
    for one in said:
        assert len({turn.event for turn in one.turns}) == min(turns, events)
        left = list(range(events))
        for turn in one.turns:
            if not turn.unread:
                assert turn.event == (left[-1] if turn.by is Side.PRO else left[0])
            left.remove(turn.event)


def test_a_spoken_side_may_argue_with_a_search_and_needs_a_voice() -> None:
    case, weights = a_case(6), [0.01, 0.02, 0.03, -0.01, -0.02, -0.03]
    talk = debate(case, Debater(6), Spoken(), 4, random.Random(3))
    (said,) = hear([talk], Weighing(weights), Choosing(100))
    by_side = {side: [turn.event for turn in said.turns if turn.by is side] for side in (Side.PRO, Side.CON)}
    assert by_side[Side.PRO][0] == 2 and by_side[Side.CON][0] == 0
    with pytest.raises(ValueError, match="give `hear` its voice"):
        hear([consult(case, Spoken(), Side.PRO, 2, random.Random(0))], Weighing(weights))
