"""People: who may do what, who answered how much, and links that let somebody in. For owners."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from partwise.console.auth import Session, SignInError, clean_name
from partwise.console.web import At, Console, FormOwner, Owner, Refusal, page
from partwise.oversight.feedback import AnnotatorCounts, Role
from partwise.oversight.feedback.rows import person

router = APIRouter()
_PEOPLE = 200


@router.get("/people")
def show(request: Request, console: At, session: Owner, run: str = "") -> Response:
    """Everybody, with what they may do and how much they answered."""
    return page(request, "people.html", session=session, **_people(console, run))


@router.post("/people")
def invite(
    request: Request,
    console: At,
    session: FormOwner,
    name: Annotated[str, Form()],
    role: Annotated[Role, Form()] = Role.ANNOTATOR,
) -> Response:
    """Make a link that lets somebody in, and show it: this once, since only its digest is kept."""
    try:
        name = clean_name(name)
    except SignInError as error:
        return _refused(request, console, session, name, str(error))
    if name == session.who:
        return _refused(request, console, session, name, "You are in already; a link is for somebody else.")
    secret = console.store.invite(name, role, session.who)
    link = f"{str(request.base_url).rstrip('/')}/join/{quote(secret)}"
    context: dict[str, Any] = _people(console, "") | {"link": link, "invited": name, "role": role}
    return page(request, "people.html", session=session, **context)


@router.post("/people/{name}/role")
def change_role(console: At, session: FormOwner, name: str, role: Annotated[Role, Form()]) -> Response:
    """Say what somebody may do.

    Raises:
        Refusal: it is the owner who asks: somebody must be left who can undo it.
        FeedbackError: there is nobody of that name.
    """
    if person(name) == session.who:
        raise Refusal(422, "Your own role is for another owner to change.")
    console.store.set_role(name, role)
    return RedirectResponse("/people", 303)


def _refused(request: Request, console: Console, session: Session, name: str, problem: str) -> Response:
    context: dict[str, Any] = _people(console, "") | {"problem": problem, "name": name[:100]}
    return page(request, "people.html", status=422, session=session, **context)


def _people(console: Console, run: str) -> dict[str, Any]:
    """What the template needs: those who may sign in, and those who answered without, as simulated ones."""
    counts: dict[str, AnnotatorCounts] = {
        each.who: each for each in console.store.counts(run or None, limit=_PEOPLE)
    }
    roles = {each.name: each.role for each in console.store.annotators()}
    names = sorted({*counts, *roles})[:_PEOPLE]
    return {
        "people": [(name, roles.get(name), counts.get(name)) for name in names],
        "total": sum(each.answers for each in counts.values()),
        "runs": console.store.runs(limit=200),
        "run": run,
        "roles": list(Role),
        "link": "",
        "invited": "",
        "role": Role.ANNOTATOR,
        "problem": "",
        "name": "",
    }
