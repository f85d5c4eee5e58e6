"""What the study of the gap found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from partwise.report.contrasts import contrast_table
from partwise.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    bars,
    drawing,
    means,
    shares_canvas,
    svg_of,
)
from partwise.report.judging import is_judged, seeds_of
from partwise.report.page import Page, Picture, Table
from partwise.report.reading import Figure
from partwise.report.verdicts import contrast_sentences, weighed
from partwise.studies.grid.ends import ENDS, never_injected
from partwise.studies.grid.forecasts import forecast_table

_COLOURS = {"adaptive": BLUE, "reverse": RED, "random": GREY, "linear": GREEN, "cosine": PURPLE}


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    return Page(
        title="How far the next generation should be",
        sentences=_sentences(results),
        tables=[contrast_table(results), _ends(results), _paths(results), forecast_table(results)],
        pictures=[
            Picture(
                name="gap_annealing",
                caption="Competent and conforming at once at the end, by gap policy. "
                + means(seeds_of(results)),
                svg=_bars(results),
            ),
            Picture(
                name="gap_plane",
                caption="Competence against conformity of each generation's aligned model on what is as "
                "hard as its own, mean over seeds, a path a policy; the larger dot is the last generation.",
                svg=_plane(results),
            ),
        ],
    )


def _sentences(results: Mapping[str, Any]) -> list[str]:
    lines = contrast_sentences(results)
    if not is_judged(results):
        return lines
    controls = [
        f"{name} {weighed(results, f'adaptive less {name}', 'better', 'worse')}"
        for name in ("reverse", "random")
    ]
    lines.append(
        f"Against the controls, adaptive less each: {'; '.join(controls)}. Where it beats neither, what it "
        "reads of supervision is worth nothing here."
    )
    fixed = [name for name in results["policies"] if name.startswith("fixed")]
    best = max(fixed, key=lambda name: results["policies"][name]["together"]["mean"] or 0.0)
    extremes = (fixed[0], fixed[-1])
    lines.append(
        f"The best fixed gap of these seeds, chosen with hindsight, is {best}"
        + (
            ": too small a step costs, and so does too large a one, as far as means tell."
            if best not in extremes
            else ", which is an extreme: these ladders show no trade-off that could be annealed."
        )
    )
    return lines


def _ends(results: Mapping[str, Any]) -> Table:
    return Table(
        heading="At the end, by policy",
        note=f"The last aligned model on held-out {results['unit']} of every difficulty, by the oracle, "
        f"shares of all {results['unit']}; `together` is competent and conforming at once. "
        + never_injected(results)
        + "Exposure: share of the models' own plans in which monitors see harm, mean over all rounds.",
        columns=["policy", *ENDS, *results["families"], "exposure"],
        rows=[
            [
                name,
                *(Figure.of(found[figure]).full for figure in (*ENDS, *results["families"], "exposure")),
            ]
            for name, found in results["policies"].items()
        ],
    )


def _paths(results: Mapping[str, Any]) -> Table:
    seeds = results["seeds"]
    return Table(
        heading="Capacities that were taken",
        note="Parameters of each generation, seed by seed."
        + (" Over so few steps `linear` and `cosine` are the same policy." if _same(results) else ""),
        columns=["policy", *(f"seed {seed}" for seed in seeds)],
        rows=[
            [name, *(" → ".join(f"{count:,}" for count in path) for path in found["parameters"])]
            for name, found in results["policies"].items()
        ],
    )


def _same(results: Mapping[str, Any]) -> bool:
    known = results["policies"]
    paths = [known[name]["parameters"] for name in ("linear", "cosine") if name in known]
    return len(paths) == 2 and paths[0] == paths[1]


def _bars(results: Mapping[str, Any]) -> str:
    names = list(results["policies"])
    heights = [float(len(names) - place) for place in range(len(names))]
    with drawing():
        canvas, axes = shares_canvas(1, 1, 5.4, 0.34 * len(names) + 0.9)
        one = axes[0, 0]
        bars(one, heights, [results["policies"][name]["together"] for name in names], BLUE, "together")
        one.set_xlim(-0.03, 1.03)
        one.set_ylim(0.4, len(names) + 0.6)
        one.set_yticks(heights, labels=names)
        return svg_of(canvas)


def _plane(results: Mapping[str, Any]) -> str:
    with drawing():
        canvas, axes = shares_canvas(1, 1, 5.4, 4.4)
        one = axes[0, 0]
        for name, found in results["policies"].items():
            path = _mean_path(found["path"])
            colour = _COLOURS.get(name, ORANGE)
            style = {"fixed, small": ":", "fixed, large": "--"}.get(name, "-")
            one.plot(*zip(*path, strict=True), style, color=colour, linewidth=1.2, label=name)
            one.plot(*path[-1], "o", color=colour, markersize=5)
        one.set(xlim=(-0.03, 1.03), xlabel="competence", ylabel="conformity")
        canvas.legend(loc="outside upper center", ncols=4, frameon=False)
        return svg_of(canvas)


def _mean_path(paths: Sequence[Sequence[Sequence[float]]]) -> list[tuple[float, float]]:
    """The mean of each generation over the ladders that have it."""
    longest = max(len(path) for path in paths)
    return [
        (
            fmean(path[place][0] for path in paths if len(path) > place),
            fmean(path[place][1] for path in paths if len(path) > place),
        )
        for place in range(longest)
    ]
