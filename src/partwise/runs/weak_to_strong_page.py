"""What the study of weak-to-strong generalization found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partwise.runs.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, drawing, line, shares_canvas, svg_of
from partwise.runs.page import Page, Picture, Table
from partwise.runs.reading import Figure, group, number

_LOSSES = {"cross_entropy": "cross-entropy", "confidence": "confidence", "product": "product"}
_PROBES = {f"probe_{loss}": f"{name} probe" for loss, name in _LOSSES.items()}
ARMS = {**_LOSSES, "bootstrap": "bootstrapping", **_PROBES}
_COLOURS = dict(zip(_LOSSES, (ORANGE, BLUE, PURPLE), strict=True))
_WAYS = {"finetuned": "finetuned", "probed": "linear probe"}


def weak_to_strong_page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    return Page(
        title="Weak-to-strong generalization",
        sentences=_sentences(results),
        tables=[
            _ladder(results),
            _hard(results),
            _pairs(results),
            _signatures(results),
            _surrogate(results),
            _extrapolation(results),
        ],
        pictures=[
            Picture(
                name="w2s",
                caption="Finetuned students: share of the performance gap recovered, by the share of "
                "training plans in which easy and hard cues occur together; a panel for each teacher and "
                "student, mean over seeds and 95% interval. Points are missing where teacher and ceiling "
                "can't be told apart.",
                svg=_overlap_picture(results, list(_LOSSES)),
            ),
            Picture(
                name="w2s_probe",
                caption="The same of linear probes: students of which the head alone learns.",
                svg=_overlap_picture(results, list(_PROBES)),
            ),
            Picture(
                name="w2s_curves",
                caption="From the smallest teacher to the largest student: how far the student gives its "
                "teacher's answers in training (dashed), and how often it is right on the test "
                "(solid); mean over seeds and 95% interval, on 300 examples each.",
                svg=_curves_picture(results),
            ),
        ],
    )


def one_pair_page(results: Mapping[str, Any]) -> Page:
    """The page of one teacher and one student (`partwise w2s`)."""
    names = group(results, "names")
    rows = [
        ("teacher" if len(names["teachers"]) == 1 else "teachers together", results["teacher"]),
        *((f"between, {each['name']}", each) for each in results["through"]),
        (f"student, {names['student']}", results["student"]),
        (f"ceiling, {names['student']} on true labels", results["ceiling"]),
    ]
    groups = sorted({name for _, found in rows for name in found["groups"]})
    pgr, imitation = Figure.of(results["pgr"]), Figure.of(results["imitation"])
    recovered = (
        f"The student recovers {pgr.full} of the gap between its teacher and its ceiling."
        if pgr.mean is not None
        else "The gap recovered is undefined: on this test, teacher and ceiling can't be told apart."
    )
    return Page(
        title=f"{' and '.join(names['teachers'])} teaching {names['student']}",
        sentences=[
            *(
                f"This is not weak-to-strong: the teacher {name} has more parameters than the student."
                for name in results.get("larger_teachers", ())
            ),
            recovered,
            f"It repeats {imitation.full} of its teacher's errors (n = {imitation.n:,})."
            if imitation.mean is not None
            else "Its teacher makes no error that it could repeat.",
            *_uncounted(results),
        ],
        tables=[
            Table(
                heading="On the test",
                note="Accuracy with a Wilson interval over the test's examples; calibration error: how far "
                "confidence is from accuracy. answers.jsonl holds what each said of each example.",
                columns=["model", "accuracy", *groups, "calibration error", "unanswered"],
                rows=[
                    [
                        name,
                        Figure.of(found["accuracy"]).full,
                        *(Figure.of(found["groups"].get(each)).text for each in groups),
                        Figure.of(found["calibration_error"]).full,
                        str(found["unanswered"]),
                    ]
                    for name, found in rows
                ],
            )
        ],
        pictures=[
            Picture(
                name="curves",
                caption="By step: the share of its training answers that a model gives back (dashed) and "
                "what it has right on the test (solid), on 300 examples each.",
                svg=_pair_curves(results),
            )
        ],
    )


def _pair_curves(results: Mapping[str, Any]) -> str:
    with drawing():
        canvas, axes = shares_canvas(1, 2, 5.6, 2.4)
        for one, name in zip(axes.flat, ("student", "ceiling"), strict=True):
            curve = results[name]["curve"]
            xs = [point["step"] for point in curve]
            one.plot(xs, [point["train"] for point in curve], "--o", color=ORANGE, label="training", ms=3)
            one.plot(xs, [point["test"] for point in curve], "-o", color=GREEN, label="test", ms=3)
            one.set_title(name, fontsize=10)
            one.set_xlabel("step")
        axes.flat[0].legend(frameon=False, loc="lower right")
        return svg_of(canvas)


def _uncounted(results: Mapping[str, Any]) -> list[str]:
    """What of the data was not read as it is. Runs of before this was counted say nothing of it."""
    said: list[str] = []
    if left_out := results.get("left_out"):
        said.append(f"Of the data {left_out:,} rows were left out: bad ones, or of equal answers.")
    if shortened := sum(results["student"].get("shortened", {}).values()):
        said.append(f"The student reads the texts of {shortened:,} examples cut to fit.longest tokens.")
    return said


def _sentences(results: Mapping[str, Any]) -> list[str]:
    ladder = list(group(results, "ladder"))
    lines = [
        f"With true labels, accuracy rises from {ladder[0]} to {ladder[-1]} by "
        + ", ".join(f"{Figure.of(rise).full} at overlap {o}" for o, rise in rises.items())
        + f" ({_WAYS[way]})."
        for way, rises in group(results, "rise").items()
    ]
    for way, arms in (("Finetuned students", _LOSSES), ("Linear probes", _PROBES)):
        growth = {arm: Figure.of(group(results, "growth")[arm]) for arm in arms}
        lines.append(
            f"{way}: from the smallest to the largest overlap, the gap recovered changes by "
            + ", ".join(f"{figure.full} ({ARMS[arm]})" for arm, figure in growth.items())
            + f": {_shape(growth)}"
        )
    for reference in ("confidence", "cross_entropy"):
        said = [
            f"{Figure.of(group(found, reference).get('pgr')).full} ({ARMS[arm]})"
            for arm, found in group(results, "against_reference").items()
        ]
        lines.append(
            f"Against the {ARMS[reference]} loss of Burns et al., on the same data, models and seeds, the "
            f"share of its gap recovered over all pairs and settings differs by {', '.join(said)}."
        )
    lines.append(_imitation(results))
    return lines


def _shape(growth: Mapping[str, Figure]) -> str:
    grows = [ARMS[arm] for arm, figure in growth.items() if figure.low is not None and figure.low > 0]
    falls = [ARMS[arm] for arm, figure in growth.items() if figure.high is not None and figure.high < 0]
    if all(figure.low is None for figure in growth.values()):
        return "one seed has no interval, so this says nothing yet."
    said = [
        f"it grows with overlap under {' and '.join(grows)}, as Shin et al. predict" if grows else "",
        f"it falls under {' and '.join(falls)}" if falls else "",
    ]
    told = "; ".join(one for one in said if one)
    return (
        told or "no loss shows a change that can be told from none, against what Shin et al. predict"
    ) + "."


def _imitation(results: Mapping[str, Any]) -> str:
    rows: list[str] = []
    for arm in ARMS:
        means = [
            figure.mean
            for pair in group(results, "pairs").values()
            for setting in pair.values()
            if (figure := Figure.of(group(setting, "arms", arm).get("imitation"))).mean is not None
        ]
        if means:
            rows.append(f"{number(sum(means) / len(means))} ({ARMS[arm]})")
    return f"Of its teacher's errors, a student repeats, over pairs and settings, {', '.join(rows)}."


def _ladder(results: Mapping[str, Any]) -> Table:
    overlaps = [(way, o) for way, rises in group(results, "rise").items() for o in rises]
    return Table(
        heading="The ladder",
        note="Accuracy on held-out plans after learning from true labels (the ceilings), by share of "
        "training plans with both cues. Half of the test's plans carry the hard cue alone.",
        columns=["size", "parameters", *(f"{_WAYS[way]}, overlap {o}" for way, o in overlaps)],
        rows=[
            [
                size,
                f"{rung['parameters']:,}",
                *(Figure.of(rung["accuracy"][way][o]).full for way, o in overlaps),
            ]
            for size, rung in group(results, "ladder").items()
        ],
    )


def _hard(results: Mapping[str, Any]) -> Table:
    arms = ("cross_entropy", "confidence", "probe_cross_entropy", "probe_confidence")
    return Table(
        heading="Where the hard cue stands alone",
        note="Accuracy on those plans of the test. Here a student can be better than its teacher: it must "
        "have learned the hard cue where the teacher went by the easy one.",
        columns=["pair", "overlap", "teacher", *(ARMS[arm] for arm in arms)],
        rows=[
            [
                pair.replace("-", " → "),
                overlap,
                Figure.of(found["teacher_on_hard"]).text,
                *(Figure.of(group(found, "arms", arm).get("hard")).full for arm in arms),
            ]
            for pair, settings in group(results, "pairs").items()
            for overlap, found in settings.items()
        ],
    )


def _pairs(results: Mapping[str, Any]) -> Table:
    rows: list[Sequence[str]] = []
    for pair, settings in group(results, "pairs").items():
        for overlap, found in settings.items():
            for arm, figures in found["arms"].items():
                pgr = Figure.of(figures["pgr"])
                rows.append(
                    [
                        pair.replace("-", " → "),
                        overlap,
                        ARMS[arm],
                        Figure.of(found["teacher"]).text,
                        Figure.of(figures["accuracy"]).full,
                        Figure.of(found["ceilings"]["probed" if arm in _PROBES else "finetuned"]).text,
                        pgr.full + (f" (n = {pgr.n})" if pgr.n != results["seeds"] else ""),
                        Figure.of(figures["imitation"]).full,
                        Figure.of(figures["calibration_error"]).text,
                    ]
                )
    return Table(
        heading="Every pair",
        note="Teacher, student and ceiling: accuracy on the test. PGR = (student − teacher) / (ceiling − "
        "teacher), undefined in a seed where teacher and ceiling can't be told apart; n counts the "
        "others; a probe is held against the ceiling of probes. Imitation: how many of the teacher's errors "
        "the student repeats.",
        columns=[
            "pair",
            "overlap",
            "loss",
            "teacher",
            "student",
            "ceiling",
            "PGR",
            "imitation",
            "calibration error",
        ],
        rows=rows,
    )


def _signatures(results: Mapping[str, Any]) -> Table:
    def count(found: Mapping[str, Any]) -> str:
        return f"{found['fired']} of {found['of']}" if found["of"] else "undefined"

    smallest = next(iter(group(results, "ladder")))
    return Table(
        heading="Failure signatures",
        note="How often each is seen, over seeds and settings. Imitation cascade: a student gives back its "
        "teacher's answers almost without fail while its test accuracy falls. Non-saliency: of the students "
        f"of {smallest}, one has at least twice the parameters of another and gains nothing by them.",
        columns=["loss", "imitation cascade", "non-saliency"],
        rows=[
            [ARMS[arm], count(found["imitation_cascade"]), count(found["non_saliency"])]
            for arm, found in group(results, "signatures").items()
        ],
    )


def _surrogate(results: Mapping[str, Any]) -> Table:
    return Table(
        heading="Surrogate testing",
        note="Judgment that learned only from plans with the easy cue, alone or with the hard one: accuracy "
        "on such plans, on plans with the hard cue alone, and what is lost between the two.",
        columns=["size", "where it was trained", "beyond", "lost", "AUC beyond"],
        rows=[
            [size, *(Figure.of(found[key]).full for key in ("trained", "beyond", "drop", "auc_beyond"))]
            for size, found in group(results, "surrogate").items()
        ],
    )


def _extrapolation(results: Mapping[str, Any]) -> Table:
    last = list(group(results, "ladder"))[-1]
    return Table(
        heading="Extrapolation",
        note=f"Accuracy of {last} with true labels, predicted from the smaller rungs, with a 95% prediction "
        "interval, beside what it then reached.",
        columns=["overlap", "form", "predicted", "observed", "inside"],
        rows=[
            [
                overlap,
                form,
                Figure.of(found["predicted"]).full,
                number(found["observed"]),
                {True: "yes", False: "no", None: "undefined"}[found["inside"]],
            ]
            for overlap, forms in group(results, "extrapolation").items()
            for form, found in forms.items()
        ],
    )


def _overlap_picture(results: Mapping[str, Any], arms: Sequence[str]) -> str:
    pairs = group(results, "pairs")
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    with drawing():
        canvas, axes = shares_canvas(rows, columns, 2.9 * columns, 2.2 * rows + 0.5)
        for one, (pair, settings) in zip(axes.flat, pairs.items(), strict=False):
            xs = [float(overlap) for overlap in settings]
            for arm, (loss, name) in zip(arms, _LOSSES.items(), strict=True):
                points = [found["arms"][arm]["pgr"] for found in settings.values()]
                line(one, xs, points, _COLOURS[loss], name, "-o")
            one.set_ylim(-0.55, 1.3)
            one.axhline(0, color=GREY, linewidth=0.8)
            one.axhline(1, color=GREY, linewidth=0.8, linestyle="--")
            one.set_xticks(xs)
            one.set_title(pair.replace("-", " → "), fontsize=10)
            one.set_xlabel("overlap")
        for one in list(axes.flat)[len(pairs) :]:
            one.set_visible(False)
        axes.flat[0].set_ylabel("gap recovered")
        handles, labels = axes.flat[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
        return svg_of(canvas)


def _curves_picture(results: Mapping[str, Any]) -> str:
    arms = group(results, "curves", "arms")
    with drawing():
        rows = -(-len(arms) // len(_LOSSES))
        canvas, axes = shares_canvas(rows, len(_LOSSES), 2.4 * len(_LOSSES), 2.2 * rows + 0.4)
        for one, (arm, points) in zip(axes.flat, arms.items(), strict=False):
            xs = [point["step"] for point in points]
            line(one, xs, [point["train"] for point in points], ORANGE, "as its teacher", "--o")
            line(one, xs, [point["test"] for point in points], GREEN, "right on the test", "-o")
            one.set_ylim(0.4, 1.03)
            one.set_title(ARMS[arm], fontsize=10)
            one.set_xlabel("step")
        if arms:
            handles, labels = axes.flat[0].get_legend_handles_labels()
            canvas.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
        return svg_of(canvas)
