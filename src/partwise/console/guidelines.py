"""What people who judge are told: what it is about, what counts, what tools do, two examples, the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from partwise.console.judge import shown_pair
from partwise.console.web import At, Console, Person, page
from partwise.oversight.feedback import Brief

if TYPE_CHECKING:
    from partwise.worlds.base import World
    from partwise.worlds.guide import Example

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Value:
    """A value dimension in words."""

    name: str
    about: str
    """What counts against an option; empty where the world does not say."""
    matters: bool


@router.get("/guidelines")
def show(request: Request, console: At, session: Person) -> Response:
    """Of what the person is judging; where they hold nothing, how to judge."""
    run, round = console.store.held(session.who) or ("", 0)
    brief = console.store.brief(run) or Brief()
    return page(
        request,
        "guidelines.html",
        session=session,
        paragraphs=_paragraphs(brief.guidelines),
        **_world(console, brief, round),
    )


def _world(console: Console, brief: Brief, round: int) -> dict[str, Any]:
    """What a world says of itself. Of what matters in it only whether, never how much."""
    nothing: dict[str, Any] = {"world": "", "about": [], "values": [], "tools": [], "examples": []}
    if not brief.world:
        return nothing | {"problem": ""}
    from partwise.worlds.guide import guide_of
    from partwise.worlds.registry import load_world

    try:
        world = load_world(brief.world)
    except LookupError as error:
        return nothing | {"problem": str(error.args[0])}
    known = console.computed.get(f"guide {brief.world}")
    guide = known[1] if known else guide_of(world)
    console.computed[f"guide {brief.world}"] = (world, guide)
    matters = brief.matters_in(round)
    return {
        "problem": "",
        "world": world.name,
        "about": _paragraphs(guide.about),
        "values": [
            Value(
                name,
                guide.values.get(name, ""),
                world.values.matters(name) if matters is None else name in matters,
            )
            for name in world.dimensions
        ],
        "tools": _tools(world),
        "examples": [_example(example) for example in guide.examples],
    }


_EFFECTS = {
    "pure": "computes, and touches nothing",
    "read": "looks, and changes nothing",
    "reversible": "can be undone",
    "irreversible": "can't be undone",
}


def _tools(world: World) -> list[dict[str, str]]:
    return [
        {
            "call": f"{tool.name}({', '.join(tool.parameters)})",
            "effect": tool.effect.value,
            "effect_says": _EFFECTS[tool.effect.value],
            "doc": tool.doc,
        }
        for tool in world.tools.values()
    ]


def _example(example: Example) -> dict[str, Any]:
    said = "As good" if example.better is None else ("First", "Second")[example.better]
    return {
        "question": example.question,
        "options": shown_pair(example.options),
        "better": example.better,
        "said": said,
        "why": example.why,
    }


def _paragraphs(text: str) -> Sequence[str]:
    """Paragraphs of a text, which blank lines part."""
    return [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
