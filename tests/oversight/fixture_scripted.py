"""A model that answers by a function, for what is done with answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from partwise.models.chat_model import Asked, Chat, End, Reply
from partwise.models.replies import Replies, ReplyStore


class Scripted:
    """Says what the function says: a text that ended, or a reply."""

    def __init__(
        self, say: Callable[[Asked], str | Reply], odds: Callable[[str], float | None] | None = None
    ):
        self._say, self._odds = say, odds
        self.asked: list[Asked] = []

    @property
    def identity(self) -> Mapping[str, str]:
        return {"model": "scripted"}

    def answer(self, asked: Sequence[Asked], heard: Callable[[Asked, Reply], None]) -> None:
        for each in asked:
            self.asked.append(each)
            said = self._say(each)
            heard(each, said if isinstance(said, Reply) else reply(said))

    def lean(self, chats: Sequence[Chat], words: tuple[str, str]) -> list[float | None] | None:
        return [self._odds(chat[-1]) for chat in chats] if self._odds else None


def reply(text: str, end: End = End.ENDED) -> Reply:
    return Reply(text=text, end=end, tokens_read=1, tokens_written=1)


def kept(model: Scripted, folder: Path) -> Replies:
    return Replies(model, ReplyStore(folder / "replies.db"))
