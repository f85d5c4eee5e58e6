"""The estimate of a run, and how it is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from partwise.config import AlignConfig, RewardModelConfig, WarmStartConfig
from partwise.estimate.hours import hours
from partwise.estimate.memory import Memory, memory
from partwise.estimate.size import ModelSize, config_of, size_of
from partwise.estimate.table import Device, read_table
from partwise.estimate.texts import (
    Plans,
    encoded,
    function_length,
    guessed,
    judged_lengths,
    plan_lengths,
    read_corpus,
)
from partwise.estimate.tokens import GOES_ON, Lengths, Role, Schedule, rollouts, schedule, writes_tiny
from partwise.loops.reward_models import new_reward_model
from partwise.loops.setup import planner_prompts
from partwise.models.endpoint import HUB
from partwise.models.hub import check_causal_lm, resolve_device
from partwise.models.precision import NF4, bytes_of
from partwise.models.scoring import check_reward_model
from partwise.models.tiny import tiny_config
from partwise.training.pretrain import read_plans, tokenizer_of
from partwise.worlds.base import World
from partwise.worlds.registry import load_world

_PROMPTS = 20
"""Of a kind that differ little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run takes on one kind of device."""

    memory: int
    """Bytes at the peak, with what the process holds anyway."""
    devices: int
    """How many hold that between them; above 1 it can't run: Partwise is one process on one device."""
    hours: float
    """Of one device."""
    dollars: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run will take."""

    config: AlignConfig
    size: ModelSize
    proxy: ModelSize
    """Its reward model."""
    plans: Plans
    work: Schedule
    memory: Memory
    costs: Mapping[str, Cost]
    assumed: list[str] = field(default_factory=list[str])
    """What was taken for granted, a sentence each."""

    def to_json(self) -> dict[str, Any]:
        """All figures as plain data; tokens by role, memory in bytes."""
        return {
            "planner": {
                "parameters": self.size.parameters,
                "trained": self.size.trained,
                "bytes_a_weight": self.size.weight_bytes,
            },
            "proxy": {"parameters": self.proxy.parameters, "trained": self.proxy.trained},
            "rollouts": self.config.loop.rounds * rollouts(self.config),
            "tokens": {role.name.lower(): self.work.whole[role] for role in Role},
            "rounds": [{role.name.lower(): count for role, count in row.items()} for row in self.work.rounds],
            "memory": {name: getattr(self.memory, name) for name in Memory.__slots__},
            "devices": {
                name: {
                    "memory": cost.memory,
                    "devices": cost.devices,
                    "hours": cost.hours,
                    "dollars": cost.dollars,
                }
                for name, cost in self.costs.items()
            },
            "assumed": self.assumed,
        }


def estimate(config: AlignConfig, *, model: str | None = None, table: Path | None = None) -> Estimate:
    """What a run of `align` with these settings will take; nothing is made, and no weight is read.

    Args:
        config: of the run. Of a `planner.model` config.json and tokenizer are read.
        model: a model of the table in the place of `planner.model`.
        table: of devices and models; None for the one that ships.

    Raises:
        ModelError: the model can't be opened, or could be no planner.
        ConfigError: the table makes no sense.
        LookupError: there is no such world, or no such model in the table.
    """
    devices, models = read_table(table)
    world = load_world(config.world)
    assumed = [
        "What is sampled is as long as the plans of the world's corpus; of first turns "
        f"{GOES_ON:.0%} come to a second one."
    ]
    if model is not None:
        config = config.model_copy(update={"planner": config.planner.model_copy(update={"model": model})})
    size, plans, cold = _planner(world, config, _shape(models, model), assumed)
    proxy, tokenizer = _reward_model(world, config, config.proxy.reward)
    # That of a tiny writer is as a tiny reward model's.
    written = _reward_model(world, config, RewardModelConfig())[1] if writes_tiny(config) else tokenizer
    judged = judged_lengths(world, config, tokenizer, read_corpus(world, config))
    lengths = Lengths(
        plan=plans.mean,
        cold=cold,
        judged=judged,
        function=function_length(world, config, written) if writes_tiny(config) else 0.0,
        subtasks=len(world.catalogue),
    )
    work, peak = schedule(config, lengths), memory(config, size, plans, proxy, judged.longest)
    _assume(config, plans, work, assumed)
    return Estimate(
        config=config,
        size=size,
        proxy=proxy,
        plans=plans,
        work=work,
        memory=peak,
        costs={
            name: _cost(device, peak, hours(config, work, size, proxy, plans, device))
            for name, device in devices.items()
        },
        assumed=assumed,
    )


def _shape(models: Mapping[str, dict[str, Any]], name: str | None) -> dict[str, Any] | None:
    if name is None:
        return None
    if name not in models:
        raise LookupError(f"the table has no model '{name}'; there is {', '.join(models)}")
    return models[name]


def _planner(
    world: World, config: AlignConfig, shape: dict[str, Any] | None, assumed: list[str]
) -> tuple[ModelSize, Plans, float]:
    """The planner's size, how long its conversations are, and its prompt before a warm start."""
    planner, corpus = config.planner, read_corpus(world, config)
    if shape is not None:
        letters = float(shape.get("letters", 3))
        assumed.append(f"A token is {letters:g} letters, as no tokenizer was read.")
        settings = config_of({key: value for key, value in shape.items() if key != "letters"})
        measure, saved, where = partial(guessed, letters), torch.bfloat16, torch.device("cuda")
    elif planner.model is None:
        tokenizer = tokenizer_of(read_plans(world, config.base))
        settings = tiny_config(planner.shape, tokenizer)
        measure, saved, where = partial(encoded, tokenizer), None, resolve_device(planner.device)
    else:
        settings, tokenizer = check_causal_lm(planner.model, device=planner.device)
        measure, saved, where = partial(encoded, tokenizer), settings.dtype, resolve_device(planner.device)
    rank = planner.lora_rank if planner.model else 0
    each = bytes_of(planner.dtype, where, adapters=rank > 0, saved=saved)
    limits = (planner.max_decomposition_tokens, planner.max_composition_tokens)
    plans = plan_lengths(measure(planner_prompts(world, planner), corpus), limits)
    cold = 0.0
    if planner.warm_start.examples:
        untaught = planner.model_copy(update={"warm_start": WarmStartConfig()})
        cold = fmean(plan.prompt for plan in measure(planner_prompts(world, untaught), corpus[:_PROMPTS]))
    size = size_of(settings, lora_rank=rank, weight_bytes=each, packed=planner.dtype == NF4)
    return size, plans, cold


def _reward_model(
    world: World, config: AlignConfig, reward: RewardModelConfig
) -> tuple[ModelSize, PreTrainedTokenizerBase]:
    """The size of a reward model of the proxy's, and its tokenizer."""
    if reward.model is None:
        tiny = config.proxy.model_copy(update={"solver": "catalogue", "reward": reward})
        model, tokenizer = new_reward_model(world, tiny, "cpu", config.seed)
        return size_of(model.config, lora_rank=0, weight_bytes=4, scores=True), tokenizer
    device, rank = config.planner.device, reward.lora_rank
    settings, tokenizer = check_reward_model(reward.model.removeprefix(HUB), device=device)
    each = bytes_of(reward.dtype, resolve_device(device), adapters=rank > 0, saved=settings.dtype)
    packed = reward.dtype == NF4
    return size_of(settings, lora_rank=rank, weight_bytes=each, scores=True, packed=packed), tokenizer


def _cost(device: Device, peak: Memory, took: float) -> Cost:
    needed = peak.peak + device.held
    count = max(1, math.ceil(peak.peak / max(1.0, device.memory - device.held)))
    return Cost(memory=round(needed), devices=count, hours=took, dollars=took * device.dollars)


def _assume(config: AlignConfig, plans: Plans, work: Schedule, assumed: list[str]) -> None:
    planner = config.planner
    if planner.model is not None and not planner.warm_start.examples:
        count = config.loop.rounds * rollouts(config)
        most = count * (planner.max_decomposition_tokens + planner.max_composition_tokens)
        assumed.append(
            "A model that was not warm-started may go on to its limits: "
            f"then up to {most:,} tokens are sampled in training, not {work.whole[Role.SAMPLED]:,}."
        )
    if plans.cut:
        assumed.append(
            "Some plans of the corpus are longer than planner.max_decomposition_tokens or "
            "planner.max_composition_tokens allow."
        )
    if config.proxy.model or config.proxy.writer.model:
        assumed.append("What a language model in the proxy reads, writes and learns is left out.")
    if config.realign.control and config.realign.when == "alarm":
        assumed.append("No alarm sounds; each costs `proxy.labels_later` labels.")
    assumed += [
        "Nothing is in the cache: a planner that is there is neither pretrained nor warm-started again.",
        "Hours leave out Python, sandbox and world, which take most of a tiny model's time.",
    ]
