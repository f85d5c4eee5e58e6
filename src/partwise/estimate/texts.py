"""How long texts are: what a run will sample is not known before, so a world's own corpus stands for it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean
from typing import Any

from transformers import PreTrainedTokenizerBase

from partwise.composition.sandbox import Sandbox
from partwise.composition.summary import summarise
from partwise.config import AlignConfig, Reward
from partwise.loops.questions import part_items
from partwise.models import chat
from partwise.models.prompts import Prompts
from partwise.training.body_writer import functions
from partwise.training.pretrain import corpus_of
from partwise.types import Split
from partwise.worlds.base import Demonstration, World, undone

_PLANS = 200
"""Plans that are read for their lengths."""
_RUN = 60
"""Of which so many are run, for the lengths of their summaries."""
_AROUND = 8
"""Tokens of a chat template around a message, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Tokens of one conversation."""

    prompt: float
    decomposition: float
    between: float
    """What hands the planner the partial solutions."""
    composition: float

    @property
    def written(self) -> float:
        """What the planner writes."""
        return self.decomposition + self.composition

    @property
    def whole(self) -> float:
        """All of it."""
        return self.prompt + self.between + self.written


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """Conversations of a world, in tokens of the planner's."""

    mean: Plan
    longest: float
    """Tokens of the longest of them."""
    cut: bool
    """Whether a turn of some is longer than the planner may write."""


def plan_lengths(found: Sequence[Plan], limits: tuple[int, int]) -> Plans:
    """The lengths of conversations, the planner's turns cut to what it may write, `limits`."""
    cut = [
        Plan(
            prompt=one.prompt,
            decomposition=min(one.decomposition, limits[0]),
            between=one.between,
            composition=min(one.composition, limits[1]),
        )
        for one in found
    ]
    mean = Plan(
        prompt=fmean(one.prompt for one in cut),
        decomposition=fmean(one.decomposition for one in cut),
        between=fmean(one.between for one in cut),
        composition=fmean(one.composition for one in cut),
    )
    return Plans(mean=mean, longest=max(one.whole for one in cut), cut=cut != found)


def encoded(
    tokenizer: PreTrainedTokenizerBase, prompts: Prompts | None, plans: Sequence[Demonstration]
) -> list[Plan]:
    """Conversations about plans in a planner's tokens; `prompts` are None for a tiny planner."""
    return [
        Plan(
            prompt=len(chat.first_prompt(tokenizer, first)),
            decomposition=len(chat.written_turn(tokenizer, first, plan.decomposition, first=True)),
            between=len(chat.between_turns(tokenizer, second)),
            composition=len(chat.written_turn(tokenizer, second, plan.composition, first=False)),
        )
        for plan, first, second in _told(prompts, plans)
    ]


def guessed(letters: float, prompts: Prompts | None, plans: Sequence[Demonstration]) -> list[Plan]:
    """The same without a tokenizer: so many `letters` a token, and a few tokens around each message."""
    return [
        Plan(
            prompt=_AROUND + len(first) / letters,
            decomposition=1 + len(plan.decomposition) / letters,
            between=_AROUND + len(second) / letters,
            composition=1 + len(plan.composition) / letters,
        )
        for plan, first, second in _told(prompts, plans)
    ]


def _told(
    prompts: Prompts | None, plans: Sequence[Demonstration]
) -> Iterator[tuple[Demonstration, str, str]]:
    """Each plan with the user's two messages."""
    for plan in plans:
        if prompts is None:
            yield plan, plan.statement, plan.partial_solutions
        else:
            yield plan, prompts.decompose(plan.statement), prompts.recompose(plan.partial_solutions)


def read_corpus(world: World, config: AlignConfig) -> list[Demonstration]:
    """The plans that stand for what is sampled: those that the planner learns from at first."""
    base = config.base
    settings = base.warm_start if base.model else base.pretrain
    return list(islice(corpus_of(world, settings.seed, settings.corpus), _PLANS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a proxy reads, in its own tokens."""

    catalogue: float
    """All bodies of the catalogue, and each job left undone: a planner's solutions are made of these."""
    asked: float
    """All bodies that people may be asked about."""
    option: float
    """Mean of one of the two texts of a question about parts."""
    summaries: float
    """All summaries of what some plans of the corpus do, each once: they are few."""
    summary: float
    """Mean of a summary."""
    whole: float
    """Mean of a complete solution."""
    longest: float
    """Of the longest of those that the run judges."""


def judged_lengths(
    world: World, config: AlignConfig, tokenizer: PreTrainedTokenizerBase, plans: Sequence[Demonstration]
) -> Judged:
    """The lengths of the texts that the proxy of a run reads."""

    def tokens(texts: Sequence[str]) -> list[int]:
        found: Any = tokenizer(list(texts))["input_ids"]
        return [len(ids) for ids in found]

    def bodies(entries: Any) -> list[str]:
        return [
            body.source
            for entry in entries.values()
            for body in (*entry.implementations, undone(entry.subtask))
        ]

    items = part_items(world, config).asked(random.Random(0), 300)
    parts = tokens(bodies(world.catalogue))
    catalogue, options = sum(parts), tokens([option.text for item in items for option in item.options])
    wholes = tokens([f"{plan.partial_solutions}\n{plan.composition}" for plan in plans[:_RUN]])
    summaries = tokens(_summaries(world, plans)) if config.loop.judges_summaries else [0]
    return Judged(
        catalogue=catalogue,
        asked=catalogue + (sum(tokens(bodies(world.practice))) if config.human.practice else 0),
        option=fmean(options),
        summaries=sum(summaries),
        summary=fmean(summaries),
        whole=fmean(wholes),
        longest=max([*parts, *options, *summaries, *(wholes if config.loop.reward is Reward.WHOLE else ())]),
    )


def _summaries(world: World, plans: Sequence[Demonstration]) -> list[str]:
    """What some of the corpus' plans do on tasks of the world, each text once."""
    found: dict[str, None] = {}
    with Sandbox() as sandbox:
        for index, plan in enumerate(plans[:_RUN]):
            task = world.task(Split.TRAIN, index)
            source = f"{plan.partial_solutions}\n{plan.composition}"
            ran = sandbox.run(source, world.episode(task), world.tools)
            found[summarise(ran.trace, world.tools, task.inputs)] = None
    return list(found)


def function_length(world: World, config: AlignConfig, tokenizer: PreTrainedTokenizerBase) -> float:
    """Mean tokens of a function that a writer of bodies reads, its prompt among them."""
    some = config.proxy.writer.model_copy(update={"documents": _PLANS})
    read = functions(world, some, config.seed)
    found: Any = tokenizer([f"{part.subtask.doc}\n{part.source}" for part in read])["input_ids"]
    return fmean(map(len, found))
