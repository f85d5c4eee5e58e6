"""The base planner: a tiny model from random weights, pretrained on a world's plans, good and bad alike."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import itertools
import json
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from transformers import PreTrainedTokenizerBase

from partwise.config import PlannerConfig
from partwise.models import chat, tiny
from partwise.models import tokenizer as tokenizing
from partwise.models.hub import resolve_device
from partwise.training import language
from partwise.training.language import IGNORED, Listener, Row, cached_model, train_language_model
from partwise.worlds.base import Demonstration, World

PROBED = 64
"""Demonstrations that go into the digest, for worlds whose corpus depends on more than their own files."""


def pretrained_planner(
    world: World, config: PlannerConfig, cache: Path, listen: Listener | None = None
) -> Path:
    """The folder of a pretrained tiny planner, made on the first call and found in `cache` afterwards.

    `AutoModelForCausalLM` and `AutoTokenizer` open it. The folder is named by the digest of all that shapes
    the weights: size, settings, corpus, the source of the world and of what makes the model, libraries.
    It appears under its name complete or not at all. Every global random state is left as it was.

    Args:
        world: its `demonstrations` are the corpus.
        config: `size`, `width`, `device` and `pretrain` are read; its seed is known.
        cache: folder of pretrained planners; made where missing.
        listen: called every ten steps; never, where the planner is found.
    """
    folder = cache / f"{world.name}-{config.shape}-{_digest(world, config)}"
    return cached_model(folder, lambda made: _pretrain(world, config, made, listen))


def _pretrain(world: World, config: PlannerConfig, folder: Path, listen: Listener | None) -> None:
    settings, seed = config.pretrain, known_seed(config.pretrain.seed)
    corpus = read_plans(world, config)
    tokenizer = tokenizer_of(corpus)
    pad_id: Any = tokenizer.pad_token_id
    model = tiny.tiny_model(config.shape, tokenizer, seed)
    train_language_model(
        model,
        examples(tokenizer, corpus),
        pad_id,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        seed=seed,
        device=resolve_device(config.device),
        scratch=folder.parent / "trainer",
        listen=listen,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def read_plans(world: World, config: PlannerConfig) -> list[Demonstration]:
    """The plans that a base planner reads, in order."""
    settings = config.pretrain
    return list(itertools.islice(corpus_of(world, settings.seed, settings.corpus), settings.examples))


def tokenizer_of(corpus: Sequence[Demonstration]) -> PreTrainedTokenizerBase:
    """A tokenizer over all that stands in the plans."""
    return tokenizing.build_tokenizer(text for plan in corpus for text in plan.texts)


def known_seed(seed: int | None) -> int:
    """The seed of a base planner.

    Raises:
        ValueError: it is not known yet.
    """
    if seed is None:
        raise ValueError("the seed of the base planner is not known yet: see `AlignConfig.base`")
    return seed


def corpus_of(world: World, seed: int | None, corpus: str) -> Iterator[Demonstration]:
    """The plans that a base planner learns from, without end; `corpus` is `wild` or `unaligned`."""
    return world.demonstrations(random.Random(known_seed(seed)), aligned=corpus == "wild")


def examples(tokenizer: PreTrainedTokenizerBase, corpus: Sequence[Demonstration]) -> list[Row]:
    """Conversations as ids, with labels on the planner's two turns and their ends alone.

    Each stretch is encoded by itself: with the tokenizers made here, which treat the start of a text like any
    other place, that gives the ids of `chat.first_prompt` and `chat.between_turns`, and the planner meets in
    training what it meets in a rollout.
    """
    around = chat.layout(tokenizer)

    def encode(texts: Iterable[str]) -> list[list[int]]:
        return tokenizer(list(texts), add_special_tokens=False)["input_ids"]

    stretches = zip(
        encode(around.opening(plan.statement) for plan in corpus),
        encode(plan.decomposition for plan in corpus),
        encode(around.between(plan.partial_solutions) for plan in corpus),
        encode(plan.composition for plan in corpus),
        strict=True,
    )
    end = chat.encode(tokenizer, around.end)
    return [
        {
            "input_ids": [*task, *decomposition, *end, *parts, *composition, *end],
            "labels": [IGNORED] * len(task)
            + decomposition
            + end
            + [IGNORED] * len(parts)
            + composition
            + end,
        }
        for task, decomposition, parts, composition in stretches
    ]


def _digest(world: World, config: PlannerConfig) -> str:
    probe = itertools.islice(corpus_of(world, config.pretrain.seed, config.pretrain.corpus), PROBED)
    shaping = {
        "size": config.shape,
        "pretrain": config.pretrain.model_dump(mode="json"),
        "world": world.name,
        "device": resolve_device(config.device).type,
        "corpus": [plan.texts for plan in probe],
        "sources": [
            path.read_text()
            for path in (*sources_of(world, chat, tiny, tokenizing, language), Path(__file__))
        ],
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("torch", "transformers", "tokenizers", "accelerate")
        },
    }
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()[:16]


def sources_of(world: World, *makers: ModuleType) -> list[Path]:
    """The files of the world's package (or module), and of the modules that make and feed the model."""
    module = sys.modules[type(world).__module__]
    own = Path(inspect.getsourcefile(type(world)) or __file__)
    files = sorted(own.parent.rglob("*.py")) if hasattr(module, "__path__") else [own]
    return [*files, *(Path(str(part.__file__)) for part in makers)]
