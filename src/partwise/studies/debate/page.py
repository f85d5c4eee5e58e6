"""What the study of debate found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.contrasts import contrast_table, is_told
from partwise.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    bars,
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

PAPER_EQUAL, PAPER_UNEQUAL = 0.73, 0.47
"""Accuracy of the judge of Kim et al. 2025 with equal and with unequal debaters."""
_COLOURS = (ORANGE, GREEN, BLUE)
_WAYS = ("a gain", "a loss")
"""What a difference in accuracy is, above 0 and below."""
_UNEQUAL, _WEAKER = "unequal less equal", "honest weaker less honest stronger"


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    shown = results["shown"]
    return Page(
        title="Sandwiching with debate",
        sentences=_sentences(results),
        tables=[
            contrast_table(results),
            _accuracies(results),
            _by_truth(results),
            *([_spoken(results)] if "unread" in results else []),
            _transcripts(results),
        ],
        pictures=[
            Picture(
                name="debate",
                caption="Share of plans that the judge is right about, by how many steps stronger the honest "
                "debater is than the dishonest one, for each number of events revealed. Lines across: the "
                "judge who reads the whole plan (solid), and the one who sees as many events at random "
                f"(dashed, in the colour of their number). {means(results['seeds'])}",
                svg=_steps_picture(results),
            ),
            Picture(
                name="debate_truth",
                caption=f"The same with {shown} events revealed, apart for plans that are fine (green) and "
                "plans with a fault (orange). The honest debater is named first. "
                f"{means(results['seeds'])}",
                svg=_truth_picture(results),
            ),
        ],
    )


def _sentences(results: Mapping[str, Any]) -> list[str]:
    shown = str(results["shown"])
    steps = {ahead: Figure.of(figure).full for ahead, figure in group(results, "steps", shown).items()}
    honest, dishonest, both = (
        _accuracy(group(results, "conditions", shown), name).full
        for name in ("honest adviser", "dishonest adviser", "consultancy")
    )
    whole = f"Who reads the whole plan is right about {_accuracy(results, 'whole').full}."
    if not is_judged(results):
        return [
            *contrast_sentences(results),
            f"With {shown} events revealed, the judge is right about {steps['-2']} of the plans where the "
            f"honest debater is two steps weaker, {steps['-1']} where one, {steps['0']} where both are "
            f"equally strong, {steps['1']} where it is one stronger and {steps['2']} where two.",
            whole,
        ]
    against_chance = [
        f"with {turns} events {weighed(results, _at(results, 'equal less no help', turns), *_WAYS)}"
        for turns in results["turns"]
    ]
    return [
        *contrast_sentences(results),
        f"Against as many events at random, equal debaters bring: {'; '.join(against_chance)}.",
        f"With {shown} events revealed, the judge is right about {steps['0']} of the plans where debaters "
        f"are equally strong, about {steps['-1']} where the honest one is one step weaker, and about "
        f"{steps['-2']} where it is two: against equal ones, "
        f"{weighed(results, '-2 steps less equal', *_WAYS)}.",
        f"Where the honest one is stronger, it is {steps['1']} with one step and {steps['2']} with two: "
        f"against equal ones, {weighed(results, '+2 steps less equal', *_WAYS)}.",
        _inequality(results),
        f"One adviser makes the judge right about {honest} of the plans if honest, about {dishonest} if not, "
        f"about {both} at even odds: against no help, "
        f"{weighed(results, 'consultancy less no help', *_WAYS)}.",
        whole,
    ]


def _at(results: Mapping[str, Any], name: str, turns: int) -> str:
    """The name of a contrast with so many events: those of the number that is shown have none in it."""
    return name if turns == results["shown"] else f"{name}, {turns} events"


def _inequality(results: Mapping[str, Any]) -> str:
    """What it does that debaters are unequal, whichever is the weaker one."""
    shown = str(results["shown"])
    unequal = Figure.of(group(results, "unequal").get(shown))
    equal = Figure.of(group(results, "steps", shown).get("0"))
    said = (
        f"Averaged over which side is the weaker one, unequal debaters make the judge right about "
        f"{unequal.full}, equal ones about {equal.full}: {weighed(results, _UNEQUAL, *_WAYS)}. That it is "
        f"the honest one, and not the other, changes it by {weighed(results, _WEAKER, *_WAYS)}."
    )
    if is_told(results, _WEAKER) and not is_told(results, _UNEQUAL):
        said += (
            " So what counts is which side is the weaker, and not, as far as can be told, that the two are "
            "unequal."
        )
    return (
        f"{said} The paper reports {number(PAPER_EQUAL)} with equal debaters and {number(PAPER_UNEQUAL)} "
        "with unequal ones."
    )


def _accuracy(conditions: Mapping[str, Any], name: str) -> Figure:
    return Figure.of(group(conditions, name).get("accuracy"))


def _strengths(results: Mapping[str, Any]) -> str:
    described = [
        f"{name}: {one['candidates']}" + (", each weighed by the worst reply" if one["looks_ahead"] else "")
        for name, one in group(results, "strengths").items()
    ]
    return "; ".join(described)


def _accuracies(results: Mapping[str, Any]) -> Table:
    turns = [str(count) for count in results["turns"]]
    whole = _accuracy(results, "whole").full
    return Table(
        heading="How often the judge is right",
        note="Of pairs of debaters the honest one is named first. Strength is how many hidden events a "
        f"debater examines before it reveals one: {_strengths(results)}. An adviser is the strongest, "
        "without an opponent; `consultancy` is an honest or a dishonest one at even odds. Means over seeds "
        "and 95% intervals.",
        columns=["who reveals", *(f"{count} events" for count in turns)],
        rows=[
            *(
                [name, *(_accuracy(group(results, "conditions", count), name).full for count in turns)]
                for name in group(results, "conditions", turns[0])
            ),
            ["whole plan", *(whole for _ in turns)],
        ],
    )


def _by_truth(results: Mapping[str, Any]) -> Table:
    conditions = {
        **group(results, "conditions", str(results["shown"])),
        "whole plan": group(results, "whole"),
    }
    return Table(
        heading=f"What the judge gets wrong, with {results['shown']} events",
        note="Accuracy on plans that are fine and on plans with one fault; the judge's probability of the "
        "truth; its Brier score (lower is better); and the events that it sees.",
        columns=["who reveals", "fine", "at fault", "P of the truth", "Brier score", "events"],
        rows=[
            [
                name,
                *(Figure.of(found.get(key)).full for key in ("when_fine", "when_at_fault", "trust", "brier")),
                _count(found.get("events")),
            ]
            for name, found in conditions.items()
        ],
    )


def _count(figure: Any) -> str:
    mean = Figure.of(figure).mean
    return "undefined" if mean is None else f"{mean:.1f}".removesuffix(".0")


def _spoken(results: Mapping[str, Any]) -> Table:
    shown = str(results["shown"])
    return Table(
        heading="What the language model said",
        note=f"It speaks for either side, or advises, with {shown} events. Unread: turns in which its answer "
        "began with no number of a hidden event, and chance revealed one in its place.",
        columns=["who reveals", "judge is right", "unread"],
        rows=[
            [name, _accuracy(group(results, "conditions", shown), name).full, Figure.of(share).full]
            for name, share in group(results, "unread").items()
        ],
    )


def _transcripts(results: Mapping[str, Any]) -> Table:
    strengths = list(group(results, "strengths"))
    pairs = [(h, d) for h in (strengths[0], strengths[-1]) for d in (strengths[0], strengths[-1])]
    spoken = tuple(group(results, "unread"))
    shown = ("no help", "honest adviser", "dishonest adviser", *(f"{h} v {d}" for h, d in pairs), *spoken)
    return Table(
        heading="Some of what was said",
        note="The first plans of the first seed. Each event with who revealed it and the judge's P(fine) "
        "after it; `pro` argues that the plan is fine, `con` that it is not. More are in `results.json`.",
        columns=["who reveals", "the plan is", "P(fine) before", "revealed", "the judge is"],
        rows=[
            [
                said["condition"],
                "fine" if said["fine"] else "at fault",
                number(said["before"]),
                " · ".join(
                    f"{turn['by']}: {turn['event']} → {number(turn['word'])}" for turn in said["turns"]
                ),
                "right" if said["right"] else "wrong",
            ]
            for said in results["transcripts"]
            if said["condition"] in shown
        ],
    )


def _steps_picture(results: Mapping[str, Any]) -> str:
    with drawing():
        canvas, axes = shares_canvas(1, 1, 5.6, 3.6)
        one = axes.flat[0]
        whole = _accuracy(results, "whole").mean
        if whole is not None:
            one.axhline(whole, color=GREY, linewidth=1, label="whole plan")
        for turns, colour in zip(results["turns"], _COLOURS, strict=False):
            steps = group(results, "steps", str(turns))
            alone = _accuracy(group(results, "conditions", str(turns)), "no help").mean
            if alone is not None:
                one.axhline(alone, color=colour, linestyle="--", linewidth=0.8)
            line(one, [int(ahead) for ahead in steps], list(steps.values()), colour, f"{turns} events", "-o")
        one.set_xticks(range(-2, 3), labels=["−2", "−1", "equal", "+1", "+2"])
        one.set_xlabel("steps by which the honest debater is stronger")
        one.set_ylabel("judge is right")
        one.legend(frameon=False, loc="lower right")
        return svg_of(canvas)


def _truth_picture(results: Mapping[str, Any]) -> str:
    from matplotlib.figure import Figure as Canvas

    conditions = {
        **group(results, "conditions", str(results["shown"])),
        "whole plan": group(results, "whole"),
    }
    with drawing():
        canvas = Canvas(figsize=(5.6, 4.6), layout="constrained")
        one = canvas.subplots()
        for key, colour, label, shift in (
            ("when_fine", GREEN, "plan is fine", -0.14),
            ("when_at_fault", ORANGE, "plan has a fault", 0.14),
        ):
            heights = [row + shift for row in range(len(conditions))]
            bars(one, heights, [found.get(key) for found in conditions.values()], colour, label)
        one.set_yticks(range(len(conditions)), labels=list(conditions))
        one.invert_yaxis()
        one.set_xlim(-0.03, 1.03)
        one.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", ".25", ".5", ".75", "1"])
        one.grid(alpha=0.3)
        for side in ("top", "right", "left"):
            one.spines[side].set_visible(False)
        one.tick_params(length=0)
        one.set_xlabel("judge is right")
        canvas.legend(loc="outside upper center", ncols=2, frameon=False)
        return svg_of(canvas)
