"""What the study of propagation found, as a page."""

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
    shares_canvas,
    svg_of,
)
from partwise.report.page import Page, Picture, Table
from partwise.report.reading import Figure, group, number
from partwise.studies.propagation.sentences import count, full, propagation_sentences, share_of_rollouts

CHANGES = {
    "composed": "all at once, in what no part shows",
    "settled": "the same, without rewinding the planner",
    "composed-untrained": "the same, and the planner is left as it is, neither trained nor rewound",
    "abrupt": "all at once, in the parts, as all that follow",
    "abrupt-untrained": "the same, and the planner is left as it is",
    "gradual": "step by step",
    "cyclic": "there and back, again and again",
    "reversal": "there, and back for good",
    "group": "one group's, all at once",
    "stale": "all at once, and the proxy is never realigned",
}
"""The runs in which values change, in words."""
_COUNTS = ("latency_rounds", "latency_labels", "alarm_delay")


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    changes = {name: group(results, "changes", name) for name in CHANGES}
    seeds = len(results["seeds"])
    return Page(
        title="Propagation of a change of values",
        sentences=propagation_sentences(results),
        tables=[
            contrast_table(results),
            _changes(results, changes),
            _retrained(results, changes),
            _groups(changes),
            _frequency(results),
            _labels(results),
        ],
        pictures=[
            Picture(
                name="propagation",
                caption="Share of held-out tasks whose solution is aligned with the new values (green) and "
                "with the old ones (orange), and how often proxy and human agree (blue), by round. Values "
                f"change at the line; dashed, a planner retrained from scratch. {means(seeds)}",
                svg=_ways_picture(results, changes),
            ),
            Picture(
                name="propagation_labels",
                caption="Agreement of proxy and human on clear questions after a change in the parts, "
                "label by label, for each way to choose what to ask; beside it the alignment of a "
                f"planner that is not trained at all meanwhile. {means(seeds)}",
                svg=_labels_picture(results),
            ),
        ],
    )


def _changes(results: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = {
        "followed": "aligned and correct",
        "fidelity": "fidelity",
        "fidelity_at_the_end": "at the end",
        "retention": "retention",
        "latency_rounds": "latency, rounds",
        "latency_labels": "latency, labels",
        "alarm_delay": "alarm after",
    }
    return Table(
        heading="How a change reaches the planner",
        note="; ".join(f"{name}: {CHANGES[name]}" for name in changes)
        + ". Shares are of all held-out tasks: a solution that did not run to its end is neither aligned "
        "nor correct. All but latency and `at the end` are measured once a planner that goes on training "
        f"has had {share_of_rollouts(results):.0%} of the rollouts of retraining. Aligned and correct: "
        "aligned with the new values. Fidelity: alignment with them over that of a planner retrained "
        "from scratch. Retention: alignment with the values that did not change, over that before. "
        "Latency: until nine tenths of the way, in rounds after that of the change, over the seeds that "
        "get there; `never` counts the others. Undefined where the values ask nothing new of the "
        "planner, or no seed gets there.",
        columns=["change", *columns.values(), "never"],
        rows=[
            [
                name,
                *((count if key in _COUNTS else full)(change, key) for key in columns),
                str(group(change, "latency_rounds").get("never", "")),
            ]
            for name, change in changes.items()
        ],
    )


def _retrained(results: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> Table:
    rollouts = group(results, "rollouts")
    return Table(
        heading="Retrained from scratch",
        note="A base planner and a new proxy, under the new values from the start: the share of tasks "
        f"that is aligned with them, and that is aligned and correct, after all {rollouts['scratch']:,} "
        "rollouts; and the latter after the first round by which it has had at least as many as a "
        f"planner that follows, {rollouts['followed']:,}; its learning rate has yet to fall then.",
        columns=["change in", "aligned", "aligned and correct", "with as many rollouts"],
        rows=[
            [
                where,
                *(full(changes[name], key) for key in ("scratch", "retrained", "retrained_with_as_many")),
            ]
            for where, name in (("the composition", "composed"), ("the parts", "abrupt"))
        ],
    )


def _groups(changes: Mapping[str, Mapping[str, Any]]) -> Table:
    change = changes["group"]
    dissent = ", ".join(f"{name} {number(share)}" for name, share in group(change, "dissent").items())
    return Table(
        heading="Whose values",
        note="Where the values of one group change: alignment of the planner with those of each group and "
        "with the aggregate, which it follows. Dissent, the share of people who see a dimension "
        f"otherwise than the aggregate does: {dissent or 'none'}.",
        columns=["aligned with", "before", "at the end"],
        rows=[
            [name, Figure.of(curve[0]).full, Figure.of(curve[-1]).full]
            for name, curve in (
                *group(change, "groups").items(),
                ("the aggregate", change["aligned_now"]),
            )
        ],
    )


def _frequency(results: Mapping[str, Any]) -> Table:
    return Table(
        heading="How rarely one may realign",
        note="Values go there and back while the proxy is realigned every so many rounds, whatever the alarm "
        "says: mean alignment with the values of the moment, from the change on.",
        columns=["rounds between realignments", "aligned", "labels a round"],
        rows=[
            [key, full(found, "aligned"), count(found, "labels_a_round")]
            for key, found in group(results, "frequency").items()
        ],
    )


def _labels(results: Mapping[str, Any]) -> Table:
    labels = group(results, "labels")
    counts: Sequence[int] = next(iter(labels.values()))["labels"]
    shown = [index for index in range(len(counts)) if index % 5 == 4 or index == len(counts) - 1]
    return Table(
        heading="Label by label",
        note="Agreement of proxy and human on clear questions, drawn anew each time, after so many "
        "labels under the new values. The proxy has learned from nearly all of these questions before "
        "the change: only the answers are new to it. The labels needed to come nine tenths of the way "
        "that random questions come, over the seeds that get there (`never` counts the others), and as a "
        "share of what random ones need, with repeats and without. All but random ask about no two texts "
        "twice while there are others; a fifth of their questions is drawn at random all the same.",
        columns=[
            "questions",
            *(f"{counts[index]} labels" for index in shown),
            "needed",
            "never",
            "of random's",
            "of unrepeated's",
        ],
        rows=[
            [
                ask,
                *(Figure.of(found["agreement"][index]).full for index in shown),
                count(found, "needed"),
                str(found["needed"]["never"]),
                full(group(found, "share_of"), "random"),
                full(group(found, "share_of"), "unrepeated"),
            ]
            for ask, found in labels.items()
        ],
    )


def _ways_picture(results: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> str:
    rows = -(-len(changes) // 4)
    with drawing():
        canvas, axes = shares_canvas(rows, 4, 9.6, 2.3 * rows + 0.4)
        for one, (name, change) in zip(axes.flat, changes.items(), strict=False):
            rounds = range(len(change["moved"]))
            for key, colour, label, style in (
                ("agreement", BLUE, "agreement", ":o"),
                ("aligned_old", ORANGE, "aligned, old values", "-o"),
                ("aligned_new", GREEN, "aligned, new values", "-o"),
            ):
                line(one, rounds, change[key], colour, label, style)
            scratch = Figure.of(change["scratch"]).mean
            if scratch is not None:
                one.axhline(scratch, color=GREY, linestyle="--", linewidth=1, label="retrained from scratch")
            one.axvline(results["at"] - 0.5, color=GREY, linewidth=1)
            one.set_title(name, fontsize=10)
            one.set_xlabel("round")
            one.set_xticks(rounds)
        for one in list(axes.flat)[len(changes) :]:
            one.set_visible(False)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
        return svg_of(canvas)


def _labels_picture(results: Mapping[str, Any]) -> str:
    colours = {"random": GREY, "unrepeated": PURPLE, "uncertain": ORANGE, "disagreeing": GREEN}
    with drawing():
        canvas, axes = shares_canvas(1, 2, 8.4, 3.2)
        for one, key, title in zip(
            axes.flat,
            ("agreement", "aligned"),
            ("proxy and human agree", "planner aligned, untrained"),
            strict=True,
        ):
            for ask, found in group(results, "labels").items():
                line(one, found["labels"], found[key], colours[ask], ask, "-o")
            one.set_title(title, fontsize=10)
            one.set_xlabel("labels under the new values")
        axes.flat[0].legend(frameon=False, loc="lower right")
        return svg_of(canvas)
