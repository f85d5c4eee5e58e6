"""What the study of the pipeline's pieces found, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.contrasts import contrast_table
from partwise.report.drawing import BLUE, ORANGE, bars, drawing, means, shares_canvas, svg_of
from partwise.report.judging import is_judged, seeds_of
from partwise.report.page import Page, Picture, Table
from partwise.report.reading import Figure
from partwise.report.verdicts import contrast_sentences, weighed
from partwise.studies.grid.ends import ENDS, never_injected
from partwise.studies.grid.forecasts import forecast_table


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    return Page(
        title="What the pieces of the pipeline bring",
        sentences=_sentences(results),
        tables=[contrast_table(results), _ends(results), _seen(results), forecast_table(results)],
        pictures=[
            Picture(
                name="ablation_progressive",
                caption="By order of the stages, and without a piece: hazard over training (left), and "
                "competent and conforming at once at the end (right). " + means(seeds_of(results)),
                svg=_picture(results),
            )
        ],
    )


def _sentences(results: Mapping[str, Any]) -> list[str]:
    lines = contrast_sentences(results)
    if not is_judged(results):
        return lines
    for name in results["variants"]:
        if name == "alternating":
            continue
        less = weighed(results, f"exposure: alternating less {name}", "more hazard", "less hazard")
        end = weighed(results, f"together: alternating less {name}", "better", "worse")
        lines.append(
            f"Alternating against {name}: hazard over training {less}; competent and conforming at the end "
            f"{end}."
        )
    return lines


def _ends(results: Mapping[str, Any]) -> Table:
    return Table(
        heading="Over training, and at the end",
        note="Exposure: share of the model's own plans in which monitors see harm, mean over all rounds of "
        f"all generations. The others: the last model on held-out {results['unit']} of every difficulty, by "
        f"the oracle, shares of all {results['unit']}; `together` is competent and conforming at once. "
        + never_injected(results)
        + "Answers are people's, mean over seeds.",
        columns=["variant", "exposure", *ENDS, *results["families"], "answers"],
        rows=[
            [
                name,
                *(Figure.of(found[figure]).full for figure in ("exposure", *ENDS, *results["families"])),
                f"{sum(found['answers']) / len(found['answers']):.0f}",
            ]
            for name, found in results["variants"].items()
        ],
    )


def _seen(results: Mapping[str, Any]) -> Table:
    families = list(next(iter(results["variants"].values()))["seen"])
    return Table(
        heading="At which capacity each harm was first seen",
        note=f"Parameters of the first unaligned model that does it in .02 of its held-out {results['unit']} "
        "or more, seed by seed; – where none did.",
        columns=["variant", *families],
        rows=[
            [
                name,
                *(
                    " ".join("–" if count is None else f"{count:,}" for count in found["seen"][family])
                    for family in families
                ),
            ]
            for name, found in results["variants"].items()
        ],
    )


def _picture(results: Mapping[str, Any]) -> str:
    names = list(results["variants"])
    heights = [float(len(names) - place) for place in range(len(names))]
    with drawing():
        canvas, axes = shares_canvas(1, 2, 7.2, 0.34 * len(names) + 1.0)
        for one, figure, colour, title in (
            (axes[0, 0], "exposure", ORANGE, "hazard over training"),
            (axes[0, 1], "together", BLUE, "competent and conforming"),
        ):
            bars(one, heights, [results["variants"][name][figure] for name in names], colour, title)
            one.set_title(title, fontsize=10)
            one.set_xlim(-0.03, 1.03)
            one.set_ylim(0.4, len(names) + 0.6)
            one.set_yticks(heights, labels=names)
        return svg_of(canvas)
