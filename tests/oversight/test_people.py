"""People in the console and simulated ones take turns; what was answered is never asked again."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from partwise.oversight.feedback import FeedbackStore
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.items import PartItems
from partwise.oversight.people import NobodyAnswers, People
from partwise.types import Choice, Purpose
from partwise.worlds.dinner import DinnerWorld

WORLD = DinnerWorld()
ITEMS = list({item.key: item for item in PartItems(WORLD).asked(random.Random(0), 40)}.values())[:9]
SIMULATED = SimulatedHuman(WORLD.values, rationality=6.0, readable=60, seed="0")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeedbackStore]:
    with FeedbackStore(tmp_path / "feedback.db") as opened:
        yield opened


def _people(store: FeedbackStore, *members: str, patience: float = 1.0, overlap: float = 0.0) -> People:
    return People(
        members,
        {"simulated": SIMULATED},
        store,
        "run",
        overlap=overlap,
        patience=patience,
        listen=lambda phase, done, total: None,
    )


def _annotate(
    store: FeedbackStore, who: str, count: int, choice: Choice, stop: threading.Event | None = None
) -> threading.Thread:
    """Somebody who answers `count` questions as they come up, or those that come before they are stopped."""

    def work() -> None:
        left = count
        while left and not (stop and stop.is_set()):
            question = store.next_question(who)
            if question is None:
                time.sleep(0.01)
                continue
            left -= store.answer(question.id, who, choice, submission=f"{who} {left}")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_simulated_people_answer_at_once_and_are_kept(store: FeedbackStore):
    answers = _people(store, "simulated").answer(ITEMS, round=2, purpose=Purpose.QUERY)
    assert answers == SIMULATED.answer(ITEMS, round=2)
    kept = store.answers("run", round=2)
    assert [stored.answer.choice for stored in kept] == [answer.choice for answer in answers]
    assert {stored.question.purpose for stored in kept} == {Purpose.QUERY}


def test_people_are_waited_for_and_their_answers_come_in_order(store: FeedbackStore):
    threads = [_annotate(store, "ann", 5, Choice.SECOND), _annotate(store, "bob", 4, Choice.SECOND)]
    answers = _people(store, "console").answer(ITEMS, round=0)
    for thread in threads:
        thread.join(10)
    assert [answer.item.key for answer in answers] == [item.key for item in ITEMS]
    assert {answer.choice for answer in answers} == {Choice.SECOND}
    assert {answer.who for answer in answers} == {"ann", "bob"}


def test_a_panel_takes_turns(store: FeedbackStore):
    thread = _annotate(store, "ann", 3, Choice.TIE)
    answers = _people(store, "simulated", "simulated", "console").answer(ITEMS, round=0)
    thread.join(10)
    assert [answer.who for answer in answers] == ["simulated", "simulated", "ann"] * 3
    assert [answer.choice for answer in answers][2::3] == [Choice.TIE] * 3


def test_what_was_answered_before_an_interruption_is_not_asked_again(store: FeedbackStore):
    with pytest.raises(NobodyAnswers):
        _people(store, "console", patience=1e-6).answer(ITEMS, round=0)
    _annotate(store, "ann", 6, Choice.FIRST).join(10)
    thread = _annotate(store, "bob", 3, Choice.SECOND)
    answers = _people(store, "console").answer(ITEMS, round=0)
    thread.join(10)
    assert sorted(answer.who for answer in answers) == ["ann"] * 6 + ["bob"] * 3


def test_later_batches_of_a_round_are_other_questions(store: FeedbackStore):
    people = _people(store, "console")
    thread = _annotate(store, "ann", 9, Choice.FIRST)
    first = people.answer(ITEMS[:4], round=1, purpose=Purpose.CONTROL)
    second = people.answer(ITEMS[4:], round=1, purpose=Purpose.QUERY)
    thread.join(10)
    assert [answer.item.key for answer in first + second] == [item.key for item in ITEMS]
    assert len(store.answers("run", round=1)) == 9


def test_nobody_is_waited_for_longer_than_patience(store: FeedbackStore):
    with pytest.raises(NobodyAnswers, match=r"9 questions wait: partwise console --store .*feedback\.db"):
        _people(store, "console", patience=1e-6).answer(ITEMS, round=0)


def test_what_the_proxy_may_have_learned_from_can_not_be_withdrawn(store: FeedbackStore):
    thread = _annotate(store, "ann", 9, Choice.FIRST)
    _people(store, "console").answer(ITEMS, round=0)
    thread.join(10)
    assert store.undo("ann") is None
    assert len(store.answers("run")) == 9


def test_a_share_of_the_questions_is_asked_of_two_people(store: FeedbackStore):
    # Either may be much quicker than the other, so each would answer everything.
    stop = threading.Event()
    threads = [_annotate(store, who, len(ITEMS), Choice.FIRST, stop) for who in ("ann", "bob")]
    answers = _people(store, "console", overlap=1 / 3).answer(ITEMS, round=0)
    stop.set()
    for thread in threads:
        thread.join(10)
    asked_twice = {item.key for item in ITEMS[2::3]}
    assert len(answers) == 12
    for item in ITEMS:
        who = {answer.who for answer in answers if answer.item.key == item.key}
        assert len(who) == (2 if item.key in asked_twice else 1)
