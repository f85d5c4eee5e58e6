"""A solver that writes and learns: a causal language model is given a subtask, and its weights may move.

It may be a tiny one, pretrained on a world's functions, or any of Hugging Face's. They differ in how they are
asked and how they answer (`Form`), and in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from partwise.models.chat_model import End, Reply
from partwise.models.prompts import Prompts
from partwise.models.writer import Writer
from partwise.oversight.attempts import Attempt, Came, bodies_of, read_body, read_function
from partwise.types import PartialSolution, Subtask

WRITER = "writer"
"""The folder of a checkpoint that has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a writer is asked for a subtask, and how it answers."""

    ask: Callable[[Subtask], str]
    """What it is told, as the message of a user."""
    answer: Callable[[PartialSolution], str]
    """The answer that is this one."""
    read: Callable[[Reply, Subtask, int], Attempt]
    """What an answer comes to, for a subtask and within so many syntax nodes."""


def asked(subtask: Subtask) -> str:
    """What a tiny model is given: what is wanted, and the `def` line."""
    return f"{subtask.doc}\n{subtask.signature}\n"


TINY = Form(ask=asked, answer=lambda part: part.body, read=read_body)
"""A tiny model answers by the body alone."""


def by_prompt(prompts: Prompts) -> Form:
    """Any other model is told `solve`, and answers by the whole function."""
    return Form(
        ask=lambda subtask: prompts.solve(subtask.request),
        answer=lambda part: part.source,
        read=read_function,
    )


class BodyWriter:
    """Writes several candidates for a subtask; the judge takes one of those that are programs.

    It may be asked for what no catalogue names. What it wrote is kept until its weights move, so that a
    subtask is solved the same wherever it comes up.
    """

    def __init__(
        self,
        load: Callable[[], Writer],
        form: Form,
        *,
        copies: int,
        capacity: int,
        longest: int,
        seed: int,
    ) -> None:
        """Args:
        load: opens the model, when it is first needed: proxies of earlier rounds only judge.
        form: how it is asked, and answers.
        copies: candidates that it writes for a subtask, of which those that are programs and differ count.
        capacity: syntax nodes of the most complex body that counts.
        longest: tokens of one answer.
        seed: of what is drawn.
        """
        self.form = form
        self._load, self._copies, self._capacity = load, copies, capacity
        self._longest, self._seed = longest, seed
        self._written: dict[Subtask, list[Attempt]] = {}

    @cached_property
    def writer(self) -> Writer:
        """The model."""
        return self._load()

    def bodies(self, subtasks: Sequence[Subtask]) -> list[list[PartialSolution]]:
        """What it writes for each, in the order in which it came to it; what is no program is left out."""
        return [bodies_of(attempts) for attempts in self.attempts(subtasks)]

    def attempts(self, subtasks: Sequence[Subtask]) -> list[list[Attempt]]:
        """All that it writes for each subtask, in order, and what came of it."""
        # One by one, so that what is written for a subtask does not depend on what else is asked.
        for subtask in subtasks:
            if subtask not in self._written:
                self._written[subtask] = self._write(subtask)
        return [self._written[subtask] for subtask in subtasks]

    def _write(self, subtask: Subtask) -> list[Attempt]:
        told = self.form.ask(subtask)
        read = len(self.writer.ids(told))
        if not self.writer.has_room(read + self._longest):
            return [Attempt(Came.FAILED)] * self._copies
        written = self.writer.write([told], copies=self._copies, longest=self._longest, seed=self._seed)
        replies = [
            Reply(
                text=one.text,
                end=End.ENDED if one.ended else End.CUT,
                tokens_read=read,
                tokens_written=len(one.ids) + one.ended,
            )
            for one in written
        ]
        return [self.form.read(reply, subtask, self._capacity) for reply in replies]

    def forget(self) -> None:
        """Write anew when asked again; call after its weights have moved."""
        self._written.clear()

    def save(self, folder: Path) -> None:
        """The model, or its adapters, under `writer`."""
        self.writer.save(folder / WRITER)
