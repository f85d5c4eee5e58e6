"""A generation of a ladder: what its models did in held-out scenes, before and after injection, to browse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from partwise.console.runs import find
from partwise.console.scenes import fits, generations, read_scenes, tag_counts
from partwise.console.transcripts import PAGE
from partwise.console.web import At, PageNumber, Person, Refusal, is_swap, page

router = APIRouter()


@router.get("/generations/{number}/{name:path}")
def show_generation(
    request: Request,
    console: At,
    session: Person,
    number: str,
    name: str,
    before: str = "",
    after: str = "",
    words: str = "",
    page_number: PageNumber = 1,
) -> Response:
    """The scenes of a generation that are wanted; they alone, where only they are wanted anew."""
    run = find(console, name)
    folder = console.runs.root / run.name
    there = generations(folder) if run.kind == "progress" else {}
    if not number.isascii() or not number.isdigit() or int(number) not in there:
        said = f"Of generation {number[:20]} of {run.name} nothing is measured; there is {_named(there)}."
        raise Refusal(404, said, title="There is no such generation")
    scenes, damaged = read_scenes(folder, int(number), there[int(number)])
    wanted = {"before": before, "after": after, "words": words.strip()[:200]}
    found = [scene for scene in scenes if fits(scene, wanted)]
    pages = max(1, -(-len(found) // PAGE))
    shown = min(max(1, page_number), pages)
    context: dict[str, Any] = {
        "run": run,
        "number": int(number),
        "there": there,
        "sides": there[int(number)],
        "counts": {side: tag_counts(scenes, side) for side in there[int(number)]},
        "wanted": wanted,
        "total": len(scenes),
        "found": len(found),
        "scenes": found[(shown - 1) * PAGE : shown * PAGE],
        "shown": shown,
        "pages": pages,
        "damaged": damaged,
    }
    template = "scenes.html" if is_swap(request) else "generation.html"
    return page(request, template, session=session, **context)


def _named(there: Mapping[int, Sequence[str]]) -> str:
    return ", ".join(map(str, there)) or "none yet"
