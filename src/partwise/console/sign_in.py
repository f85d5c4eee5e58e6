"""The way in: the address with its token, a name, a password; and the way out."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from partwise.console.auth import Session, SignInError, TooSoon
from partwise.console.web import At, Person, Visitor, console_of, own_form, own_signed_form, page, refuse
from partwise.oversight.feedback import FeedbackError

router = APIRouter()


@router.get("/")
def enter(request: Request, console: At, session: Visitor, token: str = "") -> Response:
    """Let a browser in that has the token, and take the token out of its address."""
    if token and not (session and session.who):
        if not console.access.token_fits(token):
            return refuse(
                request,
                403,
                "That is not the token",
                "The token in the address is not the one of this console; copy the whole address that "
                "the command partwise console printed when it was last started.",
            )
        return console.set_cookie(RedirectResponse("/judge", 303), console.access.nameless())
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
    if not console.access.network:
        return refuse(
            request,
            401,
            "Open the address with the token",
            "This browser is not known here; open the whole address that the command partwise console "
            "printed, with the token in it.",
        )
    cookie = console.access.nameless()
    return console.set_cookie(_form(request, console.access.read(cookie)), cookie)


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
        elif access.needs_password(name):
            problem = "" if not access.network else "Give your password."
            return _form(request, session, name=name, password=True, problem=problem, status=200)
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
    """Forget who this browser is. On this machine it keeps the right to give a name."""
    console.access.end(session)
    response = RedirectResponse("/sign-in", 303)
    if console.access.network:
        response.delete_cookie(console.cookie)
        return response
    return console.set_cookie(response, console.access.nameless())


@router.get("/plans-waiting")
def plans_waiting(request: Request, session: Person) -> Response:
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
    network = console_of(request).access.network
    return page(
        request,
        "sign_in.html",
        status=status,
        session=session,
        name=name[:100],
        ask_password=password or network,
        network=network,
        problem=problem,
    )
