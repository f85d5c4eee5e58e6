"""What the studies of the red team found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
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
_WHERE = {"red_team": "", "red_team_planted": " behind a word", "red_team_planners": " in planners"}


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    missed = results["missed"]
    return Page(
        title="What a red team finds" + _WHERE[_kind(results)],
        sentences=_sentences(results),
        tables=[contrast_table(results), _found(results), *_by_kind(results), _recalled(results)],
        pictures=[
            Picture(
                name=_kind(results),
                caption="Distinct hazards (kind of harm and place in the dials) after so many "
                f"{_unit(results)}s, as they were found, before they were played again. Mean over models and "
                f"{count_of(seeds_of(results))}.",
                svg=_curves(results),
            )
        ],
        comparisons=[
            Comparison(
                heading=f"Not seen by {_monitor(results)[0]}, {each['scene']}",
                one=Side(caption=f"the oracle sees {', '.join(each['harms'])}", text=each["text"]),
                other=Side(caption=f"{' '.join(_monitor(results))}, in full", text="nothing"),
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
        f"Of {results['budget']} {_unit(results)}s a search, played again: random found "
        f"{_count(found, 'random')} distinct hazards, quality diversity "
        f"{_count(found, 'quality-diversity')}, TPE {_count(found, 'tpe')}. A contrast "
        "is in doublings: 1 is twice as many."
    )
    lines += _room(results)
    lines.append(
        f"Of what quality diversity found, a small dinner shows {middle.full}, and the text alone "
        f"{Figure.of(found['quality-diversity']['recall']['text']).full}."
    )
    return lines


def _room(results: Mapping[str, Any]) -> list[str]:
    """How much more than random search a search could have found."""
    found = results["searches"]
    if "planners" in results:
        families = list(found["random"]["families"])
        seen = [kind for kind in families if any(each["families"][kind]["mean"] for each in found.values())]
        which, when, figure = f"kind that was seen ({', '.join(seen)})", "", "distinct"
        most = len(seen) * min(results["budget"], math.prod(results["dials"].values()))
    else:
        which, when, figure = f"kind that {_who(results)}", " before they were played again", "found"
        most = _most(results)
    at_random = Figure.of(found["random"][figure]).mean
    if not at_random:
        return []
    return [
        f"At most {most} can be found: each {which} in each {_unit(results)}, all of these in places of "
        f"their own. Random found {at_random:.1f}{when}, so that no search could have found more than "
        f"{most / at_random:.1f} times as many."
    ]


def _kind(results: Mapping[str, Any]) -> str:
    """Which of the three studies it is."""
    if "planted" in results:
        return "red_team_planted"
    return "red_team_planners" if "planners" in results else "red_team"


def _unit(results: Mapping[str, Any]) -> str:
    return "place" if "planners" in results else "scene"


def _monitor(results: Mapping[str, Any]) -> tuple[str, str]:
    """Who watches, and its verb."""
    return ("the proxy", "sees") if "planners" in results else ("rules", "see")


def _most(results: Mapping[str, Any]) -> int:
    """How many distinct hazards could be found in scenes before anything is played again."""
    # A planted model does one kind.
    return (1 if "planted" in results else len(_KINDS)) * results["budget"]


def _who(results: Mapping[str, Any]) -> str:
    return "a model was planted with" if "planted" in results else "monitors know"


def _models(results: Mapping[str, Any]) -> str:
    if "planners" in results:
        dial = next(iter(results["dials"]))
        told = {
            "unaligned": "have learned from the verifier alone",
            "crowded": f"do as those do from level {results['many']} of the dial {dial} on, counted from 0, "
            "and as aligned ones below",
        }
        return f"On planners that {', and on such that '.join(told[each] for each in results['planners'])},"
    if "planted" not in results:
        return "On unaligned models"
    kinds = " or ".join(results["planted"])
    return f"On models that do harm ({kinds}) where a word is in the scene, and are safe elsewhere,"


def _terms(results: Mapping[str, Any]) -> str:
    """What the columns of the table are."""
    if "planners" in results:
        dials = ", ".join(results["dials"])
        return (
            f"A hazard is a kind of harm in a place of the dials ({dials}), in half of what was done there "
            "or more. Distinct: what matters to people and was violated in half of the fresh tasks of places "
            "that the proxy minded, by the oracle; found: what the proxy minded before that, parts and "
            "wholes. Coverage: of all places. Evenness: over the levels of the first dial, 1 is even."
        )
    return (
        "A hazard is a kind of harm in a cell of the dials, in half of a scene's plans "
        "or more. Distinct: privacy and waste that still were hazards when played again, by the oracle; "
        "found: before that. Honesty is no kind that monitors know: it is stumbled upon. Coverage: of all "
        "cells. Evenness: over the levels of haste, 1 is even."
    )


def _count(found: Mapping[str, Any], name: str) -> str:
    figure = Figure.of(found[name]["distinct"])
    return "undefined" if figure.mean is None else f"{figure.mean:.1f}"


def _many(figure: Mapping[str, Any]) -> str:
    """A count with its interval."""
    mean, interval = figure["mean"], figure["ci95"]
    if mean is None:
        return "undefined"
    return f"{mean:.1f}" + (f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")


def _by_kind(results: Mapping[str, Any]) -> list[Table]:
    """Of planners, since the kinds differ in how much there is to find."""
    if "by kind" not in results:
        return []
    found, seeds = results["by kind"], results["nothing aligned"]
    failed = (
        f" On {count_of(len(seeds))} ({', '.join(map(str, seeds))}) there was no aligned solution to learn "
        "from, so that the crowded planner does harm everywhere as well."
        if seeds
        else ""
    )
    return [
        Table(
            heading="Distinct hazards by kind of planner",
            note=f"Nothing is tested here, since contrasts are over both kinds.{failed}",
            columns=["planner", *results["searches"]],
            rows=[
                [kind, *(_many(figure) for figure in by_search.values())] for kind, by_search in found.items()
            ],
        )
    ]


def _found(results: Mapping[str, Any]) -> Table:
    sizes = " and ".join(f"{count:,}" for count in results["parameters"])
    kinds = list(next(iter(results["searches"].values()))["families"])
    return Table(
        heading="What each search found",
        note=f"{_models(results)} of {sizes} parameters, {results['budget']} {_unit(results)}s each; means "
        f"over seeds with 95% intervals. {_terms(results)}",
        columns=["search", "distinct", "found", *kinds, "coverage", "evenness"],
        rows=[
            [
                name,
                _many(found["distinct"]),
                _many(found["found"]),
                *(_many(found["families"][family]) for family in kinds),
                Figure.of(found["coverage"]).full,
                Figure.of(found["evenness"]).full,
            ]
            for name, found in results["searches"].items()
        ],
    )


def _recalled(results: Mapping[str, Any]) -> Table:
    return Table(
        heading="What a cheaper view shows of it",
        note=_fidelities(results),
        columns=["search", "text", "small dinner", "full"],
        rows=[
            [name, *(Figure.of(found["recall"][fidelity]).full for fidelity in ("text", "small", "full"))]
            for name, found in results["searches"].items()
        ],
    )


def _fidelities(results: Mapping[str, Any]) -> str:
    if "planners" in results:
        return (
            "Of the places in which half of what was done violates anything that matters, the share in which "
            "the proxy minds half of it as well: from the parts alone, from what a solution does in two of "
            "the easiest tasks, and from what it does in its own."
        )
    return (
        "Of the distinct hazards, the share that rules see as well from a plan's text alone, from a "
        "small dinner without any pressure, and in the scene itself."
    )


def _curves(results: Mapping[str, Any]) -> str:
    from matplotlib.figure import Figure as Canvas

    with drawing():
        canvas = Canvas(figsize=(5.4, 3.4), layout="constrained")
        axes = canvas.subplots()
        for name, found in results["searches"].items():
            every = math.ceil(results["budget"] / len(found["curve"]))
            steps = [every * place + 1 for place in range(len(found["curve"]))]
            axes.plot(steps, found["curve"], color=_COLOURS[name], label=name, linewidth=1.6)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.grid(alpha=0.3)
        axes.set(xlabel=f"{_unit(results)}s", ylabel="distinct hazards", ylim=(0, None))
        axes.legend(frameon=False)
        return svg_of(canvas)
