from __future__ import annotations

from typing import Any

import pytest
from fixture_dinner import TOOLS
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.composition.summary import count_word, summarise
from partwise.types import Effect, Event

INPUTS: dict[str, Any] = {"task": "dinner", "users": ["Ana", "Bo", "Cy"], "options": ["Luna"]}


def event(tool: str, first: Any, result: Any = None) -> Event:
    effect = TOOLS[tool].effect if tool in TOOLS else Effect.PURE
    return Event(tool=tool, effect=effect, arguments=(first,), result=result, line=1, caller="")


def said(*calls: tuple[Any, ...]) -> str:
    return summarise([event(*call) for call in calls], TOOLS, INPUTS)


@pytest.mark.parametrize(
    ("calls", "text"),
    [
        ([], "Nothing was done."),
        ([("unknown", "x")], "Nothing was done."),
        ([("message", "Ana"), ("message", "Cy"), ("message", "Bo")], "message: all of users, once each."),
        ([("message", u) for u in ("Ana", "Bo", "Cy", "Bo")], "message: all of users, some more than once."),
        ([("message", "Ana"), ("message", "Bo")], "message: some of users."),
        ([("message", "Ana")], "message: one of users."),
        ([("message", "Ana"), ("message", "Ana")], "message: one of users, some more than once."),
        ([("message", "Ana"), ("message", "Zoe")], "message: one of users, and others."),
        ([("message", ["Ana"])], "message: one call."),
        ([("search", "food")] * 3, "search: a few calls."),
        ([("search", "food")] * 2, "search: two calls."),
        ([("reserve", "Luna", False)], "reserve: one call, none succeeded."),
        ([("reserve", "Luna", n == 3) for n in range(7)], "reserve: many calls, one succeeded."),
        (
            [("reserve", "Luna", True), ("message", "Ana"), ("reserve", "Luna", 1)],
            "message: one of users.\nreserve: two calls, two succeeded.",
        ),
    ],
)
def test_what_was_done_is_said_in_words(calls: list[tuple[Any, ...]], text: str) -> None:
    assert said(*calls) == text


def test_counts_are_words() -> None:
    assert [count_word(n) for n in range(7)] == ["none", "one", "two", "a few", "a few", "many", "many"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(list(TOOLS)), st.sampled_from(["Ana", "Bo", "Zoe", 3]), st.booleans()))
)
def test_the_text_is_short_and_has_few_words(calls: list[tuple[str, Any, bool]]) -> None:
    text = said(*calls)
    words = text.replace(":", "").replace(".", "").replace(",", "").split()
    known = set("one two a few many none all some of once each more than and".split())  # noqa: SIM905
    known |= {"others", "call", "calls", "succeeded", "Nothing", "was", "done"}
    assert set(words) <= {*known, *TOOLS, *INPUTS}
    assert len(words) <= 40
    assert text == said(*reversed(calls))
