"""A run's transcripts under the present verifier and oracle, or another judge, beside what they were then.

Programs are deterministic in the sandbox, so each that was run is run again on its task, and its trace is
compared with the one that was kept. What never became a program that could run stays as it was.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise import __version__
from partwise.composition.sandbox import Sandbox
from partwise.composition.summary import summarise
from partwise.config import AlignConfig
from partwise.evals.judges import Judge, open_judge
from partwise.evals.parts import parts_of
from partwise.evals.versions import world_versions
from partwise.loops.schedules import schedule
from partwise.measure.evaluate import Judged, figures
from partwise.measure.evaluate import judge as judged_by
from partwise.measure.oracle import ValueOracle
from partwise.measure.part_to_complete import part_to_complete_correlations
from partwise.runs.config import config_from_data
from partwise.runs.record import RECORD
from partwise.runs.rundir import RESULTS, RunDir, RunError
from partwise.runs.transcripts import TRANSCRIPTS, Transcript, read_transcripts
from partwise.training.rollout import RolloutEngine
from partwise.types import Execution, Outcome, PartialSolution, Rollout, Solution, Split, Task, Unparsed
from partwise.values import ValueProfile
from partwise.worlds.base import World
from partwise.worlds.registry import load_world

_NEVER_RAN = frozenset({Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.UNSOLVED})
"""Outcomes after which there is nothing to run."""
_FIGURES = ("ran", "correct", "aligned_and_correct", "hacking_rate", "given_ran", "counts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What came of it."""

    results: Mapping[str, Any]
    file: Path
    """The new JSON file in the run's directory; its transcripts lie beside it, as `.jsonl`."""


def rescore(path: Path, *, world: str | None = None, judge: str | None = None) -> Rescored:
    """Judge a finished run's held-out transcripts once more, and write a new file beside the old ones.

    Args:
        path: directory of a run of the loop.
        world: whose verifier and oracle judge; None for the run's own, as it is installed now. Another one
            must have the same tasks.
        judge: another run of the loop, whose latest proxy judges the parts; None for the judgments that were
            kept.

    Returns:
        By arm the figures of `then`, as `results.json` has them, and of `now`, with what has changed and the
        version of each that judges.

    Raises:
        RunError: it is no run of the loop, keeps no transcripts, or what it keeps is not whole; the tasks are
            others; or the judge is no run that has a proxy.
        LookupError: there is no such world.
    """
    run = RunDir.open(path)
    config, rows = _kept(run)
    present = load_world(world or config.world)
    values = schedule(present, config.human).values(config.loop.rounds - 1).aggregate
    judging = open_judge(present, judge) if judge else None
    tasks = [_task(present, row, run) for row in rows]
    with Sandbox() as sandbox:
        again = _Again(present, values, sandbox, config, judging)
        now = again.judged(rows, tasks)
    results = {
        "run": run.id,
        "versions": _versions(run, present, judging),
        "values": {name: values.matters(name) for name in present.dimensions},
        "arms": _arms(run, rows, now),
    }
    return Rescored(results=results, file=_write(run, results, rows, now))


def _kept(run: RunDir) -> tuple[AlignConfig, list[Transcript]]:
    if run.kind != "align":
        raise RunError(
            f"{run.path} is no single run of the loop, whose transcripts could be judged again; name one, "
            f"such as {run.path / 'seed-0' / 'strategies'}."
        )
    rows = list(read_transcripts(run, run.path.name))
    if not rows or not run.is_finished():
        raise RunError(
            f"{run.path} keeps no transcripts: there is nothing that could be judged again. A run has them "
            f"in {TRANSCRIPTS} once it has finished."
        )
    return config_from_data(AlignConfig, run.config_data), rows


def _task(world: World, row: Transcript, run: RunDir) -> Task:
    task = world.task(Split.HELDOUT, row.task)
    if task.statement != row.statement:
        raise RunError(
            f"Task {row.task} of the world {world.name} is another one than {run.path} was measured on: its "
            f"transcripts can't be judged there ({task.statement!r} is not {row.statement!r})."
        )
    return task


class _Again:
    """What judges a run's rollouts anew."""

    def __init__(
        self, world: World, values: ValueProfile, sandbox: Sandbox, config: AlignConfig, judge: Judge | None
    ) -> None:
        self._world, self._judge = world, judge
        self._oracle = ValueOracle(world, values)
        # Only to run solutions: neither is asked.
        nobody: Any = None
        space = config.loop.composition_space
        self._engine = RolloutEngine(world, nobody, nobody, sandbox, space=space)

    def judged(self, rows: Sequence[Transcript], tasks: Sequence[Task]) -> list[Judged]:
        """Each rollout, run again where it could be, under what judges now."""
        parts = [parts_of(row) for row in rows]
        rewards = self._rewards(rows, parts)
        rollouts = [
            self._rollout(row, task, theirs, reward)
            for row, task, theirs, reward in zip(rows, tasks, parts, rewards, strict=True)
        ]
        return judged_by(rollouts, self._oracle)

    def _rewards(
        self, rows: Sequence[Transcript], parts: Sequence[tuple[PartialSolution, ...]]
    ) -> list[tuple[float, ...]]:
        if self._judge is None:
            return [tuple(row.partial_rewards) for row in rows]
        distinct = list(dict.fromkeys(itertools.chain(*parts)))
        said = dict(zip(distinct, self._judge.proxy.judge(distinct), strict=True))
        return [tuple(said[part] for part in theirs) for theirs in parts]

    def _rollout(
        self, row: Transcript, task: Task, parts: tuple[PartialSolution, ...], rewards: tuple[float, ...]
    ) -> Rollout:
        solution = Solution(partial_solutions=parts, composition=row.composition) if parts else None
        execution = self._execution(row, task, solution)
        return Rollout(
            task=task,
            decomposition=row.decomposition,
            composition=row.composition,
            solution=solution,
            partial_rewards=rewards,
            execution=execution,
            correct=self._world.verify(task, execution.trace) if execution.ran else None,
            summary=summarise(execution.trace, self._world.tools, task.inputs) if execution.ran else "",
            cut={turn: (before, after) for turn, (before, after) in row.cut.items()},
        )

    def _execution(self, row: Transcript, task: Task, solution: Solution | None) -> Execution:
        if was_run(row) and solution is not None:
            return self._engine.execute(task, solution)
        return Execution(
            outcome=Outcome(row.outcome),
            trace=(),
            message=row.message,
            unparsed=Unparsed(row.unparsed) if row.unparsed else None,
        )


def was_run(row: Transcript) -> bool:
    """Whether there is a program that the sandbox or its space had to decide on."""
    return row.outcome not in _NEVER_RAN


def _versions(run: RunDir, world: World, judge: Judge | None) -> dict[str, Any]:
    return {
        "then": {"partwise": run.read_json(RECORD).get("version", "")},
        "now": {
            "partwise": __version__,
            "name": world.name,
            **world_versions(world),
            "judge": judge.version if judge else "as it was then",
        },
    }


def _arms(run: RunDir, rows: Sequence[Transcript], now: Sequence[Judged]) -> dict[str, Any]:
    results: Mapping[str, Any] = run.read_json(RESULTS)
    found: dict[str, Any] = {}
    for arm in dict.fromkeys(row.arm for row in rows):
        pairs = [pair for pair in zip(rows, now, strict=True) if pair[0].arm == arm]
        found[arm] = {
            "then": {name: results[arm].get(name) for name in ("correlations", *_FIGURES)},
            "now": figures([each for _, each in pairs]).to_json()
            | {"correlations": part_to_complete_correlations([each for _, each in pairs])},
            "changed": _changed(pairs),
        }
    return found


def _changed(pairs: Sequence[tuple[Transcript, Judged]]) -> dict[str, int]:
    """Counts of transcripts of which something is not as it was."""
    again = [(row, each) for row, each in pairs if was_run(row)]
    return {
        "transcripts": len(pairs),
        "run_again": len(again),
        "outcome": sum(row.outcome != each.rollout.outcome for row, each in again),
        "trace": sum(
            list(row.trace) != [str(e) for e in each.rollout.execution.trace] for row, each in again
        ),
        "correct": sum(row.correct != each.rollout.correct for row, each in pairs),
        "aligned": sum(row.aligned != each.aligned for row, each in pairs),
        "parts": sum(
            [round(reward, 4) for reward in row.partial_rewards]
            != [round(reward, 4) for reward in each.rollout.partial_rewards]
            for row, each in pairs
        ),
    }


def _write(
    run: RunDir, results: Mapping[str, Any], rows: Sequence[Transcript], now: Sequence[Judged]
) -> Path:
    """Under the first number that nobody has."""
    with run.locked():
        names = (f"rescored-{number:03d}" for number in itertools.count(1))
        name = next(
            name
            for name in names
            if not any((run.path / f"{name}{end}").exists() for end in (".json", ".jsonl"))
        )
        lines = [{"arm": row.arm} | each.to_json() for row, each in zip(rows, now, strict=True)]
        run.write_text(f"{name}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        return run.write_json(f"{name}.json", results)
