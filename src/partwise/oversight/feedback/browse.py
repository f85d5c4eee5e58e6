"""Answers to read, count and hand on: which are wanted, and those."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from partwise.oversight.feedback import jsonl
from partwise.oversight.feedback.database import Database
from partwise.oversight.feedback.jsonl import Exported
from partwise.oversight.feedback.rows import answer_of, standing_answers
from partwise.oversight.feedback.schema import StoredAnswer, Vote
from partwise.oversight.feedback.schema import answers as _A
from partwise.oversight.feedback.schema import items as _I
from partwise.oversight.feedback.schema import questions as _Q
from partwise.oversight.feedback.speed import FAST
from partwise.types import Choice, JudgmentItem, Purpose

_AT_ONCE = 1000
"""Answers that are read from the database together where all are wanted."""


class Speed(StrEnum):
    """How fast an answer came; see `speed`."""

    FAST = "fast"
    READ = "read"
    """Slow enough for everything to have been read."""
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which answers are wanted, of those that stand; what is None wants all."""

    run: str | None = None
    """A run or a set of questions."""
    who: str | None = None
    choice: Choice | None = None
    speed: Speed | None = None
    since: datetime | None = None
    """Given then or later."""
    before: datetime | None = None
    """Given earlier than that."""
    rate: float = FAST
    """Characters a second beyond which an answer is fast."""


class Answers(Database):
    """The part of the store that reads answers."""

    def answers(
        self,
        run: str | None = None,
        *,
        round: int | None = None,
        who: str | None = None,
        purpose: Purpose | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[StoredAnswer]:
        """Answers that stand, ordered by run, round, position and who."""
        statement = _whole(run=run, round=round, who=who)
        statement = statement.order_by(_Q.c.run, _Q.c.round, _Q.c.position, _Q.c.assigned_to, _A.c.who)
        if purpose is not None:
            statement = statement.where(_Q.c.purpose == purpose)
        return self._answers(statement.limit(limit).offset(offset))

    def find(self, wanted: Wanted, *, limit: int, offset: int = 0) -> list[StoredAnswer]:
        """The answers that are wanted, the latest first."""
        statement = _narrowed(_whole(run=wanted.run, who=wanted.who), wanted).order_by(_A.c.id.desc())
        return self._answers(statement.limit(limit).offset(offset))

    def find_all(self, wanted: Wanted) -> Iterator[StoredAnswer]:
        """All the answers that are wanted, in the order in which they were given, a thousand at a time."""
        last, more = 0, True
        while more:
            statement = _narrowed(_whole(run=wanted.run, who=wanted.who), wanted).where(_A.c.id > last)
            found = self._answers(statement.order_by(_A.c.id).limit(_AT_ONCE))
            yield from found
            more = len(found) == _AT_ONCE
            last = found[-1].id if found else last

    def count(self, wanted: Wanted) -> int:
        """How many answers are wanted."""
        # The run is what questions must be joined for; where none is named, they need not be.
        statement = _narrowed(
            standing_answers(sa.func.count(_A.c.id), run=wanted.run, who=wanted.who), wanted
        )
        with self._read() as db:
            return db.execute(statement).scalar_one()

    def find_votes(self, wanted: Wanted) -> list[Vote]:
        """The answers that are wanted without their texts, in the order in which they were given."""
        columns = (_Q.c.run, _Q.c.round, _Q.c.item, _A.c.who, _A.c.choice)
        statement = _narrowed(standing_answers(*columns, run=wanted.run, who=wanted.who), wanted)
        with self._read() as db:
            return [
                Vote(run=run, round=round, item=item, who=who, choice=choice)
                for run, round, item, who, choice in db.execute(statement.order_by(_A.c.id))
            ]

    def export_jsonl(
        self, path: str | Path, run: str | None = None, *, ties: bool = False, rate: float = FAST
    ) -> Exported:
        """Write the answers that stand, of one run or all, with the columns that TRL reads.

        See `feedback_jsonl.write`.
        """
        return jsonl.write(Path(path), self.answers(run), ties=ties, rate=rate)

    def _answers(self, statement: sa.Select[*tuple[Any, ...]]) -> list[StoredAnswer]:
        items: dict[str, JudgmentItem] = {}
        with self._read() as db:
            return [answer_of(row, items) for row in db.execute(statement)]


def _whole(
    *, run: str | None = None, round: int | None = None, who: str | None = None
) -> sa.Select[*tuple[Any, ...]]:
    """Answers with their questions and items, as `answer_of` reads them."""
    labelled = [column.label(f"answer_{column.name}") for column in _A.c]
    return standing_answers(*_Q.c, _I.c.body, *labelled, run=run, round=round, who=who).join(_I)


def _narrowed(statement: sa.Select[*tuple[Any, ...]], wanted: Wanted) -> sa.Select[*tuple[Any, ...]]:
    """The same of what is wanted by anything but run and person."""
    if wanted.choice is not None:
        statement = statement.where(_A.c.choice == wanted.choice)
    if wanted.since is not None:
        statement = statement.where(_A.c.at >= wanted.since)
    if wanted.before is not None:
        statement = statement.where(_A.c.at < wanted.before)
    measured = _A.c.took.is_not(None) & _A.c.characters.is_not(None)
    fast = _A.c.took * wanted.rate < _A.c.characters if wanted.rate > 0 else sa.false()
    match wanted.speed:
        case Speed.FAST:
            return statement.where(measured, fast)
        case Speed.READ:
            return statement.where(measured, ~fast)
        case Speed.UNMEASURED:
            return statement.where(~measured)
        case None:
            return statement
