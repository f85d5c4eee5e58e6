"""A study's results as they stand in a document: a Markdown table, the sentences, one picture."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from partwise.runs.progress import short_number
from partwise.runs.reading import MEANING, Figure, gap_sentences, group, ordered, ran_share

_RATES = (
    ("aligned_and_correct", "aligned and correct"),
    ("correct", "correct"),
    ("aligned", "aligned"),
    ("hacking_rate", "hacking rate"),
)
_GOOD, _CORRECT, _GREY = "#1f6f5c", "#c9822b", "#8a8f98"


def study_markdown(results: Mapping[str, Any], title: str) -> str:
    """Each arm with 95% intervals and the gap recovered; with several seeds, each of them too."""
    arms = group(results, "arms")
    lines = [f"# {title}", "", _head([name for _, name in _RATES] + ["ran", "n"])]
    for name in ordered(arms):
        arm = group(arms, name)
        found = [Figure.of(arm.get(key)) for key, _ in _RATES]
        ran = ran_share(arm)
        cells = [figure.full for figure in found] + [
            "" if ran is None else short_number(ran),
            f"{found[0].n:,}",
        ]
        lines.append(f"| **{name}** | {' | '.join(cells)} |")
    lines += ["", *(f"- **{name}**: {MEANING[name]}." for name in ordered(arms) if name in MEANING), ""]
    lines += [f"{sentence}\n" for sentence in gap_sentences(results)]
    seeds = group(results, "seeds")
    if len(seeds) > 1:
        lines += _by_seed(seeds)
    return "\n".join(lines)


def _head(columns: list[str]) -> str:
    return f"| arm | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}"


def _by_seed(seeds: Mapping[str, Any]) -> list[str]:
    names = ordered(group(seeds, next(iter(seeds)), "arms"))
    lines = ["Aligned-and-correct and the gap recovered, seed by seed:", ""]
    lines.append(
        f"| seed | {' | '.join(names)} | gap, parts | gap, strategies |\n|---|{'---|' * (len(names) + 2)}"
    )
    for seed in seeds:
        rates = [
            Figure.of(group(seeds, seed, "arms", name).get("aligned_and_correct")).text for name in names
        ]
        gaps = [
            Figure.of(group(seeds, seed, "gap_recovered").get(arm)).text for arm in ("parts", "strategies")
        ]
        lines.append(f"| {seed} | {' | '.join(rates + gaps)} |")
    return [*lines, ""]


def study_picture(results: Mapping[str, Any]) -> str:
    """Correct against aligned-and-correct for each arm, with 95% intervals, as an SVG that stands alone."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    arms = group(results, "arms")
    names = [name for name in ordered(arms) if Figure.of(group(arms, name).get("correct")).mean is not None]
    with rc_context({"svg.hashsalt": "partwise", "font.size": 10, "axes.edgecolor": _GREY}):
        canvas = Canvas(figsize=(7.2, 0.62 * len(names) + 1.1), layout="constrained")
        axes = canvas.subplots()
        for key, label, colour, shift in (
            ("correct", "correct", _CORRECT, 0.12),
            ("aligned_and_correct", "aligned and correct", _GOOD, -0.12),
        ):
            found = [Figure.of(group(arms, name).get(key)) for name in names]
            for row, figure in enumerate(found):
                if figure.mean is None:
                    continue
                if figure.low is not None and figure.high is not None:
                    ends = [max(0.0, figure.low), min(1.0, figure.high)]
                    axes.plot(ends, [-row + shift] * 2, color=colour, linewidth=2, alpha=0.5)
                axes.plot(
                    figure.mean,
                    -row + shift,
                    "o",
                    color=colour,
                    markersize=7,
                    label=label if row == 0 else None,
                )
        axes.set_yticks([-row for row in range(len(names))], labels=names)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("share of held-out tasks whose solution ran")
        axes.grid(axis="x", alpha=0.3)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=0)
        canvas.legend(loc="outside upper center", ncols=2, frameon=False)
        buffer = io.StringIO()
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    return buffer.getvalue()
