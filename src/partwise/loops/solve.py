"""Solve one task in the open: plan, judge, check, show, ask, run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from partwise.composition.language import parse
from partwise.composition.sandbox import Sandbox
from partwise.config import AlignConfig, Models, ProgressConfig
from partwise.data.deeds import Deployment
from partwise.data.scenes import Facts
from partwise.loops.scene_writers import fresh_scenes
from partwise.loops.setup import load_planner, load_proxy
from partwise.loops.starting import keep_prompts
from partwise.models.writer import Writer
from partwise.oversight.monitors import RuleMonitor
from partwise.runs.config import config_from_data
from partwise.runs.rundir import RunDir, RunError
from partwise.training.rollout import RolloutEngine
from partwise.types import Effect, Execution, Split, Tool
from partwise.worlds.dinner.scenes import TOOLS, NightEpisode
from partwise.worlds.registry import load_world


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan for one task, rehearsed in the simulator and not yet carried out."""

    index: int
    """Of the held-out task."""
    statement: str
    parts: list[tuple[str, float]]
    """The parts' text with the proxy's judgment, 0 to 1; none where a plan has no parts."""
    plan: str
    """What was written, without its parts."""
    summary: str
    rejection: str
    """Why it may not be carried out, in one sentence; empty where it may."""
    effects: list[str]
    """Tools that it may call whose effect can't be undone."""
    rehearsed: Execution | None
    """What came of it in the simulator; None where there was nothing to run."""
    carry_out: Callable[[], Execution]

    def execute(self) -> Execution:
        """Carry the plan out.

        Raises:
            ValueError: it was rejected.
        """
        if self.rejection:
            raise ValueError(f"a rejected plan is not carried out: {self.rejection}")
        return self.carry_out()


def propose(run: Path, task_index: int, generation: int | None = None) -> Proposal:
    """The plan that a run's latest planner and proxy make for a held-out task, or a generation of a ladder.

    Args:
        run: directory of `align` or `progress`.
        task_index: of the held-out task.
        generation: of a ladder, from 1; its latest aligned one, where None.

    Raises:
        RunError: there is no run there, nothing of it is done that could plan, or its prompts have changed.
        ModelError: its checkpoint can't be loaded.
    """
    opened = RunDir.open(run)
    if opened.kind == "progress":
        ladder = config_from_data(ProgressConfig, opened.config_data)
        model = _aligned(run, generation)
        if ladder.models is Models.WRITERS:
            return _for_scene(ladder, model, task_index)
        align = ladder.align.model_copy(update={"seed": ladder.seed})
        return _for_task(align, model, model.parent / "proxy", task_index)
    if opened.kind != "align":
        raise RunError(f"{run} is a study; name one of its runs, such as {run / 'seed-0' / 'strategies'}.")
    if generation is not None:
        raise RunError(f"{run} is no ladder and has no generations; leave --generation out.")
    done = opened.rounds_done()
    if not done:
        raise RunError(f"No round of {run} is done yet; go on with: partwise resume {run}")
    folder = opened.round_path(done - 1)
    config = config_from_data(AlignConfig, opened.config_data)
    keep_prompts(opened, load_world(config.world), config, begin=False)
    return _for_task(config, folder / "planner", folder / "proxy", task_index)


def _for_task(config: AlignConfig, planner_folder: Path, proxy_folder: Path, task_index: int) -> Proposal:
    world = load_world(config.world)
    planner = load_planner(world, config.planner, planner_folder)
    proxy = load_proxy(world, config, proxy_folder)
    task = world.task(Split.HELDOUT, task_index)
    with Sandbox() as sandbox:
        engine = RolloutEngine(world, planner, proxy, sandbox, space=config.loop.composition_space)
        generator = torch.Generator().manual_seed(task_index)
        (rollout,), _ = engine.roll_out(
            [task], 1, temperature=config.measure.temperature, generator=generator
        )
    solution, ran = rollout.solution, rollout.execution.ran

    def carry_out() -> Execution:
        assert solution is not None
        with Sandbox() as sandbox:
            return sandbox.run(solution.source, world.episode(task), world.tools)

    parts = solution.partial_solutions if solution else ()
    return Proposal(
        index=task_index,
        statement=task.statement,
        parts=[(part.source, score) for part, score in zip(parts, rollout.partial_rewards, strict=True)],
        plan=rollout.composition or rollout.decomposition,
        summary=rollout.summary if ran else "",
        rejection="" if ran else f"{rollout.outcome}: {rollout.execution.message}",
        effects=_irreversible(solution.source, world.tools) if ran and solution else [],
        rehearsed=rollout.execution if solution else None,
        carry_out=carry_out,
    )


def _for_scene(config: ProgressConfig, model: Path, task_index: int) -> Proposal:
    writer = Writer.load(model)
    facts = Facts.drawn(config.read.tiers, config.seed)
    (scene,) = fresh_scenes(facts, 1, f"solved {config.seed} {task_index}", kept=True)
    (written,) = writer.write([scene.text], seed=task_index)
    with Sandbox() as sandbox:
        deployment = Deployment(facts, sandbox)
        deed = deployment.deed(scene, written.text, ended=written.ended, nights=[task_index])
        (seen,) = RuleMonitor(deployment, config.inject.fidelity).flags([deed])

    rehearsed = deed.trials[0].execution if deed.trials else None

    def carry_out() -> Execution:
        with Sandbox() as sandbox:
            return sandbox.run(written.text, NightEpisode(facts.night(scene, task_index)), TOOLS)

    return Proposal(
        index=task_index,
        statement=scene.text,
        parts=[],
        plan=written.text,
        summary=_seen(seen) if deed.ran else "",
        rejection=_unfit(rehearsed),
        effects=_irreversible(written.text, TOOLS) if deed.ran else [],
        rehearsed=rehearsed,
        carry_out=carry_out,
    )


def _aligned(run: Path, generation: int | None) -> Path:
    """The model of a generation that has passed injection."""
    done = sorted(
        int(path.parent.parent.name) for path in run.glob("generations/*/injection/model") if path.is_dir()
    )
    if not done:
        raise RunError(f"No generation of {run} is aligned yet; go on with: partwise resume {run}")
    if generation is not None and generation not in done:
        raise RunError(f"{run} has no aligned generation {generation}; it has {', '.join(map(str, done))}.")
    return run / "generations" / f"{generation or done[-1]:02d}" / "injection" / "model"


def _seen(kinds: Collection[str] | None) -> str:
    return f"monitors see {' and '.join(sorted(kinds))}." if kinds else "monitors see no harm."


def _unfit(execution: Execution | None) -> str:
    if execution is None:
        return "it is no plan."
    return "" if execution.ran else f"{execution.outcome}: {execution.message}"


def _irreversible(source: str, tools: Mapping[str, Tool]) -> list[str]:
    named = {node.id for node in ast.walk(parse(source)) if isinstance(node, ast.Name)}
    return [name for name, tool in tools.items() if name in named and tool.effect is Effect.IRREVERSIBLE]
