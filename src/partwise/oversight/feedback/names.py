"""People's names in a store that was written before names had one form each: see `rows.person`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from partwise.oversight.feedback.rows import STANDING, person, refresh_states
from partwise.oversight.feedback.schema import State, annotators, answers, leases, plans, questions

_NAMES = (answers.c.who, annotators.c.name, leases.c.who, plans.c.who, questions.c.assigned_to)


def misspelled(db: sa.Connection) -> Mapping[str, Sequence[str]]:
    """Each name to its other forms that stand somewhere in the store."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for column in _NAMES:
        for name in db.execute(sa.select(column).distinct()).scalars():
            if name and person(name) != name:
                found[person(name)].add(name)
    return {name: sorted(others) for name, others in found.items()}


def unify(db: sa.Connection, forms: Mapping[str, Sequence[str]]) -> None:
    """Give every name its one form.

    Of two answers to one question that turn out to be one person's, the earlier stands and the later is
    marked as withdrawn; of two passwords, that of the name in its one form stays.
    """
    for name, others in forms.items():
        touched = _join_answers(db, name, others)
        db.execute(sa.delete(leases).where(leases.c.who.in_(others)))
        db.execute(sa.update(plans).where(plans.c.who.in_(others)).values(who=name))
        _join_annotators(db, name, others)
        _join_questions(db, name, others)
        for start in range(0, len(touched), 500):
            refresh_states(db, questions.c.id.in_(touched[start : start + 500]))


def _join_answers(db: sa.Connection, name: str, others: Sequence[str]) -> list[int]:
    """Returns the questions of which an answer was withdrawn."""
    theirs = answers.c.who.in_([name, *others])
    rows = db.execute(
        sa.select(answers.c.id, answers.c.question).where(theirs, STANDING).order_by(answers.c.id)
    )
    seen, twice, touched = set[int](), list[int](), list[int]()
    for id, question in rows:
        if question in seen:
            twice.append(id)
            touched.append(question)
        seen.add(question)
    for id in twice:
        db.execute(sa.update(answers).where(answers.c.id == id).values(withdrawn=datetime.now(UTC)))
    # What the client had called its form is of no use any more.
    db.execute(sa.update(answers).where(answers.c.who.in_(others)).values(who=name, submission=None))
    return touched


def _join_annotators(db: sa.Connection, name: str, others: Sequence[str]) -> None:
    there = set(
        db.execute(sa.select(annotators.c.name).where(annotators.c.name.in_([name, *others]))).scalars()
    )
    if there and name not in there:
        kept = min(there)
        db.execute(sa.update(annotators).where(annotators.c.name == kept).values(name=name))
    db.execute(sa.delete(annotators).where(annotators.c.name.in_(others)))


def _join_questions(db: sa.Connection, name: str, others: Sequence[str]) -> None:
    place = (questions.c.run, questions.c.round, questions.c.position)
    taken = {tuple(row) for row in db.execute(sa.select(*place).where(questions.c.assigned_to == name))}
    for id, *where in db.execute(
        sa.select(questions.c.id, *place).where(questions.c.assigned_to.in_(others))
    ):
        # The same person was asked the same twice: nobody would ever see the second question.
        twice = tuple(where) in taken
        change = {"state": State.CLOSED} if twice else {"assigned_to": name}
        db.execute(sa.update(questions).where(questions.c.id == id).values(change))
        taken.add(tuple(where))
