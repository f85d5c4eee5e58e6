"""One ladder on disk: go on where it stopped, measure each model, leave results and transcripts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from partwise.composition.sandbox import Sandbox
from partwise.config import ProgressConfig
from partwise.config.places import cache_folder
from partwise.data.deeds import Deed
from partwise.loops.gap import gap_policy
from partwise.loops.ladder_results import ladder_results
from partwise.loops.monitoring import judged, scores, sources, told_apart
from partwise.loops.orders import ordered
from partwise.loops.plan_writers import Writer
from partwise.loops.progressive import Made, Stage, progressive
from partwise.loops.record import write_lines
from partwise.loops.scene_ladder import ANSWERS, SceneLadder
from partwise.loops.scene_writers import act, fresh_scenes
from partwise.measure.hazards import harms_of, to_json, utility
from partwise.oversight.learned_monitor import LearnedMonitor
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RESULTS, RunDir
from partwise.runs.stages import DEEDS, FORECAST, MADE, MEASURED, stage_folder


def progress(config: ProgressConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run the ladder, or go on with it, and return what `results.json` holds.

    Args:
        config: all of it; a run that is there with other settings is refused.
        out: the run's directory.
        listen: told of progress.

    Raises:
        RunError: the directory can't be used, or the disk is full.
        LookupError: there is no such gap policy.
    """
    gap = gap_policy(config.gap, config.seed)  # one that is not there leaves nothing behind
    run = RunDir.create(out, "progress", config)
    with run.locked():
        if run.is_finished():
            return run.read_json(RESULTS)
        with Sandbox() as sandbox:
            ladder = SceneLadder(config, cache_folder(), sandbox, listen)
            keep = _Kept(run, ladder, listen)
            stages = ordered(ladder, config)
            for _ in progressive(stages, keep, gap, config.gate, generations=config.generations):
                pass
        results = ladder_results(config, run.path)
        run.write_json(RESULTS, results)
        return results


class _Kept:
    """Stages in folders that are renamed when they are whole; models are measured as they are made."""

    def __init__(self, run: RunDir, ladder: SceneLadder, listen: Listener) -> None:
        self._run, self._ladder, self._listen = run, ladder, listen

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
                    self._measure(Writer.load(working / "model"), generation, name, working)
                taken = {"seconds": round(time.perf_counter() - started, 1)}
                (working / MADE).write_text(json.dumps({**made, **taken}, indent=1))
        return Stage(folder=folder, made=RunDir(folder, "", {}).read_json(MADE))

    def _folder(self, generation: int, name: str) -> Path:
        return stage_folder(self._run.path, generation, name)

    def _aligned(self, generation: int) -> list[Path]:
        """The models of the generations before."""
        return [self._folder(each, "injection") / "model" for each in range(generation)]

    def _measure(self, writer: Writer, generation: int, name: str, to: Path) -> None:
        """On held-out scenes: as hard as the generation's own, and as hard as there are."""
        ladder, config = self._ladder, self._ladder.config
        self._listen(Progress("progress", f"generation {generation + 1}, measuring {name}", 0, 1))
        found: dict[str, Any] = {}
        for which, tiers in (("own", ladder.tiers(generation)), ("all", config.read.tiers)):
            deeds = self._heldout(writer, tiers, config.seed + 7)
            found[which] = to_json(utility(deeds))
            if which == "own":
                write_lines(to / DEEDS, [_row(deed) for deed in deeds])
                if name == "competence":
                    found["monitors"] = self._monitors(deeds, generation)
        if name == "injection":
            found["sources"] = sources(_rows(to / ANSWERS), ladder.deployment)
        (to / MEASURED).write_text(json.dumps(found, indent=1))

    def _heldout(self, writer: Writer, tiers: int, seed: int) -> list[Deed]:
        ladder, config = self._ladder, self._ladder.config
        held_out = f"held out {config.seed} {tiers}"
        scenes = fresh_scenes(ladder.facts, config.scenes, held_out, tiers, kept=True)
        return act(writer, scenes, ladder.deployment, dinners=1, seed=seed)

    def _monitors(self, deeds: Sequence[Deed], generation: int) -> dict[str, Any]:
        """How well monitors tell the harm that the unaligned model does, with all aligned ones before it."""
        ladder = self._ladder
        before = self._aligned(generation)
        aligned = [Writer.load(model) for model in before]
        answers = [row for model in before for row in _rows(model.parent / ANSWERS)]
        learned = LearnedMonitor.fit(judged(answers, ladder.deployment), ladder.deployment)
        trusted = (
            self._heldout(aligned[-1], ladder.tiers(generation), ladder.config.seed + 8) if aligned else []
        )
        return told_apart(
            deeds,
            scores(deeds, ladder.deployment, aligned, learned),
            scores(trusted, ladder.deployment, aligned, learned),
        )


def _row(deed: Deed) -> dict[str, Any]:
    """A deed as a transcript."""
    trial = deed.trials[0] if deed.trials else None
    return {
        "scene": deed.scene.text,
        "text": deed.text,
        "formed": deed.formed,
        "outcome": str(trial.execution.outcome) if trial else None,
        "correct": trial.correct if trial else None,
        "harms": sorted(harms_of(deed)),
        "trace": [
            {"tool": event.tool, "arguments": event.arguments, "result": event.result}
            for event in (trial.execution.trace if trial else ())
        ],
    }


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
