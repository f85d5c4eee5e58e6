"""The people who may sign in, what they may do, and the links that let them in."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from partwise.oversight.feedback.database import Database
from partwise.oversight.feedback.rows import checked_person, person
from partwise.oversight.feedback.schema import Annotator, FeedbackError, Invitation, Role
from partwise.oversight.feedback.schema import annotators as _N
from partwise.oversight.feedback.schema import invitations as _V

INVITED_FOR = timedelta(days=7)
"""How long a link lets its person in."""


class Accounts(Database):
    """The part of the store that holds people."""

    def add_annotator(
        self, name: str, password_hash: str, *, role: Role | None = None, replace: bool = False
    ) -> None:
        """Let somebody sign in.

        Args:
            name: whose account it is.
            password_hash: what is kept of their password.
            role: what they may do; None leaves it as it is, and makes a new person an annotator.
            replace: give who is there already this password.

        Raises:
            FeedbackError: they are there already, and `replace` does not ask for another password.
        """
        values: dict[str, Any] = {"name": checked_person(name), "password_hash": password_hash}
        if role is not None:
            values["role"] = role
        insert = self._insert(_N).values(**values, at=datetime.now(UTC))
        if replace:
            insert = insert.on_conflict_do_update(index_elements=["name"], set_=values)
        else:
            insert = insert.on_conflict_do_nothing()
        with self._write() as db:
            if db.execute(insert.returning(_N.c.name)).first() is None:
                raise FeedbackError(f"There is an annotator {name} already.")

    def set_role(self, name: str, role: Role) -> None:
        """Say what somebody may do.

        Raises:
            FeedbackError: there is nobody of that name.
        """
        change = sa.update(_N).where(_N.c.name == person(name)).values(role=role)
        with self._write() as db:
            if db.execute(change).rowcount == 0:
                raise FeedbackError(f"There is no annotator {name}.")

    def annotator(self, name: str) -> Annotator | None:
        """Somebody who may sign in; None where nobody has that name."""
        with self._read() as db:
            row = db.execute(sa.select(_N).where(_N.c.name == person(name))).first()
        return None if row is None else _annotator(row)

    def annotators(self) -> list[Annotator]:
        """Everybody who may sign in, by name."""
        with self._read() as db:
            return [_annotator(row) for row in db.execute(sa.select(_N).order_by(_N.c.name))]

    def invite(self, name: str, role: Role, by: str) -> str:
        """Make a link for somebody, which takes the place of an earlier one; returns the secret in it."""
        secret = secrets.token_urlsafe(24)
        values = {"digest": _digest(secret), "role": role, "by": checked_person(by), "at": datetime.now(UTC)}
        insert = self._insert(_V).values(name=checked_person(name), **values)
        with self._write() as db:
            db.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))
        return secret

    def invitation(self, secret: str) -> Invitation | None:
        """Whom a link lets in; None where it was used, is too old, or never was one."""
        with self._read() as db:
            return _invitation(db, secret)

    def join(self, secret: str, password_hash: str) -> Invitation | None:
        """Use a link: its person has this password and the link's role from now on. None as `invitation`."""
        with self._write() as db:
            found = _invitation(db, secret)
            if found is None or not db.execute(sa.delete(_V).where(_V.c.digest == _digest(secret))).rowcount:
                return None
            values = {"name": found.name, "password_hash": password_hash, "role": found.role}
            insert = self._insert(_N).values(**values, at=datetime.now(UTC))
            db.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))
        return found


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _invitation(db: sa.Connection, secret: str) -> Invitation | None:
    fresh = _V.c.at > datetime.now(UTC) - INVITED_FOR
    row = db.execute(sa.select(_V).where(_V.c.digest == _digest(secret), fresh)).first()
    if row is None:
        return None
    return Invitation(name=row.name, role=row.role, by=row.by, when=row.at)


def _annotator(row: sa.Row[Any]) -> Annotator:
    return Annotator(name=row.name, password_hash=row.password_hash, when=row.at, role=row.role)
