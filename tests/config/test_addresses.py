"""Addresses of databases: what is one, what was meant as one, and that nothing of a password is ever told."""

from __future__ import annotations

from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from partwise.config import AlignConfig
from partwise.config.addresses import AddressError, absolute_store, is_address, secrets_in, without_secrets
from partwise.oversight.feedback import FeedbackError, FeedbackStore
from partwise.runs.config import ConfigError, load_config

GOOD = [
    "postgresql://u:p%40w@h:5432/db",
    "postgresql:///partwise",
    "postgresql://tester@127.0.0.1:33/x?connect_timeout=3",
    "postgres://h/d",
    "postgresql+psycopg://u@h/d",
    "POSTGRESQL://h/d",
    "postgresql://[::1]:5432/d",
    "postgresql:///db?host=/var/run/postgresql",
    " postgresql://h/d ",
]
FILES = [
    "a.db",
    "my feedback.db",
    "./host=h",
    "/x/y:z@a.db",
    "~/f.db",
    "an@home.db",
    "a:b.db",
    "x=y.db",
    "[a].db",
    "../x",
    "passwords.db",
    "postgres.db",
    "pg/feedback.db",
]
UNREADABLE = [
    "postgresql://u:hush@hush@127.0.0.1:1/db",
    "postgresql://u:hush/hush@h/db",
    "postgresql://u:hush#hush@h/db",
    "postgresql://u:hush%hush@h/db",
    "postgresql://u:hush:hush@h/db",
    "postgresql://u:hush?hush@h/db",
    "postgresql://u:hush hush@h/db",
    "postgresql://u:hush@h:port/db",
    "postgresql:/u:hush@h/db",
    "postgresql ://u:hush@h/db",
    "postgresql;//u:hush@h/db",
    "postgres//u:hush@h/db",
    "//u:hush@h/db",
    "u:hush@h/db",
    "host=h password=hush",
    "password = 'hush' host=h",
    "jdbc:postgresql://u:hush@h/db",
    "hush://h/db",
    "sqlite:/hush",
    "sqlite:///hush",
    "mysql://u:hush@h/d",
]


@pytest.mark.parametrize("where", GOOD)
def test_addresses(where: str) -> None:
    assert is_address(where)
    assert sa.make_url(where.strip()).database != "u"


@pytest.mark.parametrize("where", FILES)
def test_files(where: str) -> None:
    assert not is_address(where)
    assert without_secrets(where) == where


@pytest.mark.parametrize("where", UNREADABLE)
def test_what_was_meant_as_an_address_is_no_file_and_is_not_shown(
    where: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AddressError) as refused:
        is_address(where)
    with pytest.raises(FeedbackError) as stored:
        FeedbackStore(where)
    with pytest.raises(ConfigError) as configured:
        load_config(AlignConfig, None, [f"human.store={where}"])
    for said in (refused, stored, configured):
        assert "hush" not in str(said.value) and "\n" not in str(said.value)
    assert "hush" not in without_secrets(where)
    assert list(tmp_path.iterdir()) == []


@given(password=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_an_escaped_password_is_read_as_it_is(password: str) -> None:
    where = f"postgresql://u:{quote(password, safe='')}@h:1/db"
    assert is_address(where)
    url = sa.make_url(where)
    assert (url.password, url.host, url.database) == (password, "h", "db")
    assert password in secrets_in(where)
    assert without_secrets(where) == "postgresql://h:1/db"


def test_a_drivers_words_are_told_without_the_password() -> None:
    secret = "1hush1"
    with pytest.raises(FeedbackError) as caught:
        # libpq names the host, which is the secret here.
        FeedbackStore(f"postgresql://u:{secret}@{secret}.invalid:1/db?connect_timeout=1")
    assert secret not in str(caught.value)
    assert secret not in str(caught.value.__cause__)


def test_a_file_is_found_from_anywhere(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_store("a b.db") == str(tmp_path / "a b.db")
    assert absolute_store("postgresql:///x") == "postgresql:///x"
