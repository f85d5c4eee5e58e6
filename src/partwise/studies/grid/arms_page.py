"""What a study of arms found, as a page: every arm, every contrast, every seed."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.contrasts import contrast_table
from partwise.report.drawing import GREEN, GREY, ORANGE, bars, drawing, means, svg_of
from partwise.report.judging import seeds_of
from partwise.report.page import Page, Picture, Table
from partwise.report.reading import MEANING, RATES, Figure, arm_figure, group, number
from partwise.report.verdicts import arms_sentences


def arms_page(name: str, title: str, results: Mapping[str, Any]) -> Page:
    """The page of a study of arms; `name` is that of its picture."""
    return Page(
        title=title,
        sentences=arms_sentences(results),
        tables=[_arms(results), contrast_table(results), _gaps(results), _seeds(results)],
        pictures=[
            Picture(
                name=name,
                caption="Share of all held-out tasks, by arm: correct (orange), and aligned and correct "
                f"(green). {means(len(results['seeds']))}",
                svg=_picture(results),
            )
        ],
    )


def _arms(results: Mapping[str, Any]) -> Table:
    arms = group(results, "arms")
    return Table(
        heading="Arms",
        note=f"Shares of all held-out tasks, {_over(results)}; a solution that did not run "
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


def _over(results: Mapping[str, Any]) -> str:
    """What the intervals are over: of one seed there is nothing else to draw again than its tasks."""
    one = seeds_of(results) == 1
    return "of one seed with 95% interval over tasks" if one else "mean over seeds with 95% interval"


def _meaning(results: Mapping[str, Any], arm: str) -> str:
    return str(group(results, "meaning").get(arm) or MEANING.get(arm, ""))


def _gaps(results: Mapping[str, Any]) -> Table:
    gaps = group(results, "part_to_complete", "gap_recovered")
    return Table(
        heading="Gap recovered",
        note="(arm - floor) / (ceiling - floor) of the share that is aligned and correct, seed by seed, then "
        "the mean with its 95% interval. Seeds in which floor and ceiling can't be told apart are left out: "
        "`seeds` counts the others. With one seed the interval is over its tasks, which are counted instead.",
        columns=["arm", "gap recovered", "seeds" if len(results["seeds"]) > 1 else "tasks", "by seed"],
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
    heights = [-float(row) for row in range(len(arms))]
    with drawing():
        canvas = Canvas(figsize=(7.2, 0.42 * len(arms) + 1.0), layout="constrained")
        axes = canvas.subplots()
        for key, label, colour, shift in (
            ("correct", "correct", ORANGE, 0.2),
            ("aligned_and_correct", "aligned and correct", GREEN, -0.12),
        ):
            bars(axes, [y + shift for y in heights], [arms[arm][key] for arm in arms], colour, label)
        axes.set_yticks(heights, labels=list(arms))
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("share of all held-out tasks")
        axes.grid(axis="x", alpha=0.3)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(GREY)
        axes.tick_params(length=0)
        canvas.legend(loc="outside upper center", ncols=2, frameon=False)
        return svg_of(canvas)
