"""What may stand in a comparison: runs, folders, names on the hub, packages, and models of providers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from partwise.config import AlignConfig, PlannerConfig
from partwise.evals.extras import inspect_or_refuse
from partwise.evals.terms import Terms
from partwise.loops.setup import base_planner, load_planner
from partwise.loops.starting import keep_prompts
from partwise.models.endpoint import HUB, is_provider
from partwise.models.errors import ModelError
from partwise.models.planner import Planner
from partwise.runs.config import config_from_data
from partwise.runs.record import RECORD
from partwise.runs.rundir import RunDir, RunError
from partwise.worlds.base import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A planner that is measured."""

    name: str
    """As it is shown."""
    load: Callable[[World], Planner] | None
    """Loads it into this process; None where Inspect asks its provider."""


def contestants(names: list[str], terms: Terms, *, floor: bool) -> list[Contestant]:
    """Who is meant by each name, told apart before anything is loaded.

    Args:
        names: each a run's directory, a folder, `package:NAME`, a provider's model or a name on the hub.
        terms: what they are told, and how much they may write.
        floor: with each run also its planner as it was before any reward.

    Raises:
        ModelError: a name is given twice, or Inspect is missing for a provider's.
        RunError: a run has no planner yet, or its prompts have changed since; it is no run of the loop, or
            of another world.
    """
    found: list[Contestant] = []
    for name in names:
        if (Path(name) / RECORD).exists():
            found += _of_run(name, terms, floor=floor)
        elif is_provided(name):
            inspect_or_refuse(f"Asking {name}")
            found.append(Contestant(name=name, load=None))
        else:
            found.append(Contestant(name=name, load=_of_model(name.removeprefix(HUB), terms)))
    shown = [each.name for each in found]
    if doubled := next((name for name in shown if shown.count(name) > 1), None):
        raise ModelError(f"{doubled} is named twice")
    return found


def is_provided(name: str) -> bool:
    """Whether a provider of Inspect's has the model; what is a folder here never is."""
    return is_provider(name) and not Path(name).exists()


def _of_model(name: str, terms: Terms) -> Callable[[World], Planner]:
    config = PlannerConfig(
        model=name,
        lora_rank=0,
        prompts=terms.prompts,
        max_decomposition_tokens=terms.max_tokens,
        max_composition_tokens=terms.max_tokens,
    )
    return lambda world: load_planner(world, config, name)


def _of_run(name: str, terms: Terms, *, floor: bool) -> list[Contestant]:
    """A run's latest planner, told what it was told in training and with the tokens that it had there."""
    run = RunDir.open(Path(name))
    if run.kind != "align":
        raise RunError(f"{run.path} is no single run of the loop, which has a planner; name one of its runs.")
    config = config_from_data(AlignConfig, run.config_data)
    if config.world != terms.world:
        raise RunError(f"The planner of {run.path} is of the world {config.world}, not of {terms.world}.")
    if not (done := run.rounds_done()):
        raise RunError(f"No round of {run.path} is done yet; go on with: partwise resume {run.path}")
    latest = run.round_path(done - 1) / "planner"

    def trained(world: World) -> Planner:
        keep_prompts(run, world, config, begin=False)
        return load_planner(world, config.planner, latest)

    def untrained(world: World) -> Planner:
        keep_prompts(run, world, config, begin=False)
        return load_planner(world, config.planner, base_planner(world, config.base))

    rows = [Contestant(name=name, load=trained)]
    return [*rows, Contestant(name=f"{name}, before any reward", load=untrained)] if floor else rows
