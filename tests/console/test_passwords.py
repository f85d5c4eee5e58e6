"""On other hosts: passwords, how they are kept, and how guessing is slowed."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.console.fixture_console import Server, csrf_of

from partwise.console.serve import add_annotator
from partwise.oversight.feedback import FeedbackStore

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for other hosts, with two people who have passwords."""
    folder = tmp_path_factory.mktemp("outside")
    for name in ("dora", "emil"):
        add_annotator(folder / "feedback.db", name, PASSWORD)
    running = Server(folder, "--host", "0.0.0.0").start()
    yield running
    running.kill()


def signed(server: Server, name: str, password: str) -> tuple[httpx.Client, httpx.Response]:
    http = httpx.Client(base_url=server.url, timeout=20)
    csrf = csrf_of(http.get("/sign-in").text)
    return http, http.post("/sign-in", data={"csrf": csrf, "name": name, "password": password})


def test_passwords_let_in_and_the_token_does_not(outside: Server):
    http, done = signed(outside, "dora", PASSWORD)
    assert done.status_code == 303 and http.get("/judge").status_code == 200
    assert "HttpOnly" in done.headers["set-cookie"]
    assert outside.token == ""
    assert httpx.get(outside.url, params={"token": "any"}).status_code == 403
    http = httpx.Client(base_url=outside.url)
    csrf = csrf_of(http.get("/sign-in").text)
    assert http.post("/sign-in", data={"csrf": csrf, "name": "newcomer"}).status_code == 200
    assert http.get("/judge").status_code == 303
    assert "not encrypted" in outside.said()


def test_failed_logins_are_slowed_and_names_are_not_told(outside: Server):
    answers = [signed(outside, "emil", f"wrong {i}")[1] for i in range(3)]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    fourth = signed(outside, "emil", PASSWORD)[1]
    assert fourth.status_code == 429 and int(fourth.headers["retry-after"]) >= 1
    assert "try again in" in fourth.text
    unknown = signed(outside, "nobody", "wrong 1")[1]
    said = [re.search(r'id="problem">([^<]*)<', answer.text) for answer in (answers[0], unknown)]
    assert said[0] and said[1] and said[0][1] == said[1][1] == "Name and password do not fit."
    time.sleep(int(fourth.headers["retry-after"]) + 0.2)
    assert signed(outside, "emil", PASSWORD)[1].status_code == 303


def test_what_is_kept_of_a_password_is_a_salted_hash(outside: Server):
    with FeedbackStore(outside.store) as store:
        kept = [person.password_hash for person in store.annotators()]
    assert all(re.fullmatch(r"scrypt\$32768\$8\$1\$[0-9a-f]{32}\$[0-9a-f]{64}", hash) for hash in kept)
    assert len(set(kept)) == len(kept)
    assert PASSWORD.encode() not in outside.store.read_bytes()


def test_a_new_password_ends_old_sessions(outside: Server):
    http, _ = signed(outside, "dora", PASSWORD)
    assert http.get("/judge").status_code == 200
    add_annotator(outside.store, "dora", PASSWORD + "2")
    assert http.get("/judge").status_code == 303
    add_annotator(outside.store, "dora", PASSWORD)


def test_other_hosts_are_refused_before_anybody_has_a_password(tmp_path: Path):
    with FeedbackStore(tmp_path / "feedback.db") as store:
        store.add_annotator("ana", "browser$" + "0" * 64)  # a name on this machine, no password
    command = [sys.executable, "-m", "partwise", "console", "--host", "0.0.0.0", "--port", "0"]
    command += ["--store", str(tmp_path / "feedback.db"), "--runs", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == ""
    assert "everybody needs a password" in done.stderr and done.stderr.count("\n") == 1
    assert "partwise console add-annotator NAME" in done.stderr
