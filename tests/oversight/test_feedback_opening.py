"""A store that can't be opened or used says so in one sentence, without a password."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.oversight.fixture_feedback import ask, record, simulated
from tests.postgres import new_database

from partwise.oversight.feedback import FeedbackError, FeedbackStore


def complaint(where: str | Path) -> str:
    with pytest.raises(FeedbackError) as caught:
        FeedbackStore(where)
    said = str(caught.value)
    assert said.endswith(".") and "\n" not in said and "secret" not in said and len(said) < 400
    return said


def test_a_store_is_made_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with FeedbackStore("new/folder/feedback.db") as store:
        assert store.name == "new/folder/feedback.db"
        record(store, simulated(1))
    assert (tmp_path / "new/folder/feedback.db").stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(tmp_path / "new/folder/feedback.db") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_is_no_store(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("something else entirely\n" * 100)
    assert f"{path} is damaged, or is no feedback store (file is not a database)" in complaint(path)
    assert path.read_text().startswith("something else"), "and it is left as it was"


def test_a_damaged_store(tmp_path: Path):
    path = tmp_path / "feedback.db"
    with FeedbackStore(path) as store:
        record(store, simulated(500))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FeedbackError, match=r"is damaged, or is no feedback store .*; restore a copy"):
        FeedbackStore(path).answers()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(FeedbackError, match="is damaged"):
        FeedbackStore(path).answers()


def test_a_folder(tmp_path: Path):
    assert f"{tmp_path} is a folder; give a file in it" in complaint(tmp_path)
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'} can't be written (File exists)" in complaint(
        tmp_path / "file" / "feedback.db"
    )


def test_another_programs_database(where: str):
    engine = _other_engine(where)
    with engine.begin() as db:
        db.exec_driver_sql("CREATE TABLE invoices (id INTEGER)")
    assert "holds something else (a table invoices); give another place" in complaint(where)
    with engine.begin() as db:
        assert sa.inspect(db).get_table_names() == ["invoices"]
    engine.dispose()


def test_a_store_of_another_version(where: str):
    FeedbackStore(where).close()
    engine = _other_engine(where)
    with engine.begin() as db:
        db.exec_driver_sql("UPDATE feedback_schema SET version = 99")
    engine.dispose()
    assert "was made by another version of Partwise (schema 99, not 2)" in complaint(where)


def _other_engine(where: str) -> sa.Engine:
    if where.startswith("postgresql"):
        return sa.create_engine(where.replace("postgresql", "postgresql+psycopg"))
    return sa.create_engine(f"sqlite:///{where}")


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that may not be written; the test runs without privileges."""
    folder = Path(tempfile.mkdtemp())
    FeedbackStore(folder / "old.db").close()
    (folder / "old.db").chmod(0o444)
    folder.chmod(0o555)
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(65534)
    yield folder
    if privileged:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_may_not_be_written(as_nobody: Path):
    new, old = as_nobody / "new.db", as_nobody / "old.db"
    assert complaint(new) == f"{new} can't be written (Permission denied); give another place."
    assert complaint(old) == f"{old} can't be written (Permission denied); give another place."


@pytest.mark.parametrize("address", ["mysql://ana:secret@host/db", "sqlite:///x.db", "http://host"])
def test_other_schemes(address: str):
    said = complaint(address)
    assert "is the path of a file or a postgresql:// address, not " + address.partition("://")[0] in said


def test_an_address_that_cannot_be_read():
    assert "postgresql://USER:PASSWORD@HOST:PORT/DATABASE" in complaint("postgresql://a:secret@host:port/db")


def test_a_server_that_is_not_there():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        said = complaint(f"postgresql://ana:secret@127.0.0.1:{port}/db?password=secret")
    assert said.startswith(f"postgresql://ana@127.0.0.1:{port}/db can't be reached (connection")
    assert said.endswith("start it, or give another place.")


def test_a_database_that_is_not_there(server: str):
    assert 'database "nowhere" does not exist' in complaint(f"{server}/nowhere")


def test_the_driver_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install 'partwise[postgres]'" in complaint("postgresql://ana:secret@127.0.0.1/db")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_each_way_to_write_the_address(server: str, scheme: str):
    address = new_database(server)
    with FeedbackStore(address.replace("postgresql", scheme)) as store:
        assert store.name == address


def test_a_connection_that_was_lost_is_made_again(server: str):
    import psycopg

    where = new_database(server)
    with FeedbackStore(where) as store:
        ask(store)
        with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
            name = where.rpartition("/")[2]
            db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        assert store.next_question("ana") is not None


def test_a_lock_that_is_never_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from partwise.oversight.feedback import database

    monkeypatch.setattr(database, "_BUSY_SECONDS", 1)
    with FeedbackStore(tmp_path / "feedback.db") as store:
        ask(store)
        other = sqlite3.connect(tmp_path / "feedback.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert store.progress().asked == 3, "readers don't wait for writers"
        with pytest.raises(FeedbackError, match="was kept busy by others for 1 seconds; try again"):
            store.next_question("ana")
        other.close()
        assert store.next_question("ana") is not None


def test_a_full_disk(tmp_path: Path):
    """SQLite says the same of a database that may not grow."""
    with FeedbackStore(tmp_path / "feedback.db") as store:
        record(store, simulated(10))
        with store._read() as db:
            db.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(FeedbackError, match=r"^The disk of .* is full; nothing was half-written"):
            record(store, simulated(500), round=1)
        assert store.progress().asked == 10


def test_the_command_line_does_without():
    code = "import sys, partwise.cli; assert 'sqlalchemy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_disk_without_room_for_a_store(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not permitted")
    try:
        assert complaint(disk / "f.db").startswith(f"The disk of {disk / 'f.db'} is full")
        assert list(disk.iterdir()) == []
        (tmp_path / "elsewhere").mkdir()
        with FeedbackStore(tmp_path / "elsewhere" / "f.db") as store:
            record(store, simulated(200))
            with pytest.raises(FeedbackError, match="The disk is full: "):
                store.export_jsonl(disk / "out.jsonl")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
