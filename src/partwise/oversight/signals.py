"""Who supervises: one interface for models, people, personas, noise and signals already at hand.

Kim et al. 2025, on signal diversity: "composite supervision sets" of several models, of people with varied
backgrounds and of role-playing personas. No source reads the true answer of an example, but for `TrueLabels`.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Protocol

import torch

from partwise.models.classifier import Encoder, TextError, batch_of, logits_of
from partwise.oversight.human import Human
from partwise.types import Answer, Example, JudgmentItem, Option, Signal
from partwise.values import ValueProfile


class Source(Protocol):
    """Anyone, or anything, that supervises."""

    @property
    def name(self) -> str:
        """Stands in each signal; sources that are counted apart have different names."""
        ...

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """One signal an example, in order; None where there is no answer."""
        ...


class ModelSource:
    """A sequence classifier of transformers.

    An example of one text is classified: logits over the classes. Of an example of several texts each is
    scored by one logit, and the softmax over the texts compares them. Confidence is the softmax probability
    of the label. A text without a token, and logits that are not finite, leave an example without an answer.
    """

    def __init__(
        self, name: str, model: Any, tokenizer: Any, *, batch_size: int = 128, longest: int | None = None
    ) -> None:
        """Args:
        name: stands in its signals.
        model: a `PreTrainedModel` for sequence classification, on whichever device.
        tokenizer: the model's.
        batch_size: texts that are read together; no answer depends on it, but for rounding.
        longest: tokens that a text is cut to; None cuts nothing.
        """
        self.name = name
        self._model, self._batch_size = model, batch_size
        self._encode = Encoder(model, tokenizer, cut=longest)

    def check(self, examples: Sequence[Example]) -> None:
        """Refuse examples that the model can't read, before anything is done with it.

        Raises:
            TextError: a text is longer than it reads; the sentence names the model and the example.
        """
        for example in examples:
            for text in example.texts:
                try:
                    self._encode(text)
                except TextError as error:
                    raise TextError(
                        f"'{self.name}' can't read the text that begins {text[:60]!r}: {error}; cut texts to "
                        "that by fit.longest, or take the row out"
                    ) from error

    def shortened(self, examples: Sequence[Example]) -> int:
        """Of these examples, those of which a text was cut when they were read."""
        return sum(any(text in self._encode.shortened for text in example.texts) for example in examples)

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """What the model answers.

        Raises:
            ValueError: one text meets a model of one logit, or several texts a model of more; or a text is
                longer than the model reads (`models.classifier.TextError`).
        """
        for example in examples:
            if (len(example.texts) > 1) != (self._model.config.num_labels == 1):
                raise ValueError(
                    f"'{self.name}' has num_labels={self._model.config.num_labels} and {example.key} has "
                    f"{len(example.texts)} texts: one text needs a logit a class, several need one logit"
                )
        logits = self._logits({text for example in examples for text in example.texts})
        return [self._signal(example, logits) for example in examples]

    def _signal(self, example: Example, logits: Mapping[str, torch.Tensor]) -> Signal | None:
        if any(text not in logits for text in example.texts):
            return None
        scores_K = torch.cat([logits[text] for text in example.texts])
        if not scores_K.isfinite().all():
            return None
        confidence, label = scores_K.softmax(0).max(0)
        return Signal(example=example.key, label=int(label), confidence=float(confidence), source=self.name)

    def _logits(self, texts: Collection[str]) -> dict[str, torch.Tensor]:
        """Text to its logits, of shape (num_labels,), for the texts that have a token."""
        ids = {text: self._encode(text) for text in texts}
        # Texts of like length together: little padding.
        order = sorted((text for text in ids if ids[text]), key=lambda text: (len(ids[text]), text))
        found: dict[str, torch.Tensor] = {}
        self._model.eval()
        with torch.inference_mode():
            for start in range(0, len(order), self._batch_size):
                chunk = order[start : start + self._batch_size]
                batch = batch_of([ids[text] for text in chunk], self._model.device)
                found.update(zip(chunk, logits_of(self._model, *batch).cpu(), strict=True))
        return found


@dataclass(frozen=True, slots=True)
class HumanSource:
    """People, where an example comes with a judgment item. A tie, "can't tell" and silence are no answer.

    Each answer costs 1. Where two people were asked, the first answer is the signal and both are paid for.
    """

    name: str
    human: Human
    items: Mapping[str, JudgmentItem]
    """Key of an example to its item, with options in the order of the example's texts, or of its classes."""
    _: KW_ONLY
    round: int = 0
    """The round of the loop, from 0, that people are told: whose values they speak for."""
    confidence: float = 0.9
    """The chance, from 0 to 1, that an answer counts as right with. Nobody is asked how sure they are: the
    default is an assumption, for simulated people as for others."""

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """What they answer. Equal examples are asked once."""
        asked = {key: self.items[key] for key in (e.key for e in examples) if key in self.items}
        said: defaultdict[str, list[Answer]] = defaultdict(list)
        for answer in self.human.answer(list(asked.values()), round=self.round):
            said[answer.item.key].append(answer)
        return [self._signal(e.key, said[asked[e.key].key]) if e.key in asked else None for e in examples]

    def _signal(self, key: str, answers: Sequence[Answer]) -> Signal | None:
        if not answers or (label := answers[0].preferred) is None:
            return None
        return Signal(
            example=key, label=label, confidence=self.confidence, source=self.name, cost=len(answers)
        )


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody of a simulated world, who judges by their own values.

    A bias is a weight that differs from other people's: `people.but({"privacy": 0.0})`. Of options with
    utilities u, the i-th is chosen with probability softmax(rationality * u)_i. The noise follows from seed,
    name and example alone, whatever the batch. Confidence is the largest of the probabilities, also where the
    choice fell on another: nobody knows of their own slip.
    """

    name: str
    profile: ValueProfile
    options: Mapping[str, tuple[Option, ...]]
    """Key of an example to its options, in the order of its texts, or of its classes; no answer without."""
    _: KW_ONLY
    rationality: float
    """Inverse temperature, 0 (chance) and up."""
    seed: str
    cost: float = 0.0
    """Of one answer."""

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """What they would rather have."""
        return [self._signal(e.key, self.options[e.key]) if e.key in self.options else None for e in examples]

    def _signal(self, key: str, options: Sequence[Option]) -> Signal:
        goods = [self.rationality * self.profile.utility(option) for option in options]
        weights = [math.exp(good - max(goods)) for good in goods]
        (label,) = _draw("persona", self.seed, self.name, key).choices(range(len(options)), weights)
        confidence = 1 / sum(weights)  # the largest weight is 1
        return Signal(example=key, label=label, confidence=confidence, source=self.name, cost=self.cost)


@dataclass(frozen=True, slots=True)
class PromptedPersona:
    """A persona played by a language model, by way of whatever answers prompts.

    A reply counts only if it is one of the options to the letter, but for space around it; any other is no
    answer, and whoever counts signals counts it as missing.
    """

    name: str
    system_prompt: str
    ask: Callable[[str, str], str]
    """System prompt and prompt to the reply."""
    options: Sequence[str]
    """What may be replied: one a class, or one a text, e.g. `("A", "B")`."""
    _: KW_ONLY
    confidence: float = 0.9
    """The chance, from 0 to 1, that a reply counts as right with: an assumption."""
    cost: float = 0.0
    """Of one reply."""

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """What the model replies, example by example.

        Raises:
            ValueError: an example has several texts, and not as many as there are options.
        """
        return [self._signal(example) for example in examples]

    def _signal(self, example: Example) -> Signal | None:
        reply = self.ask(self.system_prompt, self._prompt(example)).strip()
        if reply not in self.options:
            return None
        return Signal(
            example=example.key,
            label=self.options.index(reply),
            confidence=self.confidence,
            source=self.name,
            cost=self.cost,
        )

    def _prompt(self, example: Example) -> str:
        how = f"Reply with one of these and nothing else: {', '.join(self.options)}"
        if len(example.texts) == 1:
            return f"{example.texts[0]}\n\n{how}"
        if len(example.texts) != len(self.options):
            raise ValueError(
                f"{example.key} has {len(example.texts)} texts and '{self.name}' has {len(self.options)} "
                "options: name one option a text"
            )
        texts = [f"{option}:\n{text}" for option, text in zip(self.options, example.texts, strict=True)]
        return "\n\n".join([*texts, f"Which is best? {how}"])


@dataclass(frozen=True, slots=True)
class Flipped:
    """A source whose labels are turned to another with a given probability, and which does not know it.

    What is flipped follows from seed, source and example alone, whatever the batch; what is flipped at one
    probability is flipped, to the same label, at every higher one. Confidence and cost stay as they were.

    Raises:
        ValueError: the probability lies outside 0 to 1, or there are under 2 classes.
    """

    source: Source
    probability: float
    """0 (as it was) to 1 (every label is another)."""
    _: KW_ONLY
    seed: str
    classes: int = 2
    """Classes of the examples of one text; of several texts there are as many answers as texts."""

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"labels flip with a probability from 0 to 1, not {self.probability:g}")
        if self.classes < 2:
            raise ValueError(f"a label flips to another of 2 classes or more, not of {self.classes}")

    @property
    def name(self) -> str:
        """`teacher flipped 20% (seed 0)`."""
        return f"{self.source.name} flipped {100 * self.probability:g}% (seed {self.seed})"

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """The source's signals, some of them flipped.

        Raises:
            ValueError: a label lies beyond the classes.
        """
        said = self.source.signals(examples)
        return [s and self._signal(e, s) for e, s in zip(examples, said, strict=True)]

    def _signal(self, example: Example, signal: Signal) -> Signal:
        labels = range(len(example.texts) if len(example.texts) > 1 else self.classes)
        if signal.label not in labels:
            raise ValueError(
                f"'{signal.source}' answers {signal.label} to {example.key}, beyond the labels 0 to "
                f"{len(labels) - 1}: with one text, set classes to the number of labels"
            )
        draw = _draw("flip", self.seed, self.source.name, example.key)
        flips = draw.random() < self.probability
        label = draw.choice([other for other in labels if other != signal.label]) if flips else signal.label
        return replace(signal, label=label, source=self.name)


class Recorded:
    """Signals that are already at hand."""

    def __init__(self, name: str, signals: Iterable[Signal | None]) -> None:
        """Of several signals for one example the last counts. Each keeps the source that it names."""
        self.name = name
        self._by_key = {signal.example: signal for signal in signals if signal is not None}

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """Those at hand for the examples."""
        return [self._by_key.get(example.key) for example in examples]


@dataclass(frozen=True, slots=True)
class TrueLabels:
    """The true answers, for ceilings and for noise studies ONLY: the one source that reads `Example.label`.

    What learns from it is a ceiling or, `Flipped`, a study of noise; it is never supervision.
    """

    name: str = "true labels"

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """The true answers, with confidence 1."""
        return [Signal(example=e.key, label=e.label, confidence=1.0, source=self.name) for e in examples]


def _draw(*what: str) -> random.Random:
    """Chance that follows from words alone, the same in every process."""
    return random.Random("\n".join(what))
