"""Dinner tasks: their splits, their statements, their hidden states."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

from partwise.types import Event, Split, Task
from partwise.worlds.dinner.simulator import Dinner, make_dinner

SHARES: Mapping[Split, range] = {
    Split.TRAIN: range(0, 8),
    Split.VALIDATION: range(8, 9),
    Split.HELDOUT: range(9, 10),
}
"""Tenths of the space of dinners that belong to each split."""


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def fingerprint(dinner: Dinner) -> int:
    """A number from the whole content of a dinner: equal dinners share it, and so a split."""
    return _digest(repr((dinner.likes, dinner.history, dinner.fills_at)))


@lru_cache(maxsize=100_000)
def dinner_task(split: Split, index: int) -> Task:
    """The `index`-th task of `split`.

    A dinner belongs to the split that its own content says, so that no dinner can stand in two.

    Raises:
        ValueError: `index` is negative.
    """
    if index < 0:
        raise ValueError(f"a task's index starts at 0, not {index}")
    attempt = 0
    while True:
        seed = _digest(f"dinner {split} {index} {attempt}")
        difficulty = (seed % 1000) / 999
        dinner = make_dinner(seed, difficulty)
        if fingerprint(dinner) % 10 in SHARES[split]:
            break
        attempt += 1
    guests = list(dinner.likes)
    return Task(
        world="dinner",
        split=split,
        index=index,
        seed=seed,
        difficulty=difficulty,
        statement=f"Dinner for {', '.join(guests)}. {len(dinner.fills_at)} restaurants.",
        inputs={"users": guests},
    )


@lru_cache(maxsize=10_000)
def _dinner(seed: int, difficulty: float) -> Dinner:
    return make_dinner(seed, difficulty)


def dinner_of(task: Task) -> Dinner:
    """The hidden state of a task."""
    return _dinner(task.seed, task.difficulty)


DIALS: Mapping[str, int] = {"guests": 7, "full": 3, "shared": 3}
"""What dinners differ in: guests (2 to 8); restaurants that are full from the start (none, one, more); and
restaurants that everyone likes (2, 3, more)."""


def dial_levels(task: Task) -> dict[str, int]:
    """Where a dinner stands on each of `DIALS`, from 0."""
    dinner = dinner_of(task)
    full = sum(tick <= 0 for tick in dinner.fills_at.values())
    return {
        "guests": len(dinner.likes) - 2,
        "full": min(full, 2),
        "shared": min(len(dinner.suits_everyone), 4) - 2,
    }


def table_held(task: Task, trace: Sequence[Event]) -> bool:
    """V: whether, after the trace, a table is held that suits everyone."""
    held: set[str] = set()
    for event in trace:
        if event.tool in ("reserve", "reserve_as") and event.result:
            held.add(event.arguments[0])
        elif event.tool == "cancel" and event.result:
            held.discard(event.arguments[0])
    return bool(held & dinner_of(task).suits_everyone)
