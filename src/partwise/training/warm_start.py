"""Warm start: a language model learns from plans of a world's corpus how the two turns are written.

A model from elsewhere writes prose, fences and calls that nobody can parse, so that every rollout of its
group earns the same and reinforcement learning starts without a signal. What is learned here is the language
and its habits, good and bad, as tiny planners learn them (`training/pretrain.py`), and no values.

The trainer is that of the pretraining, transformers' own. TRL's SFTTrainer computes logits, entropies and
accuracies at every position of a vocabulary that is far wider here, and encodes conversations by itself; the
ids of these are put together as those of a rollout are, or the planner would meet other ones there.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from partwise.config import PlannerConfig
from partwise.config.places import is_local
from partwise.files import digests
from partwise.models import chat, hub
from partwise.models.packaged import is_packaged, package_versions
from partwise.models.prompts import Prompts
from partwise.training import language
from partwise.training.language import IGNORED, Listener, Row, cached_model, train_language_model
from partwise.training.pretrain import PROBED, corpus_of, known_seed, sources_of
from partwise.worlds.base import Demonstration, World


def warm_started_planner(
    world: World, config: PlannerConfig, prompts: Prompts, cache: Path, listen: Listener | None = None
) -> Path:
    """The folder of a warm-started planner, made on the first call and found in `cache` afterwards.

    It holds what `planner.lora_rank` says: adapters that name the model, or the whole model. It is named by
    the digest of all that shapes the weights (the model, settings, prompts, corpus, sources, libraries) and
    appears under its name complete or not at all. Every global random state is left as it was.

    Args:
        world: its `demonstrations` are the corpus.
        config: has a `model`; how that is loaded and `warm_start` are read, whose seed is known.
        prompts: what the planner is told before each turn, here as in every rollout.
        cache: folder of planners; made where missing.
        listen: called every ten steps; never, where the planner is found.

    Raises:
        ModelError: the model can't be loaded.
        Diverged: the learning rate was too high.
    """
    folder = cache / f"{world.name}-warm-{_digest(world, config, prompts)}"
    return cached_model(folder, lambda made: _train(world, config, prompts, made, listen))


def _train(
    world: World, config: PlannerConfig, prompts: Prompts, folder: Path, listen: Listener | None
) -> None:
    settings = config.warm_start
    model, tokenizer = hub.load_causal_lm(
        str(config.model),
        lora_rank=config.lora_rank,
        device=config.device,
        dtype=config.dtype,
        attention=config.attention,
        checkpointing=config.checkpointing,
    )
    plans = list(islice(corpus_of(world, settings.seed, settings.corpus), settings.examples))
    pad_id: Any = tokenizer.pad_token_id
    train_language_model(
        model,
        examples(tokenizer, plans, prompts),
        0 if pad_id is None else pad_id,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        schedule="linear",
        seed=known_seed(settings.seed),
        device=model.device,
        scratch=folder.parent / "trainer",
        listen=listen,
        setting="planner.warm_start.learning_rate",
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def examples(
    tokenizer: PreTrainedTokenizerBase, plans: Sequence[Demonstration], prompts: Prompts
) -> list[Row]:
    """Plans as conversations in ids, as a rollout of them is; labels on the planner's two turns alone."""
    return [_example(tokenizer, plan, prompts) for plan in plans]


def _example(tokenizer: PreTrainedTokenizerBase, plan: Demonstration, prompts: Prompts) -> Row:
    first, second = prompts.decompose(plan.statement), prompts.recompose(plan.partial_solutions)
    told = chat.first_prompt(tokenizer, first), chat.between_turns(tokenizer, second)
    said = (
        chat.written_turn(tokenizer, first, plan.decomposition, first=True),
        chat.written_turn(tokenizer, second, plan.composition, first=False),
    )
    stretches = ((told[0], False), (said[0], True), (told[1], False), (said[1], True))
    return {
        "input_ids": [id for ids, _ in stretches for id in ids],
        "labels": [id if ours else IGNORED for ids, ours in stretches for id in ids],
    }


def _digest(world: World, config: PlannerConfig, prompts: Prompts) -> str:
    probe = islice(corpus_of(world, config.warm_start.seed, config.warm_start.corpus), PROBED)
    shaping = {
        "model": _identity(str(config.model)),
        "lora_rank": config.lora_rank,
        "device": hub.resolve_device(config.device).type,
        "dtype": config.dtype,
        "attention": config.attention,
        "warm_start": config.warm_start.model_dump(mode="json", exclude={"checked"}),
        "world": world.name,
        "prompts": prompts.shown(),
        "corpus": [plan.texts for plan in probe],
        "sources": [path.read_text() for path in (*sources_of(world, chat, language), Path(__file__))],
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("torch", "transformers", "tokenizers", "accelerate", "peft")
        },
    }
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()[:16]


def _identity(name: str) -> Any:
    """What tells a model from every other: its name, and of what lies on this machine its content."""
    if is_packaged(name):
        return [name, package_versions(name)]
    return sorted(digests(Path(name).expanduser()).values()) if is_local(name) else name
