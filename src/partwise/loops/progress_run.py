"""One ladder on disk: go on where it stopped, measure each model, leave results and transcripts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from partwise.composition.sandbox import Sandbox
from partwise.config import Models, Order, ProgressConfig
from partwise.config.places import cache_folder
from partwise.loops.asking import people
from partwise.loops.gap import gap_policy
from partwise.loops.ladder_results import ladder_results
from partwise.loops.orders import Reorderable, ordered
from partwise.loops.progressive import Made, Stage, progressive
from partwise.loops.reward_models import check_reward_model
from partwise.loops.seats import check_seats
from partwise.oversight.feedback import FeedbackStore
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RESULTS, RunDir, RunError
from partwise.runs.stages import DEEDS, FORECAST, MADE, MEASURED, SPARED, stage_folder
from partwise.worlds.registry import load_world


class Ladder(Reorderable, Protocol):
    """A substrate that has something to say of a generation before it is trained."""

    def rehearse(self, generation: int, aligned: Sequence[Path]) -> Made:
        """What the latest aligned models say of its conformity, without the oracle."""
        ...


class Measures(Protocol):
    """How the models of a ladder are measured. Evaluation only."""

    def measure(
        self, stage: str, generation: int, aligned: Sequence[Path], folder: Path, deeds_file: str
    ) -> dict[str, Any]:
        """The model in a stage's folder on what is held out; what it did goes into its `deeds_file`."""
        ...


def progress(
    config: ProgressConfig, out: Path, listen: Listener, *, shared: Path | None = None
) -> dict[str, Any]:
    """Run the ladder, or go on with it, and return what `results.json` holds.

    Args:
        config: all of it; a run that is there with other settings is refused.
        out: the run's directory.
        listen: told of progress.
        shared: a folder in which ladders of writers find the stages that they have in common, so that each
            is done once; see `loops/shared_stages.py`.

    Raises:
        RunError: the directory can't be used, the disk is full, or a ladder in sequence did not come to its
            last generation.
        ModelError: a model in the proxy or in people's place can't be loaded, or has no use there.
        LookupError: there is no such gap policy, world or value.
    """
    gap = gap_policy(config.gap, config.seed)  # one that is not there leaves nothing behind
    if config.models is Models.PLANNERS and not out.exists():
        world = load_world(config.align.world)
        check_seats(world, config.align)
        check_reward_model(world, config.align)
    run = RunDir.create(out, "progress", config)
    with run.locked():
        if run.is_finished():
            return run.read_json(RESULTS)
        with _opened(config, run, listen, shared) as (ladder, measures):
            keep = _Kept(run, ladder, measures, listen)
            stages = ordered(ladder, config)
            grown = list(progressive(stages, keep, gap, config.gate, generations=config.generations))
        _refuse_cut_sequence(config, len(grown), refused=grown[-1].refused is not None)
        results = ladder_results(config, run.path)
        run.write_json(RESULTS, results)
        return results


def _refuse_cut_sequence(config: ProgressConfig, grown: int, *, refused: bool) -> None:
    """A ladder in sequence injects into its last generation, which it must have come to."""
    if config.order is Order.IN_SEQUENCE and grown < config.generations and not refused:
        raise RunError(
            f"The ladder ran out of capacities after {grown} of {config.generations} generations. In "
            "sequence, injection comes in the last of them, so that nothing was injected: set "
            f"`generations={grown}`, take smaller steps (`gap`), or give more `widths`."
        )


@contextmanager
def _opened(
    config: ProgressConfig, run: RunDir, listen: Listener, shared: Path | None
) -> Generator[tuple[Ladder, Measures]]:
    """The models that the settings name, and how they are measured."""
    with Sandbox() as sandbox:
        if config.models is Models.PLANNERS:
            from partwise.loops.planner_ladder import PlannerLadder
            from partwise.loops.planner_measures import PlannerMeasures

            planners = PlannerLadder(config, sandbox, listen)
            with FeedbackStore(config.align.human.store or run.path / "feedback.db") as store:
                asked = people(
                    planners.world,
                    planners.schedule,
                    planners.align,
                    store,
                    run,
                    rounds=config.generations,
                    listen=partial(_waiting, listen),
                )
                planners.ask(asked)
                yield planners, PlannerMeasures(planners)
        else:
            from partwise.loops.scene_ladder import SceneLadder
            from partwise.loops.scene_measures import SceneMeasures
            from partwise.loops.shared_stages import SharedStages

            writers = SceneLadder(config, cache_folder(), sandbox, listen)
            yield SharedStages(writers, shared) if shared else writers, SceneMeasures(writers)


def _waiting(listen: Listener, phase: str, done: int, total: int) -> None:
    listen(Progress("progress", phase, done, total))


class _Kept:
    """Stages in folders that are renamed when they are whole; models are measured as they are made."""

    def __init__(self, run: RunDir, ladder: Ladder, measures: Measures, listen: Listener) -> None:
        self._run, self._ladder, self._measures, self._listen = run, ladder, measures, listen

    def __call__(self, generation: int, name: str, make: Callable[[Path], Made]) -> Stage:
        folder = self._folder(generation, name)
        if not folder.is_dir():
            started = time.perf_counter()
            with self._run.whole_dir(folder) as working:
                if name == "competence" and generation:
                    said = self._ladder.rehearse(generation, self._aligned(generation))
                    (working / FORECAST).write_text(json.dumps(said, indent=1))
                made = make(working)
                if (working / "model").is_dir():
                    self._measure(generation, name, working)
                seconds = time.perf_counter() - started + made.get(SPARED, 0.0)
                taken = {"seconds": round(seconds, 1)}
                (working / MADE).write_text(json.dumps({**made, **taken}, indent=1))
        return Stage(folder=folder, made=RunDir(folder, "", {}).read_json(MADE))

    def _folder(self, generation: int, name: str) -> Path:
        return stage_folder(self._run.path, generation, name)

    def _aligned(self, generation: int) -> list[Path]:
        """The models of the generations before."""
        return [self._folder(each, "injection") / "model" for each in range(generation)]

    def _measure(self, generation: int, name: str, to: Path) -> None:
        self._listen(Progress("progress", f"generation {generation + 1}, measuring {name}", 0, 1))
        found = self._measures.measure(name, generation, self._aligned(generation), to, DEEDS)
        (to / MEASURED).write_text(json.dumps(found, indent=1))
