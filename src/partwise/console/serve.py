"""Starts the console: says in one sentence what is wrong before anything is served, and where it is found."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from partwise.config.addresses import is_address

if TYPE_CHECKING:
    from fastapi import FastAPI

    from partwise.oversight.feedback import FeedbackStore

_MISSING = "The console needs more than the base install; add it with: pip install 'partwise[console]'"


class ConsoleError(Exception):
    """The console can't be served as asked; the message is one sentence for a reader."""


def serve(
    store: str | Path,
    runs: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8321,
    allow_hosts: Sequence[str] = (),
    rate: float | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the console until it is interrupted.

    Args:
        store: where feedback is kept: a file, or the URL of a PostgreSQL database.
        runs: the directory whose runs are shown; it may be made later.
        host: the address to listen on. Any but this machine's own asks everybody for a password.
        port: 0 for any that is free.
        allow_hosts: names that the console is reached by, beside addresses and `localhost`.
        rate: characters a second beyond which an answer is marked as fast, 0 for no mark; None for the
            default (`oversight.feedback.FAST`).
        say: is told the address, one line at a time.

    Raises:
        ConsoleError: it can't be served so.
        FeedbackError: the store can't be opened.
    """
    network = not _is_loopback(host)
    if not 0 <= port <= 65535:
        raise ConsoleError(f"There is no port {port}; ports go from 0 to 65535.")
    if runs.exists() and not runs.is_dir():
        raise ConsoleError(f"{runs} is a file, not a directory of runs; give another --runs.")
    feedback, console_app = _load()
    with feedback(store) as opened, _listen(host, port) as listener:
        if network:
            _refuse_without_passwords(opened, store)
        bound: int = listener.getsockname()[1]
        token = secrets.token_urlsafe(24)
        app = console_app(opened, store, runs, bound, token, network, [*allow_hosts, host], rate)
        _announce(say, host, bound, token, network)
        if network:
            _announce_owners(say, opened, store)
        _run(app, listener)


def add_annotator(store: str | Path, name: str, password: str, role: str | None = None) -> tuple[str, str]:
    """Let somebody sign in by a password, or give them another one.

    Args:
        store: as of `serve`.
        name: whose it is.
        password: at least 8 characters.
        role: `owner` or `annotator`; None leaves it as it is, and makes who is new an annotator.

    Returns:
        The name as it is stored, and the role.

    Raises:
        SignInError: the name is no name, or the password is too short.
        FeedbackError: the store can't be opened.
    """
    from partwise.console.auth import clean_name, hash_password

    feedback, _ = _load()
    from partwise.oversight.feedback import Role

    name, stored = clean_name(name), hash_password(password)
    with feedback(store) as opened:
        opened.add_annotator(name, stored, role=None if role is None else Role(role), replace=True)
        kept = opened.annotator(name)
    return name, kept.role.value if kept else ""


def _load() -> tuple[type[FeedbackStore], Callable[..., FastAPI]]:
    try:
        import fastapi  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import python_multipart  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise ConsoleError(f"{_MISSING} ({error}).") from error
    from partwise.oversight.feedback import FeedbackStore

    return FeedbackStore, _make


def _make(
    store: FeedbackStore,
    where: str | Path,
    runs: Path,
    port: int,
    token: str,
    network: bool,
    names: Sequence[str],
    rate: float | None,
) -> FastAPI:
    from partwise.console.app import make_app
    from partwise.console.auth import Access
    from partwise.console.runfiles import RunsFolder
    from partwise.console.web import Console
    from partwise.oversight.feedback import FAST

    url = isinstance(where, str) and is_address(where)
    console = Console(
        store=store,
        runs=RunsFolder(runs),
        access=Access(store, token=token, network=network),
        cookie=f"partwise_{port}",
        # An address may hold a password.
        store_name="postgresql://USER:PASSWORD@HOST/DATABASE" if url else str(where),
        rate=FAST if rate is None else rate,
    )
    return make_app(console, names=names)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens, so that the port is ours before the address is told."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family, backlog=128)
        # Connections inherit it. asyncio sets it on sockets of its own making only, and without it each
        # answer waits for the browser to acknowledge its first half.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except socket.gaierror as error:
        raise ConsoleError(
            f"There is no host {host} here ({error.strerror}); give another --host."
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConsoleError(f"Port {port} is in use; give another by --port.") from error
        raise ConsoleError(f"{host}:{port} can't be listened on: {error.strerror}.") from error


def _refuse_without_passwords(store: FeedbackStore, where: str | Path) -> None:
    from partwise.console.auth import is_password_hash

    if not any(is_password_hash(person.password_hash) for person in store.annotators()):
        raise ConsoleError(
            "On a host that others reach, everybody needs a password, and nobody has one yet: "
            f"partwise console add-annotator NAME --role owner{_named(where)}"
        )


def _announce_owners(say: Callable[[str], None], store: FeedbackStore, where: str | Path) -> None:
    from partwise.console.auth import is_password_hash
    from partwise.oversight.feedback import Role

    owners = (each.password_hash for each in store.annotators() if each.role is Role.OWNER)
    if not any(map(is_password_hash, owners)):
        say(
            "Nobody who signs in is an owner, so nobody sees runs, plans or everyone's answers: "
            f"partwise console add-annotator NAME --role owner{_named(where)}"
        )


def _named(where: str | Path) -> str:
    return "" if isinstance(where, str) and is_address(where) else f" --store {where}"


def _announce(say: Callable[[str], None], host: str, port: int, token: str, network: bool) -> None:
    if not network:
        shown = f"[{host.strip('[]')}]" if ":" in host else host
        say(f"The console is at http://{shown}:{port}/?token={token}")
        say("Whoever opens that address owns the console; for others make links on its page of people.")
    else:
        place = socket.gethostname() if host in ("0.0.0.0", "::") else host
        say(f"The console is at http://{place}:{port}/ for everybody who has a password.")
        say("What is sent is not encrypted: put it behind a proxy with TLS, or reach it through SSH.")
    say("Stop it by Ctrl+C.")


def _run(app: FastAPI, listener: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # The address of the first request holds the token.
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
    )
    # Ctrl+C is how it is stopped, and no failure.
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
