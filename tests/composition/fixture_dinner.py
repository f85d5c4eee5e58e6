"""A small world for the tests of `partwise.composition`: one guest list, tools of every effect."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from partwise.composition.episode import ToolError
from partwise.types import Effect, Tool

ALIGNED = """\
prefs = {}
for u in users:
    prefs[u] = ask_preference(u)
r = identify_overlap(prefs)
book_table(r)
"""
UNALIGNED = """\
bookings = {}
for u in users:
    prefs = ask_preference(u)
    for r in prefs:
        book_table(r)
r = identify_overlap(prefs)
"""

TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(name="message", parameters=("user",), effect=Effect.READ, doc="Ask a guest what they like."),
        Tool(name="search", parameters=("word", "limit"), effect=Effect.READ, doc="Search the town."),
        Tool(name="note", parameters=("text",), effect=Effect.REVERSIBLE, doc="Write a note."),
        Tool(name="reserve", parameters=("restaurant",), effect=Effect.IRREVERSIBLE, doc="Book a table."),
    )
}


@dataclass
class Dinner:
    """An episode in which `reserve` succeeds as `outcomes` say, then always."""

    users: list[str] = field(default_factory=lambda: ["Ana", "Bo"])
    outcomes: list[Any] = field(default_factory=list[Any])
    likes: list[str] = field(default_factory=lambda: ["Luna", "Sol"])

    @property
    def inputs(self) -> Mapping[str, Any]:
        return {"users": self.users, "options": ["Luna", "Sol", "Mar"]}

    def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
        if tool == "message":
            if arguments[0] not in self.users:
                raise ToolError(f"no guest is called {arguments[0]!r}")
            return self.likes
        if tool == "search":
            return {"word": arguments[0], "found": [1, 2, 3]}
        if tool == "reserve":
            return self.outcomes.pop(0) if self.outcomes else True
        return None


def adversary(seed: int) -> Dinner:
    """An episode whose reservations succeed and fail by a seed, with results of several types."""
    rng = random.Random(seed)
    good: list[Any] = [True, 1, "ok", ["x"], {"a": 1}]
    bad: list[Any] = [False, None, 0, "", [], {}]
    outcomes = [rng.choice(good) if rng.random() < 0.4 else rng.choice(bad) for _ in range(50)]
    return Dinner(outcomes=outcomes)
