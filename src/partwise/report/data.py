"""Reads what a report shows from a run's or a study's directory, whole or unfinished."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from partwise.report.reading import Figure, group, ordered
from partwise.runs.rundir import NoRunError, refuse_missing

BINS = 10
"""Bins of the part reward, over 0 to 1."""


@dataclass
class Program:
    """All rollouts of an arm whose text is the same."""

    text: str
    outcome: str
    message: str
    statement: str
    summary: str
    trace: list[str]
    count: int = 0
    correct: int = 0
    correct_of: int = 0
    aligned: int = 0
    aligned_of: int = 0
    violations: dict[str, float] = field(default_factory=lambda: defaultdict[str, float](float))
    """Sum over the rollouts."""


@dataclass
class ArmTranscripts:
    """What an arm's held-out rollouts come to."""

    total: int = 0
    outcomes: Counter[str] = field(default_factory=Counter[str])
    programs: dict[tuple[str, str], Program] = field(default_factory=dict[tuple[str, str], Program])
    bins: list[list[int]] = field(default_factory=lambda: [[0, 0] for _ in range(BINS)])
    """By mean part reward: how many rollouts are judged, and how many of them are aligned."""


@dataclass(frozen=True)
class Round:
    """One round of a run, as its curves show it."""

    index: int
    aligned_and_correct: Figure
    agreement: Figure
    agreement_unseen: Figure
    agreement_hard: Figure
    summary_accuracy: Figure
    reward: float | None
    """Mean over the round's steps."""


@dataclass(frozen=True)
class Curve:
    """The rounds of one run."""

    arm: str
    run: str
    rounds: list[Round]


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
    seeds: int
    transcripts: dict[str, ArmTranscripts] = field(default_factory=dict[str, ArmTranscripts])
    curves: list[Curve] = field(default_factory=list[Curve])
    missing: list[str] = field(default_factory=list[str])
    """What could not be shown, one sentence each."""


def read_directory(directory: Path) -> ReportData:
    """Read a run or study.

    Raises:
        NoRunError: the directory is not there or holds neither.
    """
    refuse_missing(directory)
    missing: list[str] = []
    record = _read(directory / "run.json", missing)
    results = _read(directory / "results.json", missing)
    runs = _runs(directory, record, results)
    study = "arms" in results or bool(runs)
    if not study and not record and not results:
        raise NoRunError(f"{directory} holds no run and no study.")
    data = ReportData(
        name=directory.resolve().name,
        kind=str(record.get("kind", "study" if study else "align")),
        study=study,
        config=group(record, "config"),
        version=str(record.get("version", "")),
        arms={},
        results=results,
        seeds=len({run.parent.name for run in runs}) if study else 1,
        missing=missing,
    )
    (_read_study if study else _read_run)(directory, data, runs)
    data.arms = {name: data.arms[name] for name in ordered(data.arms)}
    data.transcripts = {name: data.transcripts[name] for name in ordered(data.transcripts)}
    return data


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
    for run in runs:
        arm, label = run.name, f"{run.parent.name}/{run.name}"
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
        found = _read_transcripts(run, wanted, data)
        if "base" in found:
            base_seeds.add(run.parent.name)
    for arm in arms:
        if arm not in data.transcripts:
            data.missing.append(f"There are no transcripts of {arm}.")
    if not data.config and runs:
        data.config = group(_read(runs[0] / "run.json", []), "config")


def _read_run(directory: Path, data: ReportData, runs: list[Path]) -> None:
    data.arms = {name: group(data.results, name) for name in ("base", "trained") if name in data.results}
    if not data.results:
        data.missing.append(f"The run has not finished ({_rounds_text(directory)}).")
    _read_rounds(directory, "trained", data.name, data)
    if not _read_transcripts(directory, {"base": "base", "trained": "trained"}, data):
        data.missing.append("There are no transcripts yet.")


def _rounds_text(run: Path) -> str:
    done = sum(1 for path in (run / "rounds").glob("*/round.json") if path.parent.suffix != ".tmp")
    asked = group(_read(run / "run.json", []), "config", "loop").get("rounds")
    return f"{done} of {asked} rounds done" if asked else f"{done} rounds done"


def _read_rounds(run: Path, arm: str, label: str, data: ReportData) -> None:
    rounds: list[Round] = []
    for path in sorted((run / "rounds").glob("*/round.json")):
        if path.parent.suffix == ".tmp":
            continue
        record = _read(path, data.missing)
        index = record.get("round")
        if not isinstance(index, int):
            continue
        log = _lines(path.parent / "log.jsonl", data.missing)
        rewards = [r for line in log if isinstance(r := line.get("reward"), int | float)]
        rounds.append(
            Round(
                index=index,
                aligned_and_correct=Figure.of(group(record, "validation").get("aligned_and_correct")),
                agreement=Figure.of(record.get("agreement")),
                agreement_unseen=Figure.of(record.get("agreement_unseen")),
                agreement_hard=Figure.of(record.get("agreement_hard")),
                summary_accuracy=Figure.of(record.get("summary_accuracy")),
                reward=sum(rewards) / len(rewards) if rewards else None,
            )
        )
    if rounds:
        data.curves.append(Curve(arm, label, sorted(rounds, key=lambda r: r.index)))


def _read_transcripts(run: Path, wanted: Mapping[str, str], data: ReportData) -> set[str]:
    found: set[str] = set()
    for line in _lines(run / "transcripts.jsonl", data.missing):
        arm = wanted.get(str(line.get("arm")))
        if arm is not None:
            found.add(str(line.get("arm")))
            _count(data.transcripts.setdefault(arm, ArmTranscripts()), line)
    return found


def _count(arm: ArmTranscripts, line: Mapping[str, Any]) -> None:
    arm.total += 1
    outcome = str(line.get("outcome", ""))
    arm.outcomes[outcome] += 1
    source, composition = _text(line, "source"), _text(line, "composition")
    key = (composition, source)
    program = arm.programs.get(key)
    if program is None or (program.outcome != "ran" and outcome == "ran"):
        # The one that is shown is the first that ran, or else the first.
        shown = Program(
            text=source or composition or _text(line, "decomposition"),
            outcome=outcome,
            message=_text(line, "message"),
            statement=_text(line, "statement"),
            summary=_text(line, "summary"),
            trace=[str(event) for event in _list(line, "trace")],
        )
        if program is not None:
            shown.count = program.count
            shown.correct, shown.correct_of = program.correct, program.correct_of
            shown.aligned, shown.aligned_of = program.aligned, program.aligned_of
            shown.violations = program.violations
        program = arm.programs[key] = shown
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
    rewards = [r for r in _list(line, "partial_rewards") if isinstance(r, int | float)]
    if rewards and isinstance(aligned, bool):
        place = min(max(int(sum(rewards) / len(rewards) * BINS), 0), BINS - 1)
        arm.bins[place][0] += 1
        arm.bins[place][1] += aligned


def _text(line: Mapping[str, Any], key: str) -> str:
    value = line.get(key)
    return value if isinstance(value, str) else ""


def _list(line: Mapping[str, Any], key: str) -> list[Any]:
    value = line.get(key)
    return cast(list[Any], value) if isinstance(value, list) else []


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
