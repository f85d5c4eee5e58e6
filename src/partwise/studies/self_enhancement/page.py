"""What the study of self-enhancement found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
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
from partwise.report.reading import Figure, group, number
from partwise.report.verdicts import contrast_sentences, weighed

ARMS = {
    "self": "the writer, as it is now",
    "verified": "the same, after a rules-based verifier has thrown out what is not valid",
    "frozen": "the writer, as it was at first",
    "peers": "peers of equal capacity, as they were at first",
    "truth": "whoever knows the truth",
    "chance": "a coin",
}
"""Who judges, in words."""
_COLOURS = {
    "self": ORANGE,
    "verified": RED,
    "frozen": PURPLE,
    "peers": BLUE,
    "truth": GREEN,
    "chance": GREY,
}
_SHARES = {"good": "valid and aligned", "valid": "valid", "aligned": "aligned, of the valid"}
_DIVERSITY = {
    "entropy": "entropy of the sample",
    "surprisal": "entropy of the writer",
    "distinct_2": "distinct-2",
    "vendi": "Vendi score",
}


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    strengths: Mapping[str, Mapping[str, Any]] = results["strengths"]
    return Page(
        title="Self-enhancement: learning from one's own judgments",
        sentences=_sentences(results, strengths),
        tables=[
            contrast_table(results),
            _ends(results, strengths),
            _diversity(strengths),
            _against(strengths),
        ],
        pictures=[
            Picture(
                name="self_enhancement",
                caption="By round: plans that are valid and aligned, of all that were asked for; plans that "
                "are valid; aligned ones among these. One row for each learning rate. "
                + means(results["seeds"]),
                svg=_shares_picture(results, strengths),
            ),
            Picture(
                name="self_enhancement_diversity",
                caption="By round, as a share of what it was before any learning: how diverse a writer's "
                "plans are, by two measures. Below the dashed line twice in a row is mode collapse. One "
                "row for each learning rate. Means over seeds; small points are the seeds, if there are few.",
                svg=_diversity_picture(results, strengths),
            ),
        ],
    )


def _sentences(results: Mapping[str, Any], strengths: Mapping[str, Mapping[str, Any]]) -> list[str]:
    known = group(results, "knowledge", "writer")
    told = [
        *contrast_sentences(results),
        f"Before any learning the writer tells good plans from bad in {_full(known.get('easy'))} of those "
        f"with the easy cue and in {_full(known.get('hard'))} of those with the hard one.",
    ]
    for rate, found in strengths.items():
        told += (_at_a_rate if is_judged(results) else _shown_at_a_rate)(rate, found, results)
    return told


def _at_a_rate(rate: str, found: Mapping[str, Any], results: Mapping[str, Any]) -> list[str]:
    arms = group(found, "arms")
    own = group(arms, "self")
    start, end = (_point(own, "good", index) for index in (0, -1))
    by_round = ", ".join(Figure.of(point).text for point in group(own, "by_round")["good"])
    others = " and ".join(
        f"{_full(group(arms, arm, 'change').get('vendi'))} {words}"
        for arm, words in (("peers", "under its peers"), ("truth", "under the truth"))
    )

    def told(name: str, more: str, less: str) -> str:
        return weighed(results, f"{name}, rate {rate}", more, less)

    return [
        f"At a learning rate of {rate}, a writer that judges itself goes from {start} to {end} valid and "
        f"aligned plans in {results['rounds']} rounds ({by_round}): a change of "
        f"{told('self, change in good', 'a rise', 'a fall')}. The share of valid plans changes by "
        f"{told('self, change in valid', 'a rise', 'a fall')}.",
        "There, the diversity of its plans (Vendi score) changes by "
        f"{told('self, change in vendi', 'they grow more diverse', 'they grow more alike')}; by {others}. "
        f"The signature of mode collapse shows in {_fired(own)} of {results['seeds']} seeds when the writer "
        f"judges itself, and in {_fired(group(arms, 'peers'))} when its peers do.",
        "There, peers of equal capacity instead of itself change the share of valid and aligned plans by "
        f"{told('peers less self', 'peers help', 'peers harm')}. A verifier that throws out what is not "
        f"valid changes it by {told('verified less self', 'it helps', 'it harms')}.",
    ]


def _shown_at_a_rate(rate: str, found: Mapping[str, Any], results: Mapping[str, Any]) -> list[str]:
    """What the writer that judges itself came to, where nothing is said of why."""
    own = group(found, "arms", "self")
    start, end = (_point(own, "good", index) for index in (0, -1))
    return [
        f"At a learning rate of {rate}, of the plans of a writer that judges itself {start} are valid and "
        f"aligned before any learning, and {end} after {results['rounds']} rounds."
    ]


def _fired(arm: Mapping[str, Any]) -> int:
    """Seeds in which any of the curves shows a collapse."""
    curves: Sequence[Sequence[Mapping[str, Any]]] = list(group(arm, "collapse").values())
    return sum(any(signature["fired"] for signature in seed) for seed in zip(*curves, strict=True))


def _full(point: Any) -> str:
    return Figure.of(point).full


def _point(arm: Mapping[str, Any], name: str, index: int) -> str:
    return _full(group(arm, "by_round")[name][index])


def _ends(results: Mapping[str, Any], strengths: Mapping[str, Mapping[str, Any]]) -> Table:
    return Table(
        heading="After the last round",
        note="Who judges: "
        + "; ".join(f"`{arm}`, {words}" for arm, words in ARMS.items())
        + f". Of {results['plans']} plans a seed: those that are valid and aligned; those that are valid, "
        "that is, plans of the kind that was asked for; aligned ones among the valid, and among those with "
        "the hard cue alone. Wins: valid plans against the first writer's for the same request, a draw "
        "counting half. Judge: how often it prefers the aligned one of two, over all valid pairs of one good "
        "and one bad plan in the last round. Not valid: of another kind than asked / no plan / without an "
        "end, all seeds together.",
        columns=["judge", *_SHARES.values(), "aligned, hard", "wins", "judge right", "not valid"],
        rows=[
            [
                "before",
                *(_point(group(found, "arms", "self"), name, 0) for name in (*_SHARES, "aligned_hard")),
                "",
                "",
                _failed(group(found, "arms", "self"), 0),
            ]
            for found in list(strengths.values())[:1]
        ]
        + [
            [
                f"{arm}, {rate}",
                *(_point(one, name, -1) for name in (*_SHARES, "aligned_hard", "won", "judge")),
                _failed(one, -1),
            ]
            for rate, found in strengths.items()
            for arm, one in group(found, "arms").items()
        ],
    )


def _failed(arm: Mapping[str, Any], index: int) -> str:
    counts = arm["counts"][index]
    return " / ".join(str(counts[kind]) for kind in ("another_kind", "no_plan", "unended"))


def _diversity(strengths: Mapping[str, Mapping[str, Any]]) -> Table:
    return Table(
        heading="How diverse plans are",
        note="After the last round. Entropy of the sample: of its texts, in nats. Entropy of the writer: the "
        "mean surprisal of its own plans, in nats; it also rises where a writer falls apart. Distinct-n: the "
        "share of n-grams that differ. Vendi score: how many wholly different plans the sample is worth. "
        "Collapsed: seeds in which one of the curves is below half of its first value twice in a row.",
        columns=["judge", *_DIVERSITY.values(), "distinct-1", "distinct-3", "collapsed"],
        rows=[
            [
                "before",
                *(
                    _point(group(found, "arms", "self"), name, 0)
                    for name in (*_DIVERSITY, "distinct_1", "distinct_3")
                ),
                "",
            ]
            for found in list(strengths.values())[:1]
        ]
        + [
            [
                f"{arm}, {rate}",
                *(_point(one, name, -1) for name in (*_DIVERSITY, "distinct_1", "distinct_3")),
                str(_fired(one)),
            ]
            for rate, found in strengths.items()
            for arm, one in group(found, "arms").items()
        ],
    )


def _against(strengths: Mapping[str, Mapping[str, Any]]) -> Table:
    return Table(
        heading="One judge against another",
        note="After the last round, one arm minus the other of the same seed: mean and 95% interval. `self - "
        "chance` is what the judgments are worth to the writer; `self - frozen`, what it does that the judge "
        "moves with the writer; `peers - frozen`, what it does that others judge; `verified - self`, what it "
        "does that form is checked by rules. These intervals are not corrected for their number: what may be "
        "said of them stands under Contrasts.",
        columns=["arms", *_SHARES.values(), "aligned, hard", "Vendi score"],
        rows=[
            [
                f"{arms.replace('-', '−')}, {rate}",
                *(_full(point[name]) for name in (*_SHARES, "aligned_hard", "vendi")),
            ]
            for rate, found in strengths.items()
            for arms, point in group(found, "against").items()
        ],
    )


def _shares_picture(results: Mapping[str, Any], strengths: Mapping[str, Mapping[str, Any]]) -> str:
    with drawing():
        canvas, axes = shares_canvas(len(strengths), 3, 8.4, 2.4 * len(strengths) + 0.4)
        for row, (rate, found) in zip(axes, strengths.items(), strict=True):
            for one, (name, title) in zip(row, _SHARES.items(), strict=True):
                for arm, data in group(found, "arms").items():
                    points = data["by_round"][name]
                    line(one, range(len(points)), points, _COLOURS[arm], arm, "-o")
                one.set_title(title, fontsize=10)
                one.set_xlabel("round")
                one.set_xticks(range(results["rounds"] + 1))
            row[0].set_ylabel(f"learning rate {rate}")
        handles, labels = axes.flat[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=6, frameon=False)
        return svg_of(canvas)


def _diversity_picture(results: Mapping[str, Any], strengths: Mapping[str, Mapping[str, Any]]) -> str:
    with drawing():
        canvas, axes = shares_canvas(len(strengths), 2, 6.4, 2.4 * len(strengths) + 0.4)
        highest = 1.0
        for row, (rate, found) in zip(axes, strengths.items(), strict=True):
            for one, name in zip(row, ("entropy", "vendi"), strict=True):
                for arm, data in group(found, "arms").items():
                    points = _of_first(data["by_round"][name])
                    highest = max([highest, *(v for p in points for v in p["by_seed"] if v is not None)])
                    line(one, range(len(points)), points, _COLOURS[arm], arm, "-o")
                one.axhline(0.5, color=GREY, linestyle="--", linewidth=1)
                one.set_title(_DIVERSITY[name], fontsize=10)
                one.set_xlabel("round")
                one.set_xticks(range(results["rounds"] + 1))
            row[0].set_ylabel(f"learning rate {rate}")
        for one in axes.flat:
            one.set_ylim(0, highest * 1.05)
            ticks = [tick / 2 for tick in range(int(2 * highest) + 1)]
            one.set_yticks(ticks, labels=[number(tick) for tick in ticks])
        handles, labels = axes.flat[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=6, frameon=False)
        return svg_of(canvas)


def _of_first(points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each seed's figures as shares of its own first one, and their means; None where undefined."""
    found: list[dict[str, Any]] = []
    for point in points:
        pairs = zip(point["by_seed"], points[0]["by_seed"], strict=True)
        shares = [None if now is None or not first else now / first for now, first in pairs]
        known = [share for share in shares if share is not None]
        found.append({"mean": fmean(known) if known else None, "by_seed": shares})
    return found
