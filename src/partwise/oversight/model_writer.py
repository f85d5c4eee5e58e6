"""A solver that writes by prompt: a language model is told a subtask and tools, and writes the function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from partwise.models.chat_model import Style
from partwise.models.prompts import Prompts
from partwise.models.replies import Replies
from partwise.oversight.attempts import Attempt, bodies_of, read_function
from partwise.types import PartialSolution, Subtask


class ModelWriter:
    """Writes several candidates for a subtask; the judge takes one of those that are programs.

    Its weights do not move. What is learned from people's answers is which candidate they would rather have.
    """

    def __init__(
        self, replies: Replies, prompts: Prompts, *, copies: int, capacity: int, style: Style
    ) -> None:
        """Args:
        replies: of the model.
        prompts: `solve` among them.
        copies: candidates that it writes for a subtask, of which those that are programs and differ count.
        capacity: syntax nodes of the most complex body that counts.
        style: how candidates are drawn.
        """
        self._replies, self._prompts, self._copies = replies, prompts, copies
        self._capacity, self._style = capacity, style

    def bodies(self, subtasks: Sequence[Subtask]) -> list[list[PartialSolution]]:
        """What it writes for each, in the order in which it came to it; what is no program is left out."""
        return [bodies_of(attempts) for attempts in self.attempts(subtasks)]

    def attempts(self, subtasks: Sequence[Subtask]) -> list[list[Attempt]]:
        """All that it writes for each subtask, and what came of it."""
        chats = [(self._prompts.solve(subtask.request),) for subtask in subtasks]
        written = self._replies.answer(chats, self._copies, self._style)
        return [
            [read_function(reply, subtask, self._capacity) for reply in replies]
            for subtask, replies in zip(subtasks, written, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Nothing is learned."""
