"""Records to rows and back, and many answers at once."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from partwise.oversight.feedback.schema import FeedbackError, Question, State, StoredAnswer
from partwise.oversight.feedback.schema import answers as _A
from partwise.oversight.feedback.schema import items as _I
from partwise.oversight.feedback.schema import questions as _Q
from partwise.types import JudgmentItem, Option

QUESTION = sa.select(*_Q.c, _I.c.body).join(_I)
"""Questions with their items."""
STANDING = _A.c.withdrawn.is_(None)
"""Answers that were not withdrawn."""


def standing_answers(
    *columns: sa.ColumnElement[Any],
    run: str | None = None,
    round: int | None = None,
    who: str | None = None,
) -> sa.Select[*tuple[Any, ...]]:
    """Columns of the answers that stand; of one run, round or person, where given.

    Their questions are joined only where columns or conditions need them: that takes as long as all the rest.
    """
    name = None if who is None else person(who)
    conditions = [
        column == value
        for column, value in ((_Q.c.run, run), (_Q.c.round, round), (_A.c.who, name))
        if value is not None
    ]
    statement: sa.Select[*tuple[Any, ...]] = sa.select(*columns).where(STANDING, *conditions)
    if _Q in statement.get_final_froms():
        return statement.select_from(_A.join(_Q))
    return statement


def unanswered_by(who: str) -> sa.ColumnElement[bool]:
    """Questions to which no answer of `who` stands.

    Written as a count, since PostgreSQL plans `NOT EXISTS` badly on tables that it has no statistics of yet.
    """
    theirs = sa.select(sa.func.count()).where(_A.c.question == _Q.c.id, _A.c.who == who, STANDING)
    return theirs.scalar_subquery() == 0


def put_questions(
    db: sa.Connection,
    insert: Any,
    asked: Sequence[tuple[Question, str]],
    *,
    state: State,
    wanted: int,
) -> list[int]:
    """Keep questions of one round, each with its version, where they are not there; returns the ids of all.

    Raises:
        FeedbackError: something else was asked in one of the places.
    """
    now = datetime.now(UTC)
    bodies = [_body(question.item) for question, _ in asked]
    rows = [
        {
            "run": question.run,
            "round": question.round,
            "position": question.position,
            "assigned_to": question.assigned_to or "",
            "item": _digest(body),
            "purpose": question.purpose,
            "version": version,
            "wanted": wanted,
            "state": state,
            "at": now,
            "alone": int(question.alone),
            "extra": None if question.extra is None else json.dumps(dict(question.extra)),
        }
        for (question, version), body in zip(asked, bodies, strict=True)
    ]
    body_of = {row["item"]: body for row, body in zip(rows, bodies, strict=True)}
    # In order, so that two who do this at once can't wait for each other.
    items = [{"digest": digest, "body": body} for digest, body in sorted(body_of.items())]
    db.execute(insert(_I).on_conflict_do_nothing(), items)
    db.execute(insert(_Q).on_conflict_do_nothing(), rows)
    run, round = rows[0]["run"], rows[0]["round"]
    columns = (_Q.c.id, _Q.c.position, _Q.c.assigned_to, _Q.c.item, _Q.c.purpose)
    found = db.execute(sa.select(*columns).where(_Q.c.run == run, _Q.c.round == round))
    there = {(question.position, question.assigned_to): question for question in found}
    ids: list[int] = []
    for row in rows:
        question = there[row["position"], row["assigned_to"]]
        if (question.item, question.purpose) != (row["item"], row["purpose"]):
            raise FeedbackError(
                f"Run {run} asked something else in round {round} at position {question.position}; "
                "give the run another name, or its answers another store."
            )
        ids.append(question.id)
    return ids


def add_answers(db: sa.Connection, insert: Any, new: Iterable[StoredAnswer]) -> int:
    """Keep answers, with questions that are closed from the start, where they are not there.

    Returns how many were new. The ids in `new` mean nothing.

    Raises:
        FeedbackError: something else was asked in one of the places, or answered by the same person.
    """

    def place(answer: StoredAnswer) -> tuple[str, int]:
        return answer.question.run, answer.question.round

    rounds = groupby(sorted(new, key=place), key=place)
    return sum(_add_round(db, insert, run, round, list(group)) for (run, round), group in rounds)


def _add_round(db: sa.Connection, insert: Any, run: str, round: int, new: Sequence[StoredAnswer]) -> int:
    asked = [(answer.question, answer.version) for answer in new]
    ids = put_questions(db, insert, asked, state=State.CLOSED, wanted=1)
    said = db.execute(standing_answers(_A.c.question, _A.c.who, _A.c.choice, run=run, round=round))
    there = {(question, who): choice for question, who, choice in said}
    rows: list[dict[str, Any]] = []
    for id, answer in zip(ids, new, strict=True):
        choice = there.setdefault((id, answer.who), None)
        if choice is None:
            there[id, answer.who] = answer.choice
            rows.append(
                {
                    "question": id,
                    "who": answer.who,
                    "choice": answer.choice,
                    "shown_first": answer.order[0],
                    "seconds": answer.seconds,
                    "reason": answer.reason,
                    "version": answer.version,
                    "at": answer.when,
                    "took": answer.took,
                    "characters": answer.characters,
                }
            )
        elif choice != answer.choice:
            raise FeedbackError(
                f"{answer.who} answered otherwise in round {round} of run {run} at position "
                f"{answer.question.position}; give the run another name, or its answers another store."
            )
    if rows:
        db.execute(insert(_A).on_conflict_do_nothing(), rows)
        refresh_states(db, (_Q.c.run == run) & (_Q.c.round == round))
    return len(rows)


def refresh_states(db: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    """Say of questions that are not closed whether they have the answers they want."""
    given = sa.select(sa.func.count()).where(_A.c.question == _Q.c.id, STANDING).scalar_subquery()
    state = sa.case((given >= _Q.c.wanted, State.FULL), else_=State.OPEN)
    db.execute(sa.update(_Q).where(which, _Q.c.state != State.CLOSED).values(state=state))


def question_of(row: sa.Row[Any], item: JudgmentItem, order: tuple[int, int]) -> Question:
    """The question in a row."""
    return Question(
        id=row.id,
        run=row.run,
        round=row.round,
        position=row.position,
        item=item,
        purpose=row.purpose,
        order=order,
        assigned_to=row.assigned_to or None,
        alone=bool(row.alone),
        extra=None if row.extra is None else json.loads(row.extra),
    )


def question_for(row: sa.Row[Any], who: str) -> Question:
    """The question in a row of `QUESTION`, as `who` sees it."""
    return question_of(row, item_of(row.body), shown_order(row.run, row.round, row.position, who))


def answer_of(row: sa.Row[Any], items: dict[str, JudgmentItem]) -> StoredAnswer:
    """An answer whose own columns begin with `answer_`; `items` are those met so far, by digest."""
    if row.item not in items:
        items[row.item] = item_of(row.body)
    order = (row.answer_shown_first, 1 - row.answer_shown_first)
    return StoredAnswer(
        id=row.answer_id,
        question=question_of(row, items[row.item], order),
        who=row.answer_who,
        choice=row.answer_choice,
        order=order,
        seconds=row.answer_seconds,
        took=row.answer_took,
        characters=row.answer_characters,
        reason=row.answer_reason,
        version=row.answer_version,
        when=row.answer_at,
    )


def shown_order(run: str, round: int, position: int, who: str) -> tuple[int, int]:
    """Which option `who` is shown first, by lot: nothing about the options enters."""
    lot = hashlib.sha256(f"{run}\n{round}\n{position}\n{who}".encode()).digest()
    return (0, 1) if lot[0] % 2 else (1, 0)


def item_of(body: str) -> JudgmentItem:
    """The item that `body` was made of."""
    data = json.loads(body)
    first, second = (Option(**option) for option in data.pop("options"))
    return JudgmentItem(**data, options=(first, second))


def digest_of(item: JudgmentItem) -> str:
    """What an item is known by in the store: equal for equal items."""
    return _digest(_body(item))


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _body(item: JudgmentItem) -> str:
    """The item as JSON, alike for equal items."""
    options = [
        {
            "text": option.text,
            "consequences": {name: float(harm) for name, harm in option.consequences.items()},
            "useful": float(option.useful),
            "observed": option.observed,
        }
        for option in item.options
    ]
    data = {"key": item.key, "question": item.question, "options": options, "complexity": item.complexity}
    return json.dumps(data, sort_keys=True)


def person(name: str) -> str:
    """A person's name as it is stored, asked for and compared: characters composed, blanks single.

    So a name that was typed on two machines, in two forms of Unicode, is one person's.
    """
    return re.sub(" +", " ", unicodedata.normalize("NFC", name)).strip(" ")


def checked_person(name: str) -> str:
    """`name` as `person` has it, where it can be somebody's.

    Raises:
        FeedbackError: as `checked_name`.
    """
    return checked_name(person(name), "annotator")


def checked_name(text: str, what: str) -> str:
    """`text`, where it can be the name of a `what`.

    Raises:
        FeedbackError: it is empty, longer than 200 characters, or holds some that don't print.
    """
    if not (0 < len(text) <= 200 and text.isprintable()):
        raise FeedbackError(f"The name of a {what} has 1 to 200 printable characters, unlike {text[:40]!r}.")
    return text


def checked_seconds(seconds: float | None) -> float | None:
    """`seconds`, where it is a time that something can take.

    Raises:
        FeedbackError: it is negative, infinite or no number.
    """
    if seconds is not None and not 0 <= seconds < math.inf:
        raise FeedbackError(f"An answer can't take {seconds} seconds.")
    return seconds


def storable(text: str) -> str:
    """`text` with a mark in place of the few characters that no database takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")
