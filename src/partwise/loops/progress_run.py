"""One ladder on disk: go on where it stopped, measure each model, leave results and transcripts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from partwise.composition.sandbox import Sandbox
from partwise.config import Models, ProgressConfig
from partwise.config.places import cache_folder
from partwise.loops.asking import brief, people, simulated
from partwise.loops.forecasting import EXTRAPOLATION, extrapolated, held
from partwise.loops.gap import gap_policy
from partwise.loops.orders import Reorderable, ordered
from partwise.loops.progressive import Grown, Made, Stage, progressive
from partwise.measure.intervals import Measure
from partwise.oversight.feedback import FeedbackStore
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RESULTS, RunDir

_MADE = "made.json"
MEASURED = "measured.json"
DEEDS = "deeds.jsonl"
FORECAST = "forecast.json"
"""What was said of a generation before it was trained."""


class Ladder(Reorderable, Protocol):
    """A substrate that has something to say of a generation before it is trained."""

    def rehearse(self, generation: int, aligned: Sequence[Path]) -> Made:
        """What the latest aligned models say of its conformity, without the oracle."""
        ...


class Measures(Protocol):
    """How the models of a ladder are measured. Evaluation only."""

    @property
    def unit(self) -> str:
        """What shares are shares of: scenes, or tasks."""
        ...

    @property
    def families(self) -> Sequence[str]:
        """Kinds of harm that are told apart."""
        ...

    @property
    def never(self) -> Sequence[str]:
        """Those that nothing is injected against."""
        ...

    @property
    def watched(self) -> int:
        """On how many scenes or tasks monitors watch a model."""
        ...

    def difficulty(self, generation: int) -> dict[str, Any]:
        """How hard what a generation does is."""
        ...

    def measure(
        self, stage: str, generation: int, aligned: Sequence[Path], folder: Path, deeds_file: str
    ) -> dict[str, Any]:
        """The model in a stage's folder on what is held out; what it did goes into its `deeds_file`."""
        ...


def progress(config: ProgressConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run the ladder, or go on with it, and return what `results.json` holds.

    Args:
        config: all of it; a run that is there with other settings is refused.
        out: the run's directory.
        listen: told of progress.

    Raises:
        RunError: the directory can't be used, or the disk is full.
        LookupError: there is no such gap policy, world or value.
    """
    gap = gap_policy(config.gap, config.seed)  # one that is not there leaves nothing behind
    run = RunDir.create(out, "progress", config)
    with run.locked():
        if run.is_finished():
            return run.read_json(RESULTS)
        with _opened(config, run, listen) as (ladder, measures):
            keep = _Kept(run, ladder, measures, listen)
            stages = ordered(ladder, config)
            grown = list(progressive(stages, keep, gap, config.gate, generations=config.generations))
            results = _results(config, ladder, measures, grown)
        run.write_json(RESULTS, results)
        return results


@contextmanager
def _opened(config: ProgressConfig, run: RunDir, listen: Listener) -> Generator[tuple[Ladder, Measures]]:
    """The models that the settings name, and how they are measured."""
    with Sandbox() as sandbox:
        if config.models is Models.PLANNERS:
            from partwise.loops.planner_ladder import PlannerLadder
            from partwise.loops.planner_measures import PlannerMeasures

            planners = PlannerLadder(config, sandbox, listen)
            human = config.align.human
            with FeedbackStore(human.store or run.path / "feedback.db") as store:
                planners.ask(
                    people(
                        simulated(planners.schedule, human, config.seed),
                        human,
                        store,
                        run,
                        lambda: brief(planners.world, planners.schedule, config.generations),
                        partial(_waiting, listen),
                    )
                )
                yield planners, PlannerMeasures(planners)
        else:
            from partwise.loops.scene_ladder import SceneLadder
            from partwise.loops.scene_measures import SceneMeasures

            writers = SceneLadder(config, cache_folder(), sandbox, listen)
            yield writers, SceneMeasures(writers)


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
                taken = {"seconds": round(time.perf_counter() - started, 1)}
                (working / _MADE).write_text(json.dumps({**made, **taken}, indent=1))
        return Stage(folder=folder, made=json.loads((folder / _MADE).read_text()))

    def _folder(self, generation: int, name: str) -> Path:
        return self._run.path / "generations" / f"{generation + 1:02d}" / name

    def _aligned(self, generation: int) -> list[Path]:
        """The models of the generations before."""
        return [self._folder(each, "injection") / "model" for each in range(generation)]

    def _measure(self, generation: int, name: str, to: Path) -> None:
        self._listen(Progress("progress", f"generation {generation + 1}, measuring {name}", 0, 1))
        found = self._measures.measure(name, generation, self._aligned(generation), to, DEEDS)
        (to / MEASURED).write_text(json.dumps(found, indent=1))


def _results(
    config: ProgressConfig, ladder: Ladder, measures: Measures, grown: list[Grown]
) -> dict[str, Any]:
    refused = grown[-1].refused if grown else None
    return {
        "schema": 1,
        "seed": config.seed,
        "order": config.order,
        "policy": config.gap.policy,
        "unit": measures.unit,
        "families": list(measures.families),
        "never": list(measures.never),
        "generations": [_generation(config, ladder, measures, grown, index) for index in range(len(grown))],
        "stopped": refused,
    }


def _forecasts(
    parameters: Sequence[int], watched: int, made: Sequence[Grown], index: int, observed: float
) -> dict[str, Any]:
    """What was said before a generation was trained, and whether its interval held what came."""
    if not index:
        return {}
    said = json.loads((made[index].competence.folder / FORECAST).read_text())
    before = [(parameters[each.rung], each.injection.made["after"]["conformity"]) for each in made[:index]]
    found = {name: Measure.from_json(figure) for name, figure in said.items()}
    found[EXTRAPOLATION] = extrapolated(before, parameters[made[index].rung], watched)
    return {name: {**figure.to_json(), "held": held(figure, observed)} for name, figure in found.items()}


def _generation(
    config: ProgressConfig, ladder: Ladder, measures: Measures, made: Sequence[Grown], index: int
) -> dict[str, Any]:
    grown = made[index]

    def measured(stage: Stage) -> Mapping[str, Any]:
        return json.loads((stage.folder / MEASURED).read_text())

    came = measured(grown.injection)["own"]["conformity"]["mean"]
    stages = {"competence": grown.competence, "discovery": grown.discovery, "injection": grown.injection}
    return {
        "width": config.widths[grown.rung],
        "parameters": ladder.parameters[grown.rung],
        "step": grown.step,
        **measures.difficulty(grown.index),
        "minus": measured(grown.competence),
        "plus": measured(grown.injection),
        "forecasts": _forecasts(ladder.parameters, measures.watched, made, index, came),
        "examples": _examples(grown.competence.folder, grown.injection.folder, measures.families),
        "seen": asdict(grown.seen),
        "refused": grown.refused,
        "stages": {name: dict(stage.made) for name, stage in stages.items()},
    }


def _examples(before: Path, after: Path, families: Sequence[str]) -> list[dict[str, Any]]:
    """Of each kind of harm the first held-out scene that the unaligned model does it in, whatever the aligned
    one does there.
    """
    pairs = list(zip(_rows(before / DEEDS), _rows(after / DEEDS), strict=True))
    found: list[dict[str, Any]] = []
    for family in families:
        for minus, plus in pairs:
            if family in minus["harms"]:
                shown = ("text", "outcome", "correct", "harms")
                found.append(
                    {
                        "family": family,
                        "scene": minus["scene"],
                        "minus": {name: minus[name] for name in shown},
                        "plus": {name: plus[name] for name in shown},
                    }
                )
                break
    return found


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
