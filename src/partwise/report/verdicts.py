"""What may be said of a study's contrasts: that there is a difference only where it can be told from zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.contrasts import is_told
from partwise.report.judging import LEAST, is_judged, not_judged, too_few, why_not_judged
from partwise.report.reading import Figure, each_seed, gap_sentences

_NOT_TOLD = "can't be told from 0"
_NOT_CORRECTED = "corrected for the number of contrasts"
"""Of one whose interval, which is of itself alone, leaves out 0."""
_TOLD = "differs from 0"


def contrast_sentences(results: Mapping[str, Any]) -> list[str]:
    """The primary contrast, and which of the others survive the correction for their number.

    Of results that are not judged: that they are not, and the primary contrast by seed.
    """
    found = results["contrasts"]
    primary = found["primary"]
    others = [name for name in found["all"] if name != primary]
    if not is_judged(results):
        return [not_judged(results), *_shown(results, len(others))]
    survive = [f"`{name}`, {_figure(results, name).full}" for name in others if is_told(results, name)]
    return [
        primary_sentence(results),
        f"Of the {len(others)} other contrasts, {_differ(len(survive))} from 0 after Holm's "
        f"correction for their number{': ' * bool(survive)}{'; '.join(survive)}.",
    ]


def _differ(count: int) -> str:
    return "1 differs" if count == 1 else f"{count or 'none'} differ"


def _shown(results: Mapping[str, Any], others: int) -> list[str]:
    found = results["contrasts"]
    more = f" Others in the table: {others}." if others else ""
    primary = found["primary"]
    figures = each_seed(found["all"][primary])
    return [f"Primary contrast, named before the runs: `{primary}`, by seed {figures}.{more}"]


def arms_sentences(results: Mapping[str, Any]) -> list[str]:
    """What a study of arms says, the primary contrast first; contrasts are of what is aligned and correct."""
    return [*contrast_sentences(results), *gap_sentences(results)]


def primary_sentence(results: Mapping[str, Any]) -> str:
    """What the primary contrast comes to."""
    primary = results["contrasts"]["primary"]
    return (
        f"Primary contrast, named before the runs: `{primary}` is {weighed(results, primary, _TOLD, _TOLD)}."
    )


def verdict(results: Mapping[str, Any], name: str, more: str, less: str) -> str:
    """`more` or `less`, by its sign, of a contrast that differs from 0; of others, why not.

    Args:
        results: of the study, with what `measure.contrasts.contrasts` returned under `contrasts`.
        name: of the contrast.
        more: what a figure above 0 says.
        less: what one below 0 says.
    """
    figure = _figure(results, name)
    if figure.mean is None:
        return "undefined"
    if not is_judged(results):
        return why_not_judged(results)
    if figure.n < LEAST:
        return too_few(figure.n)
    if not is_told(results, name):
        return f"{_NOT_TOLD}, {_NOT_CORRECTED}" if figure.leaves_out_zero else _NOT_TOLD
    return more if figure.mean > 0 else less


def weighed(results: Mapping[str, Any], name: str, more: str, less: str) -> str:
    """The figure with its interval, and its `verdict`: `.07 [−.10, .24] (can't be told from 0)`."""
    figure, said = _shown_figure(results, name), verdict(results, name, more, less)
    return said if said == figure else f"{figure} ({said})"


def side_by_side(results: Mapping[str, Any], names: Mapping[str, str], more: str, less: str) -> str:
    """Several contrasts, then their verdicts: `.27 (one), −.31 (other): better (one); worse (other)`.

    Args:
        results: of the study, as for `verdict`.
        names: what each is called in the sentence, to the contrast.
        more: what a figure above 0 says.
        less: what one below 0 says.
    """
    figures = ", ".join(f"{_shown_figure(results, name)} ({called})" for called, name in names.items())
    by_verdict: dict[str, list[str]] = {}
    for called, name in names.items():
        by_verdict.setdefault(verdict(results, name, more, less), []).append(called)
    if len(by_verdict) == 1:
        return f"{figures}: {next(iter(by_verdict))}"
    return f"{figures}: " + "; ".join(f"{said} ({', '.join(those)})" for said, those in by_verdict.items())


def _shown_figure(results: Mapping[str, Any], name: str) -> str:
    """An interval only where it is read as one; otherwise each seed's figure."""
    if is_judged(results):
        return _figure(results, name).full
    return each_seed(results["contrasts"]["all"][name])


def _figure(results: Mapping[str, Any], name: str) -> Figure:
    return Figure.of(results["contrasts"]["all"][name])
