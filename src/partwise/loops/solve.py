"""Solve one task in the open: decompose, judge, recompose, check, show, ask, run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import torch

from partwise.composition.language import parse
from partwise.composition.sandbox import Sandbox
from partwise.config import AlignConfig
from partwise.loops.setup import load_planner, load_proxy
from partwise.runs.config import config_from_data
from partwise.runs.rundir import RunDir, RunError
from partwise.training.rollout import RolloutEngine
from partwise.types import Effect, Execution, PartialSolution, Rollout, Split, Task
from partwise.worlds.base import World
from partwise.worlds.registry import load_world


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan for one task, rehearsed in the simulator and not yet carried out."""

    world: World
    task: Task
    rollout: Rollout
    rejection: str
    """Why it may not be carried out, in one sentence; empty where it may."""
    judged: list[tuple[PartialSolution, float]]
    """The parts with the proxy's judgment, 0 to 1."""
    effects: list[str]
    """Tools that it may call whose effect can't be undone."""


def propose(run: Path, task_index: int) -> Proposal:
    """The plan that a run's latest planner and proxy make for a held-out task.

    Raises:
        RunError: there is no run there, or none of its rounds is done.
        ModelError: its checkpoint can't be loaded.
    """
    opened = RunDir.open(run)
    if opened.kind != "align":
        raise RunError(f"{run} is a study; name one of its runs, such as {run / 'seed-0' / 'strategies'}.")
    done = opened.rounds_done()
    if not done:
        raise RunError(f"No round of {run} is done yet; go on with: partwise resume {run}")
    config = config_from_data(AlignConfig, opened.config_data)
    world, folder = load_world(config.world), opened.round_path(done - 1)
    planner = load_planner(world, config.planner, folder / "planner")
    proxy = load_proxy(world, config, folder / "proxy")
    task = world.task(Split.HELDOUT, task_index)
    with Sandbox() as sandbox:
        engine = RolloutEngine(world, planner, proxy, sandbox, space=config.loop.composition_space)
        generator = torch.Generator().manual_seed(task_index)
        (rollout,), _ = engine.roll_out(
            [task], 1, temperature=config.measure.temperature, generator=generator
        )
    parts = rollout.solution.partial_solutions if rollout.solution else ()
    return Proposal(
        world=world,
        task=task,
        rollout=rollout,
        rejection="" if rollout.execution.ran else f"{rollout.outcome}: {rollout.execution.message}",
        judged=list(zip(parts, rollout.partial_rewards, strict=True)),
        effects=_irreversible(world, rollout),
    )


def _irreversible(world: World, rollout: Rollout) -> list[str]:
    if not rollout.execution.ran or rollout.solution is None:
        return []
    named = {node.id for node in ast.walk(parse(rollout.solution.source)) if isinstance(node, ast.Name)}
    return [
        name for name, tool in world.tools.items() if name in named and tool.effect is Effect.IRREVERSIBLE
    ]


def execute(proposal: Proposal) -> Execution:
    """Carry the plan out.

    Raises:
        ValueError: it was rejected.
    """
    if proposal.rejection or proposal.rollout.solution is None:
        raise ValueError(f"a rejected plan is not carried out: {proposal.rejection}")
    world, task = proposal.world, proposal.task
    with Sandbox() as sandbox:
        return sandbox.run(proposal.rollout.solution.source, world.episode(task), world.tools)
