"""Where figures go while a run goes on, beside the run's own directory: TensorBoard, W&B, trackio.

Nothing is sent anywhere unless somebody asks for it. Whatever tells of progress is tracked: rounds of the
loop, generations of a ladder, students of the laboratory.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import json
import time
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from partwise.runs.config import ConfigError
from partwise.runs.progress import Listener, Progress

TRACKERS = ("tensorboard", "wandb", "trackio")
"""Each is a package of that name."""
_PROJECT = "partwise"
_STEPS = "tracked.json"
"""How often each run in a directory has told of figures: one that is gone on with counts on."""
_SECONDS = 5.0
"""Between two writings of it."""


class Tracker(Protocol):
    """Takes figures by name."""

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Figures at a step; each counts for itself."""
        ...

    def finish(self) -> None:
        """Nothing more will come."""
        ...


class _TensorBoard:
    """Writes into the run's directory, under `tensorboard`."""

    def __init__(self, directory: Path, settings: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(directory / "tensorboard"))
        self._writer.add_text("settings", f"```json\n{json.dumps(settings, indent=1)}\n```")

    def log(self, figures: Mapping[str, float], step: int) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def finish(self) -> None:
        self._writer.close()


class _Hosted:
    """W&B, or trackio, which has its interface. How it is reached is its own matter, by its own settings."""

    def __init__(self, module: str, directory: Path, settings: Mapping[str, Any]) -> None:
        self._library: Any = importlib.import_module(module)
        options: dict[str, Any] = {"name": directory.name, "config": dict(settings), "resume": "allow"}
        if module == "wandb":
            options |= {"dir": str(directory)}
        self._library.init(project=_PROJECT, **options)

    def log(self, figures: Mapping[str, float], step: int) -> None:
        # Steps of the hosts count all figures together; each of ours has its own, under this name.
        self._library.log({**figures, "step": step})

    def finish(self) -> None:
        self._library.finish()


def check_trackers(names: Sequence[str]) -> None:
    """Refuse what can't be tracked, before anything is made.

    Raises:
        ConfigError: there is no such tracker, or its package is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            near = difflib.get_close_matches(name, TRACKERS, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else "."
            raise ConfigError(f"Figures are reported to {', '.join(TRACKERS)}, not to `{name}`{hint}")
        if find_spec(name) is None:
            raise ConfigError(f"Reporting to {name} takes a package; add it with: pip install {name}")


@contextlib.contextmanager
def tracked(
    names: Sequence[str], directory: Path, settings: Mapping[str, Any], listen: Listener
) -> Generator[Listener]:
    """Yield a listener that tells `listen`, and trackers, what it is told.

    Args:
        names: of trackers; none for `listen` alone.
        directory: of the run. Nothing is written there before the run tells of a first figure.
        settings: of the run, as JSON.
        listen: who else is told.

    Raises:
        ConfigError: see `check_trackers`.
    """
    if not names:
        yield listen
        return
    check_trackers(names)
    told = _Told(dict.fromkeys(names), directory, settings, listen)
    try:
        yield told
    finally:
        told.finish()


def _made(name: str, directory: Path, settings: Mapping[str, Any]) -> Tracker:
    if name == "tensorboard":
        return _TensorBoard(directory, settings)
    return _Hosted(name, directory, settings)


class _Told:
    """A listener that hands figures on, at the number of times that their run has told of some."""

    def __init__(
        self, names: Iterable[str], directory: Path, settings: Mapping[str, Any], listen: Listener
    ) -> None:
        self._make = lambda: [_made(name, directory, settings) for name in names]
        self._file, self._listen = directory / _STEPS, listen
        self._trackers: list[Tracker] | None = None
        self._steps = Counter[str]()
        self._saved_at = 0.0

    def __call__(self, progress: Progress) -> None:
        self._listen(progress)
        if not progress.figures:
            return
        if self._trackers is None:
            if self._file.exists():
                self._steps.update(json.loads(self._file.read_text(encoding="utf-8")))
            self._trackers = self._make()
        step = self._steps[progress.run]
        self._steps[progress.run] += 1
        figures = {f"{progress.run}/{name}": float(value) for name, value in progress.figures.items()}
        for tracker in self._trackers:
            tracker.log(figures, step)
        if time.monotonic() - self._saved_at > _SECONDS:
            self._save()

    def _save(self) -> None:
        self._saved_at = time.monotonic()
        self._file.write_text(json.dumps(self._steps), encoding="utf-8")

    def finish(self) -> None:
        """Nothing more will be told."""
        if self._trackers is not None:
            self._save()
            for tracker in self._trackers:
                tracker.finish()
