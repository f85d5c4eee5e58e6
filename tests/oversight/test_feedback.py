"""What the feedback store promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oversight.fixture_feedback import ANY_ITEM, answer, ask, at_once, item, items, record, simulated

from partwise.oversight.feedback import (
    MAX_REASON,
    FeedbackError,
    FeedbackStore,
    NotYours,
    Purpose,
    Question,
    StaleQuestion,
)
from partwise.types import Answer, Choice, JudgmentItem


def rows(store: FeedbackStore, table: str) -> int:
    with store._read() as db:
        return db.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_what_was_asked_and_answered_is_found_again(where: str):
    with FeedbackStore(where) as store:
        asked = ask(store)
        question = store.next_question("ana")
        assert question is not None
        assert replace(question, order=asked[0].order) == asked[0]
        assert question.item == item(0)
        assert store.question(question.id, "ana") == question
        assert answer(store, question, "ana", Choice.SECOND, seconds=2.5, reason="it\nwrites “nothing”")
    with FeedbackStore(where) as store:
        (found,) = store.answers("run")
    assert (found.question, found.order) == (question, question.order)
    assert found.answer == Answer(item=item(0), choice=Choice.SECOND, who="ana", version="v")
    assert (found.seconds, found.reason) == (2.5, "it\nwrites “nothing”")
    assert timedelta(0) <= datetime.now(UTC) - found.when < timedelta(minutes=1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(item=ANY_ITEM, reason=st.text(max_size=50), choice=st.sampled_from(Choice))
def test_any_text_is_kept(store: FeedbackStore, item: JudgmentItem, reason: str, choice: Choice):
    run = str(uuid.uuid4())
    (question,) = store.ask(run, 0, [item], purposes=[Purpose.CONTROL], version="")
    assert answer(store, question, "zoë", choice, reason=reason)
    (found,) = store.answers(run)
    assert (found.question.item, found.choice) == (item, choice)
    assert found.reason == reason.replace("\0", "?")


def test_a_double_submit_counts_once(store: FeedbackStore):
    question, other, _ = ask(store, answers_wanted=2)
    assert answer(store, question, "ana", submission="a")
    assert not answer(store, question, "ana", Choice.SECOND, submission="a")
    assert not answer(store, question, "ana", Choice.SECOND, submission="b")
    with pytest.raises(FeedbackError, match="another question already; reload"):
        answer(store, other, "ana", submission="a")
    # What one person calls their forms is nothing to another.
    assert answer(store, question, "bo", submission="a")
    assert [(a.who, a.choice) for a in store.answers()] == [("ana", Choice.FIRST), ("bo", Choice.FIRST)]


def test_a_double_submit_at_the_same_moment_counts_once(store: FeedbackStore):
    first, second, third = ask(store, answers_wanted=8)
    assert sum(at_once(8, lambda _: answer(store, first, "ana", submission="same"))) == 1
    assert sum(at_once(8, lambda i: answer(store, second, "ana", submission=f"form {i}"))) == 1
    # Eight people are not one: nobody's answer makes way for another's.
    assert at_once(8, lambda i: answer(store, third, f"person {i}", submission="same")) == [True] * 8
    assert rows(store, "answers") == 10
    assert store.question(third.id, "late").id == third.id
    assert all(q and q.id != third.id for q in [store.next_question("late")])


def test_two_people_rarely_hold_the_same_question(store: FeedbackStore):
    first, second, third = ask(store)
    assert [store.next_question(who).id for who in ("ana", "bo", "ana", "bo")] == [
        first.id, second.id, first.id, second.id,
    ]  # fmt: skip
    answer(store, first, "ana")
    assert store.next_question("ana").id == third.id
    answer(store, third, "ana")
    # All that is left is what bo holds: better twice than never.
    assert store.next_question("ana").id == second.id
    answer(store, second, "bo")
    assert store.next_question("ana") is None
    # Nobody's work is lost, not even where the other one was faster.
    assert answer(store, second, "ana", Choice.TIE)
    assert len(store.answers()) == 4


def test_what_nobody_answers_in_time_goes_to_others(where: str):
    with FeedbackStore(where, lease=timedelta(0)) as store:
        first, *_ = ask(store)
        assert store.next_question("ana").id == store.next_question("bo").id == first.id


def test_many_people_at_once_get_different_questions(store: FeedbackStore):
    ask(store, 8)
    got: list[Question] = []
    at_once(8, lambda i: got.append(store.next_question(f"person {i}")) is None)
    assert len({question.id for question in got}) >= 7


def test_a_question_is_handed_out_until_it_has_the_answers_it_wants(store: FeedbackStore):
    (question,) = ask(store, 1, answers_wanted=2)
    for who in ("ana", "bo"):
        assert store.progress("run").open == 1
        assert answer(store, store.next_question(who), who)
        assert store.next_question(who) is None
    assert store.next_question("cy") is None
    assert store.progress("run").open == 0
    assert store.undo("ana").id == question.id
    assert store.next_question("cy").id == question.id


def test_only_the_runs_questions_are_handed_out(store: FeedbackStore):
    (old,) = ask(store, 1, run="old")
    (new,) = ask(store, 1, run="new")
    assert store.next_question("ana", run="new").id == new.id
    assert store.next_question("ana", run="old").id == old.id
    assert store.next_question("bo", run="none") is None


def test_undo_withdraws_the_latest_answer_and_keeps_the_row(store: FeedbackStore):
    first, second, _ = ask(store)
    answer(store, first, "ana", submission="a")
    answer(store, second, "ana", submission="b")
    answer(store, second, "bo")
    assert store.undo("ana").id == second.id
    assert [(a.question.id, a.who) for a in store.answers()] == [(first.id, "ana"), (second.id, "bo")]
    assert rows(store, "answers") == 3
    assert store.votes() and len(store.votes()) == 2
    # The withdrawn form, sent again by a slow browser, stays withdrawn; a fresh one counts.
    assert not answer(store, second, "ana", submission="b")
    assert answer(store, second, "ana", Choice.SECOND, submission="c")
    assert [store.undo("ana").id, store.undo("ana").id, store.undo("ana")] == [second.id, first.id, None]
    assert [a.who for a in store.answers()] == ["bo"]
    assert store.undo("nobody") is None


def test_what_was_undone_is_asked_again_at_once(store: FeedbackStore):
    ask(store)
    question = store.next_question("ana")
    answer(store, question, "ana")
    store.next_question("ana")
    assert store.undo("ana") == question
    assert store.next_question("ana") == question
    assert store.next_question("bo").id != question.id


def test_what_a_run_has_gone_on_with_cannot_be_undone(store: FeedbackStore):
    (old,) = ask(store, 1, run="old")
    (new,) = ask(store, 1, run="new")
    answer(store, old, "ana")
    answer(store, new, "ana")
    store.close_round("new", 0)
    assert store.undo("ana") is None, "an older answer is not what was meant"
    assert store.undo("ana", run="old").id == old.id


def test_stale_questions_are_refused(store: FeedbackStore):
    first, second, _ = ask(store, round=3)
    (later,) = ask(store, 1, round=4)
    assert answer(store, first, "ana", submission="a")
    store.next_question("ana")
    store.close_round("run", 3)
    with pytest.raises(StaleQuestion, match="round 3 of run run has gone on; take the next one"):
        answer(store, second, "ana")
    with pytest.raises(StaleQuestion):
        store.question(second.id, "ana")
    assert store.next_question("ana").id == later.id
    # It was acknowledged before: the retry is told so.
    assert not answer(store, first, "ana", submission="a")
    assert len(store.answers()) == 1
    assert ask(store, round=3)[0].id == first.id
    assert store.progress("run", 3).open == 0, "asking again opens nothing"


def test_questions_of_others_are_refused(store: FeedbackStore):
    (hers,) = ask(store, 1, assigned_to="ana")
    (his,) = ask(store, 1, assigned_to="bo")
    assert hers.id != his.id and hers.assigned_to == "ana"
    assert store.next_question("cy") is None
    assert store.next_question("bo").id == his.id
    for call in (lambda: answer(store, hers, "bo"), lambda: store.question(hers.id, "bo")):
        with pytest.raises(NotYours, match="for another annotator"):
            call()
    with pytest.raises(FeedbackError, match="no question 99"):
        store.question(99, "bo")
    assert answer(store, hers, "ana") and answer(store, his, "bo")
    assert store.progress("run", 0, "bo") == replace(
        store.progress("run", 0, "bo"), asked=1, answered=1, open=0, by_annotator={"bo": 1}
    )


def test_asking_again_changes_nothing(store: FeedbackStore):
    asked = ask(store)
    assert ask(store) == asked
    assert len(ask(store, 5)) == 5
    other = [item(0), item(9), item(2)]
    with pytest.raises(
        FeedbackError, match="run asked something else in round 0 at position 1; give the run"
    ):
        store.ask("run", 0, other, purposes=[Purpose.QUERY] * 3, version="v")
    with pytest.raises(FeedbackError, match="at position 0"):
        store.ask("run", 0, [item(0)], purposes=[Purpose.CONTROL], version="v")
    assert (rows(store, "questions"), rows(store, "items")) == (5, 5)
    assert store.ask("run", 1, [], purposes=[], version="v") == []
    with pytest.raises(ValueError, match="zip"):
        store.ask("run", 1, items(2), purposes=[Purpose.QUERY], version="v")
    with pytest.raises(ValueError, match="at least one person"):
        ask(store, 1, round=1, answers_wanted=0)


def test_simulated_answers_are_recorded_once(store: FeedbackStore):
    answers = simulated(4)
    for _ in range(2):
        record(store, answers)
    found = store.answers("run")
    assert [a.answer for a in found] == answers
    assert {(a.question.purpose, a.seconds, a.reason) for a in found} == {(Purpose.CONTROL, None, "")}
    assert store.next_question("ana") is None, "they wait for nobody"
    assert store.undo("simulated") is None, "and what they said is not taken back"
    record(store, simulated(6))
    assert len(store.answers("run")) == 6


def test_a_record_that_contradicts_another_is_refused_as_a_whole(store: FeedbackStore):
    record(store, simulated(2))
    with pytest.raises(
        FeedbackError, match="simulated answered otherwise in round 0 of run run at position 1"
    ):
        record(store, [*simulated(1), *simulated(4, Choice.SECOND)[1:]])
    with pytest.raises(FeedbackError, match="asked something else"):
        record(store, simulated(3)[1:])
    assert len(store.answers()) == 2
    record(store, simulated(2, Choice.SECOND), round=1)
    record(store, simulated(2, Choice.SECOND, who="another"))
    assert len(store.answers()) == 6


def test_people_and_simulated_people_share_a_round(store: FeedbackStore):
    asked = ask(store, 2, positions=[1, 3])
    assert [question.position for question in asked] == [1, 3]
    record(store, simulated(2), positions=[0, 2])
    answer(store, asked[1], "ana")
    assert [(a.question.position, a.who) for a in store.answers("run")] == [
        (0, "simulated"), (2, "simulated"), (3, "ana"),
    ]  # fmt: skip
    # Simulated people may answer what people were asked, too.
    record(store, simulated(1), positions=[1], round=7)
    assert store.progress("run", 0).open == 1


def test_which_option_comes_first_is_by_lot(store: FeedbackStore):
    questions = ask(store, 200)
    orders = {
        who: [store.question(question.id, who).order for question in questions] for who in ("ana", "bo")
    }
    for order in orders.values():
        assert set(order) == {(0, 1), (1, 0)}
        assert 60 < order.count((0, 1)) < 140
    assert 60 < sum(a == b for a, b in zip(orders["ana"], orders["bo"], strict=True)) < 140
    # Who wrote what, and what the options are, has no part in it.
    swapped = [replace(item, options=item.options[::-1]) for item in items(200)]
    with_other_items = store.ask("run2", 0, swapped, purposes=[Purpose.QUERY] * 200, version="v")
    assert with_other_items[0].item != questions[0].item
    again = [store.question(question.id, "ana").order for question in questions]
    assert again == orders["ana"]


def test_answers_are_filtered_and_in_order(store: FeedbackStore):
    for run in ("b", "a"):
        for round in (1, 0):
            record(store, simulated(2, who="Zed"), run=run, round=round)
            record(store, simulated(2, who="ann"), run=run, round=round)
    places = [(a.question.run, a.question.round, a.question.position, a.who) for a in store.answers()]
    assert places == sorted(places) and len(places) == 16
    assert [a.who for a in store.answers("a", round=1)] == ["Zed", "ann", "Zed", "ann"]
    assert len(store.answers(who="Zed")) == 8
    assert store.answers(limit=3, offset=2) == store.answers()[2:5]
    assert store.answers("a", purpose=Purpose.QUERY) == []
    assert len(store.answers("a", purpose=Purpose.CONTROL)) == 8


@pytest.mark.parametrize("name", ["", "a" * 201, "a\nb", "a\0b", "\ud800"])
def test_names_that_are_none_are_refused(store: FeedbackStore, name: str):
    (question,) = ask(store, 1)
    for call in (
        lambda: ask(store, 1, run=name),
        lambda: store.next_question(name),
        lambda: answer(store, question, name),
        lambda: answer(store, question, "ana", submission=name),
        lambda: record(store, simulated(1, who=name), round=1),
        lambda: store.submit_plan(name, 0, {}),
        lambda: store.add_annotator(name, "hash"),
    ):
        with pytest.raises(FeedbackError, match="1 to 200 printable characters"):
            call()


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_times_that_are_none_are_refused(store: FeedbackStore, seconds: float):
    (question,) = ask(store, 1)
    with pytest.raises(FeedbackError, match="can't take"):
        answer(store, question, "ana", seconds=seconds)


def test_a_reason_has_an_end(store: FeedbackStore):
    (question,) = ask(store, 1)
    with pytest.raises(FeedbackError, match="at most 2000 characters, not 2001"):
        answer(store, question, "ana", reason="x" * (MAX_REASON + 1))
    assert answer(store, question, "ana", reason="<script>\0" + "x" * (MAX_REASON - 9))
    assert store.answers()[0].reason.startswith("<script>?")


def test_any_order_of_answers_and_undos_leaves_what_stands(store: FeedbackStore):
    """A long random walk against a plain model of it."""
    rng = random.Random(0)
    people = ["ana", "bo", "cy"]
    questions = ask(store, 5, answers_wanted=2)
    stands: dict[str, list[int]] = {who: [] for who in people}
    for _ in range(150):
        who = rng.choice(people)
        if rng.random() < 0.3:
            undone = store.undo(who)
            assert (undone and undone.id) == (stands[who].pop() if stands[who] else None)
        else:
            question = rng.choice(questions)
            assert answer(store, question, who) == (question.id not in stands[who])
            if question.id not in stands[who]:
                stands[who].append(question.id)
        given = [id for ids in stands.values() for id in ids]
        assert store.progress().open == sum(given.count(question.id) < 2 for question in questions)
    assert sorted((a.who, a.question.id) for a in store.answers()) == sorted(
        (who, id) for who, ids in stands.items() for id in ids
    )
