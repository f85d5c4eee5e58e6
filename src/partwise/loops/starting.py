"""What a run starts from: settings that can be used, prompts, and what warm starts brought."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from partwise.composition.sandbox import Sandbox
from partwise.config import AlignConfig, PlannerConfig, WarmStartConfig, WriterConfig, WriterStartConfig
from partwise.loops.questions import part_items
from partwise.loops.reward_models import check_reward_model
from partwise.loops.schedules import refuse_unknown_values
from partwise.loops.seats import check_seats, people_prompts, proxy_prompts
from partwise.loops.setup import check_planner, load_planner, planner_prompts
from partwise.loops.writers import body_writer, check_writer, first_writer, opened, writer_prompts
from partwise.measure.bodies import programs
from partwise.measure.parsing import parsing
from partwise.models.errors import ModelError
from partwise.models.planner import Planner
from partwise.models.prompts import PEOPLE, PLANNER, Prompts
from partwise.oversight.proxy import Proxy
from partwise.runs.rundir import RunDir, RunError
from partwise.training.rollout import RolloutEngine
from partwise.types import Split
from partwise.worlds.base import World
from partwise.worlds.registry import load_world

PROMPTS = "prompts.json"
WARM_START = "warm_start.json"
WRITER_START = "writer_start.json"


def refuse_unusable(config: AlignConfig) -> None:
    """Refuse, before anything is made, what no run could use; what only weights can tell, loading tells.

    Raises:
        ModelError: a model can't be loaded, or has no use in its seat.
        LookupError: there is no such world or value, or nothing to ask about in it.
    """
    world = load_world(config.world)
    part_items(world, config)
    refuse_unknown_values(world, config.loop.summary_errors.unseen)
    check_planner(world, config.planner)
    check_seats(world, config)
    check_reward_model(world, config)
    check_writer(world, config.proxy.writer, config.planner.device)


def keep_prompts(run: RunDir, world: World, config: AlignConfig, *, begin: bool) -> None:
    """Write down what planner and proxy are told, or hold a run to what they were told when it began.

    Args:
        run: of the loop.
        world: of the run.
        config: whose planner and proxy they are.
        begin: whether it is written down where it is not yet.

    Raises:
        RunError: the prompts, or what the world puts into them, have changed since.
        ModelError: the prompts can't be used.
    """
    proxy = config.proxy
    writer = writer_prompts(world, proxy.writer)
    people = people_prompts(world, config.human)
    told = (planner_prompts(world, config.planner), proxy_prompts(world, proxy), writer, people)
    shown = {name: text for prompts in told if prompts for name, text in prompts.shown().items()}
    if not shown:
        return
    if not (run.path / PROMPTS).exists():
        if begin:
            run.write_json(PROMPTS, shown)
        return
    then = run.read_json(PROMPTS)
    # A run that this one goes on from may have had no language model in a seat.
    if changed := [name for name, text in shown.items() if then.get(name, text) != text]:
        setting = _prompts_of(changed[0], writer)
        raise RunError(
            f"{run.path} began with another prompt {' and '.join(changed)}, which {PROMPTS} there shows: "
            f"put it back as it was (`{setting}`), or start another run with another --out."
        )


def _prompts_of(name: str, writer: Prompts | None) -> str:
    """The setting that names where a prompt comes from; `writer` is what a writer that learns is told."""
    if name in PLANNER:
        return "planner.prompts"
    if name in PEOPLE:
        return "human.asked.prompts"
    return "proxy.writer.prompts" if writer and name in writer.texts else "proxy.asked.prompts"


def starts_warm(config: AlignConfig) -> bool:
    """Whether planner or writer learn from the world's corpus before any reward or answer."""
    return bool(config.planner.warm_start.examples or config.proxy.writer.warm_start.examples)


def measured_starts(
    run: RunDir, world: World, config: AlignConfig, planner: Planner, proxy: Proxy, sandbox: Sandbox
) -> dict[str, float]:
    """What warm starts brought: shares before and after, for the figures of progress. Measured once.

    Before is the model as it is without a warm start: with the prompts that are named, else with those that
    say all, or with the run's own where the model has too few positions for these.

    Args:
        run: where it is written down.
        world: whose validation tasks are planned, and whose catalogue's subtasks are written.
        config: of the run.
        planner: as it is after its warm start.
        proxy: solves the subtasks; what it has learned does not matter.
        sandbox: where programs run.
    """
    shares: dict[str, float] = {}
    if config.planner.warm_start.examples:
        found = _once(run, WARM_START, lambda: _planner_start(config, world, planner, proxy, sandbox))
        shares |= {f"parsed {when}": found[when]["decompositions"]["mean"] for when in ("before", "after")}
    if config.proxy.writer.warm_start.examples:
        found = _once(run, WRITER_START, lambda: _writer_start(config, world))
        shares |= {f"programs {when}": found[when]["program"]["mean"] for when in ("before", "after")}
    return shares


def _once(run: RunDir, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    if not (run.path / name).exists():
        run.write_json(name, measure())
    return run.read_json(name)


def known_starts(run: RunDir) -> dict[str, Any]:
    """What is written down of warm starts, for `results.json`."""
    names = {"warm_start": WARM_START, "writer_start": WRITER_START}
    return {key: run.read_json(name) for key, name in names.items() if (run.path / name).exists()}


def _planner_start(
    config: AlignConfig, world: World, planner: Planner, proxy: Proxy, sandbox: Sandbox
) -> dict[str, Any]:
    """What share of both turns parses, of validation tasks."""
    settings = config.planner.warm_start
    tasks = [world.task(Split.VALIDATION, index) for index in range(settings.checked)]

    def measured(planner: Planner, told: PlannerConfig) -> dict[str, Any]:
        engine = RolloutEngine(world, planner, proxy, sandbox, space="free")
        generator = torch.Generator().manual_seed(config.seed)
        rollouts, _ = engine.roll_out(tasks, 1, temperature=config.measure.temperature, generator=generator)
        return {"prompts": told.prompts or told.usual_prompts, **parsing(rollouts).to_json()}

    cold = _cold(world, config.planner)
    found = {
        "examples": settings.examples,
        "before": measured(load_planner(world, cold, str(cold.model)), cold),
        "after": measured(planner, config.planner),
    }
    proxy.forget_scores()  # a run that is resumed after this has none
    return found


def _cold(world: World, config: PlannerConfig) -> PlannerConfig:
    """The planner's settings without its warm start, with prompts that it can read."""
    cold = config.model_copy(update={"warm_start": WarmStartConfig()})
    try:
        check_planner(world, cold)
    except ModelError:  # of all that is refused, only this is new: the run's own prompts were read
        return cold.model_copy(update={"prompts": config.usual_prompts})
    return cold


def _writer_start(config: AlignConfig, world: World) -> dict[str, Any]:
    """What share of its answers to the catalogue's subtasks are programs."""
    writer, device = config.proxy.writer, config.planner.device
    cold = writer.model_copy(update={"warm_start": WriterStartConfig()})
    try:
        check_writer(world, cold, device)
    except ModelError:  # as in `_cold`
        cold = cold.model_copy(update={"prompts": writer.usual_prompts})

    def measured(told: WriterConfig, source: str) -> dict[str, Any]:
        few = told.model_copy(update={"copies": writer.warm_start.checked})
        proxy = config.proxy.model_copy(update={"writer": few})
        solver = body_writer(world, proxy, source, device, config.seed)
        return {"prompts": told.prompts or told.usual_prompts, **programs(solver, world)}

    return {
        "examples": writer.warm_start.examples,
        "before": measured(cold, opened(str(writer.model))),
        "after": measured(writer, first_writer(world, writer, device, config.seed)),
    }
