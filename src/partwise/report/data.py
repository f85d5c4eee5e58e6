"""Reads what a report shows from a run's or a study's directory, whole or unfinished."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from partwise.report.reading import group, list_at, ordered, text_at, whole_text
from partwise.report.rounds import Curve, RoundRecord, round_record
from partwise.runs.rundir import NoRunError, refuse_missing

BINS = 10
"""Bins of the part reward, over 0 to 1."""


@dataclass
class Program:
    """All rollouts of an arm whose text is the same."""

    line: Mapping[str, Any]
    """The one that is shown: the first that ran, or else the first."""
    count: int = 0
    correct: int = 0
    correct_of: int = 0
    aligned: int = 0
    aligned_of: int = 0
    violations: dict[str, float] = field(default_factory=lambda: defaultdict[str, float](float))
    """Sum over the rollouts."""

    @property
    def ran(self) -> bool:
        """Whether the one that is shown ran."""
        return self.line.get("outcome") == "ran"


@dataclass
class ArmTranscripts:
    """What an arm's held-out rollouts come to."""

    total: int = 0
    outcomes: Counter[str] = field(default_factory=Counter[str])
    programs: dict[tuple[str, str], Program] = field(default_factory=dict[tuple[str, str], Program])
    bins: list[list[int]] = field(default_factory=lambda: [[0, 0] for _ in range(BINS)])
    """By mean part reward: how many rollouts are judged, and how many of them are aligned."""
    failures: dict[tuple[str, str], dict[str, Failure]] = field(default_factory=lambda: defaultdict(dict))
    """By outcome, which kind of it and message, of rollouts that did not run."""
    ignored: set[str] = field(default_factory=set[str])
    """Value dimensions that do not matter where these were measured."""


@dataclass
class Failure:
    """Rollouts that did not run and whose message is the same."""

    line: Mapping[str, Any]
    """The first of them."""
    count: int = 0


@dataclass
class ReportData:
    """All that a report shows."""

    name: str
    kind: str
    study: bool
    config: Mapping[str, Any]
    version: str
    arms: dict[str, Mapping[str, Any]]
    results: Mapping[str, Any]
    """The directory's `results.json`; empty where it is not there."""
    seeds: list[int]
    """Which were run; of a single run, its own."""
    record: Mapping[str, Any]
    """The directory's `run.json`; empty where it is not there."""
    warm_start: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the warm start of a single run brought, which is there before its results are."""
    writer_start: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Likewise that of its writer of bodies."""
    transcripts: dict[str, ArmTranscripts] = field(default_factory=dict[str, ArmTranscripts])
    curves: list[Curve] = field(default_factory=list[Curve])
    missing: list[str] = field(default_factory=list[str])
    """What could not be shown, one sentence each."""


def read_directory(directory: Path, *, alone: Callable[[str], bool] = lambda kind: False) -> ReportData:
    """Read a run or study.

    Args:
        directory: of the run or the study.
        alone: whether a directory of that kind has nothing to show beside its results.

    Raises:
        NoRunError: the directory is not there or holds neither.
    """
    refuse_missing(directory)
    missing: list[str] = []
    record = _read(directory / "run.json", missing)
    results = _read(directory / "results.json", missing)
    kind = str(record.get("kind", ""))
    runs = [] if alone(kind) else _runs(directory, record, results)
    study = "arms" in results or bool(runs)
    if not study and not record and not results:
        raise NoRunError(f"{directory} holds no run and no study.")
    data = ReportData(
        name=directory.resolve().name,
        kind=kind or ("study" if study else "align"),
        study=study,
        config=group(record, "config"),
        version=str(record.get("version", "")),
        arms={},
        results=results,
        seeds=seeds_of(runs, results, group(record, "config")),
        record=record,
        missing=missing,
    )
    if alone(kind):
        _read_alone(directory, data)
    else:
        (_read_study if study else _read_run)(directory, data, runs)
    data.arms = {name: data.arms[name] for name in ordered(data.arms)}
    data.transcripts = {name: data.transcripts[name] for name in ordered(data.transcripts)}
    return data


def seeds_of(runs: list[Path], results: Mapping[str, Any], config: Mapping[str, Any]) -> list[int]:
    """Of the results where they say so, of the runs that are there, or of the settings."""
    said = results.get("seeds")
    if isinstance(said, list):
        return [seed for seed in cast(list[Any], said) if isinstance(seed, int)]
    if runs:
        return sorted({int(run.parent.name.removeprefix("seed-")) for run in runs})
    first = config.get("seed", config.get("first", group(config, "align").get("seed", 0)))
    count = said or config.get("seeds", 1)
    return list(range(first, first + count)) if isinstance(first, int) and isinstance(count, int) else []


def runs_of(directory: Path) -> list[Path]:
    """Directories of the runs behind a study; of a single run, none."""
    return _runs(directory, _read(directory / "run.json", []), _read(directory / "results.json", []))


def _runs(directory: Path, record: Mapping[str, Any], results: Mapping[str, Any]) -> list[Path]:
    shared = group(record, "config").get("runs")
    folder = Path(shared) if isinstance(shared, str) else directory
    runs = [p.parent for p in sorted(folder.glob("seed-*/*/run.json"))]
    # Other studies' runs lie in a shared folder as well.
    return [run for run in runs if _is_of(run, results)] if isinstance(shared, str) else runs


def _is_of(run: Path, results: Mapping[str, Any]) -> bool:
    """Whether a run in a folder that studies share is one of this finished study."""
    arms = {arm.replace(" ", "-") for arm in group(results, "arms")}
    return run.name in arms and int(run.parent.name.removeprefix("seed-")) in results.get("seeds", ())


def _read_study(directory: Path, data: ReportData, runs: list[Path]) -> None:
    arms = group(data.results, "arms")
    data.arms = {name: group(arms, name) for name in arms}
    if not data.results:
        data.missing.append("The study has not finished: there is no results.json yet.")
    base_seeds: set[str] = set()
    by_folder = {arm.replace(" ", "-"): arm for arm in arms}
    for run in runs:
        arm, label = by_folder.get(run.name, run.name), f"{run.parent.name}/{run.name}"
        results = _read(run / "results.json", data.missing)
        _read_rounds(run, arm, label, data)
        if not results:
            data.missing.append(f"{label} has not finished ({_rounds_text(run)}).")
        elif not data.results:
            # Until the study sums up, each finished run stands for itself.
            data.arms[label] = group(results, "trained")
        wanted = {"trained": arm}
        if run.parent.name not in base_seeds and arm != "base":
            wanted["base"] = "base"
        found = _read_transcripts(run, wanted, data, results)
        if "base" in found:
            base_seeds.add(run.parent.name)
    for arm in arms:
        if arm not in data.transcripts:
            data.missing.append(f"There are no transcripts of {arm}.")
    if not data.config and runs:
        data.config = group(_read(runs[0] / "run.json", []), "config")


def _read_alone(directory: Path, data: ReportData) -> None:
    if not data.results:
        done = cells_done(_read(directory / "progress.json", data.missing))
        data.missing.append(f"It has not finished{f' ({done})' if done else ''}.")


def cells_done(progress: Mapping[str, Any]) -> str:
    """`12 of 40 cells done`; nothing where no cell is."""
    done, cells = progress.get("done"), progress.get("cells")
    return f"{done} of {cells} cells done" if isinstance(done, int) and isinstance(cells, int) else ""


def _read_run(directory: Path, data: ReportData, runs: list[Path]) -> None:
    data.arms = {name: group(data.results, name) for name in ("base", "trained") if name in data.results}
    data.warm_start = _read(directory / "warm_start.json", data.missing)
    data.writer_start = _read(directory / "writer_start.json", data.missing)
    if not data.results:
        data.missing.append(f"The run has not finished ({_rounds_text(directory)}).")
    _read_rounds(directory, "trained", data.name, data)
    if not _read_transcripts(directory, {"base": "base", "trained": "trained"}, data, data.results):
        data.missing.append("There are no transcripts yet.")


def _rounds_text(run: Path) -> str:
    done = sum(1 for path in (run / "rounds").glob("*/round.json") if path.parent.suffix != ".tmp")
    asked = group(_read(run / "run.json", []), "config", "loop").get("rounds")
    return f"{done} of {asked} rounds done" if asked else f"{done} rounds done"


def _read_rounds(run: Path, arm: str, label: str, data: ReportData) -> None:
    rounds: list[RoundRecord] = []
    for path in sorted((run / "rounds").glob("*/round.json")):
        if path.parent.suffix != ".tmp":
            found = round_record(_read(path, data.missing), path.parent)
            rounds += [found] if found else []
    if rounds:
        data.curves.append(Curve(arm, label, sorted(rounds, key=lambda r: r.index)))


def _read_transcripts(
    run: Path, wanted: Mapping[str, str], data: ReportData, results: Mapping[str, Any]
) -> set[str]:
    found: set[str] = set()
    ignored = {name for name, matters in group(results, "matters").items() if matters is False}
    for line in _lines(run / "transcripts.jsonl", data.missing):
        arm = wanted.get(str(line.get("arm")))
        if arm is not None:
            found.add(str(line.get("arm")))
            transcripts = data.transcripts.setdefault(arm, ArmTranscripts(ignored=ignored))
            _count(transcripts, line)
    return found


def _count(arm: ArmTranscripts, line: Mapping[str, Any]) -> None:
    arm.total += 1
    outcome = str(line.get("outcome", ""))
    arm.outcomes[outcome] += 1
    program = _program(arm, line, outcome)
    program.count += 1
    correct, aligned = line.get("correct"), line.get("aligned")
    if isinstance(correct, bool):
        program.correct_of += 1
        program.correct += correct
    if isinstance(aligned, bool):
        program.aligned_of += 1
        program.aligned += aligned
    for dimension, value in group(line, "violations").items():
        if isinstance(value, int | float):
            program.violations[dimension] += value
    if outcome != "ran":
        arm.failures[outcome, _kind(line)].setdefault(text_at(line, "message"), Failure(line)).count += 1
    rewards = [r for r in list_at(line, "partial_rewards") if isinstance(r, int | float)]
    if rewards and isinstance(aligned, bool):
        place = min(max(int(sum(rewards) / len(rewards) * BINS), 0), BINS - 1)
        arm.bins[place][0] += 1
        arm.bins[place][1] += aligned


def _kind(line: Mapping[str, Any]) -> str:
    """`several fences in the composition`, of a turn that does not parse; empty where a run says no kind."""
    kind = text_at(line, "unparsed")
    turn = "composition" if text_at(line, "source") else "decomposition"
    return f"{kind} in the {turn}" if kind else ""


def _program(arm: ArmTranscripts, line: Mapping[str, Any], outcome: str) -> Program:
    """All rollouts of that text, shown by one that ran if there is one."""
    text = whole_text(line)
    program = arm.programs.setdefault((text_at(line, "composition"), text), Program(line))
    if not program.ran and outcome == "ran":
        program.line = line
    return program


def _read(path: Path, missing: list[str]) -> Mapping[str, Any]:
    try:
        return group(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError, OSError):
        missing.append(f"{path.name} of {path.parent.name} can't be read.")
        return {}


def _lines(path: Path, missing: list[str]) -> Iterator[Mapping[str, Any]]:
    """The records of a JSON-lines file; a line that a killed process left half-written is counted."""
    bad = 0
    try:
        with path.open(encoding="utf-8", errors="replace") as handle:
            for text in handle:
                try:
                    line = json.loads(text)
                except (ValueError, RecursionError):
                    bad += bool(text.strip())
                    continue
                if isinstance(line, dict):
                    yield cast(dict[str, Any], line)
    except FileNotFoundError:
        return
    except OSError as error:
        missing.append(f"{path.name} of {path.parent.name} can't be read: {error.strerror}.")
    if bad:
        missing.append(
            f"{path.name} of {path.parent.name} has {bad} unreadable line{'s' * (bad > 1)}, left out."
        )
