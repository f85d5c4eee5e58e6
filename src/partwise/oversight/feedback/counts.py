"""Counts over many answers, without their texts."""

from __future__ import annotations

import sqlalchemy as sa

from partwise.oversight.feedback.database import Database
from partwise.oversight.feedback.rows import person, standing_answers, unanswered_by
from partwise.oversight.feedback.schema import IS_OPEN, AnnotatorCounts, Progress, RunCounts, Vote
from partwise.oversight.feedback.schema import answers as _A
from partwise.oversight.feedback.schema import questions as _Q
from partwise.types import Choice


class Counts(Database):
    """The part of the store that counts. Withdrawn answers don't count."""

    def progress(self, run: str | None = None, round: int | None = None, who: str | None = None) -> Progress:
        """How far people are, or one person is, in the whole store, a run or a round."""
        wanted = ((_Q.c.run, run), (_Q.c.round, round))
        here = [column == value for column, value in wanted if value is not None]
        still = IS_OPEN
        if who is not None:
            who = person(who)
            here.append(_Q.c.assigned_to.in_(("", who)))
            still &= unanswered_by(who)
        asked = sa.select(sa.func.count()).select_from(_Q).where(*here)
        answered = standing_answers(sa.func.count(_A.c.question.distinct()), run=run, round=round, who=who)
        given = standing_answers(_A.c.who, sa.func.count(), run=run, round=round, who=who)
        with self._read() as db:
            return Progress(
                asked=db.execute(asked).scalar_one(),
                answered=db.execute(answered).scalar_one(),
                open=db.execute(asked.where(still)).scalar_one(),
                by_annotator={
                    name: count for name, count in db.execute(given.group_by(_A.c.who).order_by(_A.c.who))
                },
            )

    def runs(self, *, limit: int = 100, offset: int = 0) -> list[RunCounts]:
        """The runs that asked anything, the latest first."""
        asked = (
            sa.select(
                _Q.c.run,
                sa.func.count(_Q.c.round.distinct()).label("rounds"),
                sa.func.count().label("asked"),
                sa.func.count().filter(IS_OPEN).label("open"),
                sa.func.max(_Q.c.id).label("latest"),
            )
            .group_by(_Q.c.run)
            .subquery()
        )
        given = standing_answers(_Q.c.run, sa.func.count().label("answers")).group_by(_Q.c.run).subquery()
        statement = (
            sa.select(asked, sa.func.coalesce(given.c.answers, 0).label("answers"))
            .outerjoin(given, given.c.run == asked.c.run)
            .order_by(asked.c.latest.desc())
        )
        with self._read() as db:
            return [
                RunCounts(run=row.run, rounds=row.rounds, asked=row.asked, open=row.open, answers=row.answers)
                for row in db.execute(statement.limit(limit).offset(offset))
            ]

    def counts(self, run: str | None = None, *, limit: int = 100, offset: int = 0) -> list[AnnotatorCounts]:
        """Who answered how much, by name."""
        statement = standing_answers(
            _A.c.who,
            sa.func.count().label("answers"),
            sa.func.count().filter(_A.c.choice == Choice.TIE).label("ties"),
            sa.func.count().filter(_A.c.choice == Choice.UNSURE).label("unsure"),
            sa.func.avg(_A.c.seconds).label("seconds"),
            sa.func.max(_A.c.at).label("latest"),
            run=run,
        )
        statement = statement.group_by(_A.c.who).order_by(_A.c.who)
        with self._read() as db:
            return [
                AnnotatorCounts(
                    who=row.who,
                    answers=row.answers,
                    ties=row.ties,
                    unsure=row.unsure,
                    seconds=row.seconds,
                    latest=row.latest,
                )
                for row in db.execute(statement.limit(limit).offset(offset))
            ]

    def votes(self, run: str | None = None, *, round: int | None = None) -> list[Vote]:
        """All answers that stand, in the order in which they were given."""
        statement = standing_answers(
            _Q.c.run, _Q.c.round, _Q.c.item, _A.c.who, _A.c.choice, run=run, round=round
        )
        with self._read() as db:
            return [
                Vote(run=run, round=round, item=item, who=who, choice=choice)
                for run, round, item, who, choice in db.execute(statement.order_by(_A.c.id))
            ]
