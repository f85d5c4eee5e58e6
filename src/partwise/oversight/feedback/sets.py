"""Sets of questions that stand alone, and what people are told of those that they judge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from partwise.oversight.feedback.database import Database
from partwise.oversight.feedback.pairs import Pair, listed
from partwise.oversight.feedback.rows import checked_name, digest_of, person, put_questions, storable
from partwise.oversight.feedback.schema import FeedbackError, Question, State
from partwise.oversight.feedback.schema import briefs as _B
from partwise.oversight.feedback.schema import leases as _L
from partwise.oversight.feedback.schema import questions as _Q
from partwise.types import Purpose

_LOCK = 7073747
"""Of PostgreSQL: pairs are added by one at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What people who judge are told of a run's questions, or of a set's."""

    world: str = ""
    """The world that they are about; empty where they are about none."""
    matters: tuple[tuple[str, ...], ...] = ()
    """Round by round, the value dimensions of the world that matter; the last stands for all later ones."""
    guidelines: str = ""
    """What whoever asks says about them, in paragraphs."""

    def matters_in(self, round: int) -> tuple[str, ...] | None:
        """The dimensions that matter in a round, from 0; None where nobody has said."""
        return self.matters[min(round, len(self.matters) - 1)] if self.matters else None


@dataclass(frozen=True, slots=True)
class Added:
    """What came of adding pairs."""

    new: int
    known: int
    """That were there already."""


class Sets(Database):
    """The part of the store that holds sets of questions, and briefs."""

    def add_pairs(
        self, name: str, pairs: Sequence[Pair], source: str | Path, *, answers_wanted: int = 1
    ) -> Added:
        """Put pairs to people: all that are new to their set or, where one contradicts it, none.

        A pair is new where none of its id, prompt and texts is there. To add pairs again changes nothing.

        Args:
            name: of the set.
            pairs: as `pairs.read_pairs` has them.
            source: where they come from, for errors.
            answers_wanted: from how many people, for each new pair.

        Raises:
            FeedbackError: the set's name is a run's, or an id stands for another pair there already.
            ValueError: nobody is to answer.
        """
        if answers_wanted < 1:
            raise ValueError("a question wants an answer from at least one person")
        checked_name(name, "set")
        with self._write() as db:
            if db.dialect.name == "postgresql":
                db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            there = _there(db, name)
            _refuse_other(pairs, there, name, source)
            keys = {question.item for question in there}
            new = [pair for pair in pairs if _digest(pair) not in keys]
            first = max((question.position for question in there), default=-1) + 1
            asked = [_question(name, first + place, pair) for place, pair in enumerate(new)]
            if asked:
                versioned = [(question, "") for question in asked]
                put_questions(db, self._insert, versioned, state=State.OPEN, wanted=answers_wanted)
        return Added(len(new), len(pairs) - len(new))

    def describe(self, run: str, brief: Brief) -> None:
        """Say what people are told of a run's questions, or of a set's, in place of what was said."""
        body = {"world": brief.world, "matters": brief.matters, "guidelines": storable(brief.guidelines)}
        values = {"body": json.dumps(body)}
        insert = self._insert(_B).values(run=checked_name(run, "run"), **values)
        with self._write() as db:
            db.execute(insert.on_conflict_do_update(index_elements=["run"], set_=values))

    def brief(self, run: str) -> Brief | None:
        """What people are told of a run's questions, or of a set's; None for nothing."""
        with self._read() as db:
            body = db.execute(sa.select(_B.c.body).where(_B.c.run == run)).scalar()
        return None if body is None else _brief(json.loads(body))

    def held(self, who: str) -> tuple[str, int] | None:
        """Run and round of the question that somebody was last shown and has not answered."""
        shown = sa.select(_Q.c.run, _Q.c.round).join(_L, _L.c.question == _Q.c.id)
        with self._read() as db:
            row = db.execute(shown.where(_L.c.who == person(who))).first()
        return None if row is None else (row.run, row.round)


@dataclass(frozen=True, slots=True)
class _There:
    position: int
    item: str
    id: str | None


def _there(db: sa.Connection, name: str) -> list[_There]:
    """The pairs of a set.

    Raises:
        FeedbackError: something else goes by that name.
    """
    columns = (_Q.c.position, _Q.c.item, _Q.c.extra)
    rows = list(db.execute(sa.select(*columns).where(_Q.c.run == name)))
    if any(row.extra is None for row in rows):
        raise FeedbackError(f"{name} is the name of other questions in this store; give another --set.")
    extras = [json.loads(row.extra) for row in rows]
    ids = [str(extra["id"]) if "id" in extra else None for extra in extras]
    return [_There(row.position, row.item, id) for row, id in zip(rows, ids, strict=True)]


def _refuse_other(pairs: Sequence[Pair], there: Sequence[_There], name: str, source: str | Path) -> None:
    by_id = {question.id: question.item for question in there if question.id is not None}
    complaints = [
        f"{source}, line {pair.row}: the set {name} has another pair with the id {pair.id!r}."
        for pair in pairs
        if pair.id is not None and by_id.get(pair.id, _digest(pair)) != _digest(pair)
    ]
    if complaints:
        raise FeedbackError(listed(complaints))


def _digest(pair: Pair) -> str:
    return digest_of(pair.item)


def _question(name: str, position: int, pair: Pair) -> Question:
    return Question(
        id=0,
        run=name,
        round=0,
        position=position,
        item=pair.item,
        purpose=Purpose.CONTROL,
        order=(0, 1),
        assigned_to=None,
        alone=True,
        extra=pair.extra,
    )


def _brief(body: Mapping[str, Any]) -> Brief:
    return Brief(
        world=body["world"],
        matters=tuple(tuple(names) for names in body["matters"]),
        guidelines=body["guidelines"],
    )
