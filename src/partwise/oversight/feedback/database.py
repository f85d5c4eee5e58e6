"""How the feedback store's database is opened, read and written, and what is said when it fails."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from partwise.config.addresses import AddressError, is_address, secrets_in
from partwise.oversight.feedback.names import misspelled, unify
from partwise.oversight.feedback.schema import SCHEMA, FeedbackError, metadata, schema
from partwise.oversight.feedback.upgrade import OLDEST, upgrade

_FULL = "is full; nothing was half-written"
_NEARLY_FULL = 256 * 1024
"""Bytes free below which an error of the disk is put down to its being full."""
_BUSY_SECONDS = 60
"""How long a writer waits for the others before it gives up."""


class Database:
    """An open store: transactions on it, and its errors as sentences. Threads and processes may share it."""

    def __init__(self, where: str | Path) -> None:
        """Open the store at `where`, or make it where there is none.

        Raises:
            FeedbackError: it can't be opened, is no feedback store, or comes from a newer Partwise.
        """
        self.name: str
        """Where it is, without a password."""
        self._secrets: set[str] = set()
        self._file: Path | None = None
        new = False
        if isinstance(where, str) and _is_address(where):
            self._secrets = secrets_in(where)
            self._engine, self.name = _postgres(where.strip())
        else:
            self._file, self.name = Path(where).expanduser().absolute(), str(where)
            new = not self._file.exists()
            self._engine = _sqlite(self._file)
        is_sqlite = self._engine.dialect.name == "sqlite"
        self._insert = sqlite.insert if is_sqlite else postgresql.insert
        # SQLite lets one writer in at a time, and threads that wait here are let in faster and in turn.
        self._turn = threading.Lock() if is_sqlite else contextlib.nullcontext()
        try:
            self._make_tables()
        except BaseException as error:
            self.close()
            if self._file is not None and new and _FULL in str(error):
                # Nobody else could make it here meanwhile: what has no room is not left half made.
                for end in ("", "-wal", "-shm"):
                    self._file.with_name(self._file.name + end).unlink(missing_ok=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _read(self) -> Generator[sa.Connection, None, None]:
        """A transaction that sees one state of the store."""
        with self._plain_errors(), self._engine.connect() as db, db.begin():
            yield db

    @contextlib.contextmanager
    def _write(self, mode: Literal["durable", "light"] = "durable") -> Generator[sa.Connection, None, None]:
        """A transaction that is kept when the block ends well: on the disk, or (light) soon to be there."""
        with (
            self._plain_errors(),
            self._turn,
            self._engine.connect().execution_options(mode=mode) as db,
            db.begin(),
        ):
            yield db

    def _make_tables(self) -> None:
        with self._read() as db:
            version = self._version(db)
            # Of tables that somebody may be changing no more is read: whoever changes them waits for readers.
            forms = misspelled(db) if version == SCHEMA else {}
        if version == SCHEMA and not forms:
            return
        with self._write() as db:
            if db.dialect.name == "postgresql":
                # Two at once can't make tables: whoever comes second waits here, and finds them made.
                db.exec_driver_sql("SELECT pg_advisory_xact_lock(7073746)")
            version = self._version(db)
            if version is None:
                metadata.create_all(db)
                db.execute(sa.insert(schema).values(version=SCHEMA))
                return
            if version < SCHEMA:
                upgrade(db, version)
            unify(db, misspelled(db))

    def _version(self, db: sa.Connection) -> int | None:
        """Which tables are there, by their schema; None for none."""
        tables = sa.inspect(db).get_table_names()
        if schema.name not in tables:
            if tables:
                raise FeedbackError(
                    f"{self.name} holds something else (a table {tables[0]}); give another place."
                )
            return None
        version = db.execute(sa.select(schema.c.version)).scalar()
        if version is None or not OLDEST <= version <= SCHEMA:
            raise FeedbackError(
                f"{self.name} was made by another version of Partwise "
                f"(schema {version}, not {SCHEMA}); use that one, or give another place."
            )
        return version

    @contextlib.contextmanager
    def _plain_errors(self) -> Generator[None, None, None]:
        """Turn what the database raises into one sentence."""
        try:
            yield
        except DBAPIError as error:
            said = " ".join(str(error.orig).split())
            if self._file is not None and "disk I/O" in said and _has_no_room(self._file):
                said = "disk is full"  # SQLite does not always know
            said = _sentence(self.name, said)
            raise self._failure(said) from self._cause(error)
        except SQLAlchemyError as error:
            raise self._failure(f"{self.name} failed: {' '.join(str(error).split())}") from self._cause(error)

    def _failure(self, said: str) -> FeedbackError:
        return FeedbackError(_without(said, self._secrets))

    def _cause(self, error: Exception) -> Exception:
        """What a traceback shows of where it comes from, without a password."""
        told = str(error)
        return error if told == _without(told, self._secrets) else FeedbackError("the database failed")


def _sqlite(path: Path) -> sa.Engine:
    if path.is_dir():
        raise FeedbackError(f"{path} is a folder; give a file in it, e.g. {path / 'feedback.db'}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # Answers and password hashes are nobody else's to read.
    except OSError as error:
        where = error.filename or path
        raise FeedbackError(f"{where} can't be written ({error.strerror}); give another place.") from error
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        max_overflow=100,
        # With this isolation level the driver begins no transactions of its own.
        connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _has_no_room(file: Path) -> bool:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(file.parent).free < _NEARLY_FULL
    return False


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.execute("PRAGMA foreign_keys=ON")
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except connection.OperationalError as error:
            # Here SQLite does not wait for others, whatever its timeout.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: sa.Connection) -> None:
    mode = connection.get_execution_options().get("mode")
    if mode is None:
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if mode == 'light' else 'FULL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _is_address(where: str) -> bool:
    try:
        return is_address(where)
    except AddressError as error:
        raise FeedbackError(str(error)) from error


def _postgres(address: str) -> tuple[sa.Engine, str]:
    url = sa.make_url(address).set(drivername="postgresql+psycopg")
    timeout = {} if "connect_timeout" in url.query else {"connect_timeout": 10}
    try:
        engine = sa.create_engine(url, max_overflow=35, pool_pre_ping=True, connect_args=timeout)
    except ImportError as error:
        raise FeedbackError(
            f"PostgreSQL needs the driver psycopg ({error}); pip install 'partwise[postgres]'."
        ) from error
    event.listen(engine, "begin", _begin_postgres)
    # Never the password, wherever it stands.
    shown = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return engine, shown.render_as_string()


def _begin_postgres(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("mode") == "light":
        connection.exec_driver_sql("SET LOCAL synchronous_commit=off")
        # The next question is the first of an index. Before it has statistics of new questions, PostgreSQL
        # would rather sort them all.
        connection.exec_driver_sql("SET LOCAL enable_sort=off")


def _without(text: str, secrets: set[str]) -> str:
    """A text without secrets, the longest first: one may be part of another."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _sentence(name: str, said: str) -> str:
    """What a database said, for a reader."""
    said = said.rstrip(".")
    if "not a database" in said or "malformed" in said:
        return f"{name} is damaged, or is no feedback store ({said}); restore a copy, or give another place."
    if "readonly" in said or "unable to open" in said:
        return f"{name} can't be written ({said}); give a place that can be."
    if "is locked" in said:
        return f"{name} was kept busy by others for {_BUSY_SECONDS} seconds; try again."
    if "is full" in said or "No space left" in said:
        return f"The disk of {name} {_FULL}; free space and try again."
    if "connection" in said:
        return f"{name} can't be reached ({said}); start it, or give another place."
    return f"{name} failed: {said}."
