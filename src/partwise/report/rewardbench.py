"""How a reward model did on RewardBench, as JSON and as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.page import Page, Table
from partwise.report.reading import Figure, group


def rewardbench_page(results: Mapping[str, Any]) -> Page:
    """The page of `partwise rewardbench`."""
    overall = Figure.of(results["overall"])
    tied = f"; {results['ties']:,} were ties, which count as lost" if results["ties"] else ""
    return Page(
        title=f"RewardBench: {results['model']}",
        sentences=[
            f"Of {_many(overall.n, 'comparison')}, the mean of the sections is {overall.full}{tied}."
            if overall.mean is not None
            else f"Over {_many(results['comparisons'], 'comparison')} there is no overall score: it is the "
            f"mean of all sections, and some section lacks a subset{tied}.",
            *_uncounted(results),
        ],
        tables=[
            table
            for table in (
                _shares("Sections", "Mean over all of their subsets, by their published sizes.", results),
                _shares("Subsets", "Share of comparisons in which the better text scores higher.", results),
            )
            if table.rows
        ],
    )


def _uncounted(results: Mapping[str, Any]) -> list[str]:
    """What counts nowhere, and why."""
    said: list[str] = []
    if unscored := results["without_score"]:
        said.append(
            f"In {_many(len(unscored), 'comparison')} a text has no finite score; they count nowhere: "
            f"{', '.join(unscored[:3])}{', ...' if len(unscored) > 3 else ''}."
        )
    alike = results["left_out"] - len(results["dropped"])
    if alike:
        said.append(f"Left out: {_many(alike, 'row')} of two equal answers.")
    if dropped := results["dropped"]:
        said.append(f"Dropped: {_many(len(dropped), 'row')}, such as this: {dropped[0]}")
    return said


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _shares(heading: str, note: str, results: Mapping[str, Any]) -> Table:
    figures = {name: Figure.of(found) for name, found in group(results, heading.lower()).items()}
    return Table(
        heading=heading,
        note=note,
        columns=[heading.lower()[:-1], "won", "comparisons"],
        rows=[[name, figure.full, f"{figure.n:,}"] for name, figure in figures.items() if figure.n],
    )
