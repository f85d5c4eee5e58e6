"""A study's contrasts on its page: which was named before it ran, and which others survive correction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.drawing import FEW
from partwise.report.judging import LEAST, is_judged
from partwise.report.page import Table
from partwise.report.reading import Figure, number

_NOTE = (
    "Mean over seeds and 95% interval of a figure that is 0 where there is no difference; two-sided "
    "t tests over seeds. The primary contrast was named in the settings before the study ran; the others "
    "count as found only where Holm's correction for their number leaves p below .05."
)
_UNJUDGED = (
    "A figure that is 0 where there is no difference, by seed. The primary contrast was named in the "
    f"settings before the study ran. None is judged: that takes at least {LEAST} seeds, and no quick run."
)


def contrast_table(results: Mapping[str, Any]) -> Table:
    """The table of a study's contrasts, as `measure.contrasts.contrasts` returned them."""
    found, judged = results["contrasts"], is_judged(results)
    columns = ["contrast", "figure", "by seed", "p", "p, corrected", "told from 0"]
    return Table(
        heading="Contrasts",
        note=_NOTE if judged else _UNJUDGED,
        columns=columns if judged else [*columns[:3], "judged"],
        rows=[
            [
                f"{name} (primary)" if name == found["primary"] else name,
                *(_weighed(results, name) if judged else _shown(contrast)),
            ]
            for name, contrast in found["all"].items()
        ],
    )


def is_told(results: Mapping[str, Any], name: str) -> bool:
    """Whether a contrast can be told from zero: by itself if it is the primary one, else after correction.

    Nothing can of a study that is not judged, nor of a contrast that too few of its seeds have.
    """
    contrast = results["contrasts"]["all"][name]
    return is_judged(results) and contrast["n"] >= LEAST and bool(contrast["told"])


def _weighed(results: Mapping[str, Any], name: str) -> list[str]:
    contrast, primary = results["contrasts"]["all"][name], results["contrasts"]["primary"]
    return [
        Figure.of(contrast).full,
        _by_seed(contrast),
        _chance(contrast["p"]),
        "" if name == primary else _chance(contrast["holm"]),
        "yes" if is_told(results, name) else "no",
    ]


def _shown(contrast: Mapping[str, Any]) -> list[str]:
    return [Figure.of(contrast).text, _by_seed(contrast), "no"]


def _by_seed(contrast: Mapping[str, Any]) -> str:
    values = contrast["by_seed"]
    if len(values) >= FEW:
        return f"{len(values)} seeds"
    return " ".join("–" if value is None else number(value) for value in values)


def _chance(p: float | None) -> str:
    if p is None:
        return ""
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 1 else "1"
