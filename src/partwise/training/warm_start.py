"""Warm start: a language model learns from a world's corpus how plans are written, or bodies of functions.

A model from elsewhere writes prose, fences and calls that nobody can parse, so that every rollout of its
group earns the same and reinforcement learning starts without a signal; and of a writer of bodies, there is
nothing to choose from. What is learned here is the language and its habits, good and bad, as tiny models
learn them (`training/pretrain.py`, `training/body_writer.py`), and no values.

The trainer is that of the pretraining, transformers' own. TRL's SFTTrainer computes logits, entropies and
accuracies at every position of a vocabulary that is far wider here, and encodes conversations by itself; the
ids of these are put together as those of a rollout are, or the planner would meet other ones there.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from partwise.config import PlannerConfig, WarmStartConfig, WriterConfig, WriterStartConfig
from partwise.config.places import is_local
from partwise.files import digests
from partwise.models import chat, hub
from partwise.models.packaged import is_packaged, package_versions
from partwise.models.prompts import Prompts
from partwise.models.writer import Writer
from partwise.oversight import body_writer
from partwise.oversight.body_writer import Form, by_prompt
from partwise.training import language
from partwise.training.body_writer import functions
from partwise.training.language import IGNORED, Listener, Row, cached_model, train_language_model
from partwise.training.pretrain import PROBED, corpus_of, known_seed, sources_of
from partwise.types import PartialSolution
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
    digest = _digest(str(config.model), _shaping(world, config, prompts))
    folder = cache / f"{world.name}-warm-{digest}"
    return cached_model(folder, lambda made: _train(world, config, prompts, made, listen))


def _train(
    world: World, config: PlannerConfig, prompts: Prompts, folder: Path, listen: Listener | None
) -> None:
    settings = config.warm_start
    model, tokenizer = hub.load_causal_lm(
        str(config.model),
        lora_rank=config.lora_rank,
        device=config.device,
        **config.held,
    )
    plans = list(islice(corpus_of(world, settings.seed, settings.corpus), settings.examples))
    rows, seed = examples(tokenizer, plans, prompts), known_seed(settings.seed)
    _learn(model, tokenizer, rows, settings, seed, folder, listen, "planner.warm_start.learning_rate")


def warm_started_writer(
    world: World,
    config: WriterConfig,
    prompts: Prompts,
    cache: Path,
    listen: Listener | None = None,
    *,
    device: str,
    seed: int,
) -> Path:
    """The folder of a warm-started writer of bodies; made and found as `warm_started_planner` is.

    Args:
        world: its functions are the corpus, but for those of the subtasks that are withheld.
        config: has a `model`.
        prompts: what the writer is told, here as ever after; `solve` among them.
        cache: folder of writers; made where missing.
        listen: called every ten steps; never, where the writer is found.
        device: a torch device, or `auto`.
        seed: decides the functions, which are withheld, and their order.

    Raises:
        ModelError: the model can't be loaded.
        Diverged: the learning rate was too high.
    """
    settings = config.warm_start
    read = functions(world, config.model_copy(update={"documents": settings.examples}), seed)

    def train(folder: Path) -> None:
        writer = Writer.load(str(config.model), lora_rank=config.lora_rank, device=device, **config.held)
        rows = answers(writer.tokenizer, read, by_prompt(prompts))
        setting = "proxy.writer.warm_start.learning_rate"
        _learn(writer.model, writer.tokenizer, rows, settings, seed, folder, listen, setting)

    shaping = {
        "seed": seed,
        "lora_rank": config.lora_rank,
        "dtype": config.dtype,
        "attention": config.attention,
        "device": hub.resolve_device(device).type,
        "warm_start": settings.model_dump(mode="json", exclude={"checked"}),
        "prompts": prompts.shown(),
        "read": [part.subtask.request + part.source for part in read],
        "sources": [Path(str(module.__file__)).read_text() for module in (chat, language, body_writer)],
    }
    name = f"{world.name}-bodies-warm-{_digest(str(config.model), shaping)}"
    return cached_model(cache / name, train)


def _learn(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Row],
    settings: WarmStartConfig | WriterStartConfig,
    seed: int,
    folder: Path,
    listen: Listener | None,
    setting: str,
) -> None:
    pad_id: Any = tokenizer.pad_token_id
    train_language_model(
        model,
        rows,
        0 if pad_id is None else pad_id,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        schedule="linear",
        seed=seed,
        device=model.device,
        scratch=folder.parent / "trainer",
        listen=listen,
        setting=setting,
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
    return _row((told[0], False), (said[0], True), (told[1], False), (said[1], True))


def answers(tokenizer: PreTrainedTokenizerBase, parts: Sequence[PartialSolution], form: Form) -> list[Row]:
    """Functions as answers in ids, as a writer is asked for them and writes them; labels on these alone."""
    rows: list[Row] = []
    for part in parts:
        told = form.ask(part.subtask)
        said = chat.written_turn(tokenizer, told, form.answer(part), first=True)
        rows.append(_row((chat.first_prompt(tokenizer, told), False), (said, True)))
    return rows


def _row(*stretches: tuple[list[int], bool]) -> Row:
    """Stretches of ids laid end to end, each with whether it is to be learned."""
    return {
        "input_ids": [id for ids, _ in stretches for id in ids],
        "labels": [id if ours else IGNORED for ids, ours in stretches for id in ids],
    }


def _shaping(world: World, config: PlannerConfig, prompts: Prompts) -> dict[str, Any]:
    """What a planner's weights follow from, beside the model and the libraries."""
    probe = islice(corpus_of(world, config.warm_start.seed, config.warm_start.corpus), PROBED)
    return {
        "lora_rank": config.lora_rank,
        "device": hub.resolve_device(config.device).type,
        "dtype": config.dtype,
        "attention": config.attention,
        "warm_start": config.warm_start.model_dump(mode="json", exclude={"checked"}),
        "world": world.name,
        "prompts": prompts.shown(),
        "corpus": [plan.texts for plan in probe],
        "sources": [path.read_text() for path in sources_of(world, chat, language)],
    }


def _digest(model: str, shaping: Mapping[str, Any]) -> str:
    """Of all that shapes the weights: what is given, and the model, this file and the libraries."""
    whole = {
        **shaping,
        "model": _identity(model),
        "learning": Path(__file__).read_text(),
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("torch", "transformers", "tokenizers", "accelerate", "peft")
        },
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]


def _identity(name: str) -> Any:
    """What tells a model from every other: its name, and of what lies on this machine its content."""
    if is_packaged(name):
        return [name, package_versions(name)]
    return sorted(digests(Path(name).expanduser()).values()) if is_local(name) else name
