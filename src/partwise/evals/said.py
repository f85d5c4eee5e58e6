"""Turns that were written elsewhere, or at another time, put through the walk that rollouts take here.

So what a provider's model answers, and what a transcript has kept, is read, solved, run and verified by the
code that does so in training (`training/rollout.py`), and by no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from partwise.models.planner import Turn
from partwise.types import Task


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a planner wrote in one turn."""

    text: str
    finished: bool = True
    """Whether it ended by itself, within its tokens."""
    refused: bool = False
    """Whether its provider withheld the answer, as a filter of content does."""


UNSAID = Spoken("", finished=False)
"""The second turn of a planner that has not come to it."""
TURNS = ("decomposition", "composition")
"""Under which names logs keep the two turns."""


def turns_of(kept: Mapping[str, Any]) -> tuple[Spoken, Spoken]:
    """Both turns as a log keeps them under `TURNS`, each with `text` and `stop_reason`."""
    first, second = (_spoken(kept.get(turn)) for turn in TURNS)
    return first, second


def _spoken(turn: Mapping[str, str] | None) -> Spoken:
    if turn is None:
        return UNSAID
    refused = turn["stop_reason"] == "content_filter"
    # A refusal is whole: what is wrong with it is not that it was cut.
    return Spoken(turn["text"], finished=refused or turn["stop_reason"] == "stop", refused=refused)


class Said:
    """All of a planner that `RolloutEngine` uses, for one or more tasks whose turns are given."""

    chats = True
    """It was told what is asked of it: its programs are looked for strictly (`composition/answer.py`)."""
    constrained = False

    def __init__(self, first: Sequence[Spoken], second: Sequence[Spoken]) -> None:
        """Args:
        first: the first turn about each task.
        second: the second; where the first one fails it is not read.
        """
        self._turns = (first, second)
        self.parts: Sequence[str | None] = ()
        """Source of the partial solutions that each task's second turn is to compose, once rolled out; None
        where its first turn failed."""

    def open(self, tasks: Sequence[Task], copies: int, drafts: Any = None) -> Said:
        """Nothing has to be asked any more."""
        assert copies == 1 and len(tasks) == len(self._turns[0]), "one row a task"
        return self

    def prompt(self, row: int) -> list[int]:
        """No tokens: nothing is trained on them."""
        return []

    def decompose(self, *settings: Any) -> Turn:
        """The first turns."""
        return _turn(self._turns[0])

    def recompose(self, partial_solutions: Sequence[str | None], *settings: Any) -> tuple[list[Any], Turn]:
        """The second turns."""
        self.parts = partial_solutions
        return [[] for _ in partial_solutions], _turn(self._turns[1])


def _turn(said: Sequence[Spoken]) -> Turn:
    nothing = [list[Any]() for _ in said]
    return Turn(
        ids=nothing,
        logps=nothing,
        drawn=nothing,
        texts=[each.text for each in said],
        finished=[each.finished for each in said],
    )
