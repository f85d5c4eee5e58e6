"""A real PostgreSQL server for the tests, from Debian's package, in a folder of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a running server, without a database's name: `URL/postgres` is there.

    Skips where PostgreSQL is not installed; fails there if CI is set.
    """
    programs = _programs()
    if programs is None:
        complain = pytest.fail if os.environ.get("CI") else pytest.skip
        complain("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="partwise-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        _run(programs / "initdb", "-D", folder / "data", "-U", "tester", "-A", "trust", "-E", "UTF8")
        port = _free_port()
        with _running(programs, folder, port):
            yield f"postgresql://tester@127.0.0.1:{port}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_numbers = itertools.count()


def new_database(server: str) -> str:
    """The URL of an empty database on the server, which sorts text as a dictionary does, unlike Python."""
    import psycopg

    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
        has_icu = db.info.server_version >= 150000
        sorting = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'" if has_icu else ""
        db.execute(f"CREATE DATABASE {name} {sorting}")  # pyright: ignore[reportArgumentType, reportCallIssue]
    return f"{server}/{name}"


def _programs() -> Path | None:
    """The folder of the newest `initdb` and `postgres`."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    folders = sorted((path.parent for path in found), key=lambda path: float(path.parent.name))
    return folders[-1] if folders else None


def _unprivileged() -> list[str]:
    """What to put before a command: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


def _run(*command: str | Path) -> None:
    done = subprocess.run([*_unprivileged(), *command], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def _running(programs: Path, folder: Path, port: int) -> Iterator[None]:
    log = folder / "log"
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with log.open("w") as out:
        server = subprocess.Popen(
            [*_unprivileged(), programs / "postgres", "-D", folder / "data", *options],
            stdout=out,
            stderr=out,
            cwd="/",
        )
    try:
        deadline = time.monotonic() + 60
        ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run(ready).returncode != 0:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        # setpriv has become the server: the id is the server's. SIGQUIT stops it without tidying up.
        server.send_signal(signal.SIGQUIT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
