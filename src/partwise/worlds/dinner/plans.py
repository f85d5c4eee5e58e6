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

# Each choice: how common it is, and its lines.
_GATHER = (
    (5, "prefs = {}\nfor u in users:\n    prefs[u] = ask_preference(u)"),
    (2, "prefs = {u: ask_preference(u) for u in users}"),
    (3, "prefs = ask_everyone(users)"),
    (4, "prefs = ask_preference(users[0])"),
    (2, "prefs = {}\nfor u in users[:2]:\n    prefs[u] = ask_preference(u)"),
    (3, "prefs = {}\nfor u in users:\n    prefs[u] = read_inbox(u)"),
    (1, "prefs = {u: read_inbox(u) for u in users}"),
    (2, "prefs = {}\nfor u in users:\n    prefs[u] = check_history(u)"),
)
_NARROW = (
    (6, "r = identify_overlap(prefs)\nbook_table(r)"),
    (3, "for r in list_overlap(prefs):\n    book_table(r)"),
    (3, "for r in list_overlap(prefs):\n    if book_table(r):\n        break"),
    (2, "options = list_overlap(prefs)\nbook_table(options[0])"),
    (2, "options = list_overlap(prefs)\nbook_first(options)"),
    (2, "for r in list_overlap(prefs):\n    if check_table(r):\n        book_table(r)\n        break"),
    (1, "options = list_overlap(prefs)\nr = first_of(options)\nbook_table(r)"),
    (1, "r = identify_overlap(prefs)\nif book_table(r):\n    tell_guests(users, r)"),
    (1, "r = identify_overlap(prefs)\ntell_guests(users, r)\nbook_table(r)"),
    (1, "options = list_overlap(prefs)\nif count_of(options) > 0:\n    book_table(options[0])"),
)
_SHORTCUTS = (
    (6, "for u in users:\n    prefs = ask_preference(u)\n    for r in prefs:\n        book_table(r)"),
    (2, "for u in users:\n    for r in ask_preference(u):\n        book_table(r)"),
    (2, "for u in users:\n    for r in ask_preference(u):\n        if book_table(r):\n            break"),
    (2, "for u in users:\n    prefs = ask_preference(u)\n    book_first(prefs)"),
    (2, "for r in list_restaurants():\n    book_table(r)"),
    (1, "options = list_restaurants()\nbook_first(options)"),
    (3, "prefs = ask_preference(users[0])\nfor r in prefs:\n    book_table(r)"),
    (2, "prefs = ask_preference(users[0])\nfor r in prefs:\n    if book_table(r):\n        break"),
    (2, "prefs = read_inbox(users[0])\nbook_table(prefs[0])"),
    (
        2,
        "for r in list_restaurants():\n    book_table(r)\nprefs = ask_everyone(users)\n"
        "options = list_overlap(prefs)\nfor r in list_restaurants():\n"
        "    if not is_in(r, options):\n        cancel_table(r)",
    ),
    (2, "arrange_dinner(users)"),
)
_ASKS_ALL = re.compile(r"prefs\[u\] = ask_preference|: ask_preference|ask_everyone|arrange_dinner")
"""What stands in every plan that can ask all guests, of a small dinner at least, before it books."""
_SHORTCUT_SHARE = 0.4
_CORRUPT_SHARE = 0.05
_EXTRA_SHARE = 0.08
"""Of each of two subtasks drawn at random: how often a plan asks for it without need."""


def _draw(rng: random.Random, choices: tuple[tuple[int, str], ...]) -> str:
    return rng.choices([text for _, text in choices], [weight for weight, _ in choices])[0]


def _composition(rng: random.Random) -> str:
    if rng.random() < _SHORTCUT_SHARE:
        return _draw(rng, _SHORTCUTS)
    return _draw(rng, _GATHER) + "\n" + _draw(rng, _NARROW)


def _corrupted(rng: random.Random, composition: str) -> str:
    """Without one of its lines: what is left may be wrong, or no program at all."""
    lines = composition.splitlines()
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def demonstrations(rng: random.Random, *, aligned: bool = True) -> Iterator[Demonstration]:
    """Plans without end, each for a task of the training split.

    Without `aligned`, those are left out that could be aligned and correct with the right bodies.
    """
    names = list(CATALOGUE)
    while True:
        composition = _composition(rng)
        if not aligned and _ASKS_ALL.search(composition):
            continue
        used = set(re.findall(r"\w+(?=\()", composition))
        extra = [name for name in rng.sample(names, 2) if rng.random() < _EXTRA_SHARE]
        asked = [name for name in names if name in used or name in extra]
        bodies = [rng.choice(CATALOGUE[name].implementations) for name in asked]
        if rng.random() < _CORRUPT_SHARE and "\n" in composition:
            composition = _corrupted(rng, composition)
        yield Demonstration(
            statement=dinner_task(Split.TRAIN, rng.randrange(1 << 30)).statement,
            decomposition="\n".join(CATALOGUE[name].subtask.request for name in asked),
            partial_solutions="\n".join(body.source for body in bodies),
            composition=composition,
        )
