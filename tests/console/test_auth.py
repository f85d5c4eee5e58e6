"""Names, passwords and cookies, with a real store and a clock of our own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from partwise.console.auth import (
    Access,
    SignInError,
    TooSoon,
    clean_name,
    hash_password,
    is_password_hash,
    password_fits,
)
from partwise.oversight.feedback import FeedbackStore

DAY = 24 * 3600


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeedbackStore]:
    with FeedbackStore(tmp_path / "feedback.db") as opened:
        yield opened


def test_a_password_fits_its_hash_alone():
    stored = hash_password("long enough")
    assert is_password_hash(stored) and password_fits("long enough", stored)
    assert hash_password("long enough") != stored  # salted
    for other in ("long enougH", "", "long enough "):
        assert not password_fits(other, stored)
    for junk in ("", "browser$" + "0" * 64, "scrypt$1$1$1$zz$zz", stored + "0"):
        assert not is_password_hash(junk) and not password_fits("long enough", junk)
    # Composed and decomposed letters are typed alike.
    assert password_fits("cafe\u0301 au lait", hash_password("caf\u00e9 au lait"))


@pytest.mark.parametrize("password", ["", "short", "x" * 201])
def test_passwords_that_are_refused(password: str):
    with pytest.raises(SignInError, match=r"at (least|most) \d+ characters"):
        hash_password(password)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (" ana ", "ana"),
        ("A.  B", "A. B"),
        ("José", "José"),
        ("李雷", "李雷"),
        ("a@b.org", "a@b.org"),
        ("O'Neil", "O'Neil"),
    ],
)
def test_names(name: str, kept: str):
    assert clean_name(name) == kept


@pytest.mark.parametrize("name", ["", " ", "_", "-a", "a-", "a/b", "<a>", "a" * 65, "a\x00b", "a;b"])
def test_no_names(name: str):
    with pytest.raises(SignInError):
        clean_name(name)


def test_a_name_is_its_browsers_and_lasts_over_a_restart(store: FeedbackStore):
    clock = Clock()
    first = Access(store, token="first token", network=False, clock=clock)
    cookie = first.claim("ana")
    session = first.read(cookie)
    assert session and session.who == "ana" and len(session.csrf) > 30
    with pytest.raises(SignInError, match="is taken"):
        first.claim("ana")
    restarted = Access(store, token="second token", network=False, clock=clock)
    again = restarted.read(cookie)
    assert again == session
    assert restarted.read(first.nameless()) is None  # a browser without a name needs the new address
    clock.now += 31 * DAY
    assert restarted.read(cookie) is None


def test_a_cookie_ends_by_signing_out_or_by_a_new_password(store: FeedbackStore):
    access = Access(store, token="token", network=False)
    cookie, other = access.claim("ana"), access.claim("bo")
    session = access.read(cookie)
    assert session
    access.end(session)
    assert access.read(cookie) is None and access.read(other) is not None
    store.add_annotator("bo", hash_password("long enough"), replace=True)
    assert access.read(other) is None and access.needs_password("bo")
    assert access.read(access.sign_in("bo", "long enough", "here")) is not None


def test_on_other_hosts_a_name_alone_is_nothing(store: FeedbackStore):
    at_home = Access(store, token="token", network=False)
    cookie = at_home.claim("ana")
    outside = Access(store, token="token", network=True)
    assert outside.read(cookie) is None and not outside.token_fits("token")
    with pytest.raises(SignInError):
        outside.claim("bo")
    with pytest.raises(SignInError, match="do not fit"):
        outside.sign_in("ana", "anything", "there")


def test_failures_slow_the_next_attempt_and_a_success_forgives(store: FeedbackStore):
    clock = Clock()
    access = Access(store, token="token", network=True, clock=clock)
    store.add_annotator("ana", hash_password("long enough"))
    waits: list[int] = []
    for _ in range(8):
        with pytest.raises(SignInError, match="do not fit"):
            access.sign_in("ana", "wrong one", "there")
        try:
            access.sign_in("Ana", "wrong one", "elsewhere")  # counted together, however it is written
        except TooSoon as error:
            waits.append(error.seconds)
            clock.now += error.seconds
        except SignInError:
            pass
    assert waits == sorted(waits) and waits[0] == 1 and waits[-1] >= 8 and max(waits) <= 30
    clock.now += 60
    access.sign_in("ana", "long enough", "there")
    with pytest.raises(SignInError, match="do not fit"):
        access.sign_in("ana", "wrong one", "there")
    access.sign_in("ana", "long enough", "there")
