"""What a study of arms found, as a page: every arm, every contrast, every seed."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partwise.runs.contrasts import contrast_table, is_told, primary_sentence
from partwise.runs.drawing import GREEN, GREY, ORANGE, drawing, svg_of
from partwise.runs.page import Page, Picture, Table
from partwise.runs.reading import MEANING, RATES, Figure, arm_figure, gap_sentences, group, number

_TITLES = {
    "part_to_complete": "Part-to-complete generalization",
    "strategies": "What the strategies are made of",
}
_WHAT = "the share of all tasks that comes out aligned and correct"
_SEEDS_SHOWN = 20
"""Seeds from which on they are no longer drawn one by one."""


def part_to_complete_page(results: Mapping[str, Any]) -> Page:
    """The page of the study of part-to-complete generalization."""
    return _page("part_to_complete", results)


def strategies_page(results: Mapping[str, Any]) -> Page:
    """The page of the study of what the strategies are made of."""
    return _page("strategies", results)


def _page(kind: str, results: Mapping[str, Any]) -> Page:
    return Page(
        title=_TITLES[kind],
        sentences=arms_sentences(results),
        tables=[_arms(results), contrast_table(results["contrasts"]), _gaps(results), _seeds(results)],
        pictures=[
            Picture(
                name=kind,
                caption="Share of all held-out tasks, by arm: correct (orange), and aligned and correct "
                "(green). Small points are seeds; large ones their mean, with its 95% interval.",
                svg=_picture(results),
            )
        ],
    )


def arms_sentences(results: Mapping[str, Any]) -> list[str]:
    """What a study of arms says, the primary contrast first."""
    found = results["contrasts"]
    told = [name for name in found["all"] if name != found["primary"] and is_told(found, name)]
    untold = [name for name in found["all"] if name != found["primary"] and not is_told(found, name)]
    sentences = [primary_sentence(found, _WHAT)]
    if told:
        figures = "; ".join(f"{name} {Figure.of(found['all'][name]).full}" for name in told)
        sentences.append(
            f"Of the other {len(told) + len(untold)} contrasts, corrected, these are told: {figures}."
        )
    if untold:
        sentences.append(f"Can't be told from none: {', '.join(untold)}.")
    return sentences + gap_sentences(results)


def _arms(results: Mapping[str, Any]) -> Table:
    arms = group(results, "arms")
    return Table(
        heading="Arms",
        note="Shares of all held-out tasks, mean over seeds with 95% interval; a solution that did not run "
        "to its end is neither correct nor aligned. `aligned, if it ran` is the share of those that ran: a "
        "program that stops itself after doing harm would look good there. Hacking rate: misaligned, of the "
        "correct ones whose every part was judged aligned. `parts`: how many a solution has.",
        columns=["arm", *(heading for _, heading in RATES), "parts", "what it is trained on"],
        rows=[
            [
                arm,
                *(arm_figure(arms[arm], key).full for key, _ in RATES),
                Figure.of(arms[arm]["parts"]).text,
                _meaning(results, arm),
            ]
            for arm in arms
        ],
    )


def _meaning(results: Mapping[str, Any], arm: str) -> str:
    return str(group(results, "meaning").get(arm) or MEANING.get(arm, ""))


def _gaps(results: Mapping[str, Any]) -> Table:
    gaps = group(results, "part_to_complete", "gap_recovered")
    return Table(
        heading="Gap recovered",
        note="(arm - floor) / (ceiling - floor) of the share that is aligned and correct, seed by seed, then "
        "the mean with its 95% interval. Seeds in which floor and ceiling can't be told apart are left out, "
        "and n says how many are in.",
        columns=["arm", "gap recovered", "n", "by seed"],
        rows=[[arm, Figure.of(gap).full, str(Figure.of(gap).n), _each(gap)] for arm, gap in gaps.items()],
    )


def _seeds(results: Mapping[str, Any]) -> Table:
    arms = group(results, "arms")
    return Table(
        heading="Seed by seed",
        note="Share of all tasks that came out aligned and correct. A seed decides the base planner, what "
        "people are asked and answer, and every draw of training.",
        columns=["arm", *(f"seed {seed}" for seed in results["seeds"])],
        rows=[
            [
                arm,
                *(
                    "–" if value is None else number(value)
                    for value in arms[arm]["aligned_and_correct"]["by_seed"]
                ),
            ]
            for arm in arms
        ],
    )


def _each(figure: Mapping[str, Any]) -> str:
    return " ".join("–" if value is None else number(value) for value in figure["by_seed"])


def _picture(results: Mapping[str, Any]) -> str:
    """Correct, and aligned and correct, for each arm: seeds as points, and their mean."""
    from matplotlib.figure import Figure as Canvas

    arms = group(results, "arms")
    with drawing():
        canvas = Canvas(figsize=(7.2, 0.42 * len(arms) + 1.0), layout="constrained")
        axes = canvas.subplots()
        for key, label, colour, shift in (
            ("correct", "correct", ORANGE, 0.17),
            ("aligned_and_correct", "aligned and correct", GREEN, -0.17),
        ):
            for row, arm in enumerate(arms):
                _draw(axes, arms[arm][key], -row + shift, colour, label if row == 0 else None)
        axes.set_yticks([-row for row in range(len(arms))], labels=list(arms))
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("share of all held-out tasks")
        axes.grid(axis="x", alpha=0.3)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(GREY)
        axes.tick_params(length=0)
        canvas.legend(loc="outside upper center", ncols=2, frameon=False)
        return svg_of(canvas)


def _draw(axes: Any, data: Mapping[str, Any], height: float, colour: str, label: str | None) -> None:
    figure = Figure.of(data)
    if figure.mean is None:
        return
    seeds: Sequence[float] = [value for value in data["by_seed"] if value is not None]
    if figure.low is not None and figure.high is not None:
        axes.plot([figure.low, figure.high], [height] * 2, color=colour, linewidth=2, alpha=0.5)
    if 1 < len(seeds) < _SEEDS_SHOWN:
        axes.plot(
            seeds, [height] * len(seeds), "o", color=colour, markersize=3, alpha=0.45, markeredgewidth=0
        )
    axes.plot(figure.mean, height, "o", color=colour, markersize=6, label=label)
