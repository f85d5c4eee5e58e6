"""Judge: one item at a time, which of two would you rather have?"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from partwise.console.auth import Session
from partwise.console.highlight import Line, Trial, is_code, text_lines, trials
from partwise.console.web import At, Console, FormPerson, Person, Refusal, is_swap, page
from partwise.oversight.feedback import MAX_REASON, Question, StaleQuestion
from partwise.types import Choice, Option

router = APIRouter()
_LONGEST_SECONDS = 3600.0
"""Somebody who takes longer has been away."""
_PICKS = {"1": 0, "2": 1}
"""What a form says of the two options, in the order in which they are shown."""
ASKED = "Which of these two would you rather have?"
"""What is asked about somebody's own pair, where its line does not say."""
_SAID = {"1": "First", "2": "Second", "tie": "As good", "unsure": "Can't tell"}


@dataclass(frozen=True, slots=True)
class ShownOption:
    """One option as a person sees it. Who or what wrote it is not in it."""

    key: str
    """`1` or `2`: the key that chooses it."""
    name: str
    code: bool
    """Whether its text is a program, not words."""
    lines: list[Line]
    trials: list[Trial]


@router.get("/judge")
def show(request: Request, console: At, session: Person) -> Response:
    """The page, with the next question in it."""
    question = console.store.next_question(session.who)
    return page(request, "judge.html", session=session, **_work(console, session, question))


@router.get("/judge/next")
def look_again(request: Request, console: At, session: Person) -> Response:
    """The next question for somebody who waits for one; nothing (204) while there is none."""
    question = console.store.next_question(session.who)
    if question is None:
        return Response(status_code=204)
    return _swap(request, console, session, question, "There is something to judge.")


@router.post("/judge/answer")
def answer(
    request: Request,
    console: At,
    session: FormPerson,
    question: Annotated[int, Form()],
    pick: Annotated[str, Form()],
    submission: Annotated[uuid.UUID, Form()],
    seconds: Annotated[float | None, Form()] = None,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Keep an answer, and show the next question."""
    reason = reason.replace("\r\n", "\n").strip()
    if len(reason) > MAX_REASON:
        raise Refusal(422, f"A reason has at most {MAX_REASON:,} characters; yours has {len(reason):,}.")
    try:
        choice = _choice(console.store.question(question, session.who), pick)
        new = console.store.answer(
            question,
            session.who,
            choice,
            submission=str(submission),
            seconds=_clipped(seconds),
            reason=reason,
        )
    except StaleQuestion:
        said = "That round was closed while you were reading, so your answer was not counted."
        return _then_next(request, console, session, said, stale=True)
    console.progress.moved(session.who, new)
    return _then_next(
        request, console, session, f"Saved: {_SAID[pick]}." if new else "That was saved already."
    )


@router.post("/judge/undo")
def undo(request: Request, console: At, session: FormPerson) -> Response:
    """Withdraw the person's latest answer, and show its question again."""
    question = console.store.undo(session.who)
    if question is None:
        return _then_next(
            request, console, session, "There is nothing to undo: no answer, or its round is closed."
        )
    console.progress.moved(session.who, -1)
    return _swap(request, console, session, question, "Withdrawn. Answer it again.")


def _then_next(
    request: Request, console: Console, session: Session, said: str, *, stale: bool = False
) -> Response:
    question = console.store.next_question(session.who)
    if stale and question is not None:
        said += " Here is the next one."
    return _swap(request, console, session, question, said, stale=stale)


def _swap(
    request: Request,
    console: Console,
    session: Session,
    question: Question | None,
    said: str,
    *,
    stale: bool = False,
) -> Response:
    """The work in exchange for the one that is on the page; the whole page where there are no scripts."""
    if not is_swap(request) and not stale:
        return RedirectResponse("/judge", 303)
    template = "judge_work.html" if is_swap(request) else "judge.html"
    context = _work(console, session, question)
    context.update(said=said, stale=stale)
    return page(request, template, status=409 if stale else 200, session=session, **context)


def _work(console: Console, session: Session, question: Question | None) -> dict[str, Any]:
    """What the template of the work needs."""
    context: dict[str, Any] = {
        "question": question,
        "said": "",
        "stale": False,
        "longest_reason": MAX_REASON,
    }
    if question is None:
        mine = console.store.progress(who=session.who).by_annotator.get(session.who, 0)
        return context | {"answered": mine}
    progress = console.progress.of(question.run, question.round, session.who)
    return context | {
        "heading": heading_of(question),
        "prompt": prompt_of(question),
        "options": shown_options(question),
        "submission": uuid.uuid4(),
        "answered": progress.answered,
        "left": progress.left,
    }


def shown_options(question: Question) -> list[ShownOption]:
    """Both options in the order in which the person sees them, each compared with the other."""
    options = [question.item.options[position] for position in question.order]
    first, second = ({line.strip() for line in option.text.split("\n")} for option in options)
    # Where two texts of somebody's own share nothing, to mark all of both says nothing.
    return shown_pair(options, marked=question.extra is None or bool(first & second))


def shown_pair(options: Sequence[Option], *, marked: bool = True) -> list[ShownOption]:
    """Two options in this order, each compared with the other where that is to be `marked`."""
    return [
        ShownOption(
            key=str(place + 1),
            name=("First", "Second")[place],
            code=is_code(option.text),
            lines=text_lines(option.text, options[1 - place].text if marked else ""),
            trials=trials(option.observed, options[1 - place].observed),
        )
        for place, option in enumerate(options)
    ]


def heading_of(question: Question) -> str:
    """What is asked, in a line."""
    if question.extra is None:
        return question.item.question
    return str(question.extra.get("question") or ASKED)


def prompt_of(question: Question) -> list[Line]:
    """What both options of somebody's own pair answer to; nothing for other questions."""
    return [] if question.extra is None else text_lines(question.item.question)


def _choice(question: Question, pick: str) -> Choice:
    """What a pick among the shown options says of the item's options."""
    if pick in _PICKS:
        return (Choice.FIRST, Choice.SECOND)[question.order[_PICKS[pick]]]
    if pick not in _SAID:
        raise Refusal(422, "Choose 1, 2, as good or can't tell.")
    return Choice(pick)


def _clipped(seconds: float | None) -> float | None:
    """A plausible time; None where the browser measured nothing that can be one."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, _LONGEST_SECONDS)
