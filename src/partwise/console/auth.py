"""Who is there: the token in the address, names on this machine, passwords elsewhere, and signed cookies.

A cookie says who, until when, and a random word, and is signed with a key that comes from what the store
keeps of that person (the hash of their password, or a secret made when they gave their name). So it outlives
a restart of the server, needs no table of its own, and ends with a new password.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from partwise.oversight.feedback.schema import Annotator, Invitation, Role

if TYPE_CHECKING:
    from partwise.oversight.feedback import FeedbackStore

SHORTEST_PASSWORD = 8
_LONGEST_PASSWORD = 200
_NAME = re.compile(r"[^\W_](?:[\w .@'-]{0,62}[\w.])?")
_LASTS = 30 * 24 * 3600
"""Seconds that a cookie is good for."""
_SCRYPT = (2**15, 8, 1)
"""n, r, p: 32 MB and about a tenth of a second for each guess."""
_VISITOR = "?"
"""Stands in the cookie of a browser of which nothing is known; no name begins so."""
_BROWSER = "browser$"
"""Starts what the store keeps of a person who has a name on this machine and no password."""
_FREE_TRIES = 3
"""Failures of a name after which the next attempt waits: 1 s, 2 s, 4 s and so on."""
_FREE_TRIES_FROM = 20
"""The same for an address, behind which many people may sit."""
_LONGEST_WAIT = 30.0
_USED = "This link was used already, or is too old; ask for another one."
_REMEMBERED = 10_000
"""Names and addresses whose failures are remembered; the oldest make way."""


class SignInError(Exception):
    """A name or a password is refused; the message is one sentence for a reader."""


class TooSoon(SignInError):
    """Too many failures: the next attempt has to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many attempts failed; try again in {seconds} s.")
        self.seconds = seconds
        """Until the next attempt."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that was let in."""

    who: str
    """Empty until somebody has signed in."""
    csrf: str
    """What each of its forms must carry."""
    nonce: str
    role: Role | None
    """What they may do; None until somebody has signed in."""
    knows_token: bool = False
    """Whether it came by the address with the token and has yet to give a name."""

    @property
    def owns(self) -> bool:
        """Whether it is an owner's."""
        return self.role is Role.OWNER


def hash_password(password: str) -> str:
    """What may be stored of a password: `scrypt$n$r$p$salt$digest`.

    Raises:
        SignInError: it is too short or too long.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise SignInError(f"A password has at least {SHORTEST_PASSWORD} characters.")
    if len(password) > _LONGEST_PASSWORD:
        raise SignInError(f"A password has at most {_LONGEST_PASSWORD} characters.")
    n, r, p = _SCRYPT
    salt = secrets.token_bytes(16)
    return f"scrypt${n}${r}${p}${salt.hex()}${_scrypt(password, salt, n, r, p).hex()}"


def password_fits(password: str, stored: str) -> bool:
    """Whether it is the password of that hash; takes equally long where there is none to compare with."""
    n, r, p = _SCRYPT
    salt, digest, known = b"-" * 16, b"-" * 32, False
    if is_password_hash(stored):
        _, n_text, r_text, p_text, salt_text, digest_text = stored.split("$")
        n, r, p = int(n_text), int(r_text), int(p_text)
        salt, digest, known = bytes.fromhex(salt_text), bytes.fromhex(digest_text), True
    fits = hmac.compare_digest(_scrypt(password[:_LONGEST_PASSWORD], salt, n, r, p), digest)
    return fits and known


def is_password_hash(stored: str) -> bool:
    """Whether what the store keeps of a person is the hash of a password."""
    return re.fullmatch(r"scrypt\$\d+\$\d+\$\d+\$[0-9a-f]{32}\$[0-9a-f]{64}", stored) is not None


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    with _hashing:
        return hashlib.scrypt(
            unicodedata.normalize("NFC", password).encode(),
            salt=salt,
            n=n,
            r=r,
            p=p,
            dklen=32,
            maxmem=2 * 128 * n * r * p,
        )


_hashing = threading.BoundedSemaphore(2)
"""A crowd of attempts takes turns, not all memory."""


def clean_name(name: str) -> str:
    """The name of an annotator as it is stored.

    Raises:
        SignInError: it is empty, too long, or has characters that a name has not.
    """
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name:
        raise SignInError("Give a name.")
    if not _NAME.fullmatch(name):
        raise SignInError(
            "A name begins with a letter or digit and has at most 64 letters, digits, blanks and . _ - @ '."
        )
    return name


class Access:
    """Lets browsers in, and knows them again.

    On this machine (`network` false) whoever has the token started the console, and is an owner. They give a
    name, which is theirs from then on: another browser can't take it, unless it has a password. Others come
    in by a link that an owner gave them, or by a password. Elsewhere everybody needs a password.
    """

    def __init__(
        self,
        store: FeedbackStore,
        *,
        token: str,
        network: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._token, self.network, self._clock = store, token, network, clock
        self._own_key = hashlib.sha256(b"partwise console\0" + token.encode()).digest()
        self._ended: dict[str, float] = {}
        self._failures: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def token_fits(self, token: str) -> bool:
        """Whether it is the token of the address."""
        return not self.network and hmac.compare_digest(token.encode(), self._token.encode())

    def nameless(self, *, knows_token: bool = False) -> str:
        """A cookie for a browser that has yet to say who it is."""
        return self._cookie("" if knows_token else _VISITOR)

    def read(self, cookie: str | None) -> Session | None:
        """Whose cookie it is; None for one that is forged, worn out, ended or nobody's."""
        parts = (cookie or "").split(".")
        if len(parts) != 4:
            return None
        encoded, expires, nonce, mac = parts
        try:
            who = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            fresh = int(expires) > self._clock()
        except (ValueError, binascii.Error):
            return None
        stored = self._stored(who)
        key = self._key(who, stored)
        signed = f"{encoded}.{expires}.{nonce}"
        if key is None or not hmac.compare_digest(mac.encode(), _mac(key, signed).encode()):
            return None
        if not fresh or nonce in self._ended:
            return None
        csrf = _mac(key, f"form {signed}")
        if stored is None:
            return Session(who="", csrf=csrf, nonce=nonce, role=None, knows_token=not who)
        return Session(who=who, csrf=csrf, nonce=nonce, role=stored.role)

    def end(self, session: Session) -> None:
        """Let a cookie be good no longer."""
        now = self._clock()
        with self._lock:
            self._ended = {nonce: until for nonce, until in self._ended.items() if until > now}
            self._ended[session.nonce] = now + _LASTS

    def needs_password(self, name: str) -> bool:
        """Whether that name can be had by its password only.

        Raises:
            SignInError: it is no name.
        """
        return is_password_hash(self._secret(clean_name(name))) or self.network

    def claim(self, name: str) -> str:
        """Take a name on this machine, as an owner; returns the cookie that makes it this browser's.

        For browsers that know the token.

        Raises:
            SignInError: the name is no name, or it is taken.
        """
        name = clean_name(name)
        if self.network:
            raise SignInError("Sign in with your name and your password.")
        if self._stored(name) is not None or self._store.answers(who=name, limit=1):
            raise SignInError(
                f"The name {name} is taken. If it is yours, give it a password by the "
                f"command partwise console add-annotator and sign in with that; or take another name."
            )
        self._store.add_annotator(name, _BROWSER + secrets.token_hex(32), role=Role.OWNER)
        return self._cookie(name)

    def make_owner(self, name: str) -> None:
        """Let somebody who turns out to know the token be an owner from now on."""
        self._store.set_role(name, Role.OWNER)

    def invited(self, secret: str) -> Invitation | None:
        """Whom a link lets in; None where it lets in nobody."""
        return self._store.invitation(secret)

    def join(self, secret: str, password: str) -> str:
        """Use a link, and return the cookie of its person. Sessions that they had end.

        Args:
            secret: of the link.
            password: by which they sign in from now on; on this machine it may be empty, and the name is
                this browser's alone.

        Raises:
            SignInError: the link lets in nobody, or the password is too short.
        """
        # Looked up before it is used: a hash takes a while, and strangers may ask for many.
        if self.invited(secret) is None:
            raise SignInError(_USED)
        without = not password and not self.network
        stored = _BROWSER + secrets.token_hex(32) if without else hash_password(password)
        found = self._store.join(secret, stored)
        if found is None:
            raise SignInError(_USED)
        return self._cookie(found.name)

    def sign_in(self, name: str, password: str, client: str) -> str:
        """The cookie of whoever knows the password.

        Args:
            name: whose.
            password: as it was typed.
            client: where the attempt comes from; failures are counted for it and for the name.

        Raises:
            TooSoon: after failures, until a while has passed.
            SignInError: they do not fit.
        """
        name = clean_name(name)
        keys = {f"name {name.casefold()}": _FREE_TRIES, f"from {client}": _FREE_TRIES_FROM}
        self._count(keys)
        if not password_fits(password, self._secret(name)):
            raise SignInError("Name and password do not fit.")
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)
        return self._cookie(name)

    def _count(self, keys: Mapping[str, int]) -> None:
        """Count an attempt as failed before it is weighed: a hundred at once are a hundred, not one."""
        now = self._clock()
        with self._lock:
            wait = max(self._failures.get(key, (0, 0.0))[1] for key in keys) - now
            if wait > 0:
                raise TooSoon(max(1, round(wait)))
            for key, free in keys.items():
                count = self._failures.pop(key, (0, 0.0))[0] + 1
                pause = 0.0 if count < free else min(_LONGEST_WAIT, 2.0 ** (count - free))
                self._failures[key] = (count, now + pause)
            while len(self._failures) > _REMEMBERED:
                self._failures.pop(next(iter(self._failures)))

    def _cookie(self, who: str) -> str:
        key = self._key(who, self._stored(who))
        if key is None:
            raise SignInError(f"There is no annotator {who}.")
        encoded = base64.urlsafe_b64encode(who.encode()).decode().rstrip("=")
        signed = f"{encoded}.{int(self._clock()) + _LASTS}.{secrets.token_urlsafe(16)}"
        return f"{signed}.{_mac(key, signed)}"

    def _key(self, who: str, stored: Annotator | None) -> bytes | None:
        if who in ("", _VISITOR):
            return self._own_key
        if stored is None or (self.network and not is_password_hash(stored.password_hash)):
            return None
        return hashlib.sha256(b"partwise console session\0" + stored.password_hash.encode()).digest()

    def _stored(self, name: str) -> Annotator | None:
        return None if name in ("", _VISITOR) else self._store.annotator(name)

    def _secret(self, name: str) -> str:
        stored = self._stored(name)
        return stored.password_hash if stored else ""


def _mac(key: bytes, text: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), "sha256")).decode().rstrip("=")
