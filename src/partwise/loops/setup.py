"""Planners and proxies as a run's configuration asks for them."""

from __future__ import annotations

from pathlib import Path

from partwise.config import AlignConfig, PlannerConfig, ProxyConfig
from partwise.config.places import cache_folder
from partwise.loops.reward_models import new_reward_model
from partwise.loops.seats import word_judge
from partwise.loops.writers import new_solver, saved_solver
from partwise.models.chat import first_prompt
from partwise.models.hub import check_causal_lm, load_causal_lm, resolve_device
from partwise.models.planner import Planner, check_length, positions
from partwise.models.precision import check_precision
from partwise.models.prompts import Prompts, make_prompts, read_prompts
from partwise.models.scoring import load_reward_model
from partwise.oversight.proxy import Proxy
from partwise.training.divergence import divergence_of
from partwise.training.pretrain import Listener, pretrained_planner
from partwise.training.warm_start import warm_started_planner
from partwise.types import Split
from partwise.worlds.base import World
from partwise.worlds.telling import fields

_LOOKED_AT = 8
"""Tasks of each split by which it is told whether a model has positions enough."""


def base_planner(world: World, config: PlannerConfig, listen: Listener | None = None) -> str:
    """Name or folder of the planner before any alignment.

    A tiny one is pretrained, and a `planner.model` is warm-started where that is asked for, unless they are
    in the cache. `config` is `AlignConfig.base`, in which the seeds are known.
    """
    cache, prompts = cache_folder() / "planners", planner_prompts(world, config)
    with divergence_of("base planner"):
        if prompts is None:
            return str(pretrained_planner(world, config, cache, listen))
        if config.warm_start.examples:
            return str(warm_started_planner(world, config, prompts, cache, listen))
    return str(config.model)


def planner_prompts(world: World, config: PlannerConfig) -> Prompts | None:
    """What the planner is told in each turn; None for a tiny one, which is told the task alone.

    Raises:
        ModelError: the prompts can't be read, or name a field that there is not.
    """
    if config.model is None:
        return None
    usual = config.usual_prompts
    return make_prompts(read_prompts(config.prompts or usual, usual), fields(world))


def check_planner(world: World, config: PlannerConfig) -> None:
    """Refuse, before anything is made, a device or a `planner.model` that no run could use.

    What only the weights can tell is told when they are loaded.

    Raises:
        ModelError: see `load_causal_lm` and `planner_prompts`; or the model has too few positions for a task.
    """
    prompts = planner_prompts(world, config)
    if config.model is None or prompts is None:
        resolve_device(config.device)
        return
    check_precision(config.dtype)
    settings, tokenizer = check_causal_lm(config.model, device=config.device)
    tasks = [world.task(split, index) for split in Split for index in range(_LOOKED_AT)]
    asked = [first_prompt(tokenizer, prompts.decompose(task.statement)) for task in tasks]
    limits = (config.max_decomposition_tokens, config.max_composition_tokens)
    check_length(max(map(len, asked)), limits, positions(settings))


def load_planner(world: World, config: PlannerConfig, source: str | Path) -> Planner:
    """The planner that lies at `source`: the base planner's or a checkpoint's folder, or a name on the hub.

    Raises:
        ModelError: it can't be loaded.
    """
    rank = config.lora_rank if config.model else 0
    model, tokenizer = load_causal_lm(
        source,
        lora_rank=rank,
        device=config.device,
        **config.held,
    )
    return Planner(
        model,
        tokenizer,
        prompts=planner_prompts(world, config),
        max_decomposition_tokens=config.max_decomposition_tokens,
        max_composition_tokens=config.max_composition_tokens,
        constrained=config.constrained,
    )


def new_proxy(
    world: World, config: ProxyConfig, device: str, *, seed: int, listen: Listener | None = None
) -> Proxy:
    """A proxy that knows nothing yet.

    `listen` is told of what a writer of bodies learns before it hears anybody.

    Raises:
        ModelError: a model in it can't be loaded.
    """
    model, tokenizer = new_reward_model(world, config, device, seed)
    solver = new_solver(world, config, device, seed, listen)
    word = word_judge(world, config, device, seed)
    return Proxy(model, tokenizer, solver, word, at_once=2 * config.reward.at_once)


def load_proxy(world: World, config: AlignConfig, folder: Path) -> Proxy:
    """The proxy of a checkpoint.

    Raises:
        ModelError: it can't be loaded.
    """
    device = config.planner.device
    model, tokenizer = load_reward_model(folder, device=device, trained=True, **config.proxy.reward.held)
    solver = saved_solver(world, config.proxy, folder, device, config.seed)
    word = word_judge(world, config.proxy, device, config.seed)
    return Proxy(model, tokenizer, solver, word, at_once=2 * config.proxy.reward.at_once)
