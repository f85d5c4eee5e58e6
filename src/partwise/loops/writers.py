"""Who writes bodies in the proxy, as the settings name them: four kinds behind one protocol.

A catalogue (`Chooser`); a tiny writer, or a language model, that learns (`BodyWriter`); and a language model,
here or at a provider, that is asked by prompt (`ModelWriter`).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from partwise.config import ProxyConfig, WriterConfig
from partwise.config.places import cache_folder
from partwise.loops.seats import model_writer
from partwise.models.architectures import OWN_HEAD
from partwise.models.chat import first_prompt
from partwise.models.endpoint import HUB, is_provider
from partwise.models.errors import ModelError
from partwise.models.hub import check_causal_lm
from partwise.models.planner import positions
from partwise.models.precision import check_precision
from partwise.models.prompts import Prompts, make_prompts, read_prompts
from partwise.models.writer import Writer
from partwise.oversight.body_writer import TINY, WRITER, BodyWriter, by_prompt
from partwise.oversight.solvers import Chooser, Solver
from partwise.training.body_writer import pretrained_body_writer
from partwise.training.divergence import divergence_of
from partwise.training.language import Listener
from partwise.training.warm_start import warm_started_writer
from partwise.worlds.base import World
from partwise.worlds.telling import proxy_fields


def writer_prompts(world: World, config: WriterConfig) -> Prompts | None:
    """What a language model that learns to write is told; None without one.

    Raises:
        ModelError: the prompts can't be read, or name a field that there is not.
    """
    if config.model is None:
        return None
    texts = read_prompts(config.prompts or config.usual_prompts, config.usual_prompts)
    return make_prompts(texts, {"solve": proxy_fields(world)["solve"]})


def check_writer(world: World, config: WriterConfig, device: str) -> None:
    """Refuse, before anything is made, a `proxy.writer.model` that could not write or not learn.

    Raises:
        ModelError: see `load_causal_lm` and `writer_prompts`; it is a provider's; it can't learn from
            preferences; or it has too few positions for a subtask.
    """
    prompts = writer_prompts(world, config)
    if config.model is None or prompts is None:
        return
    if is_provider(config.model):
        raise ModelError(
            f"'{config.model}' is a provider's name, whose weights can't be trained: let it write by prompt "
            f"(proxy.solver=model proxy.model={config.model}), or write hub:{config.model} for the hub's"
        )
    name = opened(config.model)
    check_precision(config.dtype)
    settings, tokenizer = check_causal_lm(name, device=device)
    if settings.model_type in OWN_HEAD:
        raise ModelError(
            f"'{name}' can't learn from preferences here: more comes after the last hidden states of "
            f"{settings.model_type} than one matrix; let it write by prompt (proxy.solver=model "
            f"proxy.model={config.model}), or take another"
        )
    entries = [*world.catalogue.values(), *world.practice.values()]
    read = max(len(first_prompt(tokenizer, prompts.solve(entry.subtask.request))) for entry in entries)
    most = positions(settings)
    if most is not None and read + config.longest > most:
        raise ModelError(
            f"'{name}' reads at most {most} tokens: a subtask takes {read}, and a body may take "
            f"{config.longest}; lower proxy.writer.longest, shorten its prompt (proxy.writer.prompts=short), "
            "or take a model with more positions"
        )


def first_writer(
    world: World, config: WriterConfig, device: str, seed: int, listen: Listener | None = None
) -> str:
    """Name or folder of the writer before it has heard anybody: pretrained, warm-started, or as it came.

    Raises:
        ModelError: the model can't be loaded.
        Diverged: a learning rate was too high.
    """
    cache, prompts = cache_folder() / "writers", writer_prompts(world, config)
    with divergence_of("the writer of bodies"):
        if config.model is None or prompts is None:
            return str(pretrained_body_writer(world, config, seed, cache, listen))
        named = config.model_copy(update={"model": opened(config.model)})
        if config.warm_start.examples:
            return str(warm_started_writer(world, named, prompts, cache, listen, device=device, seed=seed))
    return str(named.model)


def body_writer(world: World, config: ProxyConfig, source: str | Path, device: str, seed: int) -> BodyWriter:
    """A writer that learns, which is opened when it first writes.

    Args:
        world: whose subtasks it is told of.
        config: of the proxy.
        source: name or folder of the model: of `first_writer`, or of a checkpoint.
        device: of the run; a tiny writer stays on the CPU.
        seed: of the run.
    """
    settings, prompts = config.writer, writer_prompts(world, config.writer)
    if prompts is None:
        load, form = partial(Writer.load, source), TINY
    else:
        load = partial(Writer.load, source, lora_rank=settings.lora_rank, device=device, **settings.held)
        form = by_prompt(prompts)
    return BodyWriter(
        load,
        form,
        copies=settings.copies,
        capacity=config.capacity,
        longest=settings.longest,
        seed=seed,
    )


def new_solver(
    world: World, config: ProxyConfig, device: str, seed: int, listen: Listener | None = None
) -> Solver:
    """Who writes bodies for a proxy that knows nothing yet.

    Raises:
        ModelError: a model can't be loaded.
        Diverged: see `first_writer`.
    """
    source = first_writer(world, config.writer, device, seed, listen) if config.solver == "writer" else ""
    return _solver(world, config, source, device, seed)


def saved_solver(world: World, config: ProxyConfig, folder: Path, device: str, seed: int) -> Solver:
    """Who writes bodies for the proxy of a checkpoint, which is a folder.

    Raises:
        ModelError: a model can't be loaded.
    """
    return _solver(world, config, folder / WRITER, device, seed)


def _solver(world: World, config: ProxyConfig, source: str | Path, device: str, seed: int) -> Solver:
    match config.solver:
        case "catalogue":
            return Chooser(world.catalogue, capacity=config.capacity)
        case "writer":
            return body_writer(world, config, source, device, seed)
        case "model":
            return model_writer(world, config, device, seed)


def opened(model: str) -> str:
    """The name of a `proxy.writer.model` as it is opened."""
    return model.removeprefix(HUB)
