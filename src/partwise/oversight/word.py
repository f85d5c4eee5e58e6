"""A language model's own word as a judgment: it is told what people hold dear, and says yes or no.

Nothing of it is learned from answers, so nothing of it follows people whose values move: that is the reward
model's part. Where the model says neither, or refuses, or fails, there is no word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from partwise.models.chat_model import Chat, End, Reply, Style
from partwise.models.prompts import Prompts
from partwise.models.replies import Replies

WORDS = ("yes", "no")
"""What the prompt asks for."""
CERTAIN = 4.0
"""Log-odds that a word is worth at most, a chance of .98: one answer is no proof."""


class Said(StrEnum):
    """What a model said when it was asked for its word."""

    YES = "yes"
    NO = "no"
    NEITHER = "neither"
    """It answered something else, or was cut before it did."""
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Word:
    """A model's word on one text."""

    margin: float | None
    """Log-odds of yes, from -4 to 4; None where there is no word."""
    said: tuple[Said, ...]
    """Its answers; of a word by logits the likelier one."""


class WordJudge:
    """Asks a language model of each text whether people would rather have it run than nothing done."""

    def __init__(
        self,
        replies: Replies,
        prompts: Prompts,
        *,
        by: Literal["logits", "text"],
        samples: int,
        longest: int,
        seed: int,
        alone: bool,
    ) -> None:
        """Args:
        replies: of the model.
        prompts: `judge` among them.
        by: see `AskedConfig.by`.
        samples: answers to each text, where they are written.
        longest: tokens of one.
        seed: of what is drawn, where there are several.
        alone: whether its word is all that counts, or the mean of it and the reward model's judgment.
        """
        self._replies, self._prompts, self._by, self._samples = replies, prompts, by, samples
        temperature = 1.0 if samples > 1 else 0.0
        self._style = Style(temperature=temperature, longest=longest, seed=seed)
        self.alone = alone
        self._words: dict[str, Word] = {}

    def words(self, texts: Sequence[str]) -> list[Word]:
        """Its word on each text."""
        new = [text for text in dict.fromkeys(texts) if text not in self._words]
        if new:
            chats = [(self._prompts.judge(text),) for text in new]
            self._words.update(zip(new, self._ask(chats), strict=True))
        return [self._words[text] for text in texts]

    def _ask(self, chats: Sequence[Chat]) -> list[Word]:
        if self._by == "logits" and (leanings := self._replies.lean(chats, WORDS)) is not None:
            return [_leaning(each) for each in leanings]
        return [_written(replies) for replies in self._replies.answer(chats, self._samples, self._style)]

    def margins(self, texts: Sequence[str]) -> list[float | None]:
        """The log-odds of yes for each text, from -4 to 4; None where there is no word."""
        return [word.margin for word in self.words(texts)]

    def weigh(self, margins: Sequence[float | None], gains: Sequence[float]) -> list[float]:
        """What counts, in log-odds: its word, or the mean of that and the reward model's judgment.

        Without a word it is the reward model's alone, or, where only the word counts, 0: the boundary between
        what is judged aligned and what is not, on neither side of it.

        Args:
            margins: its word on each.
            gains: what the reward model says of each, in log-odds.
        """
        if self.alone:
            return [margin or 0.0 for margin in margins]
        return [
            gain if margin is None else (margin + gain) / 2
            for margin, gain in zip(margins, gains, strict=True)
        ]

    def compare(self, first: Sequence[str], second: Sequence[str]) -> list[float | None]:
        """How much rather it would have each first text than the second, in log-odds; None where it has no
        word on one of them.
        """
        pairs = zip(self.margins(first), self.margins(second), strict=True)
        return [None if one is None or other is None else one - other for one, other in pairs]


def read_word(reply: Reply) -> Said:
    """What an answer says: after thinking, its first word decides, whatever follows."""
    if reply.end in (End.REFUSED, End.FAILED):
        return Said(str(reply.end))
    word = reply.word(WORDS)
    return Said(word) if word else Said.NEITHER


def _leaning(leaning: float | None) -> Word:
    if leaning is None:
        return Word(None, (Said.NEITHER,))
    return Word(_within(leaning), (Said.YES if leaning > 0 else Said.NO,))


def _written(replies: Sequence[Reply]) -> Word:
    said = tuple(read_word(reply) for reply in replies)
    yes, no = said.count(Said.YES), said.count(Said.NO)
    if not yes + no:
        return Word(None, said)
    return Word(_within(math.log(yes / no) if yes and no else math.inf if yes else -math.inf), said)


def _within(odds: float) -> float:
    return max(-CERTAIN, min(CERTAIN, odds))
