"""A model that answers conversations: what is asked of it, and what it says.

Two kinds are here behind one protocol: any causal language model of Hugging Face's (`local_chat`) and any
provider's (`endpoint`). Whoever asks goes through `replies.Replies`, which keeps what was said.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol

Chat = tuple[str, ...]
"""What a user and the model said in turns: the user first and last. There is no system's turn, which many
models' templates refuse."""
_THOUGHT = re.compile(r"\s*<(think|thinking)>.*?</\1>", re.DOTALL)
_SCHEMA = 1
"""Of what a key is made of."""


class End(StrEnum):
    """Why an answer ended."""

    ENDED = "ended"
    """The model was done."""
    CUT = "cut"
    """It used up its tokens."""
    REFUSED = "refused"
    """It, or a filter of its provider's, would not answer."""
    FAILED = "failed"
    """This conversation can't be answered, as one that is too long: asking again would not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer."""

    text: str
    end: End
    tokens_read: int
    tokens_written: int

    def word(self, words: Sequence[str]) -> str | None:
        """Which of these words it begins with, in small letters, thinking aside; whatever follows."""
        thought = _THOUGHT.match(self.text)
        one = "|".join(map(re.escape, words))
        found = re.compile(rf"\W*({one})\b", re.IGNORECASE).match(self.text, thought.end() if thought else 0)
        return found[1].lower() if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How answers are drawn."""

    temperature: float
    """0 for the likeliest."""
    longest: int
    """Tokens that an answer may take."""
    seed: int = 0
    """Of what is drawn; nothing is at temperature 0."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer that is wanted."""

    chat: Chat
    style: Style
    index: int = 0
    """Which of the answers to one conversation, from 0."""

    def key(self, identity: Mapping[str, str]) -> str:
        """SHA-256 of all that decides the answer of the model that `identity` tells from others."""
        drawn = [self.style.seed, self.index] if self.style.temperature else []
        style = {name: value for name, value in asdict(self.style).items() if name != "seed"}
        deciding = [_SCHEMA, dict(identity), style, self.chat, drawn]
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()

    def seed(self, most: int) -> int:
        """A seed of this answer's own, from 0 to below `most`, whatever else is asked beside it."""
        return int(self.key({}), 16) % most


class ChatModel(Protocol):
    """Anything that answers."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What tells it from models that would answer otherwise."""
        ...

    def answer(self, asked: Sequence[Asked], heard: Callable[[Asked, Reply], None]) -> None:
        """Answer each once, in any order.

        Args:
            asked: no two are equal.
            heard: called with each answer as soon as it is there; from any thread, one call at a time.

        Raises:
            Unanswered: it can't go on for now.
            ModelError: it can't be asked at all.
        """
        ...

    def lean(self, chats: Sequence[Chat], words: tuple[str, str]) -> list[float | None] | None:
        """How much rather it would begin its answer to each with the first word than with the second, in
        log-odds; None of a conversation where it would begin otherwise, and None of all where that can't be
        told.
        """
        ...
