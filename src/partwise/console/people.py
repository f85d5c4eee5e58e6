"""People: who answered how much, how far they agree, and one's own answers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from partwise.console.judge import shown_options
from partwise.console.web import At, Console, PageNumber, Person, Refusal, page
from partwise.oversight.feedback import StoredAnswer
from partwise.oversight.feedback.rows import person
from partwise.types import Choice

if TYPE_CHECKING:
    from partwise.measure.annotators import Agreement

router = APIRouter()
_PEOPLE = 200
_OWN = 25
_computing = threading.Lock()


@router.get("/people")
def show(request: Request, console: At, session: Person, run: str = "") -> Response:
    """Counts of everybody; agreement once somebody asks for it."""
    people = console.store.counts(run or None, limit=_PEOPLE)
    return page(
        request,
        "people.html",
        session=session,
        people=people,
        total=sum(person.answers for person in people),
        runs=console.store.runs(limit=200),
        run=run,
    )


@router.get("/people/agreement")
def agreement(request: Request, console: At, session: Person, run: str = "") -> Response:
    """Agreement and reliability, over one run or all."""
    found = _agreement(console, run)
    return page(request, "people_agreement.html", session=session, agreement=found, run=run)


@router.get("/people/{name}/answers")
def own(request: Request, console: At, session: Person, name: str, page_number: PageNumber = 1) -> Response:
    """One's own answers by run, round and place, the last ones first.

    Raises:
        Refusal: they are somebody else's.
    """
    if person(name) != session.who:
        raise Refusal(403, f"Only {name[:64]} can read {name[:64]}'s answers.", title="Not yours")
    name = session.who
    total = console.store.progress(who=name).by_annotator.get(name, 0)
    pages = max(1, -(-total // _OWN))
    number = min(max(1, page_number), pages)
    before = max(0, total - number * _OWN)
    found = console.store.answers(who=name, limit=total - (number - 1) * _OWN - before, offset=before)
    return page(
        request,
        "answers.html",
        session=session,
        answers=[_shown(answer) for answer in reversed(found)],
        total=total,
        page_number=number,
        pages=pages,
    )


@router.get("/people/{name}")
def own_page(session: Person, name: str) -> Response:
    """The same."""
    return RedirectResponse(
        f"/people/{session.who}/answers" if person(name) == session.who else "/people", 303
    )


def _agreement(console: Console, run: str) -> Agreement:
    """Computed once for the same votes, one computation at a time."""
    # Here, since what it brings along would double the time that the server takes to start.
    from partwise.measure.annotators import Label, agreement_of

    with _computing:
        votes = console.store.votes(run or None)
        state = (len(votes), hash(tuple(votes[-50:])))
        known = console.computed.get(f"agreement {run}")
        if known is not None and known[0] == state:
            return known[1]
        labels = (Label(f"{vote.run}\n{vote.round}\n{vote.item}", vote.who, vote.choice) for vote in votes)
        found = agreement_of(labels)
        console.computed[f"agreement {run}"] = (state, found)
        return found


def _shown(answer: StoredAnswer) -> dict[str, Any]:
    order = answer.order
    picks = {Choice.FIRST: order.index(0), Choice.SECOND: order.index(1)}
    picked = picks.get(answer.choice)
    words = {Choice.TIE: "As good", Choice.UNSURE: "Can't tell"}
    return {
        "question": answer.question.item.question,
        "options": shown_options(answer.question),
        "picked": picked,
        "said": words.get(answer.choice) or ("First", "Second")[picked or 0],
        "reason": answer.reason,
        "seconds": answer.seconds,
        "when": answer.when,
        "run": answer.question.run,
        "round": answer.question.round + 1,
    }
