"""What may be said of a study's contrasts: that there is a difference only where it can be told from zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.contrasts import is_told
from partwise.report.reading import Figure, gap_sentences

_NOT_TOLD = "can't be told from 0"
_TOLD = "differs from 0"


def contrast_sentences(found: Mapping[str, Any]) -> list[str]:
    """The primary contrast, and which of the others survive the correction for their number."""
    primary = found["primary"]
    others = [name for name in found["all"] if name != primary]
    survive = [f"`{name}`, {_figure(found, name).full}" for name in others if is_told(found, name)]
    return [
        primary_sentence(found),
        f"Of the {len(others)} other contrasts, {len(survive) or 'none'} differ from 0 after Holm's "
        f"correction for their number{': ' * bool(survive)}{'; '.join(survive)}.",
    ]


def arms_sentences(results: Mapping[str, Any]) -> list[str]:
    """What a study of arms says, the primary contrast first; contrasts are of what is aligned and correct."""
    return [*contrast_sentences(results["contrasts"]), *gap_sentences(results)]


def primary_sentence(found: Mapping[str, Any]) -> str:
    """What the primary contrast comes to."""
    primary = found["primary"]
    return f"Primary contrast, named before the runs: `{primary}` is {weighed(found, primary, _TOLD, _TOLD)}."


def verdict(found: Mapping[str, Any], name: str, more: str, less: str) -> str:
    """`more` or `less`, by its sign, of a contrast that differs from 0; of others, why not.

    Args:
        found: what `measure.contrasts.contrasts` returned.
        name: of the contrast.
        more: what a figure above 0 says.
        less: what one below 0 says.
    """
    figure = _figure(found, name)
    if figure.mean is None:
        return "undefined"
    if figure.n < 2:
        return "one seed, which says nothing yet"
    if not is_told(found, name):
        return _NOT_TOLD
    return more if figure.mean > 0 else less


def weighed(found: Mapping[str, Any], name: str, more: str, less: str) -> str:
    """The figure with its interval, and its `verdict`: `.07 [−.10, .24] (can't be told from 0)`."""
    figure, said = _figure(found, name).full, verdict(found, name, more, less)
    return said if said == figure else f"{figure} ({said})"


def side_by_side(found: Mapping[str, Any], names: Mapping[str, str], more: str, less: str) -> str:
    """Several contrasts, then their verdicts: `.27 (one), −.31 (other): better (one); worse (other)`.

    Args:
        found: what `measure.contrasts.contrasts` returned.
        names: what each is called in the sentence, to the contrast.
        more: what a figure above 0 says.
        less: what one below 0 says.
    """
    figures = ", ".join(f"{_figure(found, name).full} ({called})" for called, name in names.items())
    by_verdict: dict[str, list[str]] = {}
    for called, name in names.items():
        by_verdict.setdefault(verdict(found, name, more, less), []).append(called)
    if len(by_verdict) == 1:
        return f"{figures}: {next(iter(by_verdict))}"
    return f"{figures}: " + "; ".join(f"{said} ({', '.join(those)})" for said, those in by_verdict.items())


def _figure(found: Mapping[str, Any], name: str) -> Figure:
    return Figure.of(found["all"][name])
