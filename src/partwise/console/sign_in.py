"""The ways in: the address with its token and a name, a link, a password; and the way out."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from partwise.console.auth import Session, SignInError, TooSoon, clean_name
from partwise.console.web import (
    At,
    Console,
    Owner,
    Visitor,
    console_of,
    own_form,
    own_signed_form,
    page,
    refuse,
)
from partwise.oversight.feedback import FeedbackError

router = APIRouter()


@router.get("/")
def enter(request: Request, console: At, session: Visitor, token: str = "") -> Response:
    """Let a browser in that has the token, and take the token out of its address.

    Whoever has it started the console, and is an owner from then on.
    """
    if console.access.token_fits(token):
        if not (session and session.who):
            cookie = console.access.nameless(knows_token=True)
            return console.set_cookie(RedirectResponse("/judge", 303), cookie)
        if not session.owns:
            console.access.make_owner(session.who)
    elif token and not (session and session.who):
        return refuse(
            request,
            403,
            "That is not the token",
            "The token in the address is not the one of this console; copy the whole address that "
            "the command partwise console printed when it was last started.",
        )
    return RedirectResponse("/judge", 303)


@router.get("/sign-in")
def ask(request: Request, console: At, session: Visitor) -> Response:
    """The form for a name, or for name and password."""
    if session and session.who:
        return RedirectResponse("/judge", 303)
    if session:
        return _form(request, session)
    if request.headers.get("sec-fetch-site") == "cross-site":
        return come_again(request)
    cookie = console.access.nameless()
    # On this machine most people come by an address or a link, and this is not what they were looking for.
    form = _form(request, console.access.read(cookie), status=200 if console.access.network else 401)
    return console.set_cookie(form, cookie)


@router.post("/sign-in")
def answer(
    request: Request,
    console: At,
    session: Annotated[Session, Depends(own_form)],
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Take a name, or sign in with a password."""
    access = console.access
    client = request.client.host if request.client else ""
    headers: dict[str, str] = {}
    try:
        if password:
            cookie = access.sign_in(name, password, client)
            if session.knows_token:
                access.make_owner(clean_name(name))
        elif not session.knows_token:
            return _form(request, session, name=name, problem="Give your password.")
        elif access.needs_password(name):
            return _form(request, session, name=name, password=True)
        else:
            cookie = access.claim(name)
    except TooSoon as error:
        problem, status, headers = str(error), 429, {"Retry-After": str(error.seconds)}
    except SignInError as error:
        problem, status = str(error), 403 if password else 422
    except FeedbackError as error:
        problem, status = str(error), 409
    else:
        return console.set_cookie(RedirectResponse("/judge", 303), cookie)
    found = _form(request, session, name=name, password=bool(password), problem=problem, status=status)
    found.headers.update(headers)
    return found


@router.post("/sign-out")
def leave(console: At, session: Annotated[Session, Depends(own_signed_form)]) -> Response:
    """Forget who this browser is. On this machine an owner's keeps the right to give a name."""
    console.access.end(session)
    keeps = session.owns and not console.access.network
    cookie = console.access.nameless(knows_token=keeps)
    return console.set_cookie(RedirectResponse("/sign-in", 303), cookie)


@router.get("/join/{secret}")
def invite(request: Request, console: At, secret: str) -> Response:
    """What a link leads to: whom it lets in, and a field for a password. Opening it uses nothing up."""
    return _join(request, console, secret)


@router.post("/join/{secret}")
def join(request: Request, console: At, secret: str, password: Annotated[str, Form()] = "") -> Response:
    """Let the person of a link in. The secret in the link is what the form has to carry."""
    try:
        cookie = console.access.join(secret, password)
    except SignInError as error:
        return _join(request, console, secret, problem=str(error))
    return console.set_cookie(RedirectResponse("/judge", 303), cookie)


def _join(request: Request, console: Console, secret: str, problem: str = "") -> Response:
    invitation = console.access.invited(secret)
    if invitation is None:
        return refuse(
            request,
            404,
            "This link lets nobody in",
            "It was used already, is older than a week, or another one took its place; ask for a new one.",
        )
    return page(
        request,
        "join.html",
        status=422 if problem else 200,
        secret=secret,
        invitation=invitation,
        network=console.access.network,
        problem=problem,
    )


@router.get("/plans-waiting")
def plans_waiting(request: Request, session: Owner) -> Response:
    """The number beside the word Plans."""
    return page(request, "plans_count.html", session=session)


def come_again(request: Request) -> HTMLResponse:
    """Let the browser ask once more, from here.

    It holds back strict cookies when a link on another site led to us; on the second time it does not.
    """
    path = quote(request.url.path)
    return page(request, "again.html", path="/judge" if path.startswith("//") else path)


def _form(
    request: Request,
    session: Session | None,
    *,
    name: str = "",
    password: bool = False,
    problem: str = "",
    status: int = 200,
) -> HTMLResponse:
    claims = bool(session and session.knows_token)
    return page(
        request,
        "sign_in.html",
        status=status,
        session=session,
        name=name[:100],
        ask_password=password or not claims,
        claims=claims,
        network=console_of(request).access.network,
        problem=problem,
    )
