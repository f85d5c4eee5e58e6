"""Drawing the pictures of a page: matplotlib with one look."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from partwise.runs.reading import Figure

GREEN, ORANGE, GREY, BLUE, RED, PURPLE = "#1f6f5c", "#c9822b", "#8a8f98", "#4b6cb7", "#b0413e", "#7a5195"


def drawing() -> AbstractContextManager[None]:
    """The settings under which all is drawn."""
    from matplotlib import rc_context

    # Text is never mathematics, whatever dollars stand in it or in the user's own settings.
    return rc_context(
        {"svg.hashsalt": "partwise", "font.size": 9, "text.parse_math": False, "text.usetex": False}
    )


def shares_canvas(rows: int, columns: int, width: float, height: float) -> tuple[Any, Any]:
    """A canvas (inches) and its axes, of shape (rows, columns), for shares from 0 to 1."""
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(width, height), layout="constrained")
    axes = canvas.subplots(rows, columns, sharey=True, squeeze=False)
    for one in axes.flat:
        one.set_ylim(-0.03, 1.03)
        one.set_yticks([0, 0.25, 0.5, 0.75, 1], labels=["0", ".25", ".5", ".75", "1"])
        one.grid(axis="y", alpha=0.3)
        for side in ("top", "right", "left"):
            one.spines[side].set_visible(False)
        one.tick_params(length=0)
    return canvas, axes


def line(axes: Any, xs: Sequence[float], points: Sequence[Any], colour: str, label: str, style: str) -> None:
    """Means joined by a line, in a band of their intervals; undefined points (None) are left out."""
    known = [
        (x, figure)
        for x, point in zip(xs, points, strict=True)
        if (figure := Figure.of(point)).mean is not None
    ]
    axes.plot(
        [x for x, _ in known],
        [figure.mean for _, figure in known],
        style,
        color=colour,
        label=label,
        linewidth=1.6,
        markersize=3,
    )
    banded = [(x, f.low, f.high) for x, f in known if f.low is not None and f.high is not None]
    if banded:
        axes.fill_between(*zip(*banded, strict=True), color=colour, alpha=0.15, linewidth=0)


def svg_of(canvas: Any) -> str:
    """The drawing as text, the same for the same figures."""
    buffer = io.StringIO()
    canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    # Nobody reads who drew it, and its links look like requests.
    return re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
