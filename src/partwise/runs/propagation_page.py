"""What the study of propagation found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partwise.runs.drawing import BLUE, GREEN, GREY, ORANGE, drawing, line, shares_canvas, svg_of
from partwise.runs.page import Page, Picture, Table
from partwise.runs.reading import Figure, group, number

CHANGES = {
    "abrupt": "all at once",
    "gradual": "step by step",
    "cyclic": "there and back, again and again",
    "reversal": "there, and back for good",
    "group": "one group's, all at once",
    "composed": "all at once, in what no part shows",
    "settled": "the same, without rewinding the planner",
    "stale": "all at once, and the proxy is never realigned",
}
"""The runs in which values change, in words."""
_COUNTS = ("latency_rounds", "latency_labels", "alarm_delay")
_NEW, _OLD, _GREY, _AGREE = GREEN, ORANGE, GREY, BLUE


def propagation_page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    changes = {name: group(results, "changes", name) for name in CHANGES if name in results["changes"]}
    return Page(
        title="Propagation of a change of values",
        sentences=_sentences(results, changes),
        tables=[_changes(changes), _groups(changes), _frequency(results), _labels(results)],
        pictures=[
            Picture(
                name="propagation",
                caption="Share of held-out solutions aligned with the new values (green) and with the old "
                "ones (orange), and how often proxy and human agree (blue), by round: mean over "
                "seeds and 95% interval. Values change at the line; dashed, a planner retrained "
                "from scratch.",
                svg=_ways_picture(results, changes),
            ),
            Picture(
                name="propagation_labels",
                caption="Agreement of proxy and human on clear questions after a change, label by label, "
                "for three ways to choose what to ask; beside it the alignment of a planner that "
                "is not trained at all meanwhile.",
                svg=_labels_picture(results),
            ),
        ],
    )


def _sentences(results: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    abrupt = changes["abrupt"]
    share = _share(results, abrupt)
    alarm = group(results, "alarm")
    lines = [
        f"After an abrupt change, the planner reaches {_full(abrupt, 'fidelity')} of the alignment of one "
        f"that is retrained from scratch, at {share:.0%} of its rollouts; it keeps "
        f"{_full(abrupt, 'retention')} of its alignment with the values that did not change.",
        f"It takes {_count(abrupt, 'latency_rounds')} rounds after the round of the change and "
        f"{_count(abrupt, 'latency_labels')} labels to come nine tenths of the way.",
        f"The alarm sounds {_count(abrupt, 'alarm_delay')} rounds after the round of the change; of "
        f"{alarm['quiet_rounds']} quiet rounds it sounds in {alarm['false_alarms']}.",
    ]
    if {"composed", "settled"} <= changes.keys():
        lines.append(
            "Where the change is in what no part shows, the planner must learn another composition: "
            f"fidelity {_full(changes['composed'], 'fidelity')} if the alarm takes it some of the way back "
            f"to the base planner, {_full(changes['settled'], 'fidelity')} if not."
        )
    for ask in ("uncertain", "disagreeing"):
        found = group(results, "labels", ask)
        if found:
            lines.append(
                f"Asking what is {ask} needs {_full(found, 'share_of_random')} of the labels that random "
                "questions need to come nine tenths of their way in agreement."
            )
    return lines


def _share(results: Mapping[str, Any], change: Mapping[str, Any]) -> float:
    rounds = change["quarter"] - results["at"] + 1
    return rounds * results["rollouts"]["a round"] / results["rollouts"]["scratch"]


def _full(data: Mapping[str, Any], key: str) -> str:
    return Figure.of(data.get(key)).full


def _count(data: Mapping[str, Any], key: str) -> str:
    """A number of rounds or labels: one decimal, none where it is large."""
    figure = Figure.of(data.get(key))
    if figure.mean is None:
        return "undefined"
    digits = 0 if figure.mean >= 20 else 1
    ends = "" if figure.low is None else f" [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"
    return f"{figure.mean:.{digits}f}{ends}".replace("-", "−")


def _changes(changes: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = {
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
        + ". Fidelity: alignment with the new values over that of a planner retrained from scratch, at a "
        "quarter of its rollouts. Retention: alignment with the values that did not change, over "
        "that before. Latency: until nine tenths of the way, in rounds after that of the change, "
        "over the seeds that get there; `never` counts the others. Undefined where the values ask "
        "nothing new of the planner, or no seed gets there.",
        columns=["change", *columns.values(), "never"],
        rows=[
            [
                name,
                *((_count if key in _COUNTS else _full)(change, key) for key in columns),
                str(group(change, "latency_rounds").get("never", "")),
            ]
            for name, change in changes.items()
        ],
    )


def _groups(changes: Mapping[str, Mapping[str, Any]]) -> Table:
    change = changes.get("group", {})
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
                *([("the aggregate", change["aligned_now"])] if change else []),
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
            [key, _full(found, "aligned"), _count(found, "labels_a_round")]
            for key, found in group(results, "frequency").items()
        ],
    )


def _labels(results: Mapping[str, Any]) -> Table:
    labels = group(results, "labels")
    counts: Sequence[int] = next(iter(labels.values()))["labels"] if labels else []
    shown = [index for index in range(len(counts)) if index % 5 == 4 or index == len(counts) - 1]
    return Table(
        heading="Label by label",
        note="Agreement of proxy and human on fresh clear questions after so many labels under the new "
        "values, and the labels needed to come nine tenths of the way that random questions come, as "
        "a share of theirs.",
        columns=["questions", *(f"{counts[index]} labels" for index in shown), "share of random's labels"],
        rows=[
            [
                ask,
                *(Figure.of(found["agreement"][index]).full for index in shown),
                _full(found, "share_of_random"),
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
            line(one, rounds, change["agreement"], _AGREE, "agreement", ":o")
            line(one, rounds, change["aligned_old"], _OLD, "aligned, old values", "-o")
            line(one, rounds, change["aligned_new"], _NEW, "aligned, new values", "-o")
            scratch = Figure.of(change["scratch"]).mean
            if scratch is not None:
                one.axhline(scratch, color=_GREY, linestyle="--", linewidth=1, label="retrained from scratch")
            one.axvline(results["at"] - 0.5, color=_GREY, linewidth=1)
            one.set_title(name, fontsize=10)
            one.set_xlabel("round")
        for one in list(axes.flat)[len(changes) :]:
            one.set_visible(False)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
        return svg_of(canvas)


def _labels_picture(results: Mapping[str, Any]) -> str:
    colours = {"random": _GREY, "uncertain": _OLD, "disagreeing": _NEW}
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
        if group(results, "labels"):
            axes.flat[0].legend(frameon=False, loc="lower right")
        return svg_of(canvas)
