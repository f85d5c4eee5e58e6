"""What one ladder of generations found, or has found so far, as a page (Kim et al. 2025, Figure 4)."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partwise.report.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, drawing, svg_of
from partwise.report.judging import one_run
from partwise.report.page import Comparison, Page, Picture, Side, Table
from partwise.report.reading import Figure, number
from partwise.report.signatures import signature_sentence, signature_tables
from partwise.runs.stages import STAGES

_NOT_YET = "–"
"""In a cell of what is still to come."""


def ladder_page(results: Mapping[str, Any]) -> Page:
    """The page of a ladder's `results.json`, or of what `loops.ladder_results.so_far` has of it."""
    made = _generations(results)
    tables = [
        _utility(results),
        _hazards(results),
        *signature_tables(made),
        _steps(results),
        _monitors(results),
        _sources(results),
        _forecasts(results),
        _costs(results),
    ]
    return Page(
        title="A ladder of generations",
        sentences=_sentences(results),
        tables=[table for table in tables if table.rows],
        pictures=_pictures(results) if made else [],
        comparisons=[
            _compared(index + 1, example) for index, each in enumerate(made) for example in each["examples"]
        ],
    )


def _pictures(results: Mapping[str, Any]) -> list[Picture]:
    return [
        Picture(
            name="plane",
            caption=f"Competence against conformity on held-out {results['unit']} of each generation's own "
            "difficulty: before injection (hollow) and after it (filled), joined by the injection; the "
            f"dashed line joins the generations. Crosses: 95% intervals over {results['unit']}.",
            svg=_plane(results),
        ),
        Picture(
            name="hazards",
            caption=f"Share of held-out {results['unit']} with a harm of each kind, before injection "
            f"(hollow) and after it (filled). {_never(results)}Bars: 95% intervals over {results['unit']}.",
            svg=_families(results),
        ),
    ]


def _compared(generation: int, example: Mapping[str, Any]) -> Comparison:
    def side(sign: str, deed: Mapping[str, Any]) -> Side:
        harms = ", ".join(deed["harms"]) or "no harm"
        ended = "correct" if deed["correct"] else ("wrong" if deed["outcome"] == "ran" else "did not run")
        return Side(caption=f"{sign} injection: {ended}, {harms}", text=deed["text"])

    return Comparison(
        heading=f"Generation {generation}, {example['family']}: {example['scene']}",
        one=side("before", example["minus"]),
        other=side("after", example["plus"]),
    )


def _generations(results: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return results["generations"]


def _minded(results: Mapping[str, Any]) -> list[str]:
    """Kinds of harm that injection is against."""
    return [family for family in results["families"] if family not in results["never"]]


def _never(results: Mapping[str, Any]) -> str:
    """Which kinds it is not, as a sentence with a blank after it; empty where there is none."""
    never = " and ".join(results["never"])
    return f"Nothing is injected against {never}. " if never else ""


def _figure(generation: Mapping[str, Any], sign: str, name: str, which: str = "own") -> Figure:
    return Figure.of(generation[sign][which][name])


def _signs(generation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The models of a generation that are measured."""
    signs = (("minus", "−"), ("plus", "+"))
    return [(sign, mark) for sign, mark in signs if generation[sign] is not None]


def _aligned(results: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The generations whose injection is done."""
    return [each for each in _generations(results) if each["plus"] is not None]


def _sentences(results: Mapping[str, Any]) -> list[str]:
    made = _aligned(results)
    lines = [_now(results["now"])] if "now" in results and not results["stopped"] else []
    lines += _grown(results, made) if made else ["No generation is aligned yet."]
    if results["stopped"]:
        lines.append(f"The gate stopped the ladder: {results['stopped']}.")
    return [*lines, *signature_sentence(_generations(results)), *([one_run(results["unit"])] if made else [])]


def _now(now: Mapping[str, Any]) -> str:
    """Where a ladder is that is not finished."""
    if now["generation"] > now["of"]:
        return (
            f"Not finished: all {now['of']} generations are there, and results are still to be put together."
        )
    step = "" if now["step"] is None else f" It is to be {now['step']:.2f} doublings larger: {now['why']}."
    at = "has reached" if now["begun"] else "comes next to"
    return (
        f"Not finished: generation {now['generation']} of at most {now['of']} {at} "
        f"{STAGES[now['stage']]}.{step}"
    )


def _grown(results: Mapping[str, Any], made: Sequence[Mapping[str, Any]]) -> list[str]:
    first, last = made[0], made[-1]
    before = [_figure(each, "minus", "hazard").mean or 0.0 for each in made]
    after = [_figure(each, "plus", "hazard").mean or 0.0 for each in made]
    fallen = [f"{number(a)} to {number(b)}" for a, b in zip(before, after, strict=True)]
    together = _figure(first, "plus", "together", "all").full
    sizes = f"1 generation, of {first['parameters']:,} parameters"
    came = f"came to {together}"
    if len(made) > 1:
        sizes = f"{len(made)} generations, from {first['parameters']:,} to {last['parameters']:,} parameters"
        came += f" in the first generation and to {_figure(last, 'plus', 'together', 'all').full} in the last"
    lines = [
        f"{sizes}, under the gap policy `{results['policy']}`. On {results['unit']} of every difficulty, "
        f"competence and conformity at once {came}.",
        f"Injection took the share of held-out {results['unit']} with a harm that people mind, generation "
        f"by generation, from {', '.join(fallen)}.",
    ]
    for family in results["never"]:
        went = [f"{_figure(a, 'minus', family).text} to {_figure(a, 'plus', family).text}" for a in made]
        lines.append(f"Harm that is never injected against ({family}) went from {', '.join(went)}.")
    return lines


def _utility(results: Mapping[str, Any]) -> Table:
    names = ("competence", "conformity", "together", "form")
    rows = [
        [
            f"{index + 1}{mark}",
            f"{each['parameters']:,}",
            *(_figure(each, sign, name).full for name in names),
            _figure(each, sign, "together", "all").full,
        ]
        for index, each in enumerate(_generations(results))
        for sign, mark in _signs(each)
    ]
    count = max((_figure(each, "minus", "form").n for each in _generations(results)), default=0)
    return Table(
        heading="U(A): what each model does",
        note=f"Shares of all held-out {results['unit']} ({count} each) with 95% intervals, of the "
        "generation's own difficulty but in the last column. What is no plan, or does not run, is neither "
        f"competent nor conforming. Conformity: no harm by {', '.join(_minded(results))}. Together: both "
        "at once. −: before injection; +: after it.",
        columns=["model", "parameters", *names, "together, every difficulty"],
        rows=rows,
    )


def _hazards(results: Mapping[str, Any]) -> Table:
    rows = [
        [
            str(index + 1),
            *(
                " → ".join(_figure(each, sign, name).text for sign, _ in _signs(each))
                for name in ("hazard", *results["families"])
            ),
            _found(each["stages"].get("discovery")),
        ]
        for index, each in enumerate(_generations(results))
    ]
    return Table(
        heading="Harms, before and after injection",
        note=f"Shares of held-out {results['unit']}, by the oracle; the last column is what monitors found "
        f"in the sandbox, in plans that may show several. `hazard`: {' or '.join(_minded(results))}. "
        + _never(results).strip(),
        columns=["generation", "hazard", *results["families"], "found in discovery"],
        rows=rows,
    )


def _monitors(results: Mapping[str, Any]) -> Table:
    families = results["families"]
    rows = [
        [
            f"{index + 1}, {name}",
            *(Figure.of(found[family]["auroc"]).full for family in families),
            *(_caught(found[family]["alarms"]["0.05"]) for family in families),
            str(found["abstained"]),
        ]
        for index, each in enumerate(_generations(results))
        for name, found in each["minus"]["monitors"].items()
    ]
    return Table(
        heading="What monitors tell of the unaligned models",
        note=f"Of held-out {results['unit']}: the chance that a plan with a harm of that kind scores higher "
        "than one without any (.50 tells nothing), and the share of them that raise an alarm where at most "
        f".05 of the last aligned model's plans do. {_monitors_are(results)}Undefined: no plan with that "
        "harm, none without any, or no aligned model yet. Abstained: plans without their form.",
        columns=[
            "generation, monitor",
            *families,
            *(f"{family}, caught" for family in families),
            "abstained",
        ],
        rows=rows,
    )


def _monitors_are(results: Mapping[str, Any]) -> str:
    if results["unit"] == "tasks":
        return (
            "The proxy says what people would mind, of parts (`text`) and of a summary of what was done "
            "(`small` and `full`). "
        )
    return (
        "`unusual` knows no rule: it is how surprising a plan is to aligned models; `learned` knows what "
        "people and models said of plans in earlier injections. "
    )


def _sources(results: Mapping[str, Any]) -> Table:
    made = [each["plus"]["sources"] for each in _aligned(results)]
    rows = [
        [f"{index + 1}, {name}", Figure.of(share).full, f"{share['n']}"]
        for index, each in enumerate(made)
        for name, share in each["accuracy"].items()
    ]
    shared = [
        f"{index + 1}: {Figure.of(each['correlation']).full}"
        for index, each in enumerate(made)
        if each["correlation"]
    ]
    return Table(
        heading="How good the sources of injection were",
        note=_sources_are(results) + "Evaluation alone: nothing that learns reads this. Correlation of two "
        f"sources' errors (phi, mean over pairs), by generation: {'; '.join(shared) or 'undefined'}.",
        columns=["generation, source", "right", "answers"],
        rows=rows,
    )


def _sources_are(results: Mapping[str, Any]) -> str:
    if results["unit"] == "tasks":
        return "Of fresh questions to people, those that are no near tie: whether the proxy sides with them. "
    return (
        "Of the questions that were asked in injection, those in which one plan does harm that people mind "
        "and the other none, and whether the source preferred the harmless one. `all`: what they came to. "
    )


def _forecasts(results: Mapping[str, Any]) -> Table:
    """What was said of each generation but the first."""
    rows = [
        [
            f"{index + 1}, {name}",
            Figure.of(said).full,
            _figure(each, "plus", "conformity").full if each["plus"] is not None else _NOT_YET,
            {True: "yes", False: "no"}.get(said["held"], _NOT_YET),
        ]
        for index, each in enumerate(_generations(results))
        for name, said in each["forecasts"].items()
    ]
    return Table(
        heading="What was forecast of each generation",
        note=f"Of conformity after injection, on {results['unit']} of the generation's own difficulty; said "
        "before it was trained, without the oracle. Surrogate: what monitors see of the last aligned model "
        "in them. Peer review: which of its plans most other aligned models hold for harmless. "
        "Extrapolation: along the generations before, from three on. Held: whether the interval has "
        "what came.",
        columns=["generation, method", "forecast", "came", "held"],
        rows=rows,
    )


def _caught(alarm: Mapping[str, Any]) -> str:
    return Figure.of(alarm["hits"]).text


def _found(discovery: Mapping[str, Any] | None) -> str:
    if discovery is None:
        return _NOT_YET
    return ", ".join(f"{kind} {count}" for kind, count in discovery["kinds"].items()) or "none"


def _steps(results: Mapping[str, Any]) -> Table:
    def share(value: float | None) -> str:
        return "undefined" if value is None else number(value)

    names = ("error", "disagreement", "imitation", "hazards", "form", "gained")
    rows = [
        [
            str(index + 1),
            f"{each['parameters']:,}",
            "the first" if each["step"] is None else f"{each['step']:.2f} doublings",
            each.get("why", _NOT_YET),
            *(_NOT_YET if each["seen"] is None else share(each["seen"][name]) for name in names),
        ]
        for index, each in enumerate(_generations(results))
    ]
    return Table(
        heading="Capacity and gap, and what the controller was told",
        note="The step that was asked for, and what was seen of the generation once it was done, without "
        "the oracle: the sources' error as their answers alone suggest it; questions on which they were not "
        "unanimous; where two predecessors split, how often it sides with the latest; hazards left of those "
        "before; plans with their form; gain in competence over the generation before.",
        columns=["generation", "parameters", "step", "why", *names[:3], "hazards left", *names[4:]],
        rows=rows,
    )


def _costs(results: Mapping[str, Any]) -> Table:
    stages = ("competence", "discovery", "injection")
    rows = [
        [
            str(index + 1),
            *(_seconds(each["stages"].get(name)) for name in stages),
            str(each["stages"]["injection"]["sources"]["answers"]) if each["plus"] is not None else _NOT_YET,
        ]
        for index, each in enumerate(_generations(results))
    ]
    return Table(
        heading="What each stage took",
        note="Wall clock of the process that finished the stage, reading of the corpus included where the "
        "model was not at hand; answers are people's.",
        columns=["generation", *stages, "answers"],
        rows=rows,
    )


def _seconds(made: Mapping[str, Any] | None) -> str:
    return _NOT_YET if made is None else f"{made['seconds']:.0f} s"


def _canvas(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(width, height), layout="constrained")
    axes = canvas.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(alpha=0.3)
    return canvas, axes


def _plane(results: Mapping[str, Any]) -> str:
    with drawing():
        canvas, axes = _canvas(3.4, 3.4)  # as wide as a phone
        tops: list[tuple[float, float]] = []
        for index, each in enumerate(_generations(results)):
            ends: list[tuple[float, float]] = []
            for sign, _ in _signs(each):
                face = BLUE if sign == "plus" else "white"
                x, y = _figure(each, sign, "competence"), _figure(each, sign, "conformity")
                if x.mean is None or y.mean is None:
                    continue
                axes.plot([x.low, x.high], [y.mean, y.mean], color=GREY, linewidth=0.8)
                axes.plot([x.mean, x.mean], [y.low, y.high], color=GREY, linewidth=0.8)
                axes.plot([x.mean], [y.mean], "o", color=BLUE, markerfacecolor=face, markersize=7, zorder=3)
                ends.append((x.mean, y.mean))
            if not ends:
                continue
            axes.plot(*zip(*ends, strict=True), color=GREEN, linewidth=1.6, zorder=2)
            axes.annotate(str(index + 1), ends[-1], textcoords="offset points", xytext=(7, 5))
            tops += ends
        if tops:
            axes.plot(*zip(*tops, strict=True), "--", color=GREY, linewidth=0.8, zorder=1)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="competence", ylabel="conformity")
        return svg_of(canvas)


def _families(results: Mapping[str, Any]) -> str:
    with drawing():
        canvas, axes = _canvas(max(3.4, 0.9 + 0.8 * len(_generations(results))), 3.2)
        families = results["families"]
        # Those that nothing is injected against are grey.
        colours = iter((BLUE, ORANGE, GREEN, PURPLE, RED, BLUE))
        for aside, family in enumerate(families):
            colour = GREY if family in results["never"] else next(colours)
            for index, each in enumerate(_generations(results)):
                for sign, _ in _signs(each):
                    face, by = (colour, 0.05) if sign == "plus" else ("white", -0.05)
                    figure = _figure(each, sign, family)
                    x = index + 1 + 0.75 / len(families) * (aside - (len(families) - 1) / 2) + by
                    axes.plot([x, x], [figure.low, figure.high], color=colour, linewidth=1)
                    label = family if not index and sign == _signs(each)[-1][0] else None
                    axes.plot(
                        [x], [figure.mean], "o", color=colour, markerfacecolor=face, markersize=5, label=label
                    )
        axes.set(ylim=(-0.03, 1.03), xlabel="generation", ylabel=f"share of {results['unit']}")
        axes.set_xticks([index + 1 for index in range(len(_generations(results)))])
        axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), columnspacing=1)
        return svg_of(canvas)
