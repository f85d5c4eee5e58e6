"""The reward model in the proxy, as the settings name it: a tiny one, or any model with a scoring head."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, cast

from transformers import PreTrainedTokenizerBase

from partwise.composition.summary import SAMPLE
from partwise.config import AlignConfig, ProxyConfig, Reward
from partwise.models import scoring
from partwise.models.classifier import longest_stated
from partwise.models.endpoint import HUB, is_provider
from partwise.models.errors import ModelError
from partwise.models.hub import resolve_device
from partwise.models.precision import check_precision
from partwise.models.tiny import tiny_reward_model
from partwise.models.tokenizer import build_tokenizer
from partwise.training.body_writer import functions
from partwise.types import Effect
from partwise.worlds.base import NOTHING_DONE, World, undone

_LOOKED_AT = 100
"""Plans of the world's corpus by which it is told how long complete solutions are."""


def new_reward_model(
    world: World, config: ProxyConfig, device: str, seed: int
) -> tuple[Any, PreTrainedTokenizerBase]:
    """The reward model before it has heard anybody, and its tokenizer.

    The vocabulary of a tiny one is that of both catalogues, of summaries and of what a writer reads.

    Raises:
        ModelError: a model can't be loaded.
    """
    settings = config.reward
    if settings.model is not None:
        name = settings.model.removeprefix(HUB)
        return scoring.new_reward_model(
            name, lora_rank=settings.lora_rank, seed=seed, device=device, **settings.held
        )
    bodies = [*_bodies(world)]
    if config.solver == "writer":
        bodies += [part.source for part in functions(world, config.writer, seed)]
    summaries = [NOTHING_DONE, *(f"{tool}: {SAMPLE}" for tool in world.tools)]
    tokenizer = build_tokenizer([*bodies, *summaries], min_count=1)
    # Any: transformers' wrapper of `to` confuses type checkers.
    model = cast(Any, tiny_reward_model(config.size, tokenizer, seed)).to(resolve_device(device))
    return model, tokenizer


def check_reward_model(world: World, config: AlignConfig) -> None:
    """Refuse, before anything is made, a `proxy.reward.model` that could not judge or not learn.

    Raises:
        ModelError: see `models.scoring.check_reward_model`; it is a provider's; or it can't read what is
            judged, of which some is too long or has tokens that it lacks.
    """
    named = config.proxy.reward.model
    if named is None:
        return
    if is_provider(named):
        raise ModelError(
            f"'{named}' is a provider's name, whose weights can't be trained: let its word judge "
            f"(proxy.judge=word proxy.model={named}), or write hub:{named} for the hub's"
        )
    name = named.removeprefix(HUB)
    check_precision(config.proxy.reward.dtype)
    settings, tokenizer = scoring.check_reward_model(name, device=config.planner.device)
    read: list[list[int]] = [tokenizer(text)["input_ids"] for text in _judged(world, config)]
    longest, most = max(map(len, read)), longest_stated(settings, tokenizer)
    if most is not None and longest > most:
        raise ModelError(
            f"'{name}' reads at most {most} tokens, and what is judged here takes up to {longest}: take a "
            "model with more positions"
        )
    last = max(map(max, filter(None, read)))
    known: int = cast(Any, settings).get_text_config().vocab_size
    if last >= known:
        raise ModelError(
            f"the tokenizer of '{name}' is not the model's: it gives the token {last:,}, and the model knows "
            f"{known:,}; save them together anew"
        )


def _bodies(world: World) -> Iterator[str]:
    """The bodies of both catalogues, and each job left undone."""
    for entry in chain(world.catalogue.values(), world.practice.values()):
        for body in (*entry.implementations, undone(entry.subtask)):
            yield body.source


def _judged(world: World, config: AlignConfig) -> Iterator[str]:
    """Texts as a run judges them; of what planners have yet to write, what it may well look like."""
    yield from _bodies(world)
    yield NOTHING_DONE
    if config.loop.judges_summaries:
        told = [name for name, tool in world.tools.items() if tool.effect is not Effect.PURE]
        yield "\n".join(f"{name}: some of users, some more than once, and others." for name in told)
    if config.loop.reward is Reward.WHOLE:
        for plan in islice(world.demonstrations(random.Random(0)), _LOOKED_AT):
            yield f"{plan.partial_solutions}\n{plan.composition}"
