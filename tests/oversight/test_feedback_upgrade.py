"""A store that an earlier Partwise made is brought up to date when it is opened, with all that is in it."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime

import pytest
import sqlalchemy as sa
from tests.oversight.fixture_feedback import item, record, simulated

from partwise.console.auth import Access, hash_password
from partwise.oversight.feedback import FeedbackError, FeedbackStore, Role, Speed, Wanted
from partwise.types import Choice

FIRST_SCHEMA = """
CREATE TABLE feedback_schema (version INTEGER NOT NULL);
CREATE TABLE items (digest VARCHAR(64) NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE questions (
    id SERIAL PRIMARY KEY, run TEXT NOT NULL, round INTEGER NOT NULL, position INTEGER NOT NULL,
    assigned_to TEXT NOT NULL, item VARCHAR(64) NOT NULL REFERENCES items (digest),
    purpose VARCHAR(16) NOT NULL, version TEXT NOT NULL, wanted INTEGER NOT NULL, state VARCHAR(16) NOT NULL,
    at TIMESTAMP NOT NULL, UNIQUE (run, round, position, assigned_to));
CREATE INDEX questions_open ON questions (state, id) WHERE state = 'open';
CREATE TABLE answers (
    id SERIAL PRIMARY KEY, question INTEGER NOT NULL REFERENCES questions (id), who TEXT NOT NULL,
    submission TEXT, choice VARCHAR(16) NOT NULL, shown_first INTEGER NOT NULL, seconds DOUBLE PRECISION,
    reason TEXT NOT NULL, version TEXT NOT NULL, at TIMESTAMP NOT NULL, withdrawn TIMESTAMP,
    UNIQUE (who, submission));
CREATE UNIQUE INDEX answers_that_stand ON answers (question, who) WHERE withdrawn IS NULL;
CREATE INDEX answers_by_who ON answers (who, id);
CREATE TABLE leases (
    who TEXT NOT NULL PRIMARY KEY, question INTEGER NOT NULL REFERENCES questions (id),
    until TIMESTAMP NOT NULL);
CREATE TABLE plans (
    id SERIAL PRIMARY KEY, run TEXT NOT NULL, task_index INTEGER NOT NULL, body TEXT NOT NULL,
    state VARCHAR(16) NOT NULL, who TEXT, reason TEXT NOT NULL, at TIMESTAMP NOT NULL, decided TIMESTAMP);
CREATE INDEX plans_by_state ON plans (state, id);
CREATE TABLE annotators (
    name TEXT NOT NULL PRIMARY KEY, password_hash TEXT NOT NULL, at TIMESTAMP NOT NULL);
INSERT INTO feedback_schema VALUES (1)
"""
"""The tables as schema 1 had them."""
PASSWORD = "correct horse battery"


def engine_of(where: str) -> sa.Engine:
    if where.startswith("postgresql"):
        return sa.create_engine(where.replace("postgresql", "postgresql+psycopg"))
    return sa.create_engine(f"sqlite:///{where}")


@pytest.fixture
def old(where: str) -> str:
    """A store of schema 1: three questions of a run, the first one answered, and two people."""
    engine = engine_of(where)
    serial = "SERIAL PRIMARY KEY"
    here = (
        FIRST_SCHEMA
        if engine.dialect.name == "postgresql"
        else FIRST_SCHEMA.replace(serial, "INTEGER NOT NULL PRIMARY KEY")
    )
    now = datetime(2026, 1, 2, 3, 4, 5)
    with engine.begin() as db:
        for statement in here.split(";\n"):
            db.exec_driver_sql(statement)
        for number in range(3):
            body = json.dumps(asdict(item(number)), sort_keys=True)
            digest = hashlib.sha256(body.encode()).hexdigest()
            db.execute(sa.text("INSERT INTO items VALUES (:digest, :body)"), {"digest": digest, "body": body})
            db.execute(
                sa.text(
                    "INSERT INTO questions (run, round, position, assigned_to, item, purpose, version,"
                    " wanted, state, at) VALUES ('run', 0, :place, '', :item, 'query', 'v', 1, :state, :at)"
                ),
                {"place": number, "item": digest, "state": "open" if number else "full", "at": now},
            )
        db.execute(
            sa.text(
                "INSERT INTO answers (question, who, submission, choice, shown_first, seconds, reason,"
                " version, at) VALUES (1, 'ana', 'a form', 'second', 1, 4.5, 'so', 'v', :at)"
            ),
            {"at": now},
        )
        for name, kept in (("ana", hash_password(PASSWORD)), ("bo", "browser$" + "0" * 64)):
            values = {"name": name, "kept": kept, "at": now}
            db.execute(sa.text("INSERT INTO annotators VALUES (:name, :kept, :at)"), values)
    engine.dispose()
    return where


def test_what_is_in_an_old_store_is_kept_and_goes_on(old: str):
    with FeedbackStore(old) as store:
        (kept,) = store.answers()
        assert (kept.who, kept.choice, kept.seconds, kept.reason) == ("ana", Choice.SECOND, 4.5, "so")
        assert (kept.took, kept.question.alone, kept.question.extra) == (None, False, None)
        assert kept.question.item == item(0) and kept.when.year == 2026
        assert store.count(Wanted(speed=Speed.UNMEASURED)) == 1 and store.count(Wanted(speed=Speed.FAST)) == 0
        # What was asked before is answered now, and measured.
        question = store.next_question("bo")
        assert question is not None and question.position == 1
        assert store.answer(question.id, "bo", Choice.FIRST, submission="another")
        (new,) = store.answers(who="bo")
        assert new.took is not None and new.characters is not None and new.characters > 0
        assert store.undo("ana") is not None
        # The same items have the same digests: to ask again what was asked changes nothing.
        record(store, simulated(3), run="later")
        assert len({vote.item for vote in store.votes()}) == 3


def test_old_accounts_work_and_nobody_becomes_an_owner_by_it(old: str):
    """Who answered was promised that nobody else reads it."""
    with FeedbackStore(old) as store:
        assert {each.name: each.role for each in store.annotators()} == dict.fromkeys(
            ("ana", "bo"), Role.ANNOTATOR
        )
        access = Access(store, token="token", network=True)
        session = access.read(access.sign_in("ana", PASSWORD, "here"))
        assert session and session.who == "ana" and not session.owns
        store.add_annotator("ana", hash_password(PASSWORD), role=Role.OWNER, replace=True)
        session = access.read(access.sign_in("ana", PASSWORD, "here"))
        assert session and session.owns


def test_it_is_done_once_however_many_open_it(old: str):
    def opened(_: int) -> int:
        with FeedbackStore(old) as store:
            return len(store.answers())

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(opened, range(6))) == [1] * 6
    engine = engine_of(old)
    with engine.begin() as db:
        assert db.exec_driver_sql("SELECT version FROM feedback_schema").scalars().all() == [2]
        (index,) = [
            each for each in sa.inspect(db).get_indexes("questions") if each["name"] == "questions_open"
        ]
        assert index["column_names"] == ["state", "alone", "id"]
    engine.dispose()


def test_an_upgraded_store_has_the_tables_of_a_new_one(old: str, tmp_path_factory: pytest.TempPathFactory):
    FeedbackStore(old).close()
    fresh = str(tmp_path_factory.mktemp("fresh") / "feedback.db")
    FeedbackStore(fresh).close()
    engines = [engine_of(old), engine_of(fresh)]
    tables = [
        {
            table: {column["name"]: column["nullable"] for column in sa.inspect(engine).get_columns(table)}
            for table in sa.inspect(engine).get_table_names()
        }
        for engine in engines
    ]
    assert tables[0] == tables[1]
    for engine in engines:
        engine.dispose()


def test_a_store_of_before_the_first_schema_is_refused(where: str):
    FeedbackStore(where).close()
    engine = engine_of(where)
    with engine.begin() as db:
        db.exec_driver_sql("UPDATE feedback_schema SET version = 0")
    engine.dispose()
    with pytest.raises(FeedbackError, match=r"another version of Partwise \(schema 0, not 2\)"):
        FeedbackStore(where)
