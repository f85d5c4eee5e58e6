"""The store itself: asking, handing out questions, taking answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from partwise.oversight.feedback import jsonl
from partwise.oversight.feedback.accounts import Accounts
from partwise.oversight.feedback.browse import Answers
from partwise.oversight.feedback.counts import Counts
from partwise.oversight.feedback.plans import Plans
from partwise.oversight.feedback.rows import (
    QUESTION,
    STANDING,
    add_answers,
    checked_name,
    checked_person,
    checked_seconds,
    item_of,
    person,
    put_questions,
    question_for,
    refresh_states,
    shown_order,
    standing_answers,
    storable,
    unanswered_by,
)
from partwise.oversight.feedback.schema import (
    IS_OPEN,
    FeedbackError,
    NotYours,
    Question,
    StaleQuestion,
    State,
    StoredAnswer,
)
from partwise.oversight.feedback.schema import answers as _A
from partwise.oversight.feedback.schema import leases as _L
from partwise.oversight.feedback.schema import questions as _Q
from partwise.oversight.feedback.schema import showings as _S
from partwise.oversight.feedback.sets import Sets
from partwise.oversight.feedback.speed import characters_to_read
from partwise.types import Answer, Choice, JudgmentItem, Purpose

MAX_REASON = 2000
"""Characters of a reason."""


class FeedbackStore(Answers, Counts, Plans, Accounts, Sets):
    """Questions, answers, plans and people. Threads and processes may share a store.

    What was changed is on the disk when the method returns, except who holds a question. Every method raises
    FeedbackError, one sentence for a reader, where the database fails.
    """

    def __init__(self, where: str | Path, *, lease: timedelta = timedelta(minutes=5)) -> None:
        """Open a store, or make it where there is none.

        Args:
            where: a file (SQLite), or postgresql://USER:PASSWORD@HOST:PORT/DATABASE.
            lease: for how long a question that one person holds is kept from others, while there are more.

        Raises:
            FeedbackError: it can't be opened, is no feedback store, or comes from another version.
        """
        super().__init__(where)
        self._lease = lease

    def ask(
        self,
        run: str,
        round: int,
        items: Sequence[JudgmentItem],
        *,
        purposes: Sequence[Purpose],
        version: str,
        answers_wanted: int = 1,
        assigned_to: str | None = None,
        positions: Sequence[int] | None = None,
        alone: bool = False,
    ) -> list[Question]:
        """Put items to people. To ask again what was asked already changes nothing.

        Args:
            run: whose questions they are.
            round: of the run, from 0.
            items: what to ask.
            purposes: why, one for each item.
            version: the values that the answers will speak for.
            answers_wanted: from how many people, for each item.
            assigned_to: the one person they are for; None for anyone.
            positions: places among the round's questions, one for each item; None for 0, 1, ...
            alone: whether they are a set that stands alone, and no run waits for the answers.

        Raises:
            FeedbackError: something else was asked in one of these places.
            ValueError: there are not as many purposes or positions as items, or nobody is to answer.
        """
        if answers_wanted < 1:
            raise ValueError("a question wants an answer from at least one person")
        asked = _questions(run, round, items, purposes, positions, assigned_to, alone)
        if not asked:
            return []
        with self._write() as db:
            versioned = [(question, version) for question in asked]
            ids = put_questions(db, self._insert, versioned, state=State.OPEN, wanted=answers_wanted)
        return [replace(question, id=id) for question, id in zip(asked, ids, strict=True)]

    def close_round(self, run: str, round: int) -> None:
        """Take no more answers to a round's questions: the run goes on without them."""
        here = (_Q.c.run == run) & (_Q.c.round == round)
        with self._write() as db:
            db.execute(sa.update(_Q).where(here).values(state=State.CLOSED))
            db.execute(sa.delete(_L).where(_L.c.question.in_(sa.select(_Q.c.id).where(here))))

    def next_question(self, who: str, *, run: str | None = None) -> Question | None:
        """An open question that `who` has not answered, and now holds; None where there is none.

        First the one that they hold already, then the oldest that nobody holds, then the oldest. Questions of
        runs and of sets that stand alone take turns, so that neither waits for the end of the other.
        """
        who = checked_person(who)
        now = datetime.now(UTC)
        leased = sa.select(_L.c.question).where(_L.c.until > now)
        open = QUESTION.where(IS_OPEN, _Q.c.assigned_to.in_(("", who)), unanswered_by(who)).limit(1)
        if run is not None:
            open = open.where(_Q.c.run == run)
        mine = open.where(_Q.c.id.in_(leased.where(_L.c.who == who)))
        oldest = open.order_by(_Q.c.id)
        free = oldest.where(_Q.c.id.not_in(leased)).with_for_update(skip_locked=True, of=_Q)
        with self._write("light") as db:
            turns = [_Q.c.alone == alone for alone in _turns(db, who)]
            others = [each.where(turn) for each in (free, oldest) for turn in turns]
            for wanted in (mine, *others):
                row = db.execute(wanted).first()
                if row is not None:
                    self._hold(db, row.id, who)
                    return question_for(row, who)
        return None

    def question(self, id: int, who: str) -> Question:
        """A question that still takes answers, as `who` sees it.

        Raises:
            StaleQuestion: its round has gone on.
            NotYours: it is for somebody else.
            FeedbackError: there is none.
        """
        who = person(who)
        with self._read() as db:
            row = _theirs(db.execute(QUESTION.where(_Q.c.id == id)).first(), id, who)
        return question_for(_fresh(row), who)

    def answer(
        self,
        question_id: int,
        who: str,
        choice: Choice,
        *,
        submission: str,
        seconds: float | None = None,
        reason: str = "",
    ) -> bool:
        """Keep an answer, which is on the disk when this returns.

        Args:
            question_id: of what is answered.
            who: answers.
            choice: in terms of the item's options, whichever was shown first.
            submission: what the client calls this form, fresh for each: the same one counts once.
            seconds: from seeing to answering; None where nobody measured.
            reason: at most `MAX_REASON` characters.

        Returns:
            False, with nothing changed, where this submission or another answer of theirs was there already.

        Raises:
            StaleQuestion: its round has gone on.
            NotYours: it is for somebody else.
            FeedbackError: there is no such question, or the submission was for another one.
        """
        who = checked_person(who)
        checked_name(submission, "submission")
        checked_seconds(seconds)
        if len(reason) > MAX_REASON:
            raise FeedbackError(f"A reason has at most {MAX_REASON} characters, not {len(reason)}.")
        with self._write() as db:
            row = self._locked(db, question_id, who)
            if _answered(db, question_id, who, submission):
                return False
            now = datetime.now(UTC)
            shown = db.execute(_shown(who, question_id)).scalar()
            new = sa.insert(_A).values(
                question=question_id,
                who=who,
                submission=submission,
                choice=choice,
                shown_first=shown_order(row.run, row.round, row.position, who)[0],
                seconds=seconds,
                reason=storable(reason),
                version=_fresh(row).version,
                at=now,
                took=None if shown is None else max(0.0, (now - shown).total_seconds()),
                characters=None if shown is None else characters_to_read(item_of(row.body)),
            )
            db.execute(new)
            db.execute(sa.delete(_L).where(_L.c.who == who, _L.c.question == question_id))
            refresh_states(db, _Q.c.id == question_id)
        return True

    def undo(self, who: str, *, run: str | None = None) -> Question | None:
        """Withdraw the latest answer of `who`, and hand its question back to them.

        None where there is none, or its round has gone on. The row is kept, marked as withdrawn.
        """
        who = person(who)
        latest = standing_answers(_A.c.id, _A.c.question, run=run, who=who).order_by(_A.c.id.desc()).limit(1)
        with self._write() as db:
            found = db.execute(latest).first()
            if found is None:
                return None
            row = self._locked(db, found.question, who)
            if row.state == State.CLOSED:
                return None
            withdraw = sa.update(_A).where(_A.c.id == found.id, STANDING).values(withdrawn=datetime.now(UTC))
            if db.execute(withdraw).rowcount == 0:
                return None
            refresh_states(db, _Q.c.id == row.id)
            self._hold(db, row.id, who)
            return question_for(row, who)

    def record(
        self,
        run: str,
        round: int,
        answers: Sequence[Answer],
        *,
        purposes: Sequence[Purpose],
        positions: Sequence[int] | None = None,
    ) -> None:
        """Keep what simulated people answered, with its questions. To record it again changes nothing.

        Args:
            run: whose questions they are.
            round: of the run, from 0.
            answers: what was answered.
            purposes: why it was asked, one for each answer.
            positions: places among the round's questions, one for each answer; None for 0, 1, ...

        Raises:
            FeedbackError: something else was asked in one of these places, or answered by the same person.
        """
        asked = _questions(run, round, [answer.item for answer in answers], purposes, positions, None)
        now = datetime.now(UTC)
        new = [
            StoredAnswer(
                id=0,
                question=question,
                who=checked_person(answer.who),
                choice=answer.choice,
                order=(0, 1),
                seconds=None,
                reason="",
                version=answer.version,
                when=now,
            )
            for question, answer in zip(asked, answers, strict=True)
        ]
        with self._write() as db:
            add_answers(db, self._insert, new)

    def import_jsonl(self, path: str | Path, run: str | None = None) -> int:
        """Take in answers from JSON lines, into `run` where it is given; returns how many were new.

        Their questions are closed. See `feedback_jsonl.read`.

        Raises:
            FeedbackError: a line holds no answer, or contradicts the store; then nothing was taken in.
        """
        return self.take_in(jsonl.read(Path(path), run), path)

    def take_in(self, answers: Sequence[StoredAnswer], source: str | Path) -> int:
        """Keep answers that were read from `source`, all or none; returns how many were new.

        Raises:
            FeedbackError: they contradict the store.
        """
        try:
            with self._write() as db:
                return add_answers(db, self._insert, answers)
        except FeedbackError as error:
            raise FeedbackError(f"{source} is not taken in: {error}") from error

    def _locked(self, db: sa.Connection, id: int, who: str) -> sa.Row[Any]:
        """The question, which nobody else changes until the transaction ends."""
        return _theirs(db.execute(QUESTION.where(_Q.c.id == id).with_for_update(of=_Q)).first(), id, who)

    def _hold(self, db: sa.Connection, question_id: int, who: str) -> None:
        """Let `who` hold this question, and no other; from the first time on they have been shown it."""
        now = datetime.now(UTC)
        showing = self._insert(_S).values(who=who, question=question_id, at=now)
        db.execute(showing.on_conflict_do_nothing())
        until = now + self._lease
        lease = {"question": question_id, "until": until}
        insert = self._insert(_L).values(who=who, **lease)
        db.execute(insert.on_conflict_do_update(index_elements=["who"], set_=lease))


def _questions(
    run: str,
    round: int,
    items: Sequence[JudgmentItem],
    purposes: Sequence[Purpose],
    positions: Sequence[int] | None,
    assigned_to: str | None,
    alone: bool = False,
) -> list[Question]:
    """Questions that are not in the store yet."""
    checked_name(run, "run")
    if assigned_to is not None:
        assigned_to = checked_person(assigned_to)
    places = range(len(items)) if positions is None else positions
    return [
        Question(
            id=0,
            run=run,
            round=round,
            position=position,
            item=item,
            purpose=purpose,
            order=shown_order(run, round, position, assigned_to or ""),
            assigned_to=assigned_to,
            alone=alone,
        )
        for position, item, purpose in zip(places, items, purposes, strict=True)
    ]


def _turns(db: sa.Connection, who: str) -> tuple[int, int]:
    """Which kind of question it is `who`'s turn for (1: of a set that stands alone), and the other one."""
    latest = standing_answers(_A.c.question, who=who).order_by(_A.c.id.desc()).limit(1).scalar_subquery()
    was_alone = db.execute(sa.select(_Q.c.alone).where(_Q.c.id == latest)).scalar()
    return (0, 1) if was_alone else (1, 0)


def _shown(who: str, question: int) -> sa.Select[datetime]:
    """When `who` was first shown a question."""
    return sa.select(_S.c.at).where(_S.c.who == who, _S.c.question == question)


def _answered(db: sa.Connection, question_id: int, who: str, submission: str) -> bool:
    """Whether this submission of `who` was there before, or an answer of theirs to the question stands."""
    theirs = sa.select(_A.c.question).where(_A.c.who == who)
    earlier = db.execute(theirs.where(_A.c.submission == submission)).scalar()
    if earlier not in (None, question_id):
        raise FeedbackError("This form was sent for another question already; reload the page.")
    standing = db.execute(theirs.where(_A.c.question == question_id, STANDING)).first()
    return earlier is not None or standing is not None


def _theirs(row: sa.Row[Any] | None, id: int, who: str) -> sa.Row[Any]:
    if row is None:
        raise FeedbackError(f"There is no question {id}.")
    if row.assigned_to not in ("", who):
        raise NotYours("This question is for another annotator; take the next one.")
    return row


def _fresh(row: sa.Row[Any]) -> sa.Row[Any]:
    if row.state == State.CLOSED:
        raise StaleQuestion(
            f"This question is stale: round {row.round} of run {row.run} has gone on; take the next one."
        )
    return row
