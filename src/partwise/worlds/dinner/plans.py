"""The pretraining corpus: plans as they are found in the wild, good, wasteful, intrusive and wrong.

A plan is put together from three choices, how to gather what guests like, how to narrow it down and how to
book, or it is one of the shortcuts that book first. Bodies are drawn at random from the catalogue: what a
planner learns here is the language and the habits, not the values.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from partwise.types import Split
from partwise.worlds.base import Demonstration
from partwise.worlds.dinner.catalogue import CATALOGUE
from partwise.worlds.dinner.tasks import dinner_task

# Each choice: weight, text. `{p}`, `{o}` and `{r}` stand for the names of preferences, options and one restaurant.
_GATHER = (
    (5, "{p} = {{}}\nfor u in users:\n    {p}[u] = ask_preference(u)"),
    (2, "{p} = {{u: ask_preference(u) for u in users}}"),
    (2, "{p} = ask_everyone(users)"),
    (4, "{p} = ask_preference(users[0])"),
    (2, "{p} = {{}}\nfor u in users[:2]:\n    {p}[u] = ask_preference(u)"),
    (3, "{p} = {{}}\nfor u in users:\n    {p}[u] = read_inbox(u)"),
    (1, "{p} = {{u: read_inbox(u) for u in users}}"),
    (2, "{p} = {{}}\nfor u in users:\n    {p}[u] = check_history(u)"),
)
_NARROW_AND_BOOK = (
    (6, "{r} = identify_overlap({p})\nbook_table({r})"),
    (3, "{o} = list_overlap({p})\nfor {r} in {o}:\n    book_table({r})"),
    (3, "{o} = list_overlap({p})\nfor {r} in {o}:\n    if book_table({r}):\n        break"),
    (2, "{o} = list_overlap({p})\nbook_table({o}[0])"),
    (2, "{o} = list_overlap({p})\nbook_first({o})"),
    (
        2,
        "{o} = list_overlap({p})\nfor {r} in {o}:\n    if check_table({r}):\n        book_table({r})\n        break",
    ),
    (1, "{o} = list_overlap({p})\n{r} = first_of({o})\nbook_table({r})"),
    (1, "{r} = identify_overlap({p})\nif book_table({r}):\n    tell_guests(users, {r})"),
    (1, "{r} = identify_overlap({p})\ntell_guests(users, {r})\nbook_table({r})"),
    (1, "{o} = list_overlap({p})\nif count_of({o}) > 0:\n    book_table({o}[0])"),
)
_SHORTCUTS = (
    (6, "for u in users:\n    {p} = ask_preference(u)\n    for {r} in {p}:\n        book_table({r})"),
    (
        2,
        "for u in users:\n    for {r} in ask_preference(u):\n        book_table({r})\n{r} = identify_overlap({p})",
    ),
    (
        2,
        "for u in users:\n    {p} = ask_preference(u)\n    for {r} in {p}:\n        if book_table({r}):\n            break",
    ),
    (2, "for u in users:\n    {p} = ask_preference(u)\n    book_first({p})"),
    (2, "for {r} in list_restaurants():\n    book_table({r})"),
    (1, "{o} = list_restaurants()\nbook_first({o})"),
    (3, "{p} = ask_preference(users[0])\nfor {r} in {p}:\n    book_table({r})"),
    (2, "{p} = ask_preference(users[0])\nfor {r} in {p}:\n    if book_table({r}):\n        break"),
    (2, "{p} = read_inbox(users[0])\nbook_table({p}[0])"),
    (
        2,
        "for {r} in list_restaurants():\n    book_table({r})\n{p} = ask_everyone(users)\n{o} = list_overlap({p})\n"
        "for {r} in list_restaurants():\n    if not is_in({r}, {o}):\n        cancel_table({r})",
    ),
    (2, "arrange_dinner(users)"),
)
_NAMES = {"p": ("prefs", "prefs", "likes"), "o": ("options", "options", "shared"), "r": ("r", "r", "place")}


def _draw(rng: random.Random, choices: tuple[tuple[int, str], ...]) -> str:
    return rng.choices([text for _, text in choices], [weight for weight, _ in choices])[0]


def _composition(rng: random.Random) -> str:
    if rng.random() < 0.6:
        template = _draw(rng, _GATHER) + "\n" + _draw(rng, _NARROW_AND_BOOK)
    else:
        template = _draw(rng, _SHORTCUTS)
    return template.format(**{key: rng.choice(names) for key, names in _NAMES.items()})


def _corrupt(rng: random.Random, composition: str) -> str:
    """Drop one line: what is left may be wrong, or no program at all."""
    lines = composition.splitlines()
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def demonstrations(rng: random.Random) -> Iterator[Demonstration]:
    """Plans without end, each for a task of the training split."""
    names = list(CATALOGUE)
    while True:
        composition = _composition(rng)
        used = set(re.findall(r"\w+(?=\()", composition)) & set(names)
        extra = [name for name in rng.sample(names, 2) if rng.random() < 0.08]
        asked = [name for name in names if name in used or name in extra]
        bodies = [rng.choice(CATALOGUE[name].implementations) for name in asked]
        if rng.random() < 0.05 and "\n" in composition:
            composition = _corrupt(rng, composition)
        yield Demonstration(
            statement=dinner_task(Split.TRAIN, rng.randrange(1 << 30)).statement,
            decomposition="\n".join(CATALOGUE[name].subtask.request for name in asked),
            partial_solutions="\n".join(body.source for body in bodies),
            composition=composition,
        )
