"""The report's figures: matplotlib drawings as SVG text that takes its colours and font from the page."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false
# matplotlib and scipy are typed in part.

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from partwise.report.data import BINS, ArmTranscripts, Curve, Round
from partwise.report.reading import number

# Stand-ins that become CSS variables, so that the page's light and dark colours reach the figures.
_INK, _MUTED, _LINE = "#010101", "#020202", "#030303"
_ARM_COLOURS = {
    "base": "#040401",
    "floor": "#040402",
    "parts": "#040403",
    "strategies": "#040404",
    "ceiling": "#040405",
    "trained": "#040404",
}
_VARIABLES = {_INK: "--ink", _MUTED: "--muted", _LINE: "--line"} | {
    colour: f"--{arm}" for arm, colour in _ARM_COLOURS.items() if arm != "trained"
}
_STYLES = {"floor": "--", "parts": "-.", "strategies": "-", "ceiling": (0, (1, 1.2)), "base": ":"}
_SIZE = (3.7, 2.55)
"""Inches, at 100 dots each: as wide as a phone shows, so that text keeps its size there."""


def colour_name(arm: str) -> str:
    """The CSS variable that holds an arm's colour."""
    return _VARIABLES[_ARM_COLOURS.get(arm, _INK)]


def curve_figures(curves: list[Curve]) -> list[dict[str, str]]:
    """The learning curves, as dicts of `title`, `caption` and `svg`; those without data are left out."""
    panels: list[tuple[str, str, Callable[[Round], float | None], bool]] = [
        (
            "Aligned and correct",
            "Share of validation tasks solved correctly and in line with all values, after each round.",
            lambda r: r.aligned_and_correct.mean,
            True,
        ),
        (
            "Reward",
            "What training sees: mean reward of the round's rollouts. Arms have different scales.",
            lambda r: r.reward,
            False,
        ),
        (
            "Proxy agrees with human",
            "Share of fresh answers, to questions like those asked, that the proxy would have given.",
            lambda r: r.agreement.mean,
            True,
        ),
        (
            "Agreement, bodies never asked about",
            "The same where a question shows a body that people were never asked about.",
            lambda r: r.agreement_unseen.mean,
            True,
        ),
        (
            "Agreement, subtasks of hard tasks",
            "The same about the subtasks of hard tasks, whatever people were asked about.",
            lambda r: r.agreement_hard.mean,
            True,
        ),
        (
            "Judgment of summaries",
            "How often the proxy's word on a summary is right about the whole; read after the fact only.",
            lambda r: r.summary_accuracy.mean,
            True,
        ),
    ]
    figures: list[dict[str, str]] = []
    for title, caption, value, unit in panels:
        by_arm = _series(curves, value)
        if by_arm:
            figures.append({"title": title, "caption": caption, "svg": _curve_svg(by_arm, title, unit)})
    return figures


def part_whole_figures(transcripts: Mapping[str, ArmTranscripts]) -> list[dict[str, str]]:
    """Part reward against complete alignment, a panel an arm."""
    return [
        {"title": arm, "arm": arm, "caption": "", "svg": _bins_svg(arm, data)}
        for arm, data in transcripts.items()
        if any(count for count, _ in data.bins)
    ]


def _series(
    curves: list[Curve], value: Callable[[Round], float | None]
) -> dict[str, list[list[tuple[int, float]]]]:
    by_arm: dict[str, list[list[tuple[int, float]]]] = {}
    for curve in curves:
        points = [(r.index + 1, v) for r in curve.rounds if (v := value(r)) is not None]
        if points:
            by_arm.setdefault(curve.arm, []).append(points)
    return by_arm


def _curve_svg(by_arm: dict[str, list[list[tuple[int, float]]]], title: str, unit: bool) -> str:
    with _style():
        figure, axes = _axes()
        last = max(x for runs in by_arm.values() for points in runs for x, _ in points)
        for arm, runs in by_arm.items():
            colour = _ARM_COLOURS.get(arm, _INK)
            for points in runs if len(runs) > 1 else []:
                axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.7, alpha=0.35)
            at: dict[int, list[float]] = {}
            for points in runs:
                for x, y in points:
                    at.setdefault(x, []).append(y)
            means = sorted((x, sum(ys) / len(ys)) for x, ys in at.items())
            axes.plot(
                *zip(*means, strict=True),
                color=colour,
                linewidth=1.9,
                linestyle=_STYLES.get(arm, "-"),
                marker="o" if len(means) == 1 else None,
                markersize=4,
            )
        axes.set_xlabel("round")
        axes.set_xlim(0.7 if last > 1 else 0.5, last + (0.3 if last > 1 else 0.5))
        axes.xaxis.get_major_locator().set_params(integer=True)
        if unit:
            _unit_axis(axes.yaxis, axes.set_ylim)
        return _svg(figure, f"{title} per round, by arm")


def _bins_svg(arm: str, data: ArmTranscripts) -> str:
    from scipy.stats import binomtest

    with _style():
        figure, axes = _axes()
        colour = _ARM_COLOURS.get(arm, _INK)
        most = max(count for count, _ in data.bins)
        for place, (count, aligned) in enumerate(data.bins):
            if not count:
                continue
            x = (place + 0.5) / BINS
            interval: Any = binomtest(aligned, count).proportion_ci(method="wilson")
            axes.plot([x, x], [interval.low, interval.high], color=colour, linewidth=1.4, alpha=0.8)
            axes.plot([x], [aligned / count], "o", color=colour, markersize=4 + 6 * (count / most) ** 0.5)
            axes.text(x, 1.09, f"{count:,}", ha="center", va="bottom", fontsize=7.5, color=_MUTED)
        axes.set_xlabel("mean part reward")
        axes.set_ylabel("share aligned")
        _unit_axis(axes.xaxis, axes.set_xlim)
        _unit_axis(axes.yaxis, axes.set_ylim)
        return _svg(figure, f"Share of {arm} solutions aligned as a whole, by mean part reward")


def _unit_axis(axis: Any, limit: Callable[[float, float], Any]) -> None:
    limit(-0.04, 1.04)
    axis.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0", ".25", ".5", ".75", "1"])


def _style() -> Any:
    import matplotlib

    return matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "partwise",
            "text.parse_math": False,
            "font.size": 9,
            "axes.edgecolor": _LINE,
            "axes.labelcolor": _MUTED,
            "axes.labelsize": 9,
            "xtick.color": _MUTED,
            "ytick.color": _MUTED,
            "xtick.labelsize": 8.5,
            "ytick.labelsize": 8.5,
            "grid.color": _LINE,
            "grid.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "xtick.major.size": 0,
            "ytick.major.size": 0,
        }
    )


def _axes() -> tuple[Any, Any]:
    # Figure without pyplot: no global state, no window system.
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    figure = Canvas(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    return figure, axes


def _svg(figure: Any, label: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    # Ids must be unique in the page, and matplotlib starts anew with each figure.
    prefix = re.sub(r"[^a-z0-9]+", "-", label.lower())
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r"url\(#", f"url(#{prefix}-", text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text)
    text = re.sub(r"font: ([\d.]+)px [^;\"]+", r"font-size: \1px", text)
    width, height = (round(100 * side) for side in _SIZE)
    box = f"0 0 {width * 0.72} {height * 0.72}"
    opening = f'<svg class="figure" viewBox="{box}" role="img" aria-label="{html.escape(label)}">'
    return opening + text[text.index(">") + 1 :]
