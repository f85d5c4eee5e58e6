"""Plans: what a run is about to do for good, and whether it may.

A plan's body is plain JSON data; all of it is optional, and what is not there is not shown:

    statement    the task in words
    parts        a list of {"source": text, "judgment": the proxy's word on it, 0 to 1, or null}
    composition  how the parts are put together
    summary      what it did when it was rehearsed, in words and counts
    effects      names of the tools it may call whose effect can't be undone
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from partwise.console.highlight import Line, text_lines
from partwise.console.web import At, Console, FormPerson, Person, Refusal, is_swap, page
from partwise.oversight.feedback import MAX_REASON, Plan, PlanState
from partwise.report.reading import list_at, text_at

router = APIRouter()
_SHOWN = 20
_MOST_PARTS = 50
_ENDED = {
    PlanState.APPROVED: "approved",
    PlanState.REFUSED: "refused",
    PlanState.WITHDRAWN: "withdrawn: whoever waited for it waits no longer",
}


@dataclass(frozen=True, slots=True)
class ShownPart:
    """One part of a plan."""

    lines: list[Line]
    judgment: float | None


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """A plan as a person sees it."""

    plan: Plan
    statement: str
    summary: list[str]
    effects: list[str]
    parts: list[ShownPart]
    composition: list[Line]


@router.get("/plans")
def show(request: Request, console: At, session: Person) -> Response:
    """The plans that wait, the oldest first."""
    return page(request, "plans.html", session=session, said="", **_waiting(console, 0))


@router.get("/plans/after/{last}")
def look_again(request: Request, console: At, session: Person, last: int) -> Response:
    """Plans that came since plan `last`; nothing (204) while there is none. What is on the page stays."""
    context = _waiting(console, last)
    if not context["plans"]:
        return Response(status_code=204)
    console.forget_plans()
    return page(request, "plans_more.html", session=session, oob=True, **context)


@router.post("/plans/{number}")
def decide(
    request: Request,
    console: At,
    session: FormPerson,
    number: int,
    verdict: Annotated[str, Form()],
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Approve or refuse a plan."""
    if verdict not in ("approve", "refuse"):
        raise Refusal(422, "A plan is approved or refused.")
    reason = reason.replace("\r\n", "\n").strip()
    if len(reason) > MAX_REASON:
        raise Refusal(422, f"A reason has at most {MAX_REASON:,} characters; yours has {len(reason):,}.")
    new = console.store.decide_plan(number, session.who, verdict == "approve", reason)
    console.forget_plans()
    if not is_swap(request):
        return RedirectResponse("/plans", 303)
    plan = console.store.plan(number)
    return page(
        request,
        "plan_ended.html",
        session=session,
        oob=True,
        plan=plan,
        new=new,
        ended=_ENDED.get(plan.state, "waiting"),
    )


def _waiting(console: Console, after: int) -> dict[str, Any]:
    waiting = [plan for plan in console.store.waiting_plans(limit=100) if plan.id > after]
    shown = waiting[:_SHOWN]
    return {
        "plans": [_shown(plan) for plan in shown],
        "last": shown[-1].id if shown else after,
        "more": len(waiting) - len(shown),
        "longest_reason": MAX_REASON,
    }


def _shown(plan: Plan) -> ShownPlan:
    body = plan.body
    parts = [cast(Mapping[str, Any], part) for part in list_at(body, "parts") if isinstance(part, Mapping)]
    return ShownPlan(
        plan=plan,
        statement=text_at(body, "statement"),
        summary=[line for line in text_at(body, "summary").split("\n") if line.strip()],
        effects=[str(effect) for effect in list_at(body, "effects")],
        parts=[
            ShownPart(text_lines(text_at(part, "source")), _judgment(part.get("judgment")))
            for part in parts[:_MOST_PARTS]
        ],
        composition=text_lines(text_at(body, "composition")) if text_at(body, "composition") else [],
    )


def _judgment(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return min(1.0, max(0.0, float(value))) if number else None
