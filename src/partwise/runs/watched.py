"""Progress of what is called from Python: a callback, else bars where somebody watches, else nothing."""

from __future__ import annotations

import contextlib
import html
import sys
from collections.abc import Callable, Generator
from typing import Any

from partwise.runs.progress import Bar, Listener, LiveDisplay, format_figures, how_far, ignore
from partwise.runs.text import shown

_SECONDS = 0.5
"""Between two drawings of a notebook's bars: each is a message to the browser."""


@contextlib.contextmanager
def watched(listen: Listener | None) -> Generator[Listener]:
    """Yield who is told of progress.

    Args:
        listen: is told, and nothing is shown; None for bars in a notebook, bars on standard error where that
            is a terminal, and silence elsewhere.
    """
    if listen is not None:
        yield listen
    elif in_notebook():
        with LiveDisplay(view=NotebookBars()) as display:
            yield display.listen
    elif sys.stderr is not None and sys.stderr.isatty():  # pyright: ignore[reportUnnecessaryComparison]
        with LiveDisplay(sys.stderr) as display:
            yield display.listen
    else:
        yield ignore


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    # Nobody who has not imported IPython is one, and it takes a second to import.
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class NotebookBars:
    """A `View` of one output that is drawn again and again, by IPython alone: no widgets to be installed."""

    def __init__(self, show: Callable[[Any], Any] | None = None) -> None:
        """`show` displays an object and returns a handle with `update`; IPython's if not given."""
        self._show = show or _display
        self._handle: Any = None
        self._bars: dict[str, Bar] = {}
        self._now, self._drawn_at, self._drawn = 0.0, -1e9, True

    def open(self) -> None:
        """Nothing is shown before there is something to show."""

    def say(self, text: str, now: float) -> None:
        """A notebook says by its running cell that something goes on."""

    def show(self, bar: Bar, changed: bool, now: float) -> None:
        """Draw it, if the last drawing is old enough."""
        self._bars[bar.progress.run] = bar
        self._drawn = False
        self.tick(now)

    def tick(self, now: float) -> None:
        """Draw what is new, if the last drawing is old enough."""
        if not self._drawn and now - self._drawn_at >= _SECONDS:
            self._draw(now)

    def close(self, now: float) -> None:
        """Draw how it ended."""
        if not self._drawn:
            self._draw(now)

    def _draw(self, now: float) -> None:
        self._now, self._drawn_at, self._drawn = now, now, True
        if self._handle is None:
            self._handle = self._show(self)
        else:
            self._handle.update(self)

    def __repr__(self) -> str:
        return "\n".join("  ".join(filter(None, row)) for row in self._rows())

    def _repr_html_(self) -> str:
        rows = [
            "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + f"<td>{_drawn(bar)}</td>"
            for row, bar in zip(self._rows(), self._bars.values(), strict=True)
        ]
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (
                shown(bar.progress.run),
                shown(bar.progress.phase),
                how_far(bar, self._now),
                format_figures(bar.figures),
            )
            for bar in self._bars.values()
        ]


def _drawn(bar: Bar) -> str:
    total = bar.progress.total
    return f'<progress max="{total}" value="{min(bar.progress.done, total)}"></progress>' if total else ""


def _display(drawn: NotebookBars) -> Any:
    from IPython.display import display  # pyright: ignore

    return display(drawn, display_id=True)  # pyright: ignore
