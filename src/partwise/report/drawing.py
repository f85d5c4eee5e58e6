"""Drawing the pictures of a page: matplotlib with one look."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from partwise.report.reading import Figure, group

FEW = 20
"""Seeds below which each is drawn as a point of its own: a mean hides a split of four to one."""
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


def means(seeds: int) -> str:
    """What a picture's figures are: the last sentence of its caption."""
    if seeds == 1:
        return "One seed; an interval, where there is one, is over its tasks."
    shown = "; small points are the seeds" if 1 < seeds < FEW else ""
    return f"Mean over seeds and 95% interval{shown}."


def line(axes: Any, xs: Sequence[float], points: Sequence[Any], colour: str, label: str, style: str) -> None:
    """Means joined by a line, in a band of their intervals, with their seeds beside them.

    What is undefined is left out.

    Args:
        axes: to draw on.
        xs: where each figure stands.
        points: figures as results hold them, or None; those with `by_seed` show their seeds.
        colour: of everything.
        label: in the legend.
        style: of the line through the means, as in matplotlib.
    """
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
    # Each line's points a little further to the right, so that those of several lines lie side by side.
    lines = len(axes.get_legend_handles_labels()[1])
    _draw_seeds(axes, _seeds(xs, points), colour, aside=(2.2 * lines, 0))


def bars(axes: Any, ys: Sequence[float], points: Sequence[Any], colour: str, label: str) -> None:
    """Means as dots one above the other, each on its interval, with its seeds below it.

    What is undefined is left out. The arguments are those of `line`, with `ys` for the heights.
    """
    known = [
        (y, figure)
        for y, point in zip(ys, points, strict=True)
        if (figure := Figure.of(point)).mean is not None
    ]
    axes.plot([f.mean for _, f in known], [y for y, _ in known], "o", color=colour, label=label, markersize=4)
    for y, figure in known:
        if figure.low is not None and figure.high is not None:
            axes.plot([figure.low, figure.high], [y, y], color=colour, linewidth=1.4)
    _draw_seeds(axes, [(value, y) for y, value in _seeds(ys, points)], colour, aside=(0, -4.0))


def reaching(low: float, high: float, points: Sequence[Any]) -> tuple[float, float]:
    """Limits of an axis from `low` to `high`, and as far beyond as figures and their few seeds go."""
    means = [figure.mean for point in points if (figure := Figure.of(point)).mean is not None]
    drawn = [*means, *(value for _, value in _seeds([0.0] * len(points), points))]
    return min([low, *(each - 0.02 for each in drawn)]), max([high, *(each + 0.02 for each in drawn)])


def _seeds(places: Sequence[float], points: Sequence[Any]) -> list[tuple[float, float]]:
    """Where each figure stands, with the figure of each of its seeds, if these are few."""
    return [
        (place, value)
        for place, point in zip(places, points, strict=True)
        if 1 < len(by_seed := group(point).get("by_seed", ())) < FEW
        for value in by_seed
        if value is not None
    ]


def _draw_seeds(
    axes: Any, seeds: Sequence[tuple[float, float]], colour: str, aside: tuple[float, float]
) -> None:
    """Small and light points, moved aside by so many points of type."""
    from matplotlib.transforms import Bbox, ScaledTranslation, TransformedBbox

    if not seeds:
        return
    moved = ScaledTranslation(aside[0] / 72, aside[1] / 72, axes.figure.dpi_scale_trans)
    (drawn,) = axes.plot(
        [x for x, _ in seeds],
        [y for _, y in seeds],
        "o",
        color=colour,
        alpha=0.5,
        markersize=3.4,
        markeredgewidth=0,
        transform=axes.transData + moved,
    )
    # Those beside the last mean may lie right of the frame, where nothing makes room for them.
    drawn.set_clip_box(TransformedBbox(Bbox([[0, 0], [1.1, 1]]), axes.transAxes))
    drawn.set_in_layout(False)


def svg_of(canvas: Any) -> str:
    """The drawing as text, the same for the same figures."""
    buffer = io.StringIO()
    canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    # Nobody reads who drew it, and its links look like requests.
    return re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
