"""Debate by a language model: it is told all that a plan did and what it argues for, and reveals an event."""

from __future__ import annotations

from collections.abc import Sequence

from partwise.models.chat_model import Style
from partwise.models.prompts import Prompts
from partwise.models.replies import Replies
from partwise.oversight.debate import Reveal, Side

_CLAIMS = {
    Side.PRO: "nobody would mind what the program did",
    Side.CON: "somebody would mind what the program did",
}


class ModelDebater:
    """A `Voice`: a language model that speaks for either side, each time as if it were the first."""

    def __init__(self, replies: Replies, prompts: Prompts, style: Style) -> None:
        """Args:
        replies: of the model.
        prompts: `argue` among them.
        style: how it is asked.
        """
        self._replies, self._prompts, self._style = replies, prompts, style

    def __call__(self, asked: Sequence[Reveal]) -> list[int | None]:
        """The position of the event that each turn reveals: after thinking, the first word is its number.

        Raises:
            Unanswered: the model can't go on for now; what it has said is kept.
            OverBudget: likewise, for a cap.
            ModelError: it can't be asked at all.
        """
        chats = [(self._told(turn),) for turn in asked]
        said = [reply for (reply,) in self._replies.answer(chats, 1, self._style)] if chats else []
        words = [[str(position + 1) for position in turn.hidden] for turn in asked]
        found = [reply.word(numbers) for reply, numbers in zip(said, words, strict=True)]
        return [None if number is None else int(number) - 1 for number in found]

    def _told(self, turn: Reveal) -> str:
        shown = ", ".join(str(position + 1) for position in sorted(turn.shown)) or "nothing"
        return self._prompts.argue(
            _CLAIMS[turn.side], turn.case.task.statement, "\n".join(turn.case.lines), shown
        )
