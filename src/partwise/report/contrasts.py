"""A study's contrasts on its page: which was named before it ran, and which others survive correction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.drawing import FEW
from partwise.report.page import Table
from partwise.report.reading import Figure
from partwise.runs.progress import short_number


def contrast_table(found: Mapping[str, Any]) -> Table:
    """The table of what `measure.contrasts.contrasts` returned."""
    rows = [
        [
            f"{name} (primary)" if name == found["primary"] else name,
            Figure.of(contrast).full,
            _by_seed(contrast),
            _chance(contrast["p"]),
            "" if name == found["primary"] else _chance(contrast["holm"]),
            "yes" if contrast["told"] else "no",
        ]
        for name, contrast in found["all"].items()
    ]
    return Table(
        heading="Contrasts",
        note="Mean over seeds and 95% interval of a figure that is 0 where there is no difference; two-sided "
        "t tests over seeds. The primary contrast was named in the settings before the study ran; the others "
        "count as found only where Holm's correction for their number leaves p below .05.",
        columns=["contrast", "figure", "by seed", "p", "p, corrected", "told from 0"],
        rows=rows,
    )


def is_told(found: Mapping[str, Any], name: str) -> bool:
    """Whether a contrast can be told from zero: by itself if it is the primary one, else after correction."""
    return bool(found["all"][name]["told"])


def _by_seed(contrast: Mapping[str, Any]) -> str:
    values = contrast["by_seed"]
    if len(values) >= FEW:
        return f"{len(values)} seeds"
    return " ".join("–" if value is None else short_number(value) for value in values)


def _chance(p: float | None) -> str:
    if p is None:
        return ""
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 1 else "1"
