"""The laboratory's models: a ladder of sizes, pretrained on one corpus, so that capacity alone differs."""

from __future__ import annotations

import hashlib
import importlib.metadata
import itertools
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from partwise.config import LadderConfig
from partwise.data import plans
from partwise.data.plans import Document, RuleBook, corpus, vocabulary
from partwise.models import tiny
from partwise.models import tokenizer as tokenizing
from partwise.training import language
from partwise.training.language import IGNORED, Listener, Row, cached_model, train_language_model


def rule_book(config: LadderConfig, seed: int) -> RuleBook:
    """The book that all models of a ladder read."""
    return RuleBook.drawn(config.rules, seed)


def reading(config: LadderConfig, seed: int, peer: int = 0) -> Iterator[Document]:
    """What a model of the ladder reads, once and in this order: `config.documents` of the corpus.

    Args:
        config: the corpus.
        seed: decides it.
        peer: as in `pretrained_rung`.
    """
    rng = random.Random(f"corpus {seed} {peer}" if peer else f"corpus {seed}")
    documents = corpus(rng, rule_book(config, seed), plans=config.plans, recited=config.recited)
    return itertools.islice(documents, config.documents)


def pretrained_rung(
    config: LadderConfig,
    size: str,
    seed: int,
    cache: Path,
    listen: Listener | None = None,
    *,
    peer: int = 0,
) -> Path:
    """The folder of a model of the ladder, made on the first call and found in `cache` afterwards.

    `AutoModelForCausalLM`, `AutoModelForSequenceClassification` (with a head of random weights) and
    `AutoTokenizer` open it. Every global random state is left as it was.

    Args:
        config: the corpus, and how it is read; `sizes` is not looked at.
        size: one of `models.tiny.SIZES`.
        seed: decides book, corpus and first weights.
        cache: folder of pretrained models; made where missing.
        listen: called every ten steps; never, where the model is found.
        peer: 0 for the ladder's own. Each other number is another model of equal capacity, with the same book
            and tokenizer: its first weights are others, and so are the documents that it reads.
    """
    first = seed + 10_007 * peer

    def make(folder: Path) -> None:
        book = rule_book(config, seed)
        tokenizer = tokenizing.build_tokenizer(vocabulary(random.Random(f"vocabulary {seed}"), book))
        pad_id: Any = tokenizer.pad_token_id
        model = tiny.tiny_model(size, tokenizer, first)
        train_language_model(
            model,
            rows(tokenizer, reading(config, seed, peer)),
            pad_id,
            epochs=1,
            batch_size=config.batch_size,
            learning_rate=learning_rate(config, size),
            seed=first,
            device=torch.device("cpu"),
            scratch=folder.parent / "trainer",
            listen=listen,
        )
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    name = f"{size}-{seed}-peer-{peer}" if peer else f"{size}-{seed}"
    return cached_model(cache / f"ladder-{name}-{_digest(config)}", make)


def learning_rate(config: LadderConfig, size: str) -> float:
    """Of a model's pretraining: the configured one at the width of `mini`, and wider models take less.

    With one rate for all, `nano` learned nothing of some cues in one seed of three, or `small` no rules.
    """
    return config.learning_rate * (tiny.SIZES["mini"].hidden / tiny.SIZES[size].hidden) ** 0.5


def rows(tokenizer: PreTrainedTokenizerBase, documents: Iterable[Document]) -> list[Row]:
    """Documents as ids, each piece encoded by itself, with labels on what is to be learned."""
    read = list(documents)
    # The same facts are recited again and again: each piece is encoded once, and all in one call.
    pieces = list(dict.fromkeys(text for document in read for text, _ in document))
    encoded: list[list[int]] = tokenizer(pieces, add_special_tokens=False)["input_ids"] if pieces else []
    ids_of = dict(zip(pieces, encoded, strict=True))
    made: list[Row] = []
    for document in read:
        row: Row = {"input_ids": [], "labels": []}
        for text, learned in document:
            ids = ids_of[text]
            row["input_ids"] += ids
            row["labels"] += ids if learned else [IGNORED] * len(ids)
        made.append(row)
    return made


def _digest(config: LadderConfig) -> str:
    """Of all that shapes the weights, but for size and seed, which stand in the folder's name."""
    files = [str(module.__file__) for module in (plans, tiny, tokenizing, language)]
    shaping = {
        "config": config.model_dump(mode="json", exclude={"sizes"}),
        "sources": [Path(file).read_text() for file in (*files, __file__)],
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("torch", "transformers", "tokenizers", "accelerate")
        },
    }
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()[:16]
