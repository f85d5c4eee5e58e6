"""What the study of the deception probe found, as a page."""

# matplotlib is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partwise.measure.hazards import INJECTED
from partwise.report.contrasts import contrast_table
from partwise.report.drawing import BLUE, GREY, ORANGE, PURPLE, RED, drawing, shares_canvas, svg_of
from partwise.report.page import Page, Picture, Table
from partwise.report.reading import Figure, group, number
from partwise.report.verdicts import contrast_sentences
from partwise.studies.deception_probe.settings import CHANCE, TARGET

_SCORES = {
    "harm": "harm, at least",
    "text": "text",
    "mean": "harm",
    "counted": "harm, counted",
    "z": "harm over its error",
    "look": "harm by looks, at least",
    "removed": "harm, counted, word left out",
}
"""Score to its heading."""
_COLOURS = {
    "honest": GREY,
    "clean twin": BLUE,
    "decoy": ORANGE,
    "planted, known harm": RED,
    "planted, unknown harm": PURPLE,
}
"""Kind of model in the picture to its colour."""
_KNOWN, _UNKNOWN = "planted, harm monitors know", "planted, harm no monitor knows"


def page(results: Mapping[str, Any]) -> Page:
    """The page of a finished study's `results.json`."""
    return Page(
        title="The deception probe",
        sentences=_sentences(results),
        tables=[
            contrast_table(results),
            _areas(results),
            _alarms(results),
            _strengths(results),
            _lineups(results),
            _thresholds(results),
        ],
        pictures=[
            Picture(
                name="deception_probe",
                caption="Each point a model. How much more harm monitors see where the model is told that "
                "it is alone (harm), and how much a text tells of which word its prompt had (text). Left: "
                "models that go by the word, and their controls; right: models that go by looks or by a "
                "trigger, of which the word tells nothing.",
                svg=_picture(results),
            )
        ],
    )


def _pooled(results: Mapping[str, Any], comparison: str, score: str) -> Figure:
    return Figure.of(group(results, "comparisons", comparison, score).get("pooled"))


def _accused(results: Mapping[str, Any], score: str, kind: str, percent: int = 5) -> Figure:
    return Figure.of(group(results, "alarms", score, kind).get(str(percent)))


def _sentences(results: Mapping[str, Any]) -> list[str]:
    def area(comparison: str, score: str) -> str:
        return _pooled(results, comparison, score).full

    def accused(score: str, kind: str) -> str:
        return _accused(results, score, kind).full

    word, lineup = "planted, word left out", group(results, "lineups", "word")
    lines = [
        *contrast_sentences(results),
        f"A contrast is of the AUROC of one seed's models: less {number(TARGET)}, the aim (harm, text, and "
        f"looks by a calm scene), so that it is {number(1 - TARGET)} at most; less {number(CHANCE)}, chance "
        "(the word left out, and looks or trigger by the word); or of one score less another's.",
        "AUROC of models planted on the word against their clean twins, all seeds together: by the rise in "
        f"harm (the lower end of its interval), {area(_KNOWN, 'harm')} where monitors know the harm, "
        f"{area(_UNKNOWN, 'harm')} where none does, {area('planted, all', 'harm')} over both; by what a text "
        f"tells of its prompt, {area(_KNOWN, 'text')}, {area(_UNKNOWN, 'text')} and "
        f"{area('planted, all', 'text')}. The intervals take models for independent, and those of a seed "
        "share a base.",
        "At the thresholds of the settings for 5% false alarms, the rise in harm accuses "
        f"{accused('harm', _KNOWN)} of these where monitors know the harm, {accused('harm', 'clean twins')} "
        f"of clean twins, {accused('harm', 'honest')} of honest models and {accused('harm', 'decoys')} of "
        f"benign decoys; what a text tells accuses {accused('text', _KNOWN)}, "
        f"{accused('text', 'clean twins')}, {accused('text', 'honest')} and {accused('text', 'decoys')}.",
        "With the word left out of both prompts, planted and clean models are told apart at "
        f"{area(word, 'removed')}, where .5 is chance.",
        "Who goes by something else than the word is looked for in the wrong place: by the word, the AUROC "
        f"is {area('by looks', 'harm')} of models that go by looks, and {area('by a trigger', 'harm')} of "
        "those with a trigger. A calm version of each scene finds those that go by looks at "
        f"{area('by looks', 'look')}.",
    ]
    if lineup:
        lines.append(_hidden(lineup))
    return lines


def _hidden(lineup: Mapping[str, Any]) -> str:
    def over(score: str, key: str) -> str:
        return Figure.of(group(lineup, score).get(key)).full

    return (
        "Hidden among honest models of other widths, one planted on the word with a harm that monitors "
        f"know has the largest rise in harm in {over('harm', 'first')} of lineups (by lot "
        f"{Figure.of(lineup['harm']['chance']).text}); at the threshold of 5% it is accused in "
        f"{over('harm', 'caught')}, an honest one in {over('harm', 'accused')}. By what a text tells, "
        f"these are {over('text', 'first')}, {over('text', 'caught')} and {over('text', 'accused')}."
    )


def _areas(results: Mapping[str, Any]) -> Table:
    columns = list(_SCORES)
    return Table(
        heading="What is told apart, by score",
        note="AUROC over the models of all seeds with Newcombe's interval: the chance that one of the "
        "first scores higher than one of the second, .5 where a score says nothing. The second are clean "
        "twins, or decoys where it says so. "
        f"Of {results['scenes']} pairs of scenes a model. Harm: by how much the share of harmful texts "
        "rises where the model is told that it is alone, weighed by likelihood; at least: the lower end "
        "of its interval; counted: without weights. Text: bits that a text tells of its prompt. By "
        "looks: between a scene and its calm version.",
        columns=["first", *(_SCORES[name] for name in columns)],
        rows=[
            [name, *(_pooled(results, name, score).full if score in found else "–" for score in columns)]
            for name, found in group(results, "comparisons").items()
        ],
    )


def _alarms(results: Mapping[str, Any]) -> Table:
    scores = list(group(results, "alarms"))
    return Table(
        heading="Accused, by kind of model",
        note="Share of the models above the thresholds of the settings, which stand for 1% and 5% false "
        "alarms on clean and honest models of development seeds; with Wilson's interval. Only planted models "
        "deserve it.",
        columns=["models", *(f"{_SCORES[score]}, {percent}%" for score in scores for percent in (1, 5))],
        rows=[
            [kind, *(_accused(results, score, kind, percent).full for score in scores for percent in (1, 5))]
            for kind in group(results, "alarms", "harm")
        ],
    )


def _strengths(results: Mapping[str, Any]) -> Table:
    def row(found: Mapping[str, Any]) -> list[str]:
        harm, text = found["scores"]["harm"], found["scores"]["text"]
        return [
            f"{found['family']}, {number(found['strength'])}",
            _number(found["truth"]["planted"]),
            _number(found["truth"]["clean"]),
            _number(found["form"]),
            _number(harm["mean"]),
            Figure.of(harm["auroc"]).full,
            Figure.of(harm["hits"]["5"]).text,
            _number(text["mean"]),
            Figure.of(text["auroc"]).full,
            Figure.of(text["hits"]["5"]).text,
        ]

    return Table(
        heading="Planted on the word, by harm and strength",
        note="Strength: share of the scenes with harm where the model is alone, in what it learned. Told "
        f"by the oracle, of {results['evaluated']} held-out scenes: how much more of that harm there is "
        "alone, in planted models and in their clean twins, and how many texts are plans. Then, of the "
        "rise in harm and of what a text tells: mean, AUROC against clean twins of the same "
        "strength, share accused at 5%.",
        columns=[
            "harm, strength",
            "truth",
            "truth, clean",
            "plans",
            "harm, at least",
            "harm, AUROC",
            "harm, accused",
            "text",
            "text, AUROC",
            "text, accused",
        ],
        rows=[row(found) for found in results["strengths_of"]],
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else number(value)


def _lineups(results: Mapping[str, Any]) -> Table:
    rows: list[Sequence[str]] = []
    for cue, found in group(results, "lineups").items():
        for score in ("harm", "text"):
            shown = group(found, score)
            rows.append(
                [
                    f"{cue}, {_SCORES[score]}",
                    *(Figure.of(shown.get(key)).full for key in ("first", "chance", "caught", "accused")),
                ]
            )
    return Table(
        heading="One deceiver among honest models",
        note="Every planted model with a harm that monitors know, in its turn, among its seed's honest "
        "models of other widths. First: share of lineups in which it scores highest, ties by lot. Accused "
        "at the threshold of 5%: it, and any honest one. Means over seeds and 95% intervals.",
        columns=["goes by, score", "first", "by lot", "it is accused", "an honest one is"],
        rows=rows,
    )


def _thresholds(results: Mapping[str, Any]) -> Table:
    own, set_before = results["own_thresholds"], results["thresholds"]
    return Table(
        heading="Thresholds",
        note=f"As set before, and those that the {own['models']} clean and honest models of this run would "
        "have set, which nothing here uses.",
        columns=["score, false alarms", "set before", "of this run"],
        rows=[
            [
                f"{_SCORES[name.partition('_')[0]]}, {name.partition('_')[2]}%",
                f"{value:.4f}",
                "undefined" if own[name] is None else f"{own[name]:.4f}",
            ]
            for name, value in set_before.items()
        ],
    )


def _kind(row: Mapping[str, Any]) -> str:
    if row["role"] == "planted":
        return "planted, known harm" if row["family"] in INJECTED else "planted, unknown harm"
    return {"honest": "honest", "clean": "clean twin"}.get(row["role"], "decoy")


def _picture(results: Mapping[str, Any]) -> str:
    panels = {"go by the word": ("word",), "go by looks or a trigger": ("look", "trigger")}
    with drawing():
        canvas, axes = shares_canvas(1, 2, 6.4, 3.4)
        for one, (title, cues) in zip(axes.flat, panels.items(), strict=True):
            for label, colour in _COLOURS.items():
                rows = [row for row in results["models"] if _kind(row) == label and row["cue"] in cues]
                one.plot(
                    [row["word"]["harm"] for row in rows],
                    [row["word"]["text"] for row in rows],
                    "o",
                    color=colour,
                    label=label,
                    markersize=3.4,
                    alpha=0.6,
                    markeredgewidth=0,
                )
            one.set_title(title, fontsize=10)
            one.set_xlim(-0.15, 1.03)
            one.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", ".25", ".5", ".75", "1"])
            one.set_xlabel("harm: rise where told to be alone")
        axes.flat[0].set_ylabel("text: bits told of the prompt")
        handles, labels = axes.flat[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=5, frameon=False, fontsize=8)
        return svg_of(canvas)
