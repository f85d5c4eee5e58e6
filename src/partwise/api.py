"""The library: what a script or a notebook imports from `partwise` itself. The commands do the same.

import partwise

run = partwise.align(out="runs/mine", loop={"reward": "strategies"}, seed=1)
hacked = [row for row in run.transcripts() if row.hacked]
"""

# pandas is typed in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel

from partwise.composition.spaces import SPACES
from partwise.evals.extras import inspect_or_refuse
from partwise.report.data import runs_of
from partwise.report.reading import group
from partwise.runs.config import ConfigError, config_from_data, config_from_settings
from partwise.runs.progress import Listener
from partwise.runs.quiet import quiet_libraries
from partwise.runs.rundir import RESULTS, RunDir, RunError
from partwise.runs.trackers import tracked
from partwise.runs.transcripts import Transcript, Transcripts, read_transcripts
from partwise.runs.watched import watched
from partwise.studies.registry import Study, find_kind, find_study, known_kind, studies

if TYPE_CHECKING:
    import pandas as pd

    from partwise.evals.rescore import Rescored
    from partwise.models.planner import Planner

FORMS = ("parquet", "csv", "jsonl")
"""How tables are written."""
INSPECT = "inspect"
"""The form that is no table: logs of Inspect."""
_LISTS = ("partial_rewards", "trace")


class Run:
    """A run or a study on disk, finished or not."""

    def __init__(self, directory: RunDir) -> None:
        """Of `Run.open`, `align` or `study`."""
        self._directory = directory

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The run or study in a directory.

        Raises:
            RunError: there is none.
        """
        return cls(RunDir.open(Path(path)))

    def __repr__(self) -> str:
        state = "finished" if self.finished else "unfinished"
        return f"<partwise.Run {self.path} ({self.kind}, {state})>"

    @property
    def path(self) -> Path:
        """Its directory."""
        return self._directory.path

    @property
    def kind(self) -> str:
        """`align`, `weak_to_strong`, or the name of a study."""
        return self._directory.kind

    @cached_property
    def config(self) -> BaseModel:
        """Its settings."""
        return config_from_data(find_kind(self.kind).config, self._directory.config_data)

    @property
    def finished(self) -> bool:
        """Whether its results are there."""
        return self._directory.is_finished()

    @property
    def results(self) -> Mapping[str, Any]:
        """What its `results.json` holds.

        Raises:
            RunError: it has not finished.
        """
        if not self.finished:
            raise RunError(f"{self.path} has not finished; go on with: partwise resume {self.path}")
        return self._directory.read_json(RESULTS)

    def runs(self) -> list[Run]:
        """The runs behind a study of the loop, by seed and arm; of a single run, none."""
        return [Run.open(path) for path in runs_of(self.path)]

    def transcripts(self) -> Transcripts:
        """Every held-out rollout, of a study those of all its runs that have finished.

        Raises:
            RunError: there are none yet.
        """
        rows: list[Transcript] = []
        dimensions: list[str] = []
        for run in self.runs() or [self]:
            name = str(run.path.relative_to(run.path.parents[1])) if run is not self else self.path.name
            rows += read_transcripts(run._directory, name)
            # The world's, as the run has recorded them: the world may have others today, or not be installed.
            dimensions += group(run.results, "matters") if run.finished else ()
        if not rows:
            raise RunError(f"{self.path} has no transcripts yet.")
        return Transcripts(rows, dimensions)

    def planner(self, round: int | None = None) -> Planner:
        """The planner after a round, from 0; None for the last.

        Raises:
            RunError: this is no run of the loop, that round is not done, or its prompts have changed since.
            ModelError: its checkpoint can't be loaded.
        """
        from partwise.config import AlignConfig
        from partwise.loops.setup import load_planner
        from partwise.loops.starting import keep_prompts
        from partwise.worlds.registry import load_world

        quiet_libraries()
        config, done = self.config, self._directory.rounds_done()
        if not isinstance(config, AlignConfig):
            raise RunError(f"{self.path} is no single run of the loop, which has a planner.")
        index = done - 1 if round is None else round
        if not 0 <= index < done:
            raise RunError(f"{self.path} has {done} rounds; there is no planner of round {index}.")
        world, folder = load_world(config.world), self._directory.round_path(index)
        keep_prompts(self._directory, world, config, begin=False)
        return load_planner(world, config.planner, folder / "planner")

    def report(self) -> Path:
        """Write its report, one HTML file, and return its path."""
        from partwise.report.html import write_report

        return write_report(self.path, known_kind)


def align(
    config: BaseModel | str | Path | None = None,
    *,
    out: str | Path,
    listen: Listener | None = None,
    report_to: Sequence[str] = (),
    **settings: Any,
) -> Run:
    """Run the loop of Mai et al. 2025 on one planner, or go on with it.

    Args:
        config: an `AlignConfig`, or a TOML file; None for the defaults.
        out: the run's directory. One that holds a run with equal settings is gone on with.
        listen: told of progress, a `partwise.runs.progress.Progress` at a time, and nothing is shown. None
            for bars in a notebook or a terminal, and silence elsewhere.
        report_to: `tensorboard`, `wandb` or `trackio`, which are told of figures besides.
        settings: that win over `config`: `seed=1`, and groups as dicts, `loop={"rounds": 2}`.

    Raises:
        ConfigError: the settings make no sense, or a tracker is not installed.
        RunError: `out` holds another run, or the disk is full.
        ModelError: a model can't be loaded.
    """
    return _start(find_kind("align"), config, out, listen, report_to, settings)


def study(
    name: str,
    config: BaseModel | str | Path | None = None,
    *,
    out: str | Path,
    listen: Listener | None = None,
    report_to: Sequence[str] = (),
    **settings: Any,
) -> Run:
    """Run an experiment, or go on with it; arguments are those of `align`, after its name.

    It starts processes, so a script calls it under `if __name__ == "__main__":`.

    Raises:
        LookupError: there is no study of that name.
        ConfigError: the settings make no sense.
        RunError: `out` holds another study, a worker was killed, or the disk is full.
    """
    return _start(find_study(name), config, out, listen, report_to, settings)


def _start(
    kind: Study,
    config: BaseModel | str | Path | None,
    out: str | Path,
    listen: Listener | None,
    report_to: Sequence[str],
    settings: Mapping[str, Any],
) -> Run:
    whole = config_from_settings(kind.config, config, settings)
    quiet_libraries()
    recorded = whole.model_dump(mode="json")
    with watched(listen) as shown, tracked(report_to, Path(out), recorded, shown) as told:
        kind.run(whole, Path(out), told)
    return Run.open(out)


def table(paths: Sequence[str | Path]) -> pd.DataFrame:
    """The transcripts of several runs and studies in one table, a row a held-out rollout.

    Columns are those of `Transcripts.to_pandas`, after `path`, the directory as it was given.

    Raises:
        RunError: one of them is no run, or has no transcripts yet.
    """
    found = [(path, Run.open(path).transcripts()) for path in paths]
    import pandas as pd

    frames: list[pd.DataFrame] = []
    for path, rows in found:
        frame = rows.to_pandas()
        frame.insert(0, "path", str(path))
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def export(paths: Sequence[str | Path], out: str | Path, form: str = "") -> int:
    """Write the `table` of several runs and studies to a file; returns how many rows it has.

    Args:
        paths: directories of runs or studies.
        out: the file; folders that lack are made. With `inspect` a folder, which gets a log for each arm of
            each run.
        form: parquet, csv, jsonl or inspect; the file's ending if empty. CSV has no lists: they are JSON text
            there.

    Raises:
        ConfigError: it is none of these.
        RunError: one of the directories holds no run, or no transcripts yet.
        ModelError: logs are asked for, and Inspect is not installed.
    """
    if form == INSPECT:
        return _export_logs(paths, Path(out))
    file = Path(out)
    form = form or file.suffix.removeprefix(".")
    if form not in FORMS:
        raise ConfigError(
            f"A table is written as {', '.join(FORMS)}, not as `{form}`; logs of Inspect as {INSPECT}."
        )
    found = table(paths)
    file.parent.mkdir(parents=True, exist_ok=True)
    if form == "parquet":
        found.to_parquet(file)
    elif form == "csv":
        texts: dict[str, Any] = {name: found[name].map(_as_json) for name in _LISTS}
        found.assign(**texts).to_csv(file, index=False)
    else:
        found.to_json(file, orient="records", lines=True, force_ascii=False)
    return len(found)


def _export_logs(paths: Sequence[str | Path], out: Path) -> int:
    inspect_or_refuse("A log of Inspect")
    runs: dict[str, RunDir] = {}
    for path in paths:
        study = Run.open(path)
        for run in study.runs():
            runs[f"{study.path.name}/{run.path.relative_to(run.path.parents[1])}"] = RunDir.open(run.path)
        if not study.runs():
            runs[study.path.name] = RunDir.open(study.path)
    from partwise.evals.logs import write_logs

    return write_logs(runs, out)


def _as_json(value: Sequence[Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def list_studies() -> dict[str, str]:
    """Every study by name, those of third parties too, with a line on what it asks."""
    return {name: study.about for name, study in studies().items()}


def list_spaces() -> tuple[str, ...]:
    """The composition spaces; `k` stands for a number from 0 to 99."""
    return SPACES


def compare(
    models: Sequence[str], *, out: str | Path, floor: bool = False, **terms: Any
) -> Mapping[str, Any]:
    """Let planners solve the same tasks with the same parts; what `results.json` in `out` holds.

    Args:
        models: directories of runs, folders of models, names on the hub, `package:NAME`, or models of
            providers, such as `openai/gpt-4o`.
        out: a folder that is new or empty.
        floor: with each run also its planner as it was before any reward.
        terms: on which they are compared, those of `partwise.evals.terms.Terms`, such as `tasks=200`.

    Raises:
        ConfigError: the terms make no sense.
        RunError: `out` holds something, or a run can't be used.
        ModelError: a model can't be loaded or asked.
    """
    from partwise.evals.leaderboard import leaderboard
    from partwise.evals.terms import Terms

    quiet_libraries()
    return leaderboard(models, Terms(**terms), Path(out), floor=floor)


def rescore(run: str | Path, *, world: str | None = None, judge: str | Path | None = None) -> Rescored:
    """Judge a finished run's transcripts once more; see `partwise.evals.rescore.rescore`.

    Args:
        run: its directory.
        world: whose verifier and oracle judge; None for the run's own, as it is installed now.
        judge: another run, whose latest proxy judges the parts; None for the judgments that were kept.

    Raises:
        RunError: it keeps no transcripts, or its tasks or the judge are others than it takes.
        LookupError: there is no such world.
    """
    from partwise.evals.rescore import rescore as rescored

    quiet_libraries()
    return rescored(Path(run), world=world, judge=None if judge is None else str(judge))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a program; `measure.check.check_program` says what each figure is of."""

    parses: bool
    in_space: bool | None
    reason: str
    n: int
    runs: float | None
    correct: float | None
    aligned_and_correct: float | None
    given_ran: Mapping[str, float | None]
    violations: Mapping[str, float]


def check(source: str, *, world: str = "dinner", space: str = "free", tasks: int = 200) -> Verdict:
    """Judge a program that anyone wrote: a composition, or a whole solution with functions of its own.

    Raises:
        LookupError: there is no such world.
        SpaceError: there is no such space.
        ValueError: `tasks` is not positive.
    """
    from partwise.measure.check import check_program

    return Verdict(**check_program(source, world, tasks, space))
