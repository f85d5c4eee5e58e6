"""Live progress of one or more runs: bars in a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from partwise.runs.text import shown, terminal

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_QUIET_SECONDS = 10.0
"""Shortest time between two plain lines of one run within a phase."""
_WIDE = 106
"""Columns of a terminal from which there is room for a bar, the rate and all figures."""


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    run: str
    """Name of the run, e.g. `seed-0/parts`: one bar each."""
    phase: str
    """What it is doing, e.g. `round 3 of 8: planner`."""
    done: int
    """Steps of the phase that are done, 0 to `total`."""
    total: int
    """Steps of the phase; 0 where that is not known."""
    figures: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Figures worth watching, e.g. `aligned-and-correct`; those not given keep their last value."""
    afresh: bool = False
    """Whether the bar passes on to something else, and what was last shown of it is over."""


Listener = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """A listener that does nothing."""


@dataclass
class _Bar:
    phase: str
    started: float
    figures: dict[str, float]
    said_at: float = -1e9
    """When the last plain line was printed."""


class LiveDisplay:
    """A context manager whose `listen` may be called from any thread.

    Where standard output is no terminal it prints one line per change of phase, and at most one per
    10 s and run in between.
    """

    def __init__(self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream: TextIO | None = stream if stream is not None else sys.stdout
        """None once nobody can be shown anything any more: a run goes on without."""
        self._clock = clock
        self._lock = threading.Lock()
        self._bars: dict[str, _Bar] = {}
        self._tasks: dict[str, TaskID] = {}
        self._rich: RichProgress | None = None

    def __enter__(self) -> Self:
        if self._stream is not None and self._stream.isatty():
            self._rich = _make_bars(self._stream)
            self._rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rich is not None:
            self._rich.stop()
            self._rich = None

    def start(self, text: str) -> None:
        """Say that something goes on before the first progress arrives."""
        with self._lock:
            if self._rich is not None:
                self._rich.console.print(f"{shown(text)} ...")
            else:
                self._print(f"{shown(text)} ...")

    def listen(self, progress: Progress) -> None:
        """Show where a run is."""
        with self._lock:
            now = self._clock()
            bar = self._bars.get(progress.run)
            changed = bar is None or bar.phase != progress.phase
            if bar is None:
                bar = self._bars[progress.run] = _Bar(progress.phase, now, {})
            elif changed:
                bar.phase, bar.started = progress.phase, now
            if progress.afresh:
                bar.figures.clear()
            bar.figures.update(progress.figures)
            if self._rich is not None:
                self._show_bar(self._rich, progress, bar, changed)
            elif changed or now - bar.said_at >= _QUIET_SECONDS:
                bar.said_at = now
                self._print(shown(_line(progress, bar, now)))

    def _print(self, line: str) -> None:
        try:
            if self._stream is not None:
                print(line, file=self._stream, flush=True)
        except OSError:  # closed, full, or its reader has gone
            self._stream = None

    def _show_bar(self, rich: RichProgress, progress: Progress, bar: _Bar, changed: bool) -> None:
        total = progress.total or None
        fields: dict[str, Any] = {
            "phase": shown(progress.phase),
            "figures": format_figures(bar.figures),
            "figure": format_figures(dict(list(bar.figures.items())[:1])),
        }
        task = self._tasks.get(progress.run)
        if task is None:
            task = self._tasks[progress.run] = rich.add_task(shown(progress.run), total=total, **fields)
        elif changed:
            # A new phase has its own rate: the old one would spoil the estimate of the time left.
            rich.reset(task, total=total, **fields)
        rich.update(task, completed=progress.done, total=total, **fields)


def format_figures(figures: Mapping[str, float]) -> str:
    """`aligned-and-correct .42  reward 1.31`."""
    return "  ".join(f"{name} {short_number(value)}" for name, value in figures.items())


def short_number(value: float) -> str:
    """Two decimals, without the zero before the point: `.42`, `1.31`, `-.05`."""
    text = f"{value:.2f}"
    if text == "-0.00":
        text = "0.00"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _line(progress: Progress, bar: _Bar, now: float) -> str:
    parts = [f"{progress.run}: {progress.phase}"]
    if progress.done or progress.total:
        parts.append(f"{progress.done}/{progress.total}" if progress.total else f"{progress.done}")
    seconds = now - bar.started
    if progress.done and seconds > 0.05:
        rate = progress.done / seconds
        parts.append(f"{rate:.1f}/s")
        if progress.total > progress.done:
            parts.append(f"{(progress.total - progress.done) / rate:.0f} s left")
    if bar.figures:
        parts.append(format_figures(bar.figures))
    return "  ".join(parts)


def _make_bars(stream: TextIO) -> RichProgress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f}/s" if task.speed else "", style="dim")

    console = terminal(stream)
    wide = console.width >= _WIDE
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}", markup=False, style="bold"),
        TextColumn("{task.fields[phase]}", markup=False),
        *([BarColumn(bar_width=20 if console.width >= 1.25 * _WIDE else 10)] if wide else []),
        MofNCompleteColumn(),
        *([Rate()] if wide else []),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[figures]}" if wide else "{task.fields[figure]}", markup=False, style="cyan"),
    ]
    return RichProgress(*columns, console=console, refresh_per_second=5)
