"""What the study of signal diversity found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partwise.runs.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, drawing, line, shares_canvas, svg_of
from partwise.runs.page import Page, Picture, Table
from partwise.runs.reading import Figure, group, number

SETTINGS = {"varied": "errors that differ", "shared": "one bias that all share"}
"""What the sources have, in words."""
_COLOURS = {"majority": ORANGE, "confidence-weighted": BLUE, "dawid-skene": PURPLE, "glad": GREEN}


def signal_diversity_page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    return Page(
        title="Signal diversity",
        sentences=_sentences(results),
        tables=[_students(results), _six(results), _sources(results), _marginal(results)],
        pictures=[
            Picture(
                name="signal_diversity",
                caption="Test accuracy of the student by the number of sources that label its plans, for "
                "each way to combine them: where the sources' errors differ, and where all share one "
                "bias. Mean over seeds and 95% interval. Dashed: the student of true labels; dotted: the "
                "student of the best single source, chosen with hindsight.",
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
    lines = [_gains(results), _against(results), _adds(results), _calibrated(results)]
    if "peer review" not in results["left_out"]:
        lines.append(_review(results))
    if results["left_out"]:
        lines.append(
            "Left out, as they need the extra `lab`, which is not installed: "
            f"{', '.join(results['left_out'])}."
        )
    return lines


def _first(results: Mapping[str, Any]) -> str:
    """The method that sentences are about; tables have them all."""
    return next(iter(group(results, "advantage")))


def _gains(results: Mapping[str, Any]) -> str:
    method = _first(results)
    said: list[str] = []
    for name, words in SETTINGS.items():
        found = group(results, "settings", name)
        one, six = (Figure.of(found["students"][method][at]["accuracy"]).full for at in (0, -1))
        said.append(
            f"Where the sources have {words} (mean correlation of errors "
            f"{Figure.of(found['mean_correlation']).full}), a student of one, on average over the six, is "
            f"right on {one} of the test, and a student of all six, combined by {method}, on {six}: a gain "
            f"of {Figure.of(found['gain'][method]).full}."
        )
    return f"{' '.join(said)} {_worth(results, method)}"


def _worth(results: Mapping[str, Any], method: str) -> str:
    """What the diversity of sources is worth."""
    advantage = {m: Figure.of(found) for m, found in group(results, "advantage").items()}
    helps = [m for m, figure in advantage.items() if figure.low is not None and figure.low > 0]
    harms = [m for m, figure in advantage.items() if figure.high is not None and figure.high < 0]
    if all(figure.low is None for figure in advantage.values()):
        verdict = "one seed has no interval, so this says nothing yet"
    elif helps:
        verdict = f"diversity is what helps under {' and '.join(helps)}"
    elif harms:
        verdict = f"a shared bias is no hindrance under {' and '.join(harms)}, against what the paper says"
    else:
        verdict = "under no method can the two be told apart"
    return f"The first gain exceeds the second by {advantage[method].full}: {verdict}."


def _against(results: Mapping[str, Any]) -> str:
    method = _first(results)
    ceiling = Figure.of(group(results, "ceiling").get("accuracy")).full
    said = [
        f"{Figure.of(group(found, 'single').get('best')).full} where sources have {words}; six combined by "
        f"{method} differ from it by {Figure.of(group(found, 'over_best').get(method)).full}"
        for name, words in SETTINGS.items()
        if (found := group(results, "settings", name))
    ]
    return (
        f"True labels make a student of {ceiling}. The best single source, which one knows with hindsight "
        f"alone, makes one of {'. It makes one of '.join(said)}."
    )


def _adds(results: Mapping[str, Any]) -> str:
    measured = {name: group(results, "settings", name, "marginal") for name in SETTINGS}
    method = next(iter(measured["varied"]), None)
    if method is None:
        return "What the n-th source adds was not measured: GLAD is too slow for every subset of the sources."
    said = [
        ", ".join(Figure.of(step["benefit"]).text for step in measured[name][method][1:])
        + f" where they have {words}"
        for name, words in SETTINGS.items()
    ]
    return (
        f"To the accuracy of labels combined by {method}, the second to the sixth source add "
        f"{'; '.join(said)}, averaged over the orders in which they may join."
    )


def _calibrated(results: Mapping[str, Any]) -> str:
    said: list[str] = []
    for name, words in SETTINGS.items():
        steps = group(results, "settings", name, "students")[_first(results)]
        one, six = (Figure.of(steps[at]["calibration_error"]).text for at in (0, -1))
        said.append(f"{one} to {six} where they have {words}")
    return f"From one source to six, the student's calibration error goes from {' and from '.join(said)}."


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
    return Table(
        heading="Six sources against one",
        note="Gain: test accuracy of the student of all six, less that of a student of one, on average over "
        "the six; difference: the gain where errors differ less that where a bias is shared. Over the best: "
        "less the student of the best single source, chosen with hindsight.",
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
                Figure.of(advantage).full,
                *(Figure.of(group(results, "settings", name, "over_best")[method]).full for name in SETTINGS),
            ]
            for method, advantage in group(results, "advantage").items()
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
            one.set_ylim(0.48, 1.02)
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
