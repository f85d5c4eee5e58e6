"""What a run with language models starts from: their prompts, and what a planner's warm start brought."""

from __future__ import annotations

from typing import Any

import torch

from partwise.composition.sandbox import Sandbox
from partwise.config import AlignConfig, PlannerConfig, WarmStartConfig
from partwise.loops.seats import proxy_prompts
from partwise.loops.setup import check_planner, load_planner, planner_prompts
from partwise.measure.parsing import parsing
from partwise.models.errors import ModelError
from partwise.models.planner import Planner
from partwise.models.prompts import PLANNER
from partwise.oversight.proxy import Proxy
from partwise.runs.rundir import RunDir, RunError
from partwise.training.rollout import RolloutEngine
from partwise.types import Split
from partwise.worlds.base import World

PROMPTS = "prompts.json"
WARM_START = "warm_start.json"


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
    told = (planner_prompts(world, config.planner), proxy_prompts(world, config.proxy))
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
        setting = "planner.prompts" if changed[0] in PLANNER else "proxy.asked.prompts"
        raise RunError(
            f"{run.path} began with another prompt {' and '.join(changed)}, which {PROMPTS} there shows: "
            f"put it back as it was (`{setting}`), or start another run with another --out."
        )


def measured_start(
    run: RunDir, world: World, config: AlignConfig, planner: Planner, proxy: Proxy, sandbox: Sandbox
) -> dict[str, Any]:
    """What share of both turns parses before and after the warm start, measured once.

    Before is the model as it is without a warm start: with `planner.prompts`, else with those that say all,
    or with the run's own where the model has too few positions for these.

    Args:
        run: where it is written down.
        world: whose validation tasks are planned.
        config: of the run, which has a warm start.
        planner: as it is after that.
        proxy: solves the subtasks; what it has learned does not matter.
        sandbox: where programs run.
    """
    settings = config.planner.warm_start
    if (run.path / WARM_START).exists():
        return run.read_json(WARM_START)
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
    run.write_json(WARM_START, found)
    return found


def _cold(world: World, config: PlannerConfig) -> PlannerConfig:
    """The planner's settings without its warm start, with prompts that it can read."""
    cold = config.model_copy(update={"warm_start": WarmStartConfig()})
    try:
        check_planner(world, cold)
    except ModelError:  # of all that is refused, only this is new: the run's own prompts were read
        return cold.model_copy(update={"prompts": config.usual_prompts})
    return cold
