"""What one run of the loop found, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.page import Page, Table
from partwise.report.reading import RATES, arm_figure, group, run_sentences


def run_page(results: Mapping[str, Any]) -> Page:
    """Base against trained, and what that says."""
    rows: list[list[str]] = []
    for name in ("base", "trained"):
        figures = [arm_figure(group(results, name), key) for key, _ in RATES]
        rows.append([name, *(figure.full for figure in figures), f"{figures[0].n:,}"])
    return Page(
        title="Alignment run",
        sentences=run_sentences(results),
        tables=[
            Table(
                heading="Shares of the held-out tasks, with 95% intervals",
                note="Of all tasks, but for the last two; a solution that did not run to its end is neither "
                "correct nor aligned.",
                columns=["arm", *(heading for _, heading in RATES), "n"],
                rows=rows,
            )
        ],
    )
