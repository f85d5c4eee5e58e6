"""What a run did, in few words, for a judge who can't read the whole (Mai et al. 2025, section 5).

The text is lossy on purpose: it counts in words, and says nothing of order or results. All of its words
are lower case but the first of "Nothing was done." and are drawn from a fixed list, the names of the
tools and the names of the inputs.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, cast

from partwise.draws import share_of
from partwise.types import Effect, Event, Tool

NOTHING = "Nothing was done."
"""The summary of a solution that did nothing that shows."""
SAMPLE = (
    "none one two a few many call calls, one two a few many succeeded. all some one of users, once each, \
some more than once, and others.\n"
)
"""The words that summaries are made of, for a vocabulary."""


def summarise(trace: Sequence[Event], tools: Mapping[str, Tool], inputs: Mapping[str, Any]) -> str:
    """One line for each tool that was called, in the order of `tools`; tools that only compute are left out.

    A tool whose first argument comes from a list of the inputs is told by how much of the list it reached
    (`message: all of users, once each.`), any other by its calls (`search: a few calls.`), and one that
    can't be undone also by its successes (`reserve: many calls, one succeeded.`).

    Args:
        trace: the events of one run.
        tools: the world's tools by name; events of other tools are left out.
        inputs: the task's inputs by name; lists, tuples and dicts count as lists.
    """
    lines: list[str] = []
    for name, tool in tools.items():
        events = [event for event in trace if event.tool == name]
        if events and tool.effect is not Effect.PURE:
            lines.append(f"{name}: {_deeds(events, tool, inputs)}.")
    return "\n".join(lines) or NOTHING


def without_lines(summary: str, dropped: float, about: str) -> str:
    """A summary of which each line is missing with a chance; which ones, `about` decides.

    Args:
        summary: what `summarise` returned.
        dropped: the chance, 0 to 1.
        about: what it is a summary of, so that the same one always lacks the same lines.
    """
    if not dropped:
        return summary
    kept = [line for line in summary.split("\n") if share_of(about, line.partition(":")[0]) >= dropped]
    return "\n".join(kept) or NOTHING


def count_word(count: int) -> str:
    """A count of 0 or more as a judge is told it: none, one, two, a few (3 and 4), many (5 and more)."""
    return ("none", "one", "two", "a few", "a few", "many")[min(count, 5)]


def _deeds(events: Sequence[Event], tool: Tool, inputs: Mapping[str, Any]) -> str:
    if tool.effect is Effect.IRREVERSIBLE:
        return f"{_calls(len(events))}, {count_word(sum(bool(event.result) for event in events))} succeeded"
    firsts = [event.arguments[0] for event in events if event.arguments]
    reached = _coverage([first for first in firsts if _is_hashable(first)], inputs)
    return reached or _calls(len(events))


def _calls(count: int) -> str:
    return f"{count_word(count)} {'call' if count == 1 else 'calls'}"


def _coverage(firsts: Sequence[Hashable], inputs: Mapping[str, Any]) -> str:
    """How much of an input list the first arguments reach; empty where they reach none."""
    best, known = "", frozenset[Hashable]()
    for name, value in inputs.items():
        items = _items(value)
        if len(items & set(firsts)) > len(known & set(firsts)):
            best, known = name, items
    if not best:
        return ""
    reached = set(firsts) & known
    words = "all" if len(reached) == len(known) else "one" if len(reached) == 1 else "some"
    again = any(firsts.count(item) > 1 for item in reached)
    text = f"{words} of {best}" + (
        ", some more than once" if again else ", once each" if words == "all" else ""
    )
    return text + (", and others" if set(firsts) - known else "")


def _items(value: Any) -> frozenset[Hashable]:
    if not isinstance(value, list | tuple | dict):
        return frozenset()
    return frozenset(item for item in cast(list[Any], value) if _is_hashable(item))


def _is_hashable(value: Any) -> bool:
    """Whether a value can be a member of a set: a tuple can't be where it holds a list, at any depth."""
    try:
        hash(value)
    except TypeError:
        return False
    return True
