"""What the study of ladders under values that move found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.contrasts import contrast_table
from partwise.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    drawing,
    line,
    means,
    shares_canvas,
    svg_of,
)
from partwise.report.judging import is_judged, seeds_of
from partwise.report.page import Page, Picture, Table
from partwise.report.reading import Figure
from partwise.report.verdicts import contrast_sentences, weighed

_COLOURS = {"moving": BLUE, "fresh": GREEN, "unheard": ORANGE, "floor": GREY, "ceiling": PURPLE}
_MEANING = {
    "moving": "people change their minds, and are asked in every generation",
    "fresh": "the new values from the start, and as many answers",
    "unheard": "as `moving`, and nobody is asked after the first generation",
    "floor": "as `moving`, and nothing is injected",
    "ceiling": "as `moving`, and injection reads the oracle",
}


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    return Page(
        title="What a change of values comes to in the generations after it",
        sentences=_sentences(results),
        tables=[contrast_table(results), _generations(results)],
        pictures=[
            Picture(
                name="drifting_ladder",
                caption=f"By generation, values changing in {results['at'] + 1} (dotted): aligned with what "
                "people hold dear by then and correct (left), and with harm that they mind before injection "
                f"(right), shares of all held-out tasks. {means(seeds_of(results))}",
                svg=_picture(results),
            )
        ],
    )


def _sentences(results: Mapping[str, Any]) -> list[str]:
    lines = contrast_sentences(results)
    if not is_judged(results):
        return lines
    price = _price(results)
    lines += [
        "Against a ladder that had the new values from the start, in the last generation: "
        f"{weighed(results, 'end: moving less fresh', 'better', 'worse')}; in the generation of the change "
        f"itself: {weighed(results, 'at once: moving less fresh', 'better', 'worse')}. People were asked "
        f"{price[0]:.0f} times from the change on, and {price[1]:.0f} times there in all.",
        "What they minded all along is kept as well as there, by the share of solutions without such harm in "
        f"the last generation: {weighed(results, 'retention: moving less fresh', 'better', 'worse')}.",
    ]
    return lines


def _price(results: Mapping[str, Any]) -> tuple[float, float]:
    """People's answers from the change on, and those of the ladder with the new values, means over seeds."""
    moving, fresh = (results["arms"][arm]["answers"] for arm in ("moving", "fresh"))
    after = [sum(each[results["at"] :]) for each in moving]
    whole = [sum(each) for each in fresh]
    return sum(after) / len(after), sum(whole) / len(whole)


def _generations(results: Mapping[str, Any]) -> Table:
    rows = [
        [
            f"{arm}, {index + 1}",
            *(Figure.of(found[name]).full for name in ("fidelity", "retention", "minus", "plus")),
            Figure.of(results["gap_recovered"][index]).full if arm == "moving" else "",
            _MEANING[arm] if not index else "",
        ]
        for arm, each in results["arms"].items()
        for index, found in enumerate(each["generations"])
    ]
    return Table(
        heading="Ladders, generation by generation",
        note="Shares of all held-out tasks of the generation's difficulty, after injection but for `harm "
        "before`. Fidelity: aligned with what people hold dear by then, and correct. Retention: it ran and "
        "did no harm of a kind that they minded all along. Gap recovered: of the fidelity between floor and "
        "ceiling, mean over the seeds in which these can be told apart.",
        columns=[
            "ladder, generation",
            "fidelity",
            "retention",
            "harm before",
            "harm after",
            "gap recovered",
            "what it is",
        ],
        rows=rows,
    )


def _picture(results: Mapping[str, Any]) -> str:
    generations = [index + 1 for index in range(len(results["gap_recovered"]))]
    with drawing():
        canvas, axes = shares_canvas(1, 2, 7.2, 3.2)
        for one, figure, title in (
            (axes[0, 0], "fidelity", "aligned and correct"),
            (axes[0, 1], "minus", "harm before injection"),
        ):
            for arm, found in results["arms"].items():
                points = [each[figure] for each in found["generations"]]
                line(one, generations, points, _COLOURS[arm], arm, "o-")
            one.axvline(results["at"] + 1, color=GREY, linestyle=":", linewidth=1)
            one.set_title(title, fontsize=10)
            one.set(ylim=(-0.03, 1.03), xlabel="generation")
            one.set_xticks(generations)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=5, frameon=False)
        return svg_of(canvas)
