"""What the study of weak-to-strong generalization found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
from partwise.report.judging import is_judged, one_run
from partwise.report.page import Page, Picture, Table
from partwise.report.reading import Figure, group, number
from partwise.report.verdicts import contrast_sentences, side_by_side, weighed
from partwise.studies.w2s.tables import ARMS, LOSSES, PROBES, weak_to_strong_tables

_LOWEST, _HIGHEST = -2, 3
"""Of the gap recovered, where a picture ends."""
_CROWDED = 2.0
"""Height of a panel, in shares of the gap, beyond which its ticks are whole numbers."""
_COLOURS = dict(zip(LOSSES, (ORANGE, BLUE, PURPLE), strict=True))


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    return Page(
        title="Weak-to-strong generalization",
        sentences=_sentences(results),
        tables=weak_to_strong_tables(results),
        pictures=[
            Picture(
                name="w2s",
                caption="Finetuned students: share of the performance gap recovered, by the share of "
                "training plans in which easy and hard cues occur together; a panel for each teacher and "
                "student. What is undefined is missing, where teacher and ceiling can't be told apart, and "
                f"what lies beyond {number(_LOWEST)} or {number(_HIGHEST)}. " + means(results["seeds"]),
                svg=_overlap_picture(results, list(LOSSES)),
            ),
            Picture(
                name="w2s_probe",
                caption="The same of linear probes: students of which the head alone learns. "
                + means(results["seeds"]),
                svg=_overlap_picture(results, list(PROBES)),
            ),
            Picture(
                name="w2s_curves",
                caption="From the smallest teacher to the largest student: how far the student gives its "
                "teacher's answers in training (dashed), and how often it is right on the test "
                "(solid), on 300 examples each. " + means(results["seeds"]),
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
    pgr, imitation = Figure.of(results["pgr"]), Figure.of(results["imitation"])
    recovered = (
        f"Gap recovered, (student - teacher) / (ceiling - teacher): {pgr.full}. {one_run('the test')}"
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
            f"It repeats {imitation.full} of its teacher's errors, {imitation.n:,} in number."
            if imitation.mean is not None
            else "Its teacher makes no error that it could repeat.",
            *_uncounted(results),
        ],
        tables=[_models(rows)],
        pictures=[
            Picture(
                name="curves",
                caption="By step: the share of its training answers that a model gives back (dashed) and "
                "what it has right on the test (solid), on 300 examples each.",
                svg=_pair_curves(results),
            )
        ],
    )


def _models(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    groups = sorted({name for _, found in rows for name in found["groups"]})
    return Table(
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
    described = [_imitation(results), *_handed_down(results)]
    if not is_judged(results):
        return [*contrast_sentences(results), *described]
    first, *_, last = group(results, "ladder")
    rises = [
        f"{weighed(results, f'rise with size, {way}', 'capacity counts', 'capacity harms')} {words}"
        for way, words in (("finetuned", "where students are finetuned"), ("probed", "in linear probes"))
    ]
    return [
        *contrast_sentences(results),
        f"With true labels, over all settings, accuracy of {last} less that of {first} is "
        f"{'; '.join(rises)}.",
        *_growths(results),
        *_against(results),
        *described,
    ]


def _growths(results: Mapping[str, Any]) -> list[str]:
    """Whether the gap recovered grows with overlap: nothing where the dial has one setting."""
    said: list[str] = []
    for way, losses in (("Finetuned students", LOSSES), ("Linear probes", PROBES)):
        growths = {name: f"growth with overlap, {arm}" for arm, name in losses.items()}
        if results["contrasts"]["all"].keys() >= {*growths.values()}:
            grows, falls = "it grows, as Shin et al. predict", "it falls, against what Shin et al. predict"
            said.append(
                f"{way}: from the smallest to the largest overlap, the gap recovered changes by "
                f"{side_by_side(results, growths, grows, falls)}."
            )
    return said


def _against(results: Mapping[str, Any]) -> list[str]:
    """What is compared with the losses of Burns et al."""
    said: list[str] = []
    for reference in ("confidence", "cross_entropy"):
        there = results["contrasts"]["all"]
        ours = {ARMS[arm]: name for arm in ARMS if (name := f"{arm} less {reference}") in there}
        said.append(
            f"Against the {ARMS[reference]} loss of Burns et al., on the same data, models and seeds, the "
            "share of its gap recovered over all pairs and settings differs by "
            f"{side_by_side(results, ours, 'better', 'worse')}."
        )
    return said


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


def _handed_down(results: Mapping[str, Any]) -> list[str]:
    """How errors go down a chain of bootstrapping: nothing where no size lies between two."""
    chains = group(results, "chains")
    if not chains["imitation"]:
        return []
    rates = ", ".join(Figure.of(rate).full for rate in chains["imitation"])
    return [
        f"Bootstrapped from {chains['longest'][0]} through {', '.join(chains['longest'][1:])}, the models "
        f"repeat of the errors of the one before them {rates}. The signature of an imitation cascade by "
        "generation (four in five of the errors, from the second student on) shows in "
        f"{chains['fired']} of {chains['of']} chains."
    ]


def _overlap_picture(results: Mapping[str, Any], arms: Sequence[str]) -> str:
    pairs = group(results, "pairs")
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    drawn = [
        found["arms"][arm]["pgr"]
        for settings in pairs.values()
        for found in settings.values()
        for arm in arms
    ]
    low, high = reaching(-0.5, 1.3, drawn)
    with drawing():
        canvas, axes = shares_canvas(rows, columns, 2.9 * columns, 2.2 * rows + 0.5)
        for one, (pair, settings) in zip(axes.flat, pairs.items(), strict=False):
            xs = [float(overlap) for overlap in settings]
            for arm, (loss, name) in zip(arms, LOSSES.items(), strict=True):
                points = [found["arms"][arm]["pgr"] for found in settings.values()]
                line(one, xs, points, _COLOURS[loss], name, "-o")
            bottom, top = max(low, _LOWEST), min(high, _HIGHEST)
            one.set_ylim(bottom, top)
            if top - bottom > _CROWDED:  # the ticks of shares would stand on each other
                ticks = [tick for tick in range(_LOWEST, _HIGHEST + 1) if bottom <= tick <= top]
                one.set_yticks(ticks, labels=[str(tick).replace("-", "−") for tick in ticks])
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
    drawn = [point[curve] for points in arms.values() for point in points for curve in ("train", "test")]
    low, high = reaching(0.4, 1.03, drawn)
    with drawing():
        rows = -(-len(arms) // len(LOSSES))
        canvas, axes = shares_canvas(rows, len(LOSSES), 2.4 * len(LOSSES), 2.2 * rows + 0.4)
        for one, (arm, points) in zip(axes.flat, arms.items(), strict=False):
            xs = [point["step"] for point in points]
            line(one, xs, [point["train"] for point in points], ORANGE, "as its teacher", "--o")
            line(one, xs, [point["test"] for point in points], GREEN, "right on the test", "-o")
            one.set_ylim(low, high)
            one.set_title(ARMS[arm], fontsize=10)
            one.set_xlabel("step")
        if arms:
            handles, labels = axes.flat[0].get_legend_handles_labels()
            canvas.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
        return svg_of(canvas)
