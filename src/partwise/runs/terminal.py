"""Results as tables in a terminal or a log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.runs.progress import short_number
from partwise.runs.reading import Figure, gap_sentences, group, ordered, ran_share, run_sentences
from partwise.runs.text import shown, terminal

_COLUMNS = (
    ("aligned_and_correct", "aligned and correct"),
    ("correct", "correct"),
    ("aligned", "aligned"),
    ("hacking_rate", "hacking rate"),
)


def print_run(results: Mapping[str, Any]) -> None:
    """Base against trained, and what that says."""
    arms = {name: group(results, name) for name in ("base", "trained")}
    _print_arms(arms, "Shares of the held-out solutions that ran, with 95% intervals", run_sentences(results))


def print_study(results: Mapping[str, Any]) -> None:
    """Each arm, and what they say of part-to-complete generalization."""
    arms = group(results, "arms")
    _print_arms(
        {name: group(arms, name) for name in ordered(arms)},
        "Shares of the held-out solutions that ran, with 95% intervals",
        gap_sentences(results),
    )


def _print_arms(arms: Mapping[str, Mapping[str, Any]], title: str, sentences: list[str]) -> None:
    from rich import box
    from rich.table import Table

    console = terminal()
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("arm", style="bold")
    for _, heading in _COLUMNS:
        table.add_column(heading)
    table.add_column("ran", justify="right")
    table.add_column("n", justify="right")
    for name, arm in arms.items():
        ran = ran_share(arm)
        figures = [Figure.of(arm.get(key)) for key, _ in _COLUMNS]
        table.add_row(
            shown(name),
            *(figure.full.replace("−", "-") for figure in figures),
            "" if ran is None else short_number(ran),
            f"{figures[0].n:,}",
        )
    console.print(table)
    for sentence in sentences:
        console.print(shown(sentence).replace("−", "-"))
