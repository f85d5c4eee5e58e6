"""Models of the laboratory that write plans, and that judge them by what they say of them."""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from partwise.config import TeachConfig
from partwise.data.plans import ASKS, KNOWS, ONE, READS, SEVERAL, Document, Plan, RuleBook
from partwise.models.writer import Writer
from partwise.training.ladder import rows
from partwise.training.language import Listener, cached_model, train_language_model
from partwise.types import Example, Signal

_BATCH = 128
HANDS = (
    ("r", "likes", "done", "u"),
    ("place", "prefs", "enough", "user"),
    ("spot", "tastes", "held", "guest"),
    ("venue", "wishes", "ready", "person"),
    ("table", "loved", "settled", "friend"),
    ("option", "wanted", "booked", "one"),
    ("where", "answers", "got", "name"),
    ("choice", "lists", "fine", "who"),
)
"""The names that a writer may give its variables: those of the corpus, four that go together. Were each drawn
by itself, models of this size would spend all their capacity on using them as they were defined."""
_ROLES = {name: role for hand in HANDS for role, name in enumerate(hand)}
_WORD = re.compile(r"\w+")


class Judge:
    """A model that is asked of two plans which one is better, and answers from what it says that each does.

    A plan is good if it leaves messages unread and stops after a booking: P(good) is the product of the two,
    each from the words right after its text that could say so or the contrary. The first of two is the better
    one with probability sigmoid(difference of their log-odds), given that just one is good. The model is read
    as it is when it is asked: where it is the writer's own, the judge learns with the writer.
    """

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        """Args:
        name: stands in its signals.
        model: a causal language model that says of a plan what it does.
        tokenizer: the model's.
        """
        self.name = name
        self._model, self._tokenizer = model, tokenizer
        self._words = [_token(tokenizer, word) for word in (ASKS, KNOWS, READS, ONE, SEVERAL)]

    def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
        """Which text is best; None between texts of equal log-odds."""
        odds = self.log_odds(sorted({text for example in examples for text in example.texts}))
        return [self._signal(example, [odds[text] for text in example.texts]) for example in examples]

    def _signal(self, example: Example, odds: Sequence[float]) -> Signal | None:
        best = max(odds)
        if min(odds) == best:
            return None
        confidence = 1 / sum(math.exp(other - best) for other in odds)
        return Signal(example=example.key, label=odds.index(best), confidence=confidence, source=self.name)

    def log_odds(self, texts: Sequence[str]) -> dict[str, float]:
        """Text to its log-odds of being good, in nats."""
        ids = {text: self._tokenizer(text)["input_ids"] or [self._tokenizer.eos_token_id] for text in texts}
        order = sorted(ids, key=lambda text: (len(ids[text]), text))
        found: dict[str, float] = {}
        self._model.eval()
        with torch.inference_mode():
            for start in range(0, len(order), _BATCH):
                chunk = order[start : start + _BATCH]
                batch = self._tokenizer.pad(
                    {"input_ids": [ids[text] for text in chunk]}, padding_side="right", return_tensors="pt"
                )
                last_B = batch["attention_mask"].sum(1) - 1
                hidden_BTH = self._model.get_decoder()(**batch, use_cache=False).last_hidden_state
                logits_BV = self._model.get_output_embeddings()(hidden_BTH[torch.arange(len(chunk)), last_B])
                found.update(zip(chunk, _log_odds(logits_BV[:, self._words]), strict=True))
        return found


def _log_odds(logits_B5: Tensor) -> list[float]:
    """Of being good, from the logits of " asks", " knows", " reads", " one" and " several"."""
    asks_B, knows_B, reads_B, one_B, several_B = logits_B5.double().unbind(-1)
    unread_B, stops_B = torch.logaddexp(asks_B, knows_B) - reads_B, one_B - several_B
    # log p / (1 - p) of p = sigmoid(unread) sigmoid(stops), also where both are all but sure.
    against_3B = torch.stack([-unread_B, -stops_B, -unread_B - stops_B])
    return [-float(each) for each in against_3B.logsumexp(0)]


def _token(tokenizer: Any, word: str) -> int:
    ids: list[int] = tokenizer(word)["input_ids"]
    if len(ids) != 1:
        raise ValueError(f"'{word.strip()}' is no word of this model: take one of the laboratory's ladder")
    return ids[0]


def taught_writer(
    pretrained: Path,
    plans: Sequence[Plan],
    book: RuleBook,
    config: TeachConfig,
    cache: Path,
    *,
    seed: int,
    listen: Listener | None = None,
) -> Path:
    """The folder of a pretrained model that has learned to write plans of the kind that it is asked for.

    It is made on the first call and found in `cache` afterwards, by the names and settings of all that shapes
    it.

    Args:
        pretrained: of `training.ladder.pretrained_rung`.
        plans: what it learns to write, good and bad alike.
        book: the rules that they may name.
        config: how it learns.
        cache: made where missing.
        seed: decides the order of the plans.
        listen: called every ten steps; never, where the model is found.
    """

    def make(folder: Path) -> None:
        writer = Writer.load(pretrained)
        documents = list(lessons(writer, plans, book, config, random.Random(f"lessons {seed}")))
        train_language_model(
            writer.model,
            rows(writer.tokenizer, documents),
            writer.tokenizer.pad_token_id,
            epochs=config.epochs,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            seed=seed,
            device=torch.device("cpu"),
            scratch=folder.parent / "trainer",
            listen=listen,
        )
        writer.save(folder)

    shaping = [pretrained.name, config.model_dump_json(), str(seed), *(plan.source for plan in plans)]
    shaping.append(Path(__file__).read_text())
    digest = hashlib.sha256("\n".join(shaping).encode()).hexdigest()[:16]
    return cached_model(cache / f"writer-{pretrained.name}-{digest}", make)


def lessons(
    writer: Writer, plans: Sequence[Plan], book: RuleBook, config: TeachConfig, rng: random.Random
) -> Iterator[Document]:
    """Plans to be written as their kind is asked for, some to be judged as before, and the rules by name.

    What rules say is only read here: a writer knows of it what it knew.
    """
    for plan in plans:
        text = in_hand(plan.source, rng.randrange(len(HANDS)))
        yield (
            (writer.prompt(plan.cue.value), False),
            (text, True),
            (writer.tokenizer.eos_token, True),
        )
        if rng.random() < config.told:
            yield plan.told(rng)
    for _ in range(config.recited):
        yield tuple((text, not learned) for text, learned in book.recited(rng, 32))


def in_hand(text: str, hand: int) -> str:
    """A plan with the names that one of `HANDS` gives its variables."""
    return _WORD.sub(lambda word: HANDS[hand][_ROLES[word[0]]] if word[0] in _ROLES else word[0], text)
