"""How often forecasts of a study's ladders held; apart from the ladders, so that a page loads no models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from partwise.measure.intervals import SHARE
from partwise.report.page import Table
from partwise.report.reading import Figure
from partwise.studies.grid.seeds import seeded


def forecasts_of(made: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each forecast of a ladder that said something, of its generations as its `results.json` has them.

    Returns:
        `method`; `off`: how far its mean lay from the conformity that came, 0 to 1; `held`: whether its
        interval had what came.
    """
    return [
        {
            "method": method,
            "off": abs(said["mean"] - each["plus"]["own"]["conformity"]["mean"]),
            "held": said["held"],
        }
        for each in made
        for method, said in each["forecasts"].items()
        if said["held"] is not None
    ]


def forecasts_held(by_seed: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Method to the share of its forecasts that held and how far off they were, and how many there were.

    A seed's ladders have a corpus and first models in common, so that n counts seeds.

    Args:
        by_seed: of each seed the outcomes of its ladders, with `forecasts`.
    """
    methods = dict.fromkeys(row["method"] for cells in by_seed for row in _rows(cells))
    found: dict[str, Any] = {}
    for method in methods:
        rows = [[row for row in _rows(cells) if row["method"] == method] for cells in by_seed]
        found[method] = {
            "held": seeded([_mean(each, "held") for each in rows], SHARE),
            "off": seeded([_mean(each, "off") for each in rows], SHARE),
            "forecasts": sum(map(len, rows)),
        }
    return found


def forecast_table(results: Mapping[str, Any]) -> Table:
    """How often each method's interval had what came, of a study's `results.json`."""
    return Table(
        heading="How often forecasts held",
        note="Of each generation's conformity after injection, said before it was trained. Held: the share "
        "of 95% intervals that had what came, which should be .95; off: how far the forecast lay from it. "
        "Mean over seeds, each over its ladders. An interval knows of scenes and not of what training may "
        "change.",
        columns=["method", "held", "off", "forecasts"],
        rows=[
            [method, Figure.of(said["held"]).full, Figure.of(said["off"]).full, f"{said['forecasts']:,}"]
            for method, said in results["forecasts"].items()
        ],
    )


def _rows(cells: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for cell in cells for row in cell["forecasts"]]


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    return fmean(float(row[name]) for row in rows) if rows else None
