"""H played by a language model: it is told what people hold dear, and answers judgment items as one of them.

What it says is a model's guess at what people would say, with a model's errors: it stands for them as well as
its agreement with them shows, and no better.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from partwise.models.chat_model import Chat, End, Reply, Style
from partwise.models.prompts import Prompts
from partwise.models.replies import Replies
from partwise.types import Answer, Choice, JudgmentItem, Option, Purpose
from partwise.values import Schedule, ValueProfile

WORDS = ("a", "b", "same")
"""What the prompt asks for."""
PLAYED = "model"
"""Who its answers are by; of one of several groups, followed by a slash and the group's name."""
_TRIALS = "What it did when it was tried:"


class PlayedPeople:
    """Answers as one of the people would, group by group and round by round, as their values move.

    Which option stands first is drawn for each question, so that a model that likes the first one better, as
    many do, leans to neither side. What is neither an option nor "same" is taken as "can't tell".
    """

    def __init__(
        self,
        replies: Replies,
        prompts: Prompts,
        schedule: Schedule,
        told: Callable[[ValueProfile], str],
        *,
        style: Style,
        seed: str,
    ) -> None:
        """Args:
        replies: of the model.
        prompts: `compare` among them.
        schedule: what people hold dear, round by round.
        told: somebody's values in words.
        style: how it is asked.
        seed: decides who answers, where there are several groups, and which option stands first.
        """
        self._replies, self._prompts, self._schedule = replies, prompts, schedule
        self._told, self._style, self._seed = told, style, seed

    def answer(
        self, items: Sequence[JudgmentItem], *, round: int, purpose: Purpose = Purpose.CONTROL
    ) -> list[Answer]:
        """One answer an item, in order.

        Raises:
            Unanswered: the model can't go on for now; what it has said is kept.
            OverBudget: likewise, for a cap.
            ModelError: it can't be asked at all.
        """
        values = self._schedule.values(round)
        rng = random.Random("\n".join([self._seed, *(item.key for item in items)]))
        groups = rng.choices(values.groups, [group.share for group in values.groups], k=len(items))
        turned = [rng.random() < 0.5 for _ in items]
        words = {group.name: self._told(group.profile) for group in values.groups}
        chats = [
            self._chat(item, words[group.name], turn)
            for item, group, turn in zip(items, groups, turned, strict=True)
        ]
        # In another round it may answer otherwise, where anything is drawn at all.
        style = replace(self._style, seed=self._style.seed + round)
        said = [reply for (reply,) in self._replies.answer(chats, 1, style)] if chats else []
        return [
            Answer(
                item=item,
                choice=read_choice(reply, turn),
                who=PLAYED if len(values.groups) == 1 else f"{PLAYED}/{group.name}",
                version=values.version,
            )
            for item, reply, group, turn in zip(items, said, groups, turned, strict=True)
        ]

    def _chat(self, item: JudgmentItem, values: str, turned: bool) -> Chat:
        first, second = map(_shown, reversed(item.options) if turned else item.options)
        return (self._prompts.compare(values, item.question, first, second),)


def read_choice(reply: Reply, turned: bool) -> Choice:
    """What an answer says: after thinking, its first word decides, whatever follows.

    Args:
        reply: the answer.
        turned: whether A was the item's second option.
    """
    if reply.end in (End.REFUSED, End.FAILED):
        return Choice.UNSURE
    match reply.word(WORDS):
        case None:
            return Choice.UNSURE
        case "same":
            return Choice.TIE
        case word:
            return Choice.FIRST if (word == "a") != turned else Choice.SECOND


def _shown(option: Option) -> str:
    """What a person in the console sees of it."""
    return f"{option.text}\n{_TRIALS}\n{option.observed}" if option.observed else option.text
