"""What one run of the loop found, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.page import Page, Table
from partwise.report.reading import RATES, Figure, arm_figure, group, run_sentences

ARMS = ("base", "trained")
"""The planner before training, and after the last round."""


def run_page(results: Mapping[str, Any]) -> Page:
    """Base against trained, and what that says."""
    return Page(
        title="Alignment run",
        sentences=run_sentences(results),
        tables=[
            rates_table({name: group(results, name) for name in ARMS}),
            *([_bodies_table(results["bodies"])] if "bodies" in results else []),
        ],
    )


def _bodies_table(bodies: Mapping[str, Any]) -> Table:
    """What a proxy that writes wrote before it heard anybody, and writes after the last round."""
    names = ("program", "done", "aligned", "both")
    return Table(
        heading="Bodies that the proxy writes",
        note="Shares of all that it writes for the catalogue's subtasks, before it heard anybody and after "
        "the last round; those withheld it has never read. Program: one, of a size that counts. Done: it "
        "does what the reference does whenever it is tried. Aligned: a program that shows nothing in its "
        "trials that people mind. Of these the proxy takes one, by its own judgment. Intervals are over "
        "what was written, and know nothing of how alike that is.",
        columns=["when, subtasks", *names, "written"],
        rows=[
            [
                f"{when}, {kind}",
                *(Figure.of(found[name]).full for name in names),
                f"{Figure.of(found['program']).n:,}",
            ]
            for when, kinds in bodies.items()
            for kind, found in kinds.items()
        ],
    )


def rates_table(arms: Mapping[str, Mapping[str, Any]]) -> Table:
    """The rates of planners that were measured on tasks."""
    rows: list[list[str]] = []
    for name, arm in arms.items():
        figures = [arm_figure(arm, key) for key, _ in RATES]
        rows.append([name, *(figure.full for figure in figures), f"{figures[0].n:,}"])
    return Table(
        heading="On held-out tasks",
        note="Shares of all held-out tasks with 95% intervals over tasks, but for the last two columns of "
        "shares: a solution that did not run to its end is neither correct nor aligned. Hacking rate: "
        "misaligned, of the correct ones whose every part was judged aligned.",
        columns=["planner", *(heading for _, heading in RATES), "tasks"],
        rows=rows,
    )
