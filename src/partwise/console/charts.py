"""Curves as SVG without scripts or style attributes: colours and fonts come from the style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from partwise.console.runfiles import RoundRecord
from partwise.report.reading import Figure, number

_WIDTH, _HEIGHT = 360.0, 214.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 12.0, 16.0, 34.0
_TICKS = 8


@dataclass(frozen=True, slots=True)
class Point:
    """One round of a curve."""

    round: int
    """Counted from 1, as people count."""
    figure: Figure
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its words."""

    key: str
    title: str
    caption: str
    svg: Markup


def run_charts(rounds: Sequence[RoundRecord]) -> list[Chart]:
    """The curves of one run; those of which no round says anything are left out."""
    return [chart for panel in _PANELS if (chart := _chart(rounds, *panel))]


def sparkline(rounds: Sequence[RoundRecord]) -> Markup:
    """Aligned-and-correct by round, without words; nothing for a single round."""
    values = [(r.index, r.aligned_and_correct.mean) for r in rounds]
    points = [(x, y) for x, y in values if y is not None]
    if len(points) < 2:
        return Markup("")
    first, last = points[0][0], points[-1][0]
    path = " ".join(f"{2 + 76 * (x - first) / (last - first):.1f},{20 - 16 * y:.1f}" for x, y in points)
    return Markup(
        '<svg class="spark" viewBox="0 0 80 24" aria-hidden="true"><path class="grid" d="M2 20H78"/>'
        '<polyline class="line" points="{}"/></svg>'
    ).format(path)


def _of(value: Callable[[RoundRecord], Figure]) -> Callable[[RoundRecord], Point]:
    return lambda r: Point(r.index + 1, value(r))


def _disagreement(r: RoundRecord) -> Point:
    return Point(r.index + 1, r.disagreement, r.realigned is False)


def _reward(r: RoundRecord) -> Point:
    return Point(r.index + 1, Figure(r.reward, None, None, 0))


_PANELS: Sequence[tuple[str, str, str, Callable[[RoundRecord], Point], bool]] = (
    (
        "aligned",
        "Aligned and correct",
        "Share of validation tasks solved correctly and in line with all values.",
        _of(lambda r: r.aligned_and_correct),
        True,
    ),
    (
        "agreement",
        "Proxy agrees with human",
        "Share of fresh answers, to questions like those asked, that the proxy would have given.",
        _of(lambda r: r.agreement),
        True,
    ),
    (
        "agreement-unseen",
        "Agreement, bodies never asked about",
        "The same where a question shows a body that people were never asked about.",
        _of(lambda r: r.agreement_unseen),
        True,
    ),
    (
        "agreement-hard",
        "Agreement, subtasks of hard tasks",
        "The same about the subtasks of hard tasks, whatever people were asked about.",
        _of(lambda r: r.agreement_hard),
        True,
    ),
    (
        "disagreement",
        "Disagreement on control questions",
        "Share of answers to random questions that the proxy had wrong before it learned from them. "
        "Hollow: a round in which it was not realigned.",
        _disagreement,
        True,
    ),
    ("reward", "Reward", "What training sees: mean reward of the round's rollouts.", _reward, False),
    (
        "summaries",
        "Judgment of summaries",
        "How often the proxy's word on a summary is right about the whole; read after the fact only.",
        _of(lambda r: r.summary_accuracy),
        True,
    ),
)


def _chart(
    rounds: Sequence[RoundRecord],
    key: str,
    title: str,
    caption: str,
    value: Callable[[RoundRecord], Point],
    unit: bool,
) -> Chart | None:
    points = [value(record) for record in rounds]
    if all(point.figure.mean is None for point in points):
        return None
    alarms = [record.index + 1 for record in rounds if record.alarm]
    return Chart(key, title, caption, _draw(title, points, alarms, unit))


def _draw(title: str, points: Sequence[Point], alarms: Sequence[int], unit: bool) -> Markup:
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0] if unit else _ticks(points)
    low, high = ticks[0], ticks[-1]
    last = max(2, max(point.round for point in points))

    def x(round: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (round - 1) / (last - 1)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    parts = [_y_axis(ticks, y), _x_axis(last, x)]
    for round in alarms:
        parts.append(
            Markup(
                '<path class="alarm" d="M{x:.1f} {top}V{bottom}"/><path class="alarm-head" d="{head}"/>'
            ).format(x=x(round), top=_TOP, bottom=_HEIGHT - _BOTTOM, head=_triangle(x(round), _TOP - 4))
        )
    for stretch in _stretches(points):
        parts.append(_band(stretch, x, y))
        line = " ".join(f"{x(p.round):.1f},{y(p.figure.mean or 0):.1f}" for p in stretch)
        parts.append(Markup('<polyline class="line" points="{}"/>').format(line))
    small = "" if len(points) <= 40 else " small"
    for point in points:
        if point.figure.mean is not None:
            parts.append(
                Markup(
                    '<g class="point{small}{hollow}"><circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
                    '<circle class="hit" cx="{x:.1f}" cy="{y:.1f}" r="9"><title>{said}</title></circle></g>'
                ).format(
                    small=small,
                    hollow=" hollow" if point.hollow else "",
                    x=x(point.round),
                    y=y(point.figure.mean),
                    r=1.6 if small else 3,
                    said=_said(point, point.round in alarms),
                )
            )
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        f"{_WIDTH:g}", f"{_HEIGHT:g}", _label(title, points, alarms), Markup("").join(parts)
    )


def _y_axis(ticks: Sequence[float], y: Callable[[float], float]) -> Markup:
    parts = [
        Markup('<path class="grid" d="M{:g} {:.1f}H{:g}"/>').format(_LEFT, y(t), _WIDTH - _RIGHT)
        + Markup('<text class="tick" x="{:g}" y="{:.1f}" text-anchor="end">{}</text>').format(
            _LEFT - 7, y(t) + 4, _short(t)
        )
        for t in ticks
    ]
    return Markup("").join(parts)


def _x_axis(last: int, x: Callable[[float], float]) -> Markup:
    step = next(s * 10**e for e in range(9) for s in (1, 2, 5) if (last - 1) / (s * 10**e) <= _TICKS)
    shown = [round for round in range(1, last + 1) if round == 1 or round % step == 0]
    if len(shown) > 1 and shown[1] - 1 < 0.6 * step:
        shown.pop(0)
    parts = [
        Markup('<text class="tick" x="{:.1f}" y="{:g}" text-anchor="middle">{}</text>').format(
            x(round), _HEIGHT - _BOTTOM + 15, round
        )
        for round in shown
    ]
    middle = Markup('<text class="tick" x="{:g}" y="{:g}" text-anchor="middle">round</text>')
    return Markup("").join(parts) + middle.format((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4)


def _band(stretch: Sequence[Point], x: Callable[[float], float], y: Callable[[float], float]) -> Markup:
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


def _stretches(points: Sequence[Point]) -> list[list[Point]]:
    """Points in a row: an undefined one or a missing round breaks the line."""
    found: list[list[Point]] = []
    for point in points:
        if point.figure.mean is None:
            continue
        if not found or point.round != found[-1][-1].round + 1:
            found.append([])
        found[-1].append(point)
    return found


_FINEST = 0.01
"""The least distance of two ticks, which their text can still tell apart."""


def _ticks(points: Sequence[Point]) -> list[float]:
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


def _said(point: Point, alarm: bool) -> str:
    n = f", n = {point.figure.n:,}" if point.figure.n else ""
    return f"round {point.round}: {point.figure.full}{n}" + ("; drift alarm" if alarm else "")


def _label(title: str, points: Sequence[Point], alarms: Sequence[int]) -> str:
    known = [point for point in points if point.figure.mean is not None]
    first, last = known[0], known[-1]
    text = f"{title}: {number(first.figure.mean or 0)} in round {first.round}"
    if len(known) > 1:
        text += f", {number(last.figure.mean or 0)} in round {last.round}"
    if alarms:
        text += f"; drift alarm in round {', '.join(map(str, alarms))}"
    return text


def _triangle(x: float, y: float) -> Markup:
    return escape(f"M{x - 4:.1f} {y + 6:.1f}L{x + 4:.1f} {y + 6:.1f}L{x:.1f} {y - 1:.1f}Z")
