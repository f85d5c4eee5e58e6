"""The tables of the study of weak-to-strong generalization, and its ways to learn in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partwise.report.contrasts import contrast_table
from partwise.report.page import Table
from partwise.report.reading import Figure, group, number

LOSSES = {"cross_entropy": "cross-entropy", "confidence": "confidence", "product": "product"}
PROBES = {f"probe_{loss}": f"{name} probe" for loss, name in LOSSES.items()}
ARMS = {**LOSSES, "bootstrap": "bootstrapping", **PROBES}
WAYS = {"finetuned": "finetuned", "probed": "linear probe"}


def weak_to_strong_tables(results: Mapping[str, Any]) -> list[Table]:
    """All of them, the contrasts first."""
    return [
        contrast_table(results),
        _ladder(results),
        _hard(results),
        _pairs(results),
        _signatures(results),
        _surrogate(results),
        _extrapolation(results),
    ]


def _ladder(results: Mapping[str, Any]) -> Table:
    smallest = next(iter(group(results, "ladder").values()))
    overlaps = [(way, o) for way, accuracies in smallest["accuracy"].items() for o in accuracies]
    return Table(
        heading="The ladder",
        note="Accuracy on held-out plans after learning from true labels (the ceilings), by share of "
        "training plans with both cues. Half of the test's plans carry the hard cue alone.",
        columns=["size", "parameters", *(f"{WAYS[way]}, overlap {o}" for way, o in overlaps)],
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
                        Figure.of(found["ceilings"]["probed" if arm in PROBES else "finetuned"]).text,
                        pgr.full
                        + (f" ({pgr.n} of {results['seeds']} seeds)" if pgr.n != results["seeds"] else ""),
                        Figure.of(figures["imitation"]).full,
                        Figure.of(figures["calibration_error"]).text,
                    ]
                )
    return Table(
        heading="Every pair",
        note="Teacher, student and ceiling: accuracy on the test. PGR = (student − teacher) / (ceiling − "
        "teacher), undefined in a seed where teacher and ceiling can't be told apart, then it is the mean "
        "of the others; a probe is held against the ceiling of probes. Imitation: how many of the teacher's "
        "errors the student repeats.",
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
