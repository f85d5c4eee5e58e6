"""What the pages share: who asks, whether a form is theirs, and how an answer becomes HTML."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Form, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from partwise.console.auth import Access, Session
from partwise.console.runfiles import RunsFolder
from partwise.console.tally import Tally
from partwise.console.transcripts import Transcripts
from partwise.oversight.feedback.speed import FAST
from partwise.report.look import FILTERS, page_css

if TYPE_CHECKING:
    from partwise.oversight.feedback import FeedbackStore

STATIC = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""All that is served beside pages, and as what."""
_PLANS_KNOWN_FOR = 2.0
"""Seconds for which the number of waiting plans is believed."""
_MOST_PLANS = 100


class Refusal(Exception):
    """A request is not answered as asked; the message is one sentence for a reader."""

    def __init__(self, status: int, message: str, *, title: str = "That did not work") -> None:
        super().__init__(message)
        self.status, self.title = status, title


class SignInFirst(Exception):
    """Nobody is signed in."""


@dataclass
class Console:
    """What one server holds."""

    store: FeedbackStore
    runs: RunsFolder
    access: Access
    cookie: str
    """Name of the cookie. It holds the port: browsers send cookies to all ports of a host."""
    store_name: str
    """How commands name the store, without a password: a path, or a pattern of an address."""
    rate: float = FAST
    """Characters a second beyond which an answer is marked as fast."""
    transcripts: Transcripts = field(default_factory=Transcripts)
    computed: dict[str, tuple[object, Any]] = field(default_factory=dict[str, tuple[object, Any]])
    """What took long, with the state of things that it was computed from."""
    _waiting: tuple[float, int] = (-_PLANS_KNOWN_FOR, 0)

    def __post_init__(self) -> None:
        self.progress = Tally(self.store)
        folder = Path(__file__).parent / "static"
        self.static = {name: (folder / name).read_bytes() for name in STATIC}
        self.static["console.css"] = page_css().encode() + self.static["console.css"]
        versions = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in self.static.items()}
        self.templates = Environment(
            loader=ChoiceLoader([PackageLoader("partwise.console"), PackageLoader("partwise.report")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        known: dict[str, Any] = self.templates.globals
        known["static"] = {name: f"/static/{name}?v={version}" for name, version in versions.items()}
        known["store_name"] = self.store_name
        self.templates.filters.update(FILTERS, ago=_ago)

    def plans_waiting(self) -> int:
        """How many plans wait for a person, at most 100; a moment old."""
        known, count = self._waiting
        if time.monotonic() - known > _PLANS_KNOWN_FOR:
            count = len(self.store.waiting_plans(limit=_MOST_PLANS))
            self._waiting = (time.monotonic(), count)
        return count

    def forget_plans(self) -> None:
        """Count the waiting plans anew next time."""
        self._waiting = (-_PLANS_KNOWN_FOR, 0)

    def set_cookie(self, response: Response, value: str) -> Response:
        """Make the browser send `value` from now on; scripts and other sites never see it."""
        response.set_cookie(
            self.cookie, value, max_age=30 * 24 * 3600, path="/", httponly=True, samesite="strict"
        )
        return response


# Dependencies are coroutines: each that is not costs a hop to another thread.


def console_of(request: Request) -> Console:
    """The console that a request came to."""
    return request.app.state.console


async def _console(request: Request) -> Console:
    return console_of(request)


def read_visitor(request: Request) -> Session | None:
    """The browser that asks, if it was let in; it may have no name yet."""
    console = console_of(request)
    return console.access.read(request.cookies.get(console.cookie))


async def visitor(request: Request) -> Session | None:
    """The same, for pages."""
    return await run_in_threadpool(read_visitor, request)


async def signed_in(session: Annotated[Session | None, Depends(visitor)]) -> Session:
    """The person who asks.

    Raises:
        SignInFirst: there is none.
    """
    if session is None or not session.who:
        raise SignInFirst
    return session


async def owner(session: Annotated[Session, Depends(signed_in)]) -> Session:
    """The owner who asks.

    Raises:
        SignInFirst: nobody is signed in.
        Refusal: they are an annotator.
    """
    if not session.owns:
        raise Refusal(403, "Only an owner of this console sees that page.", title="Not yours")
    return session


async def own_form(
    session: Annotated[Session | None, Depends(visitor)], csrf: Annotated[str, Form()] = ""
) -> Session:
    """The browser whose form was sent.

    Raises:
        SignInFirst: nobody was let in.
        Refusal: the form is not one of its own.
    """
    if session is None:
        raise SignInFirst
    if not hmac.compare_digest(csrf.encode(), session.csrf.encode()):
        raise Refusal(
            403, "This form is out of date or not from here, and nothing was done; reload the page."
        )
    return session


async def own_signed_form(session: Annotated[Session, Depends(own_form)]) -> Session:
    """The person whose form was sent.

    Raises:
        SignInFirst, Refusal: as `own_form`.
    """
    return await signed_in(session)


async def owner_form(session: Annotated[Session, Depends(own_signed_form)]) -> Session:
    """The owner whose form was sent.

    Raises:
        SignInFirst, Refusal: as `own_form`; Refusal also where they are an annotator.
    """
    return await owner(session)


PageNumber = Annotated[int, Query(alias="page")]
At = Annotated[Console, Depends(_console)]
Visitor = Annotated[Session | None, Depends(visitor)]
Person = Annotated[Session, Depends(signed_in)]
FormPerson = Annotated[Session, Depends(own_signed_form)]
Owner = Annotated[Session, Depends(owner)]
FormOwner = Annotated[Session, Depends(owner_form)]


def is_swap(request: Request) -> bool:
    """Whether a part of the page is wanted rather than the whole."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A template as an answer."""
    console = console_of(request)
    session: Session | None = context.pop("session", None)
    text = console.templates.get_template(template).render(
        session=session,
        csrf=session.csrf if session else "",
        who=session.who if session else "",
        owns=bool(session and session.owns),
        plans_waiting=console.plans_waiting() if session and session.owns else 0,
        **context,
    )
    return HTMLResponse(text, status, headers)


def refuse(request: Request, status: int, title: str, message: str, *, known: bool = True) -> HTMLResponse:
    """A refusal as a page, or as a notice on the page where a part of it was wanted.

    With `known` false nobody is looked up: the store may be what failed.
    """
    if is_swap(request):
        headers = {"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"}
        return page(request, "notice.html", status=status, headers=headers, message=message)
    session = read_visitor(request) if known else None
    return page(request, "message.html", status=status, session=session, title=title, message=message)


def _ago(seconds: float) -> str:
    """How long ago a time in seconds since 1970 was, roughly."""
    passed = max(0.0, time.time() - seconds)
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if passed >= size:
            count = int(passed // size)
            return f"{count} {name}{'s' * (count > 1)} ago"
    return "just now"
