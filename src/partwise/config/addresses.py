"""Where a feedback store is: the path of a file, or the address of a PostgreSQL database."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

SHAPE = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_KNOWN = re.compile(r"(sqlite|mysql|mariadb|oracle|mssql|https?|file)(\+\w+)?", re.IGNORECASE)
_PART = r"(?:[^@:/?#%\[\]\s]|%[0-9A-Fa-f]{2})"
_ADDRESS = re.compile(
    rf"(?P<scheme>[\w+.-]+)://(?:(?P<user>{_PART}*)(?::(?P<password>{_PART}*))?@)?"
    r"(?:\[[0-9A-Fa-f:.%]+\]|[\w.-]*)(?::\d+)?(?:/[^/@#?:\s]*)?(?:\?(?P<query>[^@#\s]*))?"
)
_PATH = re.compile(r"\.{1,2}/|/(?!/)|~")
_NEARLY = (
    re.compile(r".*://|[A-Za-z][\w+.-]+:/"),  # postgresql:/u:pw@h/db
    re.compile(r"(postgres|postgresql|psql|pg|jdbc|sqlite|mysql|mariadb)(\+\w+)?(:|//)", re.IGNORECASE),
    re.compile(r"//"),  # //u:pw@h/db
    re.compile(r"[^@]*:[^@]*@"),  # u:pw@h/db
    re.compile(
        r"(?:.*\s)?(host|hostaddr|port|dbname|user|password|passfile|service|sslmode)\s*=", re.IGNORECASE
    ),
)
"""What was meant as an address. Whoever means a file of such a name writes `./` before it."""


class AddressError(ValueError):
    """An address can't be read; the message is one sentence, in which nothing of the address stands."""


def is_address(where: str) -> bool:
    """Whether it is the address of a database, and not the path of a file.

    Raises:
        AddressError: it was meant as an address and is none that can be read.
    """
    text = where.strip()
    if _PATH.match(text) or not any(pattern.match(text) for pattern in _NEARLY):
        return False
    scheme, _, _ = text.partition("://")
    if _KNOWN.fullmatch(scheme):
        raise AddressError(
            f"A feedback store is the path of a file or a postgresql:// address, not {scheme.lower()}://..."
        )
    found = _ADDRESS.fullmatch(text)
    if found is None or found["scheme"].lower() not in _SCHEMES:
        raise AddressError(
            f"That address can't be read; it is {SHAPE}, with %-escapes for special characters "
            "(such as %40 for @), or the path of a file."
        )
    return True


def absolute_store(where: str) -> str:
    """The same place from wherever it is looked at: the path of a file made absolute.

    Raises:
        AddressError: as `is_address`.
    """
    return where.strip() if is_address(where) else str(Path(where).expanduser().absolute())


def without_secrets(where: str) -> str:
    """An address without what stands before the host and behind the `?`; the path of a file as it is."""
    try:
        if not is_address(where):
            return where
    except AddressError:
        return "an address that can't be read"
    return re.sub(r"\?.*", "", re.sub(r"://[^/]*@", "://", where.strip()))


def secrets_in(where: str) -> set[str]:
    """The texts in an address that nobody should read: its password, wherever it stands, however written."""
    found = _ADDRESS.fullmatch(where.strip())
    if found is None:
        return set()
    written = {found["password"] or ""}
    for pair in (found["query"] or "").split("&"):
        name, _, value = pair.partition("=")
        if "pass" in name.lower():
            written.add(value)
    return {text for each in written for text in (each, unquote(each)) if text}
