"""Reads runs and studies from their directories, whole or growing, and remembers what has not changed."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partwise.report.data import cells_done
from partwise.report.reading import group
from partwise.report.rounds import RoundRecord, round_record
from partwise.runs.rundir import RunDir, RunError
from partwise.runs.stages import STAGES, standing

_DEPTH = 4
"""How far below the runs' directory a run may lie."""
_LISTED_FOR = 1.0
"""Seconds for which a listing is believed."""
_ROUND = re.compile(r"\d{3,}")


@dataclass(frozen=True, slots=True)
class Run:
    """A run or a study on disk."""

    name: str
    """Its path below the runs' directory."""
    kind: str
    """`align`, or the name of a study."""
    state: str
    """`finished`, `running` or `stopped`."""
    rounds: list[RoundRecord]
    asked: int | None
    """Rounds that it is to have."""
    config: Mapping[str, Any]
    results: Mapping[str, Any]
    record: Mapping[str, Any]
    """Its `run.json`."""
    far: str
    """How far it has come, in words: cells of a laboratory's study, the stage of a ladder; else empty."""
    changed: float
    """When its files last changed, in seconds since 1970."""
    problems: list[str] = field(default_factory=list[str])
    """What could not be read, one sentence each."""

    @property
    def study(self) -> bool:
        """Whether it is made of other runs."""
        return self.kind != "align"

    @property
    def alarms(self) -> list[RoundRecord]:
        """The rounds in which the drift alarm went off."""
        return [record for record in self.rounds if record.alarm]

    @property
    def mark(self) -> str:
        """Changes whenever something that is shown does."""
        return f"{self.state}-{len(self.rounds)}-{len(self.results)}-{len(self.problems)}-{self.far}"


class RunsFolder:
    """All runs below a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._names: tuple[float, list[str]] = (-_LISTED_FOR, [])
        self._rounds: dict[Path, RoundRecord] = {}
        self._files: dict[Path, tuple[tuple[int, int], Mapping[str, Any]]] = {}

    def names(self) -> list[str]:
        """Names of the runs and studies, the latest first.

        A run of a study stands behind its study.
        """
        with self._lock:
            listed, names = self._names
            if time.monotonic() - listed < _LISTED_FOR:
                return names
        found: list[str] = []
        _walk(self.root, "", _DEPTH, found)
        changed = {name: _changed(self.root / name) for name in found}
        for name in found:
            for parent in _parents(name):
                if parent in changed:
                    changed[parent] = max(changed[parent], changed[name])

        def place(name: str) -> list[tuple[float, str]]:
            line = [parent for parent in (*_parents(name), name) if parent in changed]
            return [(-changed[line[0]], line[0]), *((0.0, later) for later in line[1:])]

        names = sorted(found, key=place)
        with self._lock:
            self._names = (time.monotonic(), names)
        return names

    def run(self, name: str) -> Run | None:
        """The run of that name; None where there is none. Names lead nowhere but to what is listed."""
        if name not in self.names():
            return None
        path = self.root / name
        problems: list[str] = []
        record = self._json(path, "run.json", problems)
        results = self._json(path, "results.json", problems)
        config = group(record, "config")
        asked = group(config, "loop").get("rounds")
        return Run(
            name=name,
            kind=str(record.get("kind") or "align"),
            state="finished" if results else "running" if _is_held(path / "run.lock") else "stopped",
            rounds=self._round_records(path, problems),
            asked=asked if isinstance(asked, int) else None,
            config=config,
            results=results,
            record=record,
            far=_stage_of(path, config)
            if record.get("kind") == "progress"
            else cells_done(self._json(path, "progress.json", problems)),
            changed=_changed(path),
            problems=problems,
        )

    def children(self, name: str) -> list[str]:
        """The runs that a study is made of."""
        return [other for other in self.names() if other.startswith(f"{name}/")]

    def _round_records(self, path: Path, problems: list[str]) -> list[RoundRecord]:
        try:
            folders = sorted(p for p in (path / "rounds").iterdir() if _ROUND.fullmatch(p.name))
        except OSError:
            return []
        found: list[RoundRecord] = []
        for folder in folders:
            # A round's directory appears whole and never changes, unless the whole run is made anew.
            stamp = folder / str(_stamp(folder))
            record = self._rounds.get(stamp)
            if record is None:
                record = self._read_round(folder, problems)
                if record is None:
                    continue
                self._rounds[stamp] = record
            found.append(record)
        return sorted(found, key=lambda r: r.index)

    def _read_round(self, folder: Path, problems: list[str]) -> RoundRecord | None:
        data = self._json(folder, "round.json", problems)
        found = round_record(data, folder)
        if found is None and data:
            problems.append(f"round.json of {folder.name} says no round.")
        return found

    def _json(self, folder: Path, name: str, problems: list[str]) -> Mapping[str, Any]:
        path = folder / name
        stamp = _stamp(path)
        if stamp is None:
            return {}
        known = self._files.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            data = group(RunDir(folder, "", {}).read_json(name))
        except (RunError, UnicodeError):
            problems.append(f"{name} of {folder.name} can't be read.")
            return {}
        if name != "round.json":
            self._files[path] = (stamp, data)
        return data


def _walk(folder: Path, name: str, depth: int, found: list[str]) -> None:
    try:
        with os.scandir(folder) as entries:
            below = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    if name and (folder / "run.json").exists():
        found.append(name)
    for child in below if depth else []:
        if child not in ("rounds", "generations", "planner", "proxy") and not child.startswith("."):
            _walk(folder / child, f"{name}/{child}" if name else child, depth - 1, found)


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


def _changed(path: Path) -> float:
    files = [path / name for name in ("results.json", "rounds", "run.json")]
    files += (path / "generations").glob("*")
    times = [stamp[0] for file in files if (stamp := _stamp(file))]
    return max(times, default=0) / 1e9


def _stage_of(path: Path, config: Mapping[str, Any]) -> str:
    """`generation 2 of at most 4, risk discovery`, as long as there are stages to come."""
    at, most = standing(path), config.get("generations")
    if not isinstance(most, int) or at.generation >= most:
        return ""
    said = f"generation {at.generation + 1} of at most {most}, {STAGES[at.stage]}"
    return said if at.begun else f"{said} comes next"


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _is_held(lock: Path) -> bool:
    """Whether a process holds a run. Not found out by taking the lock: a run may be about to take it."""
    try:
        holder = lock.read_text(encoding="utf-8").removeprefix("pid ").strip()
        inode = str(lock.stat().st_ino)
        table = Path("/proc/locks").read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return False
    for line in table.splitlines():
        words = line.split()
        if "FLOCK" in words and holder in words and any(word.endswith(f":{inode}") for word in words):
            return True
    return False
