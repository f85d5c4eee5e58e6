"""H as a run has it: who answers at once, people in the console, or a panel of both; every answer is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from partwise.oversight.feedback import FeedbackError, FeedbackStore
from partwise.oversight.human import Human
from partwise.types import Answer, JudgmentItem, Purpose

_POLL = 0.5
"""Seconds between two looks at what people have answered."""


class NobodyAnswers(FeedbackError):
    """People were waited for in vain."""


class People:
    """Members take turns, question by question: `console` is waited for, the others answer at once.

    What was answered before an interruption is found in the store and not asked again.
    """

    def __init__(
        self,
        members: Sequence[str],
        at_once: Mapping[str, Human],
        store: FeedbackStore,
        run: str,
        *,
        overlap: float,
        patience: float,
        listen: Callable[[str, int, int], None],
    ) -> None:
        """Args:
        members: `console` or one of `at_once`, in the order of their turns.
        at_once: by name those who answer where it is their turn.
        store: where questions wait for people, and all answers are kept.
        run: names the run in the store.
        overlap: share of the console's questions that two people are asked.
        patience: minutes without a new answer after which waiting ends.
        listen: told what is waited for, how many of the questions are answered, and of how many.
        """
        self._members, self._at_once, self._store, self._run = members, at_once, store, run
        self._overlap, self._patience, self._listen = overlap, patience, listen
        self._asked: dict[int, int] = {}

    def answer(
        self, items: Sequence[JudgmentItem], *, round: int, purpose: Purpose = Purpose.CONTROL
    ) -> list[Answer]:
        """The answers in the order of the items; two where two people were asked.

        Only an answer that was withdrawn at the last moment is missing.

        Raises:
            NobodyAnswers: no answer came for as long as patience lasts.
        """
        first = self._asked.get(round, 0)
        self._asked[round] = first + len(items)
        turns = {name: list[int]() for name in ("console", *self._at_once)}
        for position in range(first, first + len(items)):
            turns[self._members[position % len(self._members)]].append(position)
        by_position = dict(zip(range(first, first + len(items)), items, strict=True))
        answers = dict[int, list[Answer]]()
        for name, human in self._at_once.items():
            answers |= self._hear(human, by_position, turns[name], round, purpose)
        answers |= self._wait_for(by_position, turns["console"], round, purpose)
        return [answer for position in sorted(answers) for answer in answers[position]]

    def _hear(
        self,
        human: Human,
        items: dict[int, JudgmentItem],
        positions: list[int],
        round: int,
        purpose: Purpose,
    ) -> dict[int, list[Answer]]:
        said = human.answer([items[p] for p in positions], round=round, purpose=purpose)
        if said:
            self._store.record(self._run, round, said, purposes=[purpose] * len(said), positions=positions)
        return {position: [answer] for position, answer in zip(positions, said, strict=True)}

    def _wait_for(
        self, items: dict[int, JudgmentItem], positions: list[int], round: int, purpose: Purpose
    ) -> dict[int, list[Answer]]:
        if not positions:
            return {}
        shared = {p for p in positions if int((p + 1) * self._overlap) > int(p * self._overlap)}
        for people, asked in ((1, [p for p in positions if p not in shared]), (2, sorted(shared))):
            self._store.ask(
                self._run,
                round,
                [items[p] for p in asked],
                purposes=[purpose] * len(asked),
                version=f"round {round}",
                answers_wanted=people,
                positions=asked,
            )
        self._wait(round)
        # Closed before they are read: what the proxy learns from can't be withdrawn any more.
        self._store.close_round(self._run, round)
        found: dict[int, list[Answer]] = {}
        for stored in self._store.answers(self._run, round=round):
            if stored.question.position in positions:
                found.setdefault(stored.question.position, []).append(stored.answer)
        return found

    def _wait(self, round: int) -> None:
        most, since = -1, time.monotonic()
        while (progress := self._store.progress(self._run, round)).open:
            if progress.answered > most:
                most, since = progress.answered, time.monotonic()
            if time.monotonic() - since > 60 * self._patience:
                raise NobodyAnswers(
                    f"No answer came for {self._patience:g} minutes, and {progress.open} questions wait: "
                    f"partwise console --store {self._store.name}, then resume the run."
                )
            waiting = f"waiting for people: partwise console --store {self._store.name}"
            self._listen(waiting, progress.answered, progress.asked)
            time.sleep(_POLL)
