"""Writers of bodies: a tiny one reads functions good and bad; any is aligned to what people prefer."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast

import torch

from partwise.config import WriterConfig
from partwise.draws import share_of
from partwise.models import chat, tiny
from partwise.models import tokenizer as tokenizing
from partwise.models.writer import Writer
from partwise.oversight.body_writer import BodyWriter, asked
from partwise.training import language
from partwise.training.ladder import rows
from partwise.training.language import Listener, cached_model, for_width, train_language_model
from partwise.training.preference import encoded, prefer
from partwise.training.reward import Preference
from partwise.types import PartialSolution, Subtask
from partwise.worlds.base import UNDONE, World

_SHAPING = {"size", "documents", "catalogue", "heldout", "batch_size", "learning_rate"}
"""Settings that a pretrained tiny writer follows from."""


class Written(Protocol):
    """A world that has functions to read beside those of its catalogue."""

    def bodies(self, rng: random.Random) -> Iterator[PartialSolution]:
        """Functions with one of their bodies, without end."""
        ...


def withheld(world: World, config: WriterConfig, seed: int) -> frozenset[str]:
    """Subtasks of the catalogue that a writer never reads; larger shares withhold what smaller ones do."""
    names = world.catalogue
    return frozenset(name for name in names if share_of(seed, "withheld", name) < config.heldout)


def functions(world: World, config: WriterConfig, seed: int) -> list[PartialSolution]:
    """What a writer reads, in order: the world's functions, and those of both catalogues that it may read."""
    rng = random.Random(f"functions {seed}")
    without = withheld(world, config, seed)
    known = [
        body
        for entry in itertools.chain(world.catalogue.values(), world.practice.values())
        for body in entry.implementations
        if body.subtask.name not in without
    ]
    others = cast(Written, world).bodies(rng) if hasattr(world, "bodies") else iter(())
    found: list[PartialSolution] = []
    while len(found) < config.documents:
        drawn = rng.choice(known) if rng.random() < config.catalogue else next(others, None)
        found.append(drawn or rng.choice(known))
    return found


def pretrained_body_writer(
    world: World, config: WriterConfig, seed: int, cache: Path, listen: Listener | None = None
) -> Path:
    """The folder of a writer that has read functions and nothing else; made on the first call.

    Args:
        world: whose functions they are.
        config: how many, and which not.
        seed: decides them, and the first weights.
        cache: made where missing.
        listen: called every ten steps; never, where the writer is found.
    """
    read = functions(world, config, seed)

    def make(folder: Path) -> None:
        tokenizer = tokenizing.build_tokenizer(
            text for part in read for text in (asked(part.subtask), part.body)
        )
        model = tiny.tiny_model(config.size, tokenizer, seed)
        layout = chat.layout(tokenizer)
        documents = [
            ((layout.opening(asked(part.subtask)), False), (part.body, True), (layout.end, True))
            for part in read
        ]
        pad_id: Any = tokenizer.pad_token_id
        train_language_model(
            model,
            rows(tokenizer, documents),
            pad_id,
            epochs=1,
            batch_size=config.batch_size,
            learning_rate=for_width(config.learning_rate, model),
            seed=seed,
            device=torch.device("cpu"),
            scratch=folder.parent / "trainer",
            listen=listen,
        )
        Writer(model, tokenizer).save(folder)

    return cached_model(cache / f"{world.name}-bodies-{config.size}-{seed}-{_digest(config, read)}", make)


def _digest(config: WriterConfig, read: Sequence[PartialSolution]) -> str:
    shaping = {
        "config": config.model_dump(mode="json", include=_SHAPING),
        "read": [asked(part.subtask) + part.body for part in read],
        "sources": [inspect.getsource(part) for part in (chat, tiny, tokenizing, language)],
        "torch": importlib.metadata.version("torch"),
    }
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()[:16]


def align_writer(
    solver: BodyWriter,
    rank: Callable[[Sequence[PartialSolution]], Sequence[float]],
    said: Sequence[Preference],
    subtasks: Mapping[str, Subtask],
    config: WriterConfig,
    *,
    seed: int,
) -> int:
    """DPO in place on what people said of two bodies for one subtask, and on what the judge that has learned
    from them prefers among the writer's own bodies for the subtasks that people were asked about.

    Answers tell of bodies that it does not write, any more or yet; the judge of those that it does.

    Args:
        solver: its writer learns.
        rank: the judge's figures of bodies for one subtask; the highest is best.
        said: answers. Those about anything else, or against leaving a job undone, teach no body.
        subtasks: `def` line to the subtask that people were asked about, of those that it may learn from.
        config: how.
        seed: decides the order.

    Returns:
        How many preferences that were.
    """
    pairs = _said(said, subtasks) if config.learns != "judged" else []
    if config.learns != "answers":
        headers = dict.fromkeys(_split(text)[0] for each in said for text in (each.chosen, each.rejected))
        pairs += _judged(solver, rank, [subtasks[header] for header in headers if header in subtasks])
    form, writer = solver.form, solver.writer
    lessons = [
        encoded(writer.tokenizer, form.ask(better.subtask), form.answer(better), form.answer(worse))
        for better, worse in pairs
    ]
    prefer(writer.model, writer.tokenizer, lessons, config.prefer, seed=seed)
    solver.forget()
    return len(pairs)


_Pair = tuple[PartialSolution, PartialSolution]
"""The better one first."""


def _said(said: Sequence[Preference], subtasks: Mapping[str, Subtask]) -> list[_Pair]:
    """What people said of two bodies for one subtask."""
    pairs: list[_Pair] = []
    for each in said:
        (header, better), (other, worse) = _split(each.chosen), _split(each.rejected)
        # That a job is better left undone than done so says nothing of how to write it.
        if header == other and header in subtasks and UNDONE not in (better, worse):
            subtask = subtasks[header]
            pairs.append(
                (
                    PartialSolution(subtask=subtask, body=better),
                    PartialSolution(subtask=subtask, body=worse),
                )
            )
    return pairs


def _judged(
    solver: BodyWriter,
    rank: Callable[[Sequence[PartialSolution]], Sequence[float]],
    subtasks: Sequence[Subtask],
) -> list[_Pair]:
    """The body that the judge likes best of those that are written for a subtask, over each of the others."""
    written = [[part for part in parts if part.body != UNDONE] for parts in solver.bodies(subtasks)]
    figures = iter(rank([part for parts in written for part in parts]))
    pairs: list[_Pair] = []
    for parts in written:
        scored = list(zip(islice(figures, len(parts)), parts, strict=True))
        best, liked = max(scored, key=lambda row: row[0], default=(0.0, None))
        pairs += [(liked, part) for figure, part in scored if liked and figure < best]
    return pairs


def _split(source: str) -> tuple[str, str]:
    """The `def` line of a function and its body, not indented."""
    header, _, body = source.partition("\n")
    return header, "\n".join(line.removeprefix("    ") for line in body.split("\n"))
