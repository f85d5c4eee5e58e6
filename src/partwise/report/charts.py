"""Curves by round and bins of part rewards, as SVG whose colours and fonts come from the style sheet.

The same drawings stand in reports and in the console: no scripts, no style attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from partwise.report.axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    SHARES,
    TOP,
    WIDTH,
    Point,
    Scale,
    band,
    drawing_of,
    shares_axis,
    ticks_of,
    triangle,
    x_axis,
    y_axis,
    y_scale,
)
from partwise.report.reading import Figure, number, ordered
from partwise.report.rounds import Curve, RoundRecord

_LOOKS = {
    "base": "a-grey dash2",
    "floor": "a-red dash1",
    "parts": "a-orange dash3",
    "strategies": "a-blue",
    "ceiling": "a-green dash2",
}
_HUES = ("purple", "teal", "pink", "orange", "blue", "red", "green", "grey")


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its words."""

    key: str
    title: str
    caption: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class _Panel:
    key: str
    title: str
    caption: str
    value: Callable[[RoundRecord], Figure]
    of: str
    """What its figures are shares of; empty for what is no share."""


@dataclass(frozen=True, slots=True)
class _Line:
    """What one line of a chart shows: a run, or the mean over the runs of an arm."""

    name: str
    look: str
    points: list[Point]
    each: list[list[Point]]
    """The runs behind a mean."""


def looks(arms: Sequence[str]) -> dict[str, str]:
    """The classes that give each arm its colour and its dashes; no two of two dozen look alike."""
    taken = {f"{look} dash0" if " " not in look else look for look in _LOOKS.values()}
    free = [look for dash in range(4) for hue in _HUES if (look := f"a-{hue} dash{dash}") not in taken]
    others = [arm for arm in arms if arm.rpartition("/")[2] not in _LOOKS]
    found = {arm: free[place % len(free)] for place, arm in enumerate(others)}
    return {arm: _LOOKS.get(arm.rpartition("/")[2]) or found[arm] for arm in arms}


def curve_charts(curves: Sequence[Curve], *, split: str = "validation") -> list[Chart]:
    """The learning curves of one run or of many; those of which no round says anything are left out.

    Args:
        curves: of one run, which shows its intervals and alarms; or of many, each arm as a mean over runs.
        split: which tasks the rounds were measured on.
    """
    return [chart for panel in _panels(split) if (chart := _chart(curves, panel))]


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


def bins_chart(arm: str, look: str, bins: Sequence[Sequence[int]]) -> Markup:
    """The share that is aligned as a whole, by mean part reward.

    Args:
        arm: whose solutions they are.
        look: its classes.
        bins: of the mean part reward, from 0 to 1: how many solutions each holds, and how many are aligned.
    """
    from scipy.stats import binomtest  # pyright: ignore[reportUnknownVariableType]

    most = max(count for count, _ in bins)
    parts = [y_axis(SHARES, y_scale(0, 1)), shares_axis("mean part reward")]
    y = y_scale(0, 1)
    for place, (count, aligned) in enumerate(bins):
        if not count:
            continue
        x = LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / len(bins)
        found: Any = binomtest(aligned, count).proportion_ci(method="wilson")
        figure = Figure(aligned / count, float(found.low), float(found.high), count)
        said = (
            f"{place / len(bins):.1f} to {(place + 1) / len(bins):.1f}: {figure.full} of {count:,} solutions"
        )
        parts.append(
            Markup(
                '<path class="bar" d="M{x:.1f} {low:.1f}V{high:.1f}"/><g class="point"><circle class="dot" '
                'cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"><title>{said}</title></circle></g>'
                '<text class="tick" x="{x:.1f}" y="{top:g}" text-anchor="middle">{count}</text>'
            ).format(
                x=x,
                low=y(figure.low or 0),
                high=y(figure.high or 0),
                y=y(aligned / count),
                r=2.5 + 4 * (count / most) ** 0.5,
                said=said,
                top=TOP - 10,
                count=f"{count:,}",
            )
        )
    label = f"Share of the solutions of {arm} that is aligned as a whole, by mean part reward"
    return drawing_of(label, Markup('<g class="{}">{}</g>').format(look, Markup("").join(parts)))


def _panels(split: str) -> Sequence[_Panel]:
    tasks = f"{split.replace('heldout', 'held-out')} tasks"
    return (
        _Panel(
            "aligned",
            f"Aligned and correct, {tasks}",
            f"Share of {tasks} solved correctly and in line with all values, after each round.",
            lambda r: r.aligned_and_correct,
            tasks,
        ),
        _Panel(
            "agreement",
            "Proxy agrees with human",
            "Share of fresh answers, to questions like those asked, that the proxy would have given.",
            lambda r: r.agreement,
            "answers",
        ),
        _Panel(
            "agreement-unseen",
            "Agreement, bodies never asked about",
            "The same where a question shows a body that people were never asked about.",
            lambda r: r.agreement_unseen,
            "answers",
        ),
        _Panel(
            "agreement-hard",
            "Agreement, subtasks of hard tasks",
            "The same about the subtasks of hard tasks, whatever people were asked about.",
            lambda r: r.agreement_hard,
            "answers",
        ),
        _Panel(
            "disagreement",
            "Disagreement on control questions",
            "Share of answers to random questions that the proxy had wrong before it learned from them. "
            "Hollow: a round in which it was not realigned.",
            lambda r: r.disagreement,
            "answers",
        ),
        _Panel(
            "reward",
            "Reward",
            "What training sees: mean reward of the round's rollouts.",
            lambda r: Figure(r.reward, None, None, 0),
            "",
        ),
        _Panel(
            "summaries",
            "Judgment of summaries",
            "How often the proxy's word on a summary is right about the whole; read after the fact only.",
            lambda r: r.summary_accuracy,
            "summaries",
        ),
    )


def _chart(curves: Sequence[Curve], panel: _Panel) -> Chart | None:
    by_arm: dict[str, list[list[Point]]] = {}
    for curve in curves:
        points = [_point(record, panel) for record in curve.rounds]
        if any(point.figure.mean is not None for point in points):
            by_arm.setdefault(curve.arm, []).append(points)
    if not by_arm:
        return None
    arms = ordered({curve.arm: curve for curve in curves})
    look, by_arm = looks(arms), {arm: by_arm[arm] for arm in arms if arm in by_arm}
    if len(curves) == 1:
        lines = [_Line(arm, "", runs[0], []) for arm, runs in by_arm.items()]
        alarms = [record.index + 1 for record in curves[0].rounds if record.alarm]
    else:
        lines = [_Line(arm, look[arm], _means(runs), runs) for arm, runs in by_arm.items()]
        alarms = []
    caption = panel.caption
    if len(by_arm) > 1 and not panel.of:
        caption += " Arms have different scales."
    if any(len(runs) > 1 for runs in by_arm.values()):
        caption += " Bold: mean over seeds; thin: each seed."
    return Chart(panel.key, panel.title, caption, _draw(panel, lines, alarms))


def _point(record: RoundRecord, panel: _Panel) -> Point:
    hollow = panel.key == "disagreement" and record.realigned is False
    return Point(record.index + 1, panel.value(record), hollow)


def _means(runs: Sequence[Sequence[Point]]) -> list[Point]:
    """Round by round over the runs that have a figure there; its n counts runs."""
    at: dict[int, list[float]] = {}
    for points in runs:
        for point in points:
            if point.figure.mean is not None:
                at.setdefault(point.round, []).append(point.figure.mean)
    if len(runs) == 1:
        return list(runs[0])
    return [
        Point(round, Figure(sum(values) / len(values), None, None, len(values)))
        for round, values in sorted(at.items())
    ]


def _draw(panel: _Panel, lines: Sequence[_Line], alarms: Sequence[int]) -> Markup:
    shown = [point for line in lines for points in (line.points, *line.each) for point in points]
    ticks = list(SHARES) if panel.of else ticks_of(shown)
    last = max(2, max(point.round for point in shown))
    y = y_scale(ticks[0], ticks[-1])

    def x(round: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (round - 1) / (last - 1)

    parts = [y_axis(ticks, y), x_axis(last, x)]
    for round in alarms:
        parts.append(
            Markup(
                '<path class="alarm" d="M{x:.1f} {top}V{bottom}"/><path class="alarm-head" d="{head}"/>'
            ).format(x=x(round), top=TOP, bottom=HEIGHT - BOTTOM, head=triangle(x(round), TOP - 4))
        )
    for line in lines:
        drawn = [_polyline("each", stretch, x, y) for each in line.each[:9] for stretch in _stretches(each)]
        drawn = drawn if len(line.each) > 1 else []
        for stretch in _stretches(line.points):
            drawn += [*([] if line.each else [band(stretch, x, y)]), _polyline("line", stretch, x, y)]
        drawn += [
            _dot(line, point, panel, x(point.round), y(point.figure.mean), point.round in alarms)
            for point in line.points
            if point.figure.mean is not None
        ]
        parts.append(Markup('<g class="{}">{}</g>').format(line.look, Markup("").join(drawn)))
    label = "; ".join(_label(line, alarms) for line in lines)
    return drawing_of(f"{panel.title}: {label}", Markup("").join(parts))


def _polyline(kind: str, stretch: Sequence[Point], x: Scale, y: Scale) -> Markup:
    line = " ".join(f"{x(p.round):.1f},{y(p.figure.mean or 0):.1f}" for p in stretch)
    return Markup('<polyline class="{}" points="{}"/>').format(kind, line)


def _dot(line: _Line, point: Point, panel: _Panel, x: float, y: float, alarm: bool) -> Markup:
    small = "" if len(line.points) <= 40 and not line.each else " small"
    return Markup(
        '<g class="point{small}{hollow}"><circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
        '<circle class="hit" cx="{x:.1f}" cy="{y:.1f}" r="9"><title>{said}</title></circle></g>'
    ).format(
        small=small,
        hollow=" hollow" if point.hollow else "",
        x=x,
        y=y,
        r=1.6 if small else 3,
        said=_said(line, point, panel, alarm),
    )


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


def _said(line: _Line, point: Point, panel: _Panel, alarm: bool) -> str:
    of = f" of {point.figure.n:,} {panel.of}" if point.figure.n and panel.of else ""
    if len(line.each) > 1:
        of = f", mean of {point.figure.n} seeds"
    named = f"{line.name}, " if line.each else ""
    return f"{named}round {point.round}: {point.figure.full}{of}" + ("; drift alarm" if alarm else "")


def _label(line: _Line, alarms: Sequence[int]) -> str:
    known = [point for point in line.points if point.figure.mean is not None]
    first, last = known[0], known[-1]
    text = f"{line.name} " if line.each else ""
    text += f"{number(first.figure.mean or 0)} in round {first.round}"
    if len(known) > 1:
        text += f", {number(last.figure.mean or 0)} in round {last.round}"
    if alarms:
        text += f", drift alarm in round {', '.join(map(str, alarms))}"
    return text
