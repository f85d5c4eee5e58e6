"""What the feedback store holds: its records and its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from partwise.types import Answer, Choice, JudgmentItem, Purpose

SCHEMA = 2
"""Goes up with every change of the tables; `upgrade.py` brings older stores there."""


class FeedbackError(Exception):
    """The feedback store can't do what was asked; the message is one sentence for a reader."""


class StaleQuestion(FeedbackError):
    """The question's round has gone on without this answer."""


class NotYours(FeedbackError):
    """The question was put to somebody else."""


class State(StrEnum):
    """Where a question stands."""

    OPEN = "open"
    """Still wants answers, and is handed out."""
    FULL = "full"
    """Has the answers it wanted; they can still be withdrawn."""
    CLOSED = "closed"
    """Its round has gone on."""


class Role(StrEnum):
    """What somebody may do in the console."""

    OWNER = "owner"
    """Sees runs and everyone's answers, decides on plans, lets people in."""
    ANNOTATOR = "annotator"
    """Judges, and sees their own answers."""


class PlanState(StrEnum):
    """Where a plan stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """Whoever submitted it waits no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One item as it is put to people, in one place of one round of a run."""

    id: int
    run: str
    round: int
    position: int
    """Its place among the round's questions, from 0."""
    item: JudgmentItem
    purpose: Purpose
    order: tuple[int, int]
    """Which option is shown first: (0, 1) or (1, 0), by lot for each person."""
    assigned_to: str | None
    """The one person it is for; None for anyone."""
    alone: bool = False
    """Whether it is of a set that stands alone: no run waits for its answers."""
    extra: Mapping[str, Any] | None = None
    """Of somebody's own pair, what its line said beside the texts, its `id` among it; None for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """One person's answer to one question."""

    id: int
    question: Question
    who: str
    choice: Choice
    """In terms of `question.item.options`, whichever was shown first."""
    order: tuple[int, int]
    """Which option this person was shown first."""
    seconds: float | None
    """From seeing to answering, as the browser says; None where nobody measured."""
    took: float | None = None
    """Seconds from when the server first showed them the question; None where it did not."""
    characters: int | None = None
    """How much there was to read (`speed.characters_to_read`); None where `took` is."""
    reason: str
    version: str
    """The values that it speaks for; see `types.Answer.version`."""
    when: datetime
    """UTC."""

    @property
    def answer(self) -> Answer:
        """What learns from it."""
        return Answer(item=self.question.item, choice=self.choice, who=self.who, version=self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """An answer without its texts, for measures over many."""

    run: str
    round: int
    item: str
    """Digest of the item: equal for equal items, wherever and to whomever they were put."""
    who: str
    choice: Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far people are; withdrawn answers don't count."""

    asked: int
    """Questions."""
    answered: int
    """Questions with at least one answer (of the person asked about)."""
    open: int
    """Questions that still want answers (from the person asked about)."""
    by_annotator: Mapping[str, int] = field(default_factory=dict[str, int])
    """Answers of each person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """One run in the store."""

    run: str
    rounds: int
    asked: int
    open: int
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorCounts:
    """One person's answers."""

    who: str
    answers: int
    ties: int
    unsure: int
    seconds: float | None
    """Mean time an answer took; None where nobody measured."""
    latest: datetime
    """UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A `solve` plan that asks a person before it is run."""

    id: int
    run: str
    task_index: int
    body: Mapping[str, Any]
    """Whatever is shown to the person, as plain JSON data."""
    state: PlanState
    who: str | None
    """Who decided."""
    reason: str
    when: datetime
    """When it was submitted, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotator:
    """Somebody who may sign in."""

    name: str
    password_hash: str
    when: datetime
    role: Role = Role.ANNOTATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A link by which one person may come in once."""

    name: str
    role: Role
    by: str
    """Who gave it."""
    when: datetime


class _Utc(sa.TypeDecorator[datetime]):
    """A moment; kept as UTC without a zone, which sorts alike and reads alike in every database."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def _enum(members: type[StrEnum]) -> sa.Enum:
    """Kept as the text of its members, in every database."""

    def values(them: type[StrEnum]) -> list[str]:
        return [member.value for member in them]

    return sa.Enum(members, native_enum=False, length=16, values_callable=values)


_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Sorted by code points in every database, so that all give the same order."""

metadata = sa.MetaData()

schema = sa.Table("feedback_schema", metadata, sa.Column("version", sa.Integer, nullable=False))

items = sa.Table(
    "items",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    # The whole item as JSON, in ASCII: it holds any text, also what a database's own text type refuses.
    sa.Column("body", sa.Text, nullable=False),
)

questions = sa.Table(
    "questions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", _NAME, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    # Empty for anyone, not NULL: two NULLs would not count as the same place.
    sa.Column("assigned_to", _NAME, nullable=False),
    sa.Column("item", sa.ForeignKey("items.digest"), nullable=False),
    sa.Column("purpose", _enum(Purpose), nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("wanted", sa.Integer, nullable=False),
    sa.Column("state", _enum(State), nullable=False),
    sa.Column("at", _Utc, nullable=False),
    sa.Column("alone", sa.Integer, nullable=False, server_default="0"),
    # JSON in ASCII, as of items; NULL but for people's own pairs.
    sa.Column("extra", sa.Text),
    sa.UniqueConstraint("run", "round", "position", "assigned_to"),
)
IS_OPEN = questions.c.state == sa.bindparam("open", State.OPEN, questions.c.state.type, literal_execute=True)
"""Written out in statements: only then do databases see that the index below will do."""
QUESTIONS_OPEN = sa.Index(
    "questions_open",
    questions.c.state,
    questions.c.alone,
    questions.c.id,
    sqlite_where=IS_OPEN,
    postgresql_where=IS_OPEN,
)

answers = sa.Table(
    "answers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("question", sa.ForeignKey("questions.id"), nullable=False),
    sa.Column("who", _NAME, nullable=False),
    # What the client called this form; NULL for what came in bulk.
    sa.Column("submission", sa.Text),
    sa.Column("choice", _enum(Choice), nullable=False),
    sa.Column("shown_first", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Double),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("at", _Utc, nullable=False),
    sa.Column("withdrawn", _Utc),
    sa.Column("took", sa.Double),
    sa.Column("characters", sa.Integer),
    sa.UniqueConstraint("who", "submission"),
)
# One answer that stands for each person and question, and any number that were withdrawn.
sa.Index(
    "answers_that_stand",
    answers.c.question,
    answers.c.who,
    unique=True,
    sqlite_where=answers.c.withdrawn.is_(None),
    postgresql_where=answers.c.withdrawn.is_(None),
)
sa.Index("answers_by_who", answers.c.who, answers.c.id)

# Who holds which question: one at a time.
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("who", _NAME, primary_key=True),
    sa.Column("question", sa.ForeignKey("questions.id"), nullable=False),
    sa.Column("until", _Utc, nullable=False),
)

# When each person was first shown each question, so that the server knows how long an answer took.
showings = sa.Table(
    "showings",
    metadata,
    sa.Column("who", _NAME, primary_key=True),
    sa.Column("question", sa.ForeignKey("questions.id"), primary_key=True),
    sa.Column("at", _Utc, nullable=False),
)

# What people who judge are told of a run's questions, or of a set's.
briefs = sa.Table(
    "briefs",
    metadata,
    sa.Column("run", _NAME, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", _NAME, nullable=False),
    sa.Column("task_index", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", _enum(PlanState), nullable=False),
    sa.Column("who", _NAME),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", _Utc, nullable=False),
    sa.Column("decided", _Utc),
    sa.Index("plans_by_state", "state", "id"),
)

annotators = sa.Table(
    "annotators",
    metadata,
    sa.Column("name", _NAME, primary_key=True),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("at", _Utc, nullable=False),
    sa.Column("role", _enum(Role), nullable=False, server_default=Role.ANNOTATOR.value),
)

# Links that let people in. Of the secret in a link only its digest is kept.
invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("name", _NAME, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("role", _enum(Role), nullable=False),
    sa.Column("by", _NAME, nullable=False),
    sa.Column("at", _Utc, nullable=False),
)
