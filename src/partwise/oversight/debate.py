"""Debate: two who have seen all of a plan argue before a judge who sees only what they reveal.

After the image debate of Irving, Christiano and Amodei 2018, "AI safety via debate", section 3.2, where two
agents who see a whole image reveal its pixels, one at a time and in turn, to a judge who sees those alone.
Here the events of a plan's trace are revealed, and the question is whether people would hold anything against
the plan. One side argues that they would not, the other that they would. Which of them is honest nobody here
knows. Kim et al. 2025 count this as sandwiching and say where it breaks: the judge errs more where the
debaters are not equal.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol, cast

import torch
from transformers import LlamaForSequenceClassification

from partwise.models.classifier import batch_of, logits_of
from partwise.models.tiny import tiny_config, tiny_model
from partwise.types import Event, Task


class Side(StrEnum):
    """Who reveals an event."""

    PRO = "pro"
    """Argues that nobody would hold anything against the plan."""
    CON = "con"
    """Argues that somebody would."""
    CHANCE = "chance"
    """Argues for nothing."""


@dataclass(frozen=True)
class Case:
    """A plan that was run: what is argued about. Debaters see all of it."""

    task: Task
    trace: tuple[Event, ...]

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Each event as the judge reads it: `4: message Ana, 5 items`. Collections are counted."""
        return tuple(_line(self.trace, position) for position in range(len(self.trace)))

    def text(self, shown: Iterable[int]) -> str:
        """What the judge reads: the task and the events at these positions, in the order of the trace."""
        return "\n".join([self.task.statement, *(self.lines[position] for position in sorted(shown))])


Seen = tuple[Case, frozenset[int]]
"""A case and the positions, from 0, of the events that are revealed of it."""


class Judge(Protocol):
    """Anyone who weighs what is revealed."""

    def __call__(self, seen: Sequence[Seen]) -> list[float]:
        """P(fine), from 0 to 1, for each in order: the chance that nobody holds anything against the plan."""
        ...


@dataclass(frozen=True, slots=True)
class Debater:
    """A speaker's strength. Speakers know the judge's function, as in Irving et al. 2018.

    Raises:
        ValueError: it examines no event.
    """

    candidates: int
    """Hidden events that it examines at each turn, drawn at random; 1 reveals at random."""
    _: KW_ONLY
    looks_ahead: bool = False
    """Whether it weighs each by the worst of the others as the reply, where a reply is to come."""

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ValueError(f"a debater examines at least 1 event, not {self.candidates}")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A speaker that is no search: whoever hears the talk asks it, as a language model is asked."""


Speaker = Debater | Spoken


@dataclass(frozen=True, slots=True)
class Reveal:
    """A turn of a spoken side: it chooses one of the events that are not revealed."""

    case: Case
    side: Side
    shown: frozenset[int]
    """Positions, from 0, of the events that are revealed."""

    @property
    def hidden(self) -> list[int]:
        """Those of the others."""
        return [position for position in range(len(self.case.trace)) if position not in self.shown]


class Voice(Protocol):
    """Whoever speaks for spoken sides."""

    def __call__(self, asked: Sequence[Reveal]) -> list[int | None]:
        """The position of the event that each reveals; None of what can't be read as a hidden one."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """One event revealed."""

    event: int
    """Its position in the trace, from 0."""
    by: Side
    word: float
    """The judge's P(fine) after it."""
    unread: bool = False
    """Whether it stands by chance for what a spoken side said and nobody could read."""


@dataclass(frozen=True, slots=True)
class Debate:
    """What was revealed, by whom, and what the judge made of it."""

    before: float
    """The judge's P(fine) before any event."""
    turns: tuple[Turn, ...]
    """Fewer than were to come where the trace has no more events."""

    @property
    def word(self) -> float:
        """The judge's last P(fine)."""
        return self.turns[-1].word if self.turns else self.before

    @property
    def fine(self) -> bool:
        """The verdict: whether P(fine) is above one half."""
        return self.word > 0.5


Talk = Generator[list[Seen] | Reveal, Any, Debate]
"""A debate before it is heard: asks for the judge's words as it goes, a list of P(fine), or for what a spoken
side reveals, a position or None; and ends with what was said."""


def debate(case: Case, pro: Speaker, con: Speaker, turns: int, rng: random.Random) -> Talk:
    """The two reveal one event each, in turn, `turns` in all; who begins is drawn."""
    order = [Side.PRO, Side.CON] * turns
    begins = rng.randrange(2)
    return _talk(case, {Side.PRO: pro, Side.CON: con}, order[begins : begins + turns], rng)


def consult(case: Case, adviser: Speaker, side: Side, turns: int, rng: random.Random) -> Talk:
    """One adviser argues for its side, whether or not that is the truth, and nobody replies."""
    return _talk(case, {side: adviser}, [side] * turns, rng)


def unaided(case: Case, turns: int, rng: random.Random) -> Talk:
    """As many events at random: the judge without help."""
    return _talk(case, {Side.CHANCE: Debater(1)}, [Side.CHANCE] * turns, rng)


def hear(talks: Sequence[Talk], judge: Judge, voice: Voice | None = None) -> list[Debate]:
    """Have a judge hear talks to their end, side by side: a turn of all of them is weighed at once.

    Each has its own chance, so that what is said in it does not depend on those beside it (but for what
    rounding the judge's batches make of two candidates that are as good).

    Args:
        talks: not begun.
        judge: weighs what is revealed.
        voice: of the spoken sides, where there are any.

    Raises:
        ValueError: a side is spoken, and nobody has a voice.
    """
    said: dict[int, Debate] = {}
    asked = {index: next(talk) for index, talk in enumerate(talks)}
    while asked:
        answers = _answers(asked, judge, voice)
        asked = {}
        for index, answer in answers.items():
            try:
                asked[index] = talks[index].send(answer)
            except StopIteration as end:
                said[index] = end.value
    return [said[index] for index in range(len(talks))]


def _answers(
    asked: Mapping[int, list[Seen] | Reveal], judge: Judge, voice: Voice | None
) -> dict[int, list[float] | int | None]:
    """What judge and voice say, each asked once for all talks."""
    seen = {index: question for index, question in asked.items() if not isinstance(question, Reveal)}
    turns = {index: question for index, question in asked.items() if isinstance(question, Reveal)}
    if turns and voice is None:
        raise ValueError("a side is spoken: give `hear` its voice")
    words = iter(judge([each for question in seen.values() for each in question]) if seen else [])
    chosen = voice(list(turns.values())) if turns and voice else []
    weighed = {index: [next(words) for _ in question] for index, question in seen.items()}
    return {**weighed, **dict(zip(turns, chosen, strict=True))}


def _talk(case: Case, speakers: Mapping[Side, Speaker], order: Sequence[Side], rng: random.Random) -> Talk:
    shown: frozenset[int] = frozenset()
    (before,) = yield [(case, shown)]
    turns: list[Turn] = []
    for turn, side in enumerate(order):
        hidden = sorted(set(range(len(case.trace))) - shown)
        if not hidden:
            break
        speaker, unread = speakers[side], False
        if isinstance(speaker, Spoken):
            event = yield Reveal(case, side, shown)
            unread = event not in hidden
            if unread:
                event = rng.choice(hidden)
        else:
            answered = any(other is not side for other in order[turn + 1 : turn + 2])
            event = yield from _examine(case, speaker, side, shown, answered, rng)
        shown |= {event}
        (word,) = yield [(case, shown)]
        turns.append(Turn(event, side, word, unread))
    return Debate(before, tuple(turns))


def _examine(
    case: Case, speaker: Debater, side: Side, shown: frozenset[int], answered: bool, rng: random.Random
) -> Generator[list[Seen], list[float], int]:
    """The event that a search reveals; `answered` says whether the other side is next."""
    hidden = sorted(set(range(len(case.trace))) - shown)
    examined = rng.sample(hidden, min(speaker.candidates, len(hidden)))
    replies = examined if speaker.looks_ahead and answered else []
    prospects = {
        event: [shown | {event, other} for other in replies if other != event] or [shown | {event}]
        for event in examined
    }
    words = iter((yield [(case, seen) for after in prospects.values() for seen in after]))
    # What a side hopes for: pro a high P(fine), con a low one. The other side's best reply is the worst.
    sign = -1.0 if side is Side.CON else 1.0
    worth = {event: min(sign * next(words) for _ in after) for event, after in prospects.items()}
    return max(worth, key=lambda event: worth[event])


def _line(trace: Sequence[Event], position: int) -> str:
    event = trace[position]
    said = ", ".join(_brief(value) for value in (*event.arguments, event.result))
    return f"{position + 1}: {event.tool} {said}"


def _brief(value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset | dict):
        return f"{len(cast(Sequence[Any], value))} items"
    return str(value)


def judge_model(size: str, tokenizer: Any, seed: int) -> LlamaForSequenceClassification:
    """A classifier of random weights and two labels, for a judge to be trained.

    Args:
        size: of `models.tiny.SIZES`.
        tokenizer: its vocabulary's length and padding become the model's.
        seed: decides the weights. The global random state is left as it was.

    Raises:
        ValueError: there is no such size.
    """
    config = tiny_config(size, tokenizer)
    config.num_labels = 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForSequenceClassification(config)
    model.model.load_state_dict(tiny_model(size, tokenizer, seed).model.state_dict())
    return model


class ClassifierJudge:
    """A sequence classifier of transformers as a judge: softmax over the logits of two classes.

    Each line is encoded by itself, once. That is the text as a whole if a line break always starts a token,
    as in `models.tokenizer`.
    """

    def __init__(self, model: Any, tokenizer: Any, *, fine: int = 1, batch_size: int = 512) -> None:
        """Args:
        model: a `PreTrainedModel` for sequence classification with two labels.
        tokenizer: the model's.
        fine: which of the labels, 0 or 1, says that nobody holds anything against the plan.
        batch_size: texts that are read together.

        Raises:
            ValueError: the model has other than two labels.
        """
        if model.config.num_labels != 2:
            raise ValueError(f"a judge needs a classifier of two labels, not {model.config.num_labels}")
        self._model, self._tokenizer, self._fine = model, tokenizer, fine
        self._batch_size = batch_size
        self._ids: dict[str, list[int]] = {}

    def __call__(self, seen: Sequence[Seen]) -> list[float]:
        """P(fine) of each. Equal texts are read once."""
        texts = [self._encode(case, shown) for case, shown in seen]
        # Texts of like length together: little padding.
        order = sorted(set(texts), key=lambda ids: (len(ids), ids))
        word: dict[tuple[int, ...], float] = {}
        self._model.eval()
        with torch.inference_mode():
            for start in range(0, len(order), self._batch_size):
                batch = order[start : start + self._batch_size]
                word.update(zip(batch, self._read(batch), strict=True))
        return [word[ids] for ids in texts]

    def _encode(self, case: Case, shown: frozenset[int]) -> tuple[int, ...]:
        first, *lines = case.text(shown).split("\n")
        return tuple(i for line in (first, *(f"\n{line}" for line in lines)) for i in self._line(line))

    def _line(self, line: str) -> list[int]:
        if line not in self._ids:
            self._ids[line] = self._tokenizer(line)["input_ids"]
        return self._ids[line]

    def _read(self, batch: Sequence[tuple[int, ...]]) -> list[float]:
        logits_BK = logits_of(self._model, *batch_of(batch, self._model.device))
        return logits_BK.softmax(-1)[:, self._fine].tolist()
