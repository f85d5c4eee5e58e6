"""Answers that are wanted are found, counted and handed on; what came too fast to be read is marked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from tests.oversight.fixture_feedback import answer, ask, item, record, simulated

from partwise.oversight.feedback import FAST, FeedbackStore, Role, Speed, Wanted
from partwise.oversight.feedback.schema import showings
from partwise.oversight.feedback.speed import characters_to_read, flags, is_fast
from partwise.types import Choice, Option


def seen(store: FeedbackStore, who: str, seconds: float) -> None:
    """Let what `who` was shown have been shown so long ago; below 0 they answer in no time at all."""
    with store._write() as db:
        at = datetime.now(UTC) - timedelta(seconds=seconds)
        db.execute(sa.update(showings).where(showings.c.who == who).values(at=at))


def give(store: FeedbackStore, who: str, seconds: float, choice: Choice = Choice.FIRST) -> None:
    """Answer the next question, so long after it was shown."""
    question = store.next_question(who)
    seen(store, who, seconds)
    assert answer(store, question, who, choice)


@pytest.fixture
def filled(store: FeedbackStore) -> FeedbackStore:
    """Four answers of ana's, the first two fast; two of bo's to the same; three of nobody's."""
    ask(store, 4, answers_wanted=2)
    for seconds, choice in (
        (-60, Choice.FIRST),
        (-60, Choice.TIE),
        (40, Choice.SECOND),
        (50, Choice.FIRST),
    ):
        give(store, "ana", seconds, choice)
    give(store, "bo", 60)
    give(store, "bo", -60, Choice.UNSURE)
    record(store, simulated(3), run="other")
    return store


def test_filters_narrow_what_is_found_counted_and_voted(filled: FeedbackStore):
    expected = {
        Wanted(): 9,
        Wanted(who="ana"): 4,
        Wanted(run="run"): 6,
        Wanted(run="other", who="ana"): 0,
        Wanted(choice=Choice.TIE): 1,
        Wanted(speed=Speed.FAST): 3,
        Wanted(speed=Speed.READ): 3,
        Wanted(speed=Speed.UNMEASURED): 3,
        Wanted(who="bo", speed=Speed.FAST, choice=Choice.UNSURE): 1,
        Wanted(speed=Speed.FAST, rate=0): 0,
        Wanted(since=datetime.now(UTC) + timedelta(days=1)): 0,
        Wanted(before=datetime.now(UTC) + timedelta(days=1)): 9,
        Wanted(since=datetime.now(UTC) - timedelta(days=1), before=datetime.now(UTC) - timedelta(hours=1)): 0,
    }
    for wanted, count in expected.items():
        assert filled.count(wanted) == count, wanted
        found = filled.find(wanted, limit=100)
        assert len(found) == count and [a.id for a in found] == sorted((a.id for a in found), reverse=True)
        assert [a.id for a in filled.find_all(wanted)] == sorted(a.id for a in found)
        assert len(filled.find_votes(wanted)) == count
    assert [a.id for a in filled.find(Wanted(), limit=2, offset=3)] == [
        a.id for a in filled.find(Wanted(), limit=100)[3:5]
    ]


def test_fast_is_what_is_found_as_fast(filled: FeedbackStore):
    """The database and `is_fast` draw the same line."""
    for rate in (0, 1, FAST, 10_000):
        fast = {a.id for a in filled.find_all(Wanted(speed=Speed.FAST, rate=rate))}
        assert fast == {a.id for a in filled.answers() if is_fast(a.took, a.characters, rate)}


def test_all_are_read_by_and_by(store: FeedbackStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("partwise.oversight.feedback.browse._AT_ONCE", 3)
    record(store, simulated(7))
    assert [a.question.position for a in store.find_all(Wanted())] == list(range(7))


def test_the_time_is_from_when_a_question_was_first_shown(store: FeedbackStore):
    """Neither loading the page again nor taking an answer back makes a reader fast."""
    ask(store, 1)
    question = store.next_question("ana")
    seen(store, "ana", 30)
    assert store.next_question("ana") == question
    assert answer(store, question, "ana", seconds=1.0)
    store.undo("ana")
    assert answer(store, question, "ana", Choice.SECOND)
    (kept,) = store.answers()
    assert kept.took is not None and kept.took >= 30 and not flags(kept)


def test_what_was_never_shown_is_not_measured(store: FeedbackStore):
    """An answer by a program, or of before times were taken: undefined is not slow."""
    (question,) = ask(store, 1)
    assert answer(store, question, "ana", seconds=0.1)
    (kept,) = store.answers()
    assert (kept.took, kept.characters, flags(kept)) == (None, None, "unmeasured")


def test_exports_are_marked(filled: FeedbackStore, tmp_path: Path):
    path = tmp_path / "out.jsonl"
    filled.export_jsonl(path, "run", ties=True)
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert sorted((line["who"], line["flags"]) for line in lines) == [
        *[("ana", "")] * 2,
        *[("ana", "fast")] * 2,
        *(("bo", ""), ("bo", "fast")),
    ]
    filled.export_jsonl(path, rate=0, ties=True)
    marks = [json.loads(text)["flags"] for text in path.read_text().splitlines()]
    assert marks.count("unmeasured") == 3 and "fast" not in marks


@given(st.floats(0, 1e6), st.integers(0, 10**6), st.floats(0, 1e4))
def test_longer_texts_and_stricter_rates_mark_more(took: float, characters: int, rate: float):
    fast = is_fast(took, characters, rate)
    assert fast is not None
    if fast:
        assert rate > 0, "0 marks nothing"
        assert is_fast(took, characters + 1, rate) and is_fast(took / 2, characters, rate)
        assert is_fast(took, characters, rate / 2) or not rate / 2
    assert is_fast(None, characters, rate) is None and is_fast(took, None, rate) is None


def test_what_there_is_to_read():
    one = replace(
        item(0),
        question="Which one?",
        options=(
            Option(text="def f(x):\n    return 1", consequences={}, useful=0, observed="much more"),
            Option(text="def f(x):\n    return 22", consequences={}, useful=0),
        ),
    )
    assert characters_to_read(one) == len("Whichone?deff(x):return1return22")


def test_links_let_one_person_in_once(store: FeedbackStore, monkeypatch: pytest.MonkeyPatch):
    secret = store.invite("  zoë ", Role.ANNOTATOR, "ana")
    found = store.invitation(secret)
    assert found and (found.name, found.role, found.by) == ("zoë", Role.ANNOTATOR, "ana")
    again = store.invite("zoë", Role.OWNER, "ana")
    assert store.invitation(secret) is None, "a new link takes the place of the old one"
    assert store.join(secret, "hash") is None and store.annotator("zoë") is None
    assert store.join(again, "hash") is not None and store.join(again, "other") is None
    kept = store.annotator("zoë")
    assert kept and (kept.password_hash, kept.role) == ("hash", Role.OWNER)
    late = store.invite("late", Role.ANNOTATOR, "ana")
    monkeypatch.setattr("partwise.oversight.feedback.accounts.INVITED_FOR", timedelta(seconds=-1))
    assert store.invitation(late) is None and store.join(late, "hash") is None
    for nothing in ("", "x", "\ud83d"):
        assert store.invitation(nothing) is None
