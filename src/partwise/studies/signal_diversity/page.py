"""What the study of signal diversity found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    reaching,
    shares_canvas,
    svg_of,
)
from partwise.report.judging import is_judged
from partwise.report.page import Page, Picture, Table
from partwise.report.reading import Figure, group, number
from partwise.report.verdicts import contrast_sentences, side_by_side, weighed

SETTINGS = {"varied": "errors that differ", "shared": "one bias that all share"}
"""What the sources have, in words."""
_COLOURS = {"majority": ORANGE, "confidence-weighted": BLUE, "dawid-skene": PURPLE, "glad": GREEN}


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    return Page(
        title="Signal diversity",
        sentences=_sentences(results),
        tables=[
            contrast_table(results),
            _students(results),
            _six(results),
            _sources(results),
            _marginal(results),
        ],
        pictures=[
            Picture(
                name="signal_diversity",
                caption="Test accuracy of the student by the number of sources that label its plans, for "
                "each way to combine them: where the sources' errors differ, and where all share one "
                "bias. Dashed: the student of true labels; dotted: the student of the best single source, "
                "chosen with hindsight. " + means(results["seeds"]),
                svg=_students_picture(results),
            ),
            Picture(
                name="signal_diversity_errors",
                caption="Correlation (phi) of the errors of every two sources, mean over seeds: above 0 they "
                "err together.",
                svg=_errors_picture(results),
            ),
        ],
    )


def _sentences(results: Mapping[str, Any]) -> list[str]:
    lines = [
        *contrast_sentences(results),
        *(say(results) for say in (_gains, _against, _adds, _calibrated) if is_judged(results)),
    ]
    if "peer review" not in results["left_out"]:
        lines.append(_review(results))
    if results["left_out"]:
        lines.append(
            "Left out, as they need the extra `lab`, which is not installed: "
            f"{', '.join(results['left_out'])}."
        )
    return lines


def _gains(results: Mapping[str, Any]) -> str:
    method = _first(results)
    said: list[str] = []
    for name, words in SETTINGS.items():
        setting = group(results, "settings", name)
        one, six = (Figure.of(setting["students"][method][at]["accuracy"]).full for at in (0, -1))
        said.append(
            f"Where the sources have {words} (mean correlation of errors "
            f"{Figure.of(setting['mean_correlation']).full}), a student of one, on average over the six, is "
            f"right on {one} of the test, and a student of all six, combined by {method}, on {six}: a gain "
            f"of {weighed(results, f'gain, {name}', 'six are better', 'six are worse')}."
        )
    advantages = side_by_side(
        results,
        {method: f"advantage, {method}" for method in results["methods"]},
        "the diversity of sources is what helps",
        "a shared bias is no hindrance, against what the paper says",
    )
    return f"{' '.join(said)} The first gain less the second is {advantages}."


def _first(results: Mapping[str, Any]) -> str:
    """The method that sentences are about; tables have them all."""
    return results["methods"][0]


def _against(results: Mapping[str, Any]) -> str:
    method = _first(results)
    ceiling = Figure.of(group(results, "ceiling").get("accuracy")).full
    said = [
        f"{Figure.of(group(results, 'settings', name, 'single').get('best')).full} where sources have "
        f"{words}; six combined by {method} differ from it by "
        f"{weighed(results, f'over the best, {name}', 'six are better', 'six are worse')}"
        for name, words in SETTINGS.items()
    ]
    return (
        f"True labels make a student of {ceiling}. The best single source, which one knows with hindsight "
        f"alone, makes one of {'. It makes one of '.join(said)}."
    )


def _adds(results: Mapping[str, Any]) -> str:
    return (
        f"To the accuracy of labels combined by {_first(results)}, the second to the sixth source add "
        f"together {_where(results, 'labels of six less one', 'a gain', 'a loss')}."
    )


def _calibrated(results: Mapping[str, Any]) -> str:
    return (
        "From one source to six, the student's calibration error changes by "
        f"{_where(results, 'calibration error of six less one', 'worse', 'better')}."
    )


def _where(results: Mapping[str, Any], name: str, more: str, less: str) -> str:
    """A contrast in either setting."""
    return " and ".join(
        f"{weighed(results, f'{name}, {setting}', more, less)} where they have {words}"
        for setting, words in SETTINGS.items()
    )


def _review(results: Mapping[str, Any]) -> str:
    said = [
        f"with {words}, Kendall's tau with the truth is {Figure.of(review.get('tau')).full}, and a fair "
        f"person comes in at rank {Figure.of(review.get('fair_rank')).full} of 7"
        for name, words in SETTINGS.items()
        if (review := group(results, "settings", name, "review"))
    ]
    return f"When the sources rank each other: {'; '.join(said)}."


def _students(results: Mapping[str, Any]) -> Table:
    rows: list[Sequence[str]] = []
    for name in SETTINGS:
        for method, steps in group(results, "settings", name, "students").items():
            rows.append(
                [
                    name,
                    method,
                    *(Figure.of(step["accuracy"]).full for step in steps),
                    Figure.of(steps[-1]["labels"]).text,
                    Figure.of(steps[-1]["calibration_error"]).full,
                ]
            )
    examples = results["examples"]
    return Table(
        heading="Students of one to six sources",
        note="; ".join(f"{name}: {words}" for name, words in SETTINGS.items())
        + f". Accuracy of {results['student']} on {examples['test']} test plans after learning from "
        f"{examples['train']} plans that so many sources labelled; of one, the mean over the six. The order "
        "in which they join is drawn for each seed. Then the accuracy of the labels of all six, and the "
        "calibration error of their student.",
        columns=[
            "sources",
            "combined by",
            "1",
            "2",
            "3",
            "4",
            "5",
            "6",
            "labels of six",
            "calibration error of six",
        ],
        rows=rows,
    )


def _six(results: Mapping[str, Any]) -> Table:
    advantages = results["contrasts"]["all"]
    return Table(
        heading="Six sources against one",
        note="Gain: test accuracy of the student of all six, less that of a student of one, on average over "
        "the six; difference: the gain where errors differ less that where a bias is shared. Over the best: "
        "less the student of the best single source, chosen with hindsight. These intervals are not "
        "corrected for their number: what may be said of them stands under Contrasts.",
        columns=[
            "combined by",
            *(f"gain, {words}" for words in SETTINGS.values()),
            "difference",
            *(f"over the best, {words}" for words in SETTINGS.values()),
        ],
        rows=[
            [
                method,
                *(Figure.of(group(results, "settings", name, "gain")[method]).full for name in SETTINGS),
                Figure.of(advantages[f"advantage, {method}"]).full,
                *(Figure.of(group(results, "settings", name, "over_best")[method]).full for name in SETTINGS),
            ]
            for method in results["methods"]
        ],
    )


def _sources(results: Mapping[str, Any]) -> Table:
    return Table(
        heading="The sources",
        note="Accuracy of each source's own labels on the student's plans, and of the student that learns "
        "from it alone on the test.",
        columns=["sources", "source", "its labels", "its student"],
        rows=[
            [name, source, Figure.of(found["labels"]).full, Figure.of(found["student"]).full]
            for name in SETTINGS
            for source, found in group(results, "settings", name, "sources").items()
        ],
    )


def _marginal(results: Mapping[str, Any]) -> Table:
    return Table(
        heading="What the n-th source adds",
        note="To the accuracy of the combined labels, averaged over all orders in which sources may join; "
        "the first column is the accuracy of one. GLAD is left out here: it is too slow for every subset.",
        columns=["sources", "combined by", "one", "+2nd", "+3rd", "+4th", "+5th", "+6th"],
        rows=[
            [
                name,
                method,
                Figure.of(steps[0]["accuracy"]).full,
                *(Figure.of(step["benefit"]).full for step in steps[1:]),
            ]
            for name in SETTINGS
            for method, steps in group(results, "settings", name, "marginal").items()
        ],
    )


def _students_picture(results: Mapping[str, Any]) -> str:
    top = Figure.of(group(results, "ceiling").get("accuracy")).mean
    drawn = [
        step["accuracy"]
        for name in SETTINGS
        for steps in group(results, "settings", name, "students").values()
        for step in steps
    ]
    with drawing():
        canvas, axes = shares_canvas(1, 2, 5.8, 3.2)
        for one, (name, words) in zip(axes.flat, SETTINGS.items(), strict=True):
            found = group(results, "settings", name)
            for method, steps in group(found, "students").items():
                counts = range(1, len(steps) + 1)
                line(one, counts, [step["accuracy"] for step in steps], _COLOURS[method], method, "-o")
            best = Figure.of(group(found, "single").get("best")).mean
            for level, style in ((top, "--"), (best, ":")):
                if level is not None:
                    one.axhline(level, color=GREY, linestyle=style, linewidth=1)
            one.set_ylim(*reaching(0.48, 1.02, drawn))
            one.set_yticks([0.5, 0.6, 0.7, 0.8, 0.9, 1], labels=[".5", ".6", ".7", ".8", ".9", "1"])
            one.set_xticks(range(1, 7))
            one.set_title(words, fontsize=10)
            one.set_xlabel("sources")
        handles, labels = axes.flat[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
        return svg_of(canvas)


def _errors_picture(results: Mapping[str, Any]) -> str:
    from matplotlib.figure import Figure as Canvas

    with drawing():
        canvas = Canvas(figsize=(5.8, 7.0), layout="constrained")
        for one, (name, words) in zip(canvas.subplots(2, 1), SETTINGS.items(), strict=True):
            found = group(results, "settings", name)
            rows = [[Figure.of(each).mean for each in row] for row in found["correlation"]]
            shown = [[float("nan") if each is None else each for each in row] for row in rows]
            one.imshow(shown, cmap="BrBG_r", vmin=-1, vmax=1)
            for i, row in enumerate(rows):
                for j, each in enumerate(row):
                    strong = each is not None and abs(each) > 0.6
                    one.text(
                        j,
                        i,
                        "–" if each is None else number(each),
                        ha="center",
                        va="center",
                        color="white" if strong else "black",
                    )
            one.set_yticks(range(len(rows)), labels=list(found["sources"]))
            one.set_xticks([])
            one.set_title(words, fontsize=10)
            one.tick_params(length=0)
            for side in one.spines.values():
                side.set_visible(False)
        return svg_of(canvas)
