"""What can't be served is said in one sentence, before anything is."""

import socket
from pathlib import Path
from typing import Any

import pytest

from partwise.console.auth import SignInError, password_fits
from partwise.console.serve import ConsoleError, add_annotator, serve
from partwise.oversight.feedback import FeedbackError, FeedbackStore


def refusal(tmp_path: Path, error: type[Exception] = ConsoleError, **changes: Any) -> str:
    options = {"store": tmp_path / "feedback.db", "runs": tmp_path / "runs", "port": 0} | changes
    said: list[str] = []
    with pytest.raises(error) as caught:
        serve(options.pop("store"), options.pop("runs"), say=said.append, **options)
    assert said == []
    text = str(caught.value)
    assert "\n" not in text and len(text) < 300
    return text


def test_each_refusal_names_what_to_do(tmp_path: Path):
    assert "ports go from 0 to 65535" in refusal(tmp_path, port=70000)
    (tmp_path / "a file").write_text("")
    assert "give another --runs" in refusal(tmp_path, runs=tmp_path / "a file")
    assert "give another --host" in refusal(tmp_path, host="no.such.host.invalid")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "give another by --port" in refusal(tmp_path, port=taken.getsockname()[1])
    for host in ("0.0.0.0", "::"):
        text = refusal(tmp_path, host=host)
        assert "add-annotator NAME --role owner --store" in text and "needs a password" in text


def test_a_store_that_is_none_is_the_stores_to_explain(tmp_path: Path):
    assert "folder" in refusal(tmp_path, FeedbackError, store=tmp_path)
    assert "postgresql://" in refusal(tmp_path, FeedbackError, store="mysql://root:secret@host/db")
    assert "secret" not in refusal(tmp_path, FeedbackError, store="postgresql://a:secret@127.0.0.1:1/db")


def test_annotators_are_added_and_given_new_passwords(tmp_path: Path):
    store = tmp_path / "feedback.db"
    assert add_annotator(store, "  ana ", "long enough") == ("ana", "annotator")
    assert add_annotator(store, "ana", "long enough", "owner") == ("ana", "owner")
    assert add_annotator(store, "ana", "another one") == ("ana", "owner"), "a new password is no new role"
    with FeedbackStore(store) as opened:
        (kept,) = opened.annotators()
    assert password_fits("another one", kept.password_hash) and not password_fits(
        "long enough", kept.password_hash
    )
    for name, password in (("", "long enough"), ("bo", "short")):
        with pytest.raises(SignInError):
            add_annotator(store, name, password)
