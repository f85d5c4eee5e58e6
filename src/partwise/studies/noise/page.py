"""What the study of noise found, as a page."""

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
    RED,
    drawing,
    line,
    means,
    shares_canvas,
    svg_of,
)
from partwise.report.judging import is_judged
from partwise.report.page import Page, Picture, Table
from partwise.report.reading import Figure, group
from partwise.report.verdicts import contrast_sentences, weighed

_COLOURS = (GREY, BLUE, ORANGE, GREEN, PURPLE, RED)
"""From the smallest size to the largest."""
_BELOW = "below half"


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    return Page(
        title="Label noise and capacity",
        sentences=_sentences(results),
        tables=[contrast_table(results), _sizes(results), _slopes(results)],
        pictures=[
            Picture(
                name="noise",
                caption="After the last epoch, by the share of labels that were flipped: how many of its "
                "training labels a model gives back, how many of the flipped ones, and how often it is "
                "right on a test with true labels; beside it the best epoch, chosen with hindsight. "
                + means(results["seeds"]),
                svg=_shares_picture(results),
            ),
            Picture(
                name="noise_curves",
                caption="Epoch by epoch: training labels given back (left) and accuracy on a test with true "
                "labels (right), at a low and at a high share of flipped labels. " + means(results["seeds"]),
                svg=_curves_picture(results),
            ),
        ],
    )


def _below(results: Mapping[str, Any]) -> list[float]:
    """Shares at which the flipped labels are the fewer."""
    return [flips for flips in results["flips"] if 0 < flips < 0.5]


def _sentences(results: Mapping[str, Any]) -> list[str]:
    below = _below(results)
    lines = contrast_sentences(results)
    if below and is_judged(results):
        lines += _below_half(results, below)
    if 0.5 in results["flips"]:
        lines.append(
            "Where half of the labels are flipped there is next to no rule to find, and what is given back "
            f"beyond half is memorised: {_each(results, '0.5', 'train')} of the training labels."
        )
    if 1.0 in results["flips"]:
        lines.append(
            "Where all are flipped, the reverse is learned as a rule: "
            f"{_each(results, '1', 'train')} of the training labels given back, and on the test "
            f"{_each(results, '1', 'test')} right."
        )
    lines.append(_cascades(results))
    return lines


def _below_half(results: Mapping[str, Any], below: Sequence[float]) -> list[str]:
    shown = f"{_middle(below):g}"
    named = f"{min(below):.0%}" if len(below) == 1 else f"{min(below):.0%} to {max(below):.0%}"
    fits = weighed(
        results,
        "memorised by size",
        "larger models fit noise more, as the paper finds",
        "larger models fit noise less, against the paper",
    )
    falls = weighed(results, "fall by size", "larger models lose more", "larger models lose less")
    ends = weighed(results, "test by size", "larger models end better", "larger models end worse")
    return [
        f"With {float(shown):.0%} of labels flipped, models give back after {results['epochs']} epochs, of "
        f"the flipped ones, {_each(results, shown, 'memorised')}. Over {named}, ten times the parameters "
        f"change that by {fits}.",
        f"There, test accuracy ends at {_each(results, shown, 'test')}, from "
        f"{_each(results, shown, 'best')} in the best epoch. Over {named}, ten times the parameters change "
        f"the fall between the two by {falls}, and the accuracy in the last epoch by {ends}.",
    ]


def _middle(shares: Sequence[float]) -> float:
    return sorted(shares)[len(shares) // 2]


def _each(results: Mapping[str, Any], flips: str, key: str) -> str:
    """`.36 (nano), .69 (small)`: the smallest and the largest size."""
    sizes = list(results["sizes"])
    return ", ".join(
        f"{Figure.of(group(results, 'sizes', size, 'flips', flips).get(key)).text} ({size})"
        for size in dict.fromkeys((sizes[0], sizes[-1]))
    )


def _cascades(results: Mapping[str, Any]) -> str:
    counts = {
        size: sum(point["cascade"]["fired"] for point in found["flips"].values())
        for size, found in group(results, "sizes").items()
    }
    runs = results["seeds"] * len(results["flips"])
    return (
        "The signature of an imitation cascade (95% of the training labels given back, test accuracy 5 "
        f"points below its best) shows, of {runs} runs of each size, in "
        + ", ".join(f"{count} ({size})" for size, count in counts.items())
        + "."
    )


def _sizes(results: Mapping[str, Any]) -> Table:
    rows: list[Sequence[str]] = []
    for flips in results["flips"]:
        for size, found in group(results, "sizes").items():
            point = found["flips"][f"{flips:g}"]
            rows.append(
                [
                    f"{flips:.0%}",
                    size,
                    *(Figure.of(point[key]).full for key in ("train", "memorised", "test", "best", "fall")),
                    f"{point['best_epoch']['mean']:.1f}",
                    f"{point['cascade']['fired']} of {results['seeds']}",
                ]
            )
    counts = ", ".join(f"{size} {found['parameters']:,}" for size, found in group(results, "sizes").items())
    return Table(
        heading="By share of flipped labels and size",
        note=f"Parameters: {counts}. Of {results['examples']['train']} training labels, the share that is "
        f"given back after {results['epochs']} epochs; the same of the flipped ones; accuracy on "
        f"{results['examples']['test']} test plans with true labels in the last and in the best epoch, "
        "which is chosen with hindsight, and the fall from the one to the other. Cascade: seeds in which "
        "the signature shows.",
        columns=[
            "flipped",
            "size",
            "training labels",
            "flipped ones",
            "test, last",
            "test, best",
            "fall",
            "best epoch",
            "cascade",
        ],
        rows=rows,
    )


def _slopes(results: Mapping[str, Any]) -> Table:
    slopes = group(results, "slopes")
    shares = [f"{flips:g}" for flips in results["flips"]] + [_BELOW]
    return Table(
        heading="What ten times the parameters change",
        note="Slope of each figure against the logarithm of the parameters, over all sizes; the last row is "
        "of the mean over the shares below one half, where only memory gives a flipped label back.",
        columns=["flipped", "training labels", "flipped ones", "test, last", "fall"],
        rows=[
            [
                share if share == _BELOW else f"{float(share):.0%}",
                *(Figure.of(slopes[name][share]).full for name in ("train", "memorised", "test", "fall")),
            ]
            for share in shares
        ],
    )


def _shares_picture(results: Mapping[str, Any]) -> str:
    panels = {
        "train": "training labels given back",
        "memorised": "flipped labels given back",
        "best": "right on the test, best epoch",
        "test": "right on the test, last epoch",
    }
    with drawing():
        canvas, axes = shares_canvas(2, 2, 5.8, 5.2)
        for one, (key, title) in zip(axes.flat, panels.items(), strict=True):
            for colour, (size, found) in zip(_COLOURS, group(results, "sizes").items(), strict=False):
                points = [found["flips"][f"{flips:g}"][key] for flips in results["flips"]]
                line(one, results["flips"], points, colour, size, "-o")
            one.set_title(title, fontsize=10)
            one.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", ".25", ".5", ".75", "1"])
            one.set_xlim(-0.03, 1.03)
        for one in axes[1]:
            one.set_xlabel("share of labels flipped")
        _legend(canvas, axes)
        return svg_of(canvas)


def _curves_picture(results: Mapping[str, Any]) -> str:
    below = _below(results) or results["flips"]
    shown = list(dict.fromkeys((below[min(1, len(below) - 1)], below[-1])))
    with drawing():
        canvas, axes = shares_canvas(len(shown), 2, 5.8, 2.4 * len(shown) + 0.4)
        for row, flips in zip(axes, shown, strict=True):
            for one, key, title in zip(row, ("train", "test"), ("training labels", "test"), strict=True):
                for colour, (size, found) in zip(_COLOURS, group(results, "sizes").items(), strict=False):
                    curve = found["flips"][f"{flips:g}"]["curve"]
                    epochs = [point["epoch"] for point in curve]
                    line(one, epochs, [point[key] for point in curve], colour, size, "-o")
                one.set_title(f"{title}, {flips:.0%} flipped", fontsize=10)
                one.set_xticks(range(0, results["epochs"] + 1, max(1, results["epochs"] // 4)))
        for one in axes[-1]:
            one.set_xlabel("epoch")
        _legend(canvas, axes)
        return svg_of(canvas)


def _legend(canvas: Any, axes: Any) -> None:
    handles, labels = axes.flat[0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
