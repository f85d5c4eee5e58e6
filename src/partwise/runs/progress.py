"""Live progress of one or more runs: bars in a terminal, a line every ten seconds in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TextIO, cast

from partwise.runs.text import shown, terminal

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_QUIET_SECONDS = 10.0
"""Between two lines of a log."""
_ABREAST = 8
"""Runs that a line of a log has room for."""
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
class Bar:
    """What is known of one run."""

    progress: Progress
    """As it was last told."""
    started: float
    """When its phase began, by the display's clock, in seconds."""
    figures: dict[str, float]

    def rate(self, now: float) -> float | None:
        """Steps a second since the phase began; None before there is one."""
        seconds = now - self.started
        return self.progress.done / seconds if self.progress.done and seconds > 0.05 else None


class View(Protocol):
    """Where progress is shown; calls come one at a time."""

    def open(self) -> None:
        """Before anything is shown."""
        ...

    def say(self, text: str, now: float) -> None:
        """Show a line of text."""
        ...

    def show(self, bar: Bar, changed: bool, now: float) -> None:
        """Show where a run is; `changed` where its phase is another than before."""
        ...

    def tick(self, now: float) -> None:
        """Time has gone by: show what has waited to be shown long enough."""
        ...

    def close(self, now: float) -> None:
        """After everything was shown."""
        ...


class LiveDisplay:
    """A context manager whose `listen` may be called from any thread.

    It shows bars in a terminal and, where the stream is none, a line every ten seconds. A thread looks every
    `beat` seconds at whether one is due: a run that waits, for people say, tells of no progress.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        view: View | None = None,
        clock: Callable[[], float] = time.monotonic,
        beat: float | None = 1.0,
    ) -> None:
        """Of a stream, standard output if none is given, or of a view; no thread if `beat` is None."""
        # Standard output is None where it was closed: a run goes on without.
        stream = stream if stream is not None else cast("TextIO | None", sys.stdout)
        self._view: View = view or (_Terminal(stream) if stream and stream.isatty() else _Log(stream))
        self._bars: dict[str, Bar] = {}
        self._ahead = ""
        """What is to be said before the first progress."""
        self._lock = threading.Lock()
        self._clock = clock
        self._beat, self._over = beat, threading.Event()

    def __enter__(self) -> Self:
        self._view.open()
        if self._beat is not None:
            threading.Thread(target=self._beats, args=(self._beat,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with self._lock:
            self._view.close(self._clock())

    def tick(self) -> None:
        """Show what has waited to be shown long enough."""
        with self._lock:
            if not self._over.is_set():
                self._view.tick(self._clock())

    def _beats(self, seconds: float) -> None:
        while not self._over.wait(seconds):
            self.tick()

    def start(self, text: str) -> None:
        """Say that something goes on before the first progress arrives."""
        with self._lock:
            self._view.say(f"{shown(text)} ...", self._clock())

    def say_ahead(self, text: str) -> None:
        """Say this once the first progress arrives, before it is shown: what is refused tells of none."""
        with self._lock:
            self._ahead = text

    def listen(self, progress: Progress) -> None:
        """Show where a run is."""
        with self._lock:
            now = self._clock()
            if self._ahead:
                self._view.say(shown(self._ahead), now)
                self._ahead = ""
            bar = self._bars.get(progress.run)
            changed = bar is None or bar.progress.phase != progress.phase
            if bar is None:
                bar = self._bars[progress.run] = Bar(progress, now, {})
            elif changed:
                bar.started = now
            bar.progress = progress
            if progress.afresh:
                bar.figures.clear()
            bar.figures.update(progress.figures)
            self._view.show(bar, changed, now)


class _Log:
    """One line every ten seconds, whatever happens in them: the first at once, the last at the end.

    A line holds the runs that came on since the one before it.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        """None once nobody can be shown anything any more: a run goes on without."""
        self._said_at = -1e9
        self._unsaid: dict[str, Bar] = {}

    def open(self) -> None:
        pass

    def say(self, text: str, now: float) -> None:
        self._said_at = now
        try:
            if self._stream is not None:
                print(text, file=self._stream, flush=True)
        except OSError:  # closed, full, or its reader has gone
            self._stream = None

    def show(self, bar: Bar, changed: bool, now: float) -> None:
        self._unsaid[bar.progress.run] = bar
        self.tick(now)

    def tick(self, now: float) -> None:
        if self._unsaid and now - self._said_at >= _QUIET_SECONDS:
            self._say_all(now)

    def close(self, now: float) -> None:
        if self._unsaid:
            self._say_all(now)

    def _say_all(self, now: float) -> None:
        lines = [shown(_line(bar, now)) for bar in self._unsaid.values()]
        more = f"; and {len(lines) - _ABREAST} more" if len(lines) > _ABREAST else ""
        self._unsaid.clear()
        self.say("; ".join(lines[:_ABREAST]) + more, now)


class _Terminal:
    """Live bars, by rich."""

    def __init__(self, stream: TextIO) -> None:
        self._rich = _make_bars(stream)
        self._tasks: dict[str, TaskID] = {}

    def open(self) -> None:
        self._rich.start()

    def say(self, text: str, now: float) -> None:
        self._rich.console.print(text)

    def show(self, bar: Bar, changed: bool, now: float) -> None:
        progress = bar.progress
        total = progress.total or None
        fields: dict[str, Any] = {
            "phase": shown(progress.phase),
            "figures": format_figures(bar.figures),
            "figure": format_figures(dict(list(bar.figures.items())[:1])),
        }
        task = self._tasks.get(progress.run)
        if task is None:
            task = self._tasks[progress.run] = self._rich.add_task(shown(progress.run), total=total, **fields)
        elif changed:
            # A new phase has its own rate: the old one would spoil the estimate of the time left.
            self._rich.reset(task, total=total, **fields)
        self._rich.update(task, completed=progress.done, total=total, **fields)

    def tick(self, now: float) -> None:
        pass  # rich has a thread of its own

    def close(self, now: float) -> None:
        self._rich.stop()


def format_figures(figures: Mapping[str, float]) -> str:
    """`aligned-and-correct .42  reward 1.31`."""
    return "  ".join(f"{name} {short_number(value)}" for name, value in figures.items())


def short_number(value: float) -> str:
    """Two decimals, without the zero before the point: `.42`, `1.31`, `-.05`."""
    text = f"{value:.2f}"
    if text == "-0.00":
        text = "0.00"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def how_far(bar: Bar, now: float) -> str:
    """`10/100  1.0/s  90 s left`, as far as it is known."""
    progress, parts = bar.progress, list[str]()
    if progress.done or progress.total:
        parts.append(f"{progress.done}/{progress.total}" if progress.total else f"{progress.done}")
    if rate := bar.rate(now):
        parts.append(f"{rate:.1f}/s")
        if progress.total > progress.done:
            parts.append(f"{(progress.total - progress.done) / rate:.0f} s left")
    return "  ".join(parts)


def _line(bar: Bar, now: float) -> str:
    parts = [f"{bar.progress.run}: {bar.progress.phase}", how_far(bar, now), format_figures(bar.figures)]
    return "  ".join(part for part in parts if part)


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
