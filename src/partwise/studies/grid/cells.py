"""A study as a grid of cells, each a few seconds or minutes of work whose result is one JSON file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunDir, write_atomically
from partwise.studies.grid.processes import available_cores, workers
from partwise.training.divergence import divergence_of

PROGRESS = "progress.json"
"""How many cells of how many are done, for whoever looks on from outside."""
_DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One piece of a study, decided by its arguments alone."""

    name: str
    """Of its file: `seed-0/nano-mini` is kept in `cells/seed-0/nano-mini.json`."""
    work: Callable[..., dict[str, Any]]
    """A function of a module: `work(listen, **arguments)` returns what becomes JSON."""
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


def run_cells(
    cells: Sequence[Cell], directory: RunDir, listen: Listener, *, processes: int | None = None
) -> dict[str, dict[str, Any]]:
    """The result of each cell by name, a process a core. A cell whose file is there is not run again.

    Raises:
        RunError: a worker was killed, or the disk is full.
        Exception: whatever a cell raised; the results of the others are kept.
    """
    files = {cell.name: directory.path / "cells" / f"{cell.name}.json" for cell in cells}
    missing = [cell for cell in cells if not files[cell.name].exists()]
    if missing:
        shown = _Slots(listen, directory, len(cells) - len(missing), len(cells))
        with workers(shown.listen, min(processes or available_cores(), len(missing))) as ready:
            ready.run([partial(_fill, cell, files[cell.name], directory.path) for cell in missing])
    return {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items()}


def _fill(cell: Cell, file: Path, run: Path, listen: Listener) -> None:
    def tell(progress: Progress) -> None:
        listen(replace(progress, run=cell.name))

    tell(Progress(cell.name, "starting", 0, 0))
    with divergence_of(cell.name):
        found = cell.work(tell, **cell.arguments)
    write_atomically(file, json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n", run=run)
    listen(Progress(cell.name, _DONE, 1, 1))


class _Slots:
    """One line for the study and one for each process, where a line a cell would fill the screen."""

    def __init__(self, listen: Listener, directory: RunDir, done: int, total: int) -> None:
        self._listen, self._directory, self._done, self._total = listen, directory, done, total
        self._cells: list[str | None] = []
        self._tell()

    def listen(self, progress: Progress) -> None:
        cell = progress.run
        afresh = cell not in self._cells
        if afresh:
            if None not in self._cells:
                self._cells.append(None)
            self._cells[self._cells.index(None)] = cell
        slot = self._cells.index(cell)
        phase = f"{cell}: {progress.phase}"
        self._listen(replace(progress, run=f"process {slot + 1}", phase=phase, afresh=afresh))
        if progress.phase == _DONE:
            self._cells[slot] = None
            self._done += 1
            self._directory.write_json(PROGRESS, {"done": self._done, "cells": self._total})
            self._tell()

    def _tell(self) -> None:
        self._listen(Progress("study", "cells", self._done, self._total))
