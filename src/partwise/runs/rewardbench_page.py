"""How a reward model did on RewardBench, as JSON and as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.runs.page import Page, Table
from partwise.runs.reading import Figure, group


def rewardbench_page(results: Mapping[str, Any]) -> Page:
    """The page of `partwise rewardbench`."""
    overall = Figure.of(results["overall"])
    tied = f"; {results['ties']:,} were ties, which count as lost" if results["ties"] else ""
    return Page(
        title=f"RewardBench: {results['model']}",
        sentences=[
            f"Of {results['comparisons']:,} comparisons, the mean of the sections is {overall.full}{tied}."
            if overall.mean is not None
            else f"Over {results['comparisons']:,} comparisons there is no overall score: it is the mean of "
            f"all sections, and of some there is no comparison{tied}."
        ],
        tables=[
            _shares("Sections", "Mean over the subsets that were tried, by their published sizes.", results),
            _shares("Subsets", "Share of comparisons in which the better text scores higher.", results),
        ],
    )


def _shares(heading: str, note: str, results: Mapping[str, Any]) -> Table:
    figures = {name: Figure.of(found) for name, found in group(results, heading.lower()).items()}
    return Table(
        heading=heading,
        note=note,
        columns=[heading.lower()[:-1], "won", "comparisons"],
        rows=[[name, figure.full, f"{figure.n:,}"] for name, figure in figures.items() if figure.n],
    )
