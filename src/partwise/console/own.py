"""One's own answers, which every person reads; and how answers are shown, there and elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from partwise.console.judge import heading_of, prompt_of, shown_options
from partwise.console.web import At, PageNumber, Person, Refusal, page
from partwise.oversight.feedback import StoredAnswer
from partwise.oversight.feedback.rows import person
from partwise.oversight.feedback.speed import FAST, flags
from partwise.types import Choice

router = APIRouter()
PAGE = 25
"""Answers on a page."""
_SUMMARY = 160
"""Characters of a prompt that stand in a list."""
_WORDS = {Choice.TIE: "As good", Choice.UNSURE: "Can't tell"}


@router.get("/people/{name}/answers")
def own(request: Request, console: At, session: Person, name: str, page_number: PageNumber = 1) -> Response:
    """One's own answers by run, round and place, the last ones first.

    Raises:
        Refusal: they are somebody else's.
    """
    if person(name) != session.who:
        raise Refusal(403, f"Only {name[:64]} can read {name[:64]}'s answers here.", title="Not yours")
    name = session.who
    total = console.store.progress(who=name).by_annotator.get(name, 0)
    number, pages = page_of(total, page_number)
    before = max(0, total - number * PAGE)
    found = console.store.answers(who=name, limit=total - (number - 1) * PAGE - before, offset=before)
    return page(
        request,
        "answers.html",
        session=session,
        answers=[shown_answer(answer) for answer in reversed(found)],
        total=total,
        page_number=number,
        pages=pages,
    )


@router.get("/people/{name}")
def own_page(session: Person, name: str) -> Response:
    """The same."""
    elsewhere = "/people" if session.owns else "/judge"
    return RedirectResponse(
        f"/people/{session.who}/answers" if person(name) == session.who else elsewhere, 303
    )


def page_of(total: int, wanted: int) -> tuple[int, int]:
    """Which page is shown where `wanted` is asked for, from 1, and of how many."""
    pages = max(1, -(-total // PAGE))
    return min(max(1, wanted), pages), pages


def shown_answer(
    answer: StoredAnswer, rate: float = FAST, *, order: tuple[int, int] | None = None
) -> dict[str, Any]:
    """An answer as lists show it, with the options in `order`; None for that in which the person saw them."""
    order = order or answer.order
    question = replace(answer.question, order=order)
    picks = {Choice.FIRST: order.index(0), Choice.SECOND: order.index(1)}
    picked = picks.get(answer.choice)
    summary = question.item.question
    return {
        "who": answer.who,
        "question": summary if len(summary) <= _SUMMARY else f"{summary[:_SUMMARY].rstrip()} …",
        "heading": heading_of(question),
        "prompt": prompt_of(question),
        "options": shown_options(question),
        "picked": picked,
        "said": _WORDS.get(answer.choice) or ("First", "Second")[picked or 0],
        "reason": answer.reason,
        "seconds": answer.seconds if answer.took is None else answer.took,
        "fast": flags(answer, rate) == "fast",
        "when": answer.when,
        "run": question.run,
        "round": question.round + 1,
        "alone": question.alone,
    }
