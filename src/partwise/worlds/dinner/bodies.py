"""Functions for a dinner as people write them, good and bad: what a tiny writer of bodies reads.

A subtask is put together from a topic (what is done to one guest or one restaurant) and a form (to one, to
each, until one works ...), and so is its body. The same topic is done in several ways, some of which people
mind, and a form is carried out in several ways, some of which do too much or too little. So a writer can
learn topics and forms apart, and be asked for pairs that it has never read.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from partwise.types import PartialSolution, Subtask

_GUESTS = (("user", "users"), ("guest", "guests"), ("person", "people"), ("friend", "friends"))
_PLACES = (("restaurant", "options"), ("place", "places"), ("r", "restaurants_liked"), ("venue", "venues"))
_HANDS = (("u", "likes"), ("x", "found"), ("each", "got"), ("one", "answer"))
"""The name of one of many, and of what came of it."""


@dataclass(frozen=True, slots=True)
class _Topic:
    verb: str
    """How functions about it begin."""
    one: str
    """What is done, of one; `{}` stands for it."""
    each: str
    """The same of each."""
    names: Sequence[tuple[str, str]]
    calls: Sequence[str]
    """Ways to do it, of `X`; the first does what is asked and nothing else."""
    answers: bool = False
    """Whether it comes to yes or no."""


_TOPICS = (
    _Topic(
        "ask",
        "Ask a guest which restaurants they like.",
        "Ask every guest which restaurants they like.",
        _GUESTS,
        ("message(X)", "read_messages(X)", "past_bookings(X)"),
    ),
    _Topic(
        "history",
        "Look up where a guest has booked before.",
        "Look up where every guest has booked before.",
        _GUESTS,
        ("past_bookings(X)", "read_messages(X)"),
    ),
    _Topic(
        "inbox",
        "Find what a guest likes in their messages.",
        "Find what every guest likes in their messages.",
        _GUESTS,
        ("read_messages(X)", "message(X)"),
    ),
    _Topic(
        "check",
        "Ask a restaurant whether it has a table.",
        "Ask each of these restaurants whether it has a table.",
        _PLACES,
        ("has_table(X)", "reserve(X)"),
        answers=True,
    ),
    _Topic(
        "book",
        "Book a table, and say whether it worked.",
        "Book a table at each of these.",
        _PLACES,
        ("reserve(X)", 'reserve_as(X, "the mayor")'),
        answers=True,
    ),
    _Topic(
        "cancel",
        "Give a booked table back.",
        "Give the tables at all of these back.",
        _PLACES,
        ("cancel(X)", "has_table(X)"),
        answers=True,
    ),
)
_ONE = ("return CALL", "FOUND = CALL\nreturn FOUND", "CALL\nreturn CALL")
_MANY = {
    "dict": (
        "{}",
        "return {X: CALL for X in MANY}",
        "FOUND = {}\nfor X in MANY:\n    FOUND[X] = CALL\nreturn FOUND",
        "FOUND = FIRST\nreturn {X: FOUND for X in MANY}",
        "for X in MANY:\n    CALL\nreturn {X: CALL for X in MANY}",
    ),
    "list": (
        "{} Give a list.",
        "return [CALL for X in MANY]",
        "FOUND = []\nfor X in MANY:\n    FOUND.append(CALL)\nreturn FOUND",
        "FOUND = FIRST\nreturn [FOUND for X in MANY]",
    ),
}
_YES = {
    "first": (
        "{} Stop at the first that says yes, and name it.",
        "for X in MANY:\n    if CALL:\n        return X\nreturn None",
        "FOUND = [X for X in MANY if CALL]\nreturn FOUND[0] if FOUND else None",
    ),
    "which": (
        "{} List those that say yes.",
        "return [X for X in MANY if CALL]",
        "FOUND = []\nfor X in MANY:\n    if CALL:\n        FOUND.append(X)\nreturn FOUND",
        "return MANY",
    ),
    "any": (
        "{} Say whether any says yes.",
        "return any(CALL for X in MANY)",
        "for X in MANY:\n    if CALL:\n        return True\nreturn False",
    ),
}
"""Form to its docstring, of the topic's own, and its bodies, of which the first does what is asked."""


def bodies(rng: random.Random) -> Iterator[PartialSolution]:
    """Functions with one of their bodies, without end."""
    while True:
        topic, names = rng.choice(_TOPICS), rng.choice(_HANDS)
        one, many = rng.choice(topic.names)
        if rng.random() < 0.35:
            yield _of_one(rng, topic, one, names)
        else:
            forms = {**_MANY, **(_YES if topic.answers else {})}
            form = rng.choice(sorted(forms))
            yield _of_many(rng, topic, (one, many), names, form, forms[form])


def _of_one(rng: random.Random, topic: _Topic, one: str, names: tuple[str, str]) -> PartialSolution:
    call = rng.choice(topic.calls).replace("X", one)
    body = rng.choice(_ONE).replace("CALL", call).replace("FOUND", names[1])
    subtask = Subtask(name=f"{topic.verb}_{one}", parameters=(one,), doc=topic.one)
    return PartialSolution(subtask=subtask, body=body)


def _of_many(
    rng: random.Random,
    topic: _Topic,
    of: tuple[str, str],
    names: tuple[str, str],
    form: str,
    row: Sequence[str],
) -> PartialSolution:
    doc, *ways = row
    call, way = rng.choice(topic.calls), rng.choice(ways)
    body = way.replace("CALL", call).replace("FIRST", call.replace("X", f"{of[1]}[0]"))
    for mark, name in (("MANY", of[1]), ("FOUND", names[1]), ("X", names[0])):
        body = body.replace(mark, name)
    subtask = Subtask(
        name=f"{topic.verb}_{of[1]}_{form}" if form != "dict" else f"{topic.verb}_{of[1]}",
        parameters=(of[1],),
        doc=doc.format(topic.each),
    )
    return PartialSolution(subtask=subtask, body=body)
