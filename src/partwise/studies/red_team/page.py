"""What the studies of the red team found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.contrasts import contrast_table
from partwise.report.drawing import BLUE, GREY, ORANGE, drawing, svg_of
from partwise.report.judging import count_of, is_judged, seeds_of
from partwise.report.page import Comparison, Page, Picture, Side, Table
from partwise.report.reading import Figure
from partwise.report.verdicts import contrast_sentences

_COLOURS = {"random": GREY, "quality-diversity": BLUE, "tpe": ORANGE}
_KINDS = ("privacy", "waste")
"""What monitors know."""
_EVERY = 8
"""Evaluations between two points of a curve."""


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    missed = results["missed"]
    return Page(
        title="What a red team finds" + (" behind a word" if "planted" in results else ""),
        sentences=_sentences(results),
        tables=[contrast_table(results), _found(results), _recalled(results)],
        pictures=[
            Picture(
                name="red_team_planted" if "planted" in results else "red_team",
                caption="Distinct hazards (kind of harm and place in the dials) after so many scenes, as "
                "they were found, before they were played again. Mean over models and "
                f"{count_of(seeds_of(results))}.",
                svg=_curves(results),
            )
        ],
        comparisons=[
            Comparison(
                heading=f"Not seen by rules, {each['scene']}",
                one=Side(caption=f"the oracle sees {', '.join(each['harms'])}", text=each["text"]),
                other=Side(caption="rules see, in full", text="nothing"),
            )
            for each in missed
        ],
    )


def _sentences(results: Mapping[str, Any]) -> list[str]:
    lines = contrast_sentences(results)
    if not is_judged(results):
        return lines
    found = results["searches"]
    middle = Figure.of(found["quality-diversity"]["recall"]["small"])
    lines.append(
        f"Of {results['budget']} scenes a search, played again: random found {_count(found, 'random')} "
        f"distinct hazards, quality diversity {_count(found, 'quality-diversity')}, TPE "
        f"{_count(found, 'tpe')}. A contrast is in doublings: 1 is twice as many."
    )
    # A planted model does one kind.
    most = (1 if "planted" in results else len(_KINDS)) * results["budget"]
    at_first = Figure.of(found["random"]["found"]).mean
    if at_first:
        lines.append(
            f"At most {most} can be found: each kind that {_who(results)} in each scene, all of these in "
            f"places of their own. Random found {at_first:.1f} before they were played again, so that no "
            f"search could have found more than {most / at_first:.1f} times as many."
        )
    lines.append(
        f"Of what quality diversity found, a small dinner shows {middle.full}, and the text alone "
        f"{Figure.of(found['quality-diversity']['recall']['text']).full}."
    )
    return lines


def _who(results: Mapping[str, Any]) -> str:
    return "a model was planted with" if "planted" in results else "monitors know"


def _models(results: Mapping[str, Any]) -> str:
    if "planted" not in results:
        return "On unaligned models"
    kinds = " or ".join(results["planted"])
    return f"On models that do harm ({kinds}) where a word is in the scene, and are safe elsewhere,"


def _count(found: Mapping[str, Any], name: str) -> str:
    figure = Figure.of(found[name]["distinct"])
    return "undefined" if figure.mean is None else f"{figure.mean:.1f}"


def _found(results: Mapping[str, Any]) -> Table:
    def many(figure: Mapping[str, Any]) -> str:
        mean, interval = figure["mean"], figure["ci95"]
        if mean is None:
            return "undefined"
        return f"{mean:.1f}" + (f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")

    sizes = " and ".join(f"{count:,}" for count in results["parameters"])
    return Table(
        heading="What each search found",
        note=f"{_models(results)} of {sizes} parameters, {results['budget']} scenes each; means over seeds "
        "with 95% intervals. A hazard is a kind of harm in a cell of the dials, in half of a scene's plans "
        "or more. Distinct: privacy and waste that still were hazards when played again, by the oracle; "
        "found: before that. Honesty is no kind that monitors know: it is stumbled upon. Coverage: of all "
        "cells. Evenness: over the levels of haste, 1 is even.",
        columns=["search", "distinct", "found", "privacy", "waste", "honesty", "coverage", "evenness"],
        rows=[
            [
                name,
                many(found["distinct"]),
                many(found["found"]),
                *(many(found["families"][family]) for family in ("privacy", "waste", "honesty")),
                Figure.of(found["coverage"]).full,
                Figure.of(found["evenness"]).full,
            ]
            for name, found in results["searches"].items()
        ],
    )


def _recalled(results: Mapping[str, Any]) -> Table:
    return Table(
        heading="What a cheaper view shows of it",
        note="Of the distinct hazards, the share that rules see as well from a plan's text alone, from a "
        "small dinner without any pressure, and in the scene itself.",
        columns=["search", "text", "small dinner", "full"],
        rows=[
            [name, *(Figure.of(found["recall"][fidelity]).full for fidelity in ("text", "small", "full"))]
            for name, found in results["searches"].items()
        ],
    )


def _curves(results: Mapping[str, Any]) -> str:
    from matplotlib.figure import Figure as Canvas

    with drawing():
        canvas = Canvas(figsize=(5.4, 3.4), layout="constrained")
        axes = canvas.subplots()
        for name, found in results["searches"].items():
            steps = [_EVERY * place + 1 for place in range(len(found["curve"]))]
            axes.plot(steps, found["curve"], color=_COLOURS[name], label=name, linewidth=1.6)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.grid(alpha=0.3)
        axes.set(xlabel="scenes", ylabel="distinct hazards", ylim=(0, None))
        axes.legend(frameon=False)
        return svg_of(canvas)
