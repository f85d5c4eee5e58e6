"""Axes, ticks and bands of the charts, as SVG without style attributes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from partwise.report.reading import Figure

WIDTH, HEIGHT = 360.0, 214.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 12.0, 16.0, 34.0
"""Margins around the frame of a chart, in its own units."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Ticks of an axis of shares."""
_TICKS = 8
_FINEST = 0.01
"""The least distance of two ticks, which their text can still tell apart."""
Scale = Callable[[float], float]
"""From a value to its place."""


@dataclass(frozen=True, slots=True)
class Point:
    """One round of a curve."""

    round: int
    """Counted from 1, as people count."""
    figure: Figure
    hollow: bool = False


def drawing_of(label: str, inner: Markup) -> Markup:
    """The whole drawing."""
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        f"{WIDTH:g}", f"{HEIGHT:g}", label, inner
    )


def y_scale(low: float, high: float) -> Scale:
    """The height of a value between `low`, at the foot of the frame, and `high`."""
    return lambda value: TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)


def shares_axis(title: str) -> Markup:
    """A horizontal axis of shares, with its title."""
    width = WIDTH - LEFT - RIGHT
    texts = [(LEFT + width * share, HEIGHT - BOTTOM + 15, _short(share)) for share in SHARES]
    texts.append((LEFT + width / 2, HEIGHT - 4, title))
    text = Markup('<text class="tick" x="{:.1f}" y="{:g}" text-anchor="middle">{}</text>')
    return Markup("").join(text.format(*each) for each in texts)


def y_axis(ticks: Sequence[float], y: Scale) -> Markup:
    """A line across the frame and a number for each tick."""
    parts = [
        Markup('<path class="grid" d="M{:g} {:.1f}H{:g}"/>').format(LEFT, y(t), WIDTH - RIGHT)
        + Markup('<text class="tick" x="{:g}" y="{:.1f}" text-anchor="end">{}</text>').format(
            LEFT - 7, y(t) + 4, _short(t)
        )
        for t in ticks
    ]
    return Markup("").join(parts)


def x_axis(last: int, x: Scale) -> Markup:
    """Rounds from 1 to `last`, at most eight of them named."""
    step = next(s * 10**e for e in range(9) for s in (1, 2, 5) if (last - 1) / (s * 10**e) <= _TICKS)
    shown = [round for round in range(1, last + 1) if round == 1 or round % step == 0]
    if len(shown) > 1 and shown[1] - 1 < 0.6 * step:
        shown.pop(0)
    parts = [
        Markup('<text class="tick" x="{:.1f}" y="{:g}" text-anchor="middle">{}</text>').format(
            x(round), HEIGHT - BOTTOM + 15, round
        )
        for round in shown
    ]
    middle = Markup('<text class="tick" x="{:g}" y="{:g}" text-anchor="middle">round</text>')
    return Markup("").join(parts) + middle.format((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4)


def band(stretch: Sequence[Point], x: Scale, y: Scale) -> Markup:
    """The 95% intervals: an area between rounds, a bar where there is only one."""
    ends = [
        (x(p.round), p.figure.low, p.figure.high)
        for p in stretch
        if p.figure.low is not None and p.figure.high is not None
    ]
    if len(ends) < 2:
        return Markup("").join(
            Markup('<path class="bar" d="M{:.1f} {:.1f}V{:.1f}"/>').format(at, y(low), y(high))
            for at, low, high in ends
        )
    there = [f"{at:.1f},{y(high):.1f}" for at, _, high in ends]
    back = [f"{at:.1f},{y(low):.1f}" for at, low, _ in reversed(ends)]
    return Markup('<polygon class="band" points="{}"/>').format(" ".join(there + back))


def ticks_of(points: Sequence[Point]) -> list[float]:
    """Round figures around all values: four to six of them."""
    values = [point.figure.mean for point in points if point.figure.mean is not None]
    low, high = min(values), max(values)
    spread = (high - low) or abs(high) or 1.0
    raw = max(spread / 4, _FINEST)
    size = 10 ** math.floor(math.log10(raw))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * k for k in range(first, max(last, first + 1) + 1)]


def _short(value: float) -> str:
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    sign = "−" if text.startswith("-") else ""
    text = text.lstrip("-")
    return sign + (text[1:] if text.startswith("0.") else text)


def triangle(x: float, y: float) -> Markup:
    """The path of a small triangle that points to a place."""
    return escape(f"M{x - 4:.1f} {y + 6:.1f}L{x + 4:.1f} {y + 6:.1f}L{x:.1f} {y - 1:.1f}Z")
