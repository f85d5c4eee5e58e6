"""Brings a store that an earlier Partwise made to the tables of today, with all that is in it."""

from __future__ import annotations

import sqlalchemy as sa

from partwise.oversight.feedback.schema import (
    QUESTIONS_OPEN,
    SCHEMA,
    annotators,
    answers,
    metadata,
    questions,
    schema,
)

OLDEST = 1
"""The oldest schema that can be brought up to date."""
_ADDED = {
    1: (
        questions.c.alone,
        questions.c.extra,
        answers.c.took,
        answers.c.characters,
        annotators.c.role,
    )
}
"""Schema to the columns that the next one added. All may be empty or have a default, so that an older
process that still has the store open goes on."""


def upgrade(db: sa.Connection, version: int) -> None:
    """Change the tables of schema `version`, which is older than today's, in the transaction of `db`.

    People who had a password become annotators: who gave answers was promised that nobody else reads them,
    so nobody becomes an owner by an upgrade.
    """
    for step in range(version, SCHEMA):
        for column in _ADDED[step]:
            _add(db, column)
    metadata.create_all(db)
    # Made anew, since what it is over has grown.
    QUESTIONS_OPEN.drop(db, checkfirst=True)
    QUESTIONS_OPEN.create(db)
    db.execute(sa.update(schema).values(version=SCHEMA))


def _add(db: sa.Connection, column: sa.Column[object]) -> None:
    definition = sa.schema.CreateColumn(column).compile(dialect=db.dialect)
    db.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {definition}")
