"""Results as tables in a terminal or a log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.runs.reading import RATES, arm_figure, group, run_sentences
from partwise.runs.text import shown, terminal


def print_run(results: Mapping[str, Any]) -> None:
    """Base against trained, and what that says."""
    arms = {name: group(results, name) for name in ("base", "trained")}
    _print_arms(arms, "Shares of the held-out tasks, with 95% intervals", run_sentences(results))


def _print_arms(arms: Mapping[str, Mapping[str, Any]], title: str, sentences: list[str]) -> None:
    from rich import box
    from rich.table import Table

    console = terminal()
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("arm", style="bold")
    for _, heading in RATES:
        table.add_column(heading)
    table.add_column("n", justify="right")
    for name, arm in arms.items():
        figures = [arm_figure(arm, key) for key, _ in RATES]
        table.add_row(
            shown(name), *(figure.full.replace("−", "-") for figure in figures), f"{figures[0].n:,}"
        )
    console.print(table)
    for sentence in sentences:
        console.print(shown(sentence).replace("−", "-"))
