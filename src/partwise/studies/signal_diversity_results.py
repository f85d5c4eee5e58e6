"""What the cells of the study of signal diversity say, put together over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partwise.measure.intervals import over_seeds

Cells = Mapping[str, Mapping[str, Any]]
_FIGURES = ("labels", "accuracy", "hard", "calibration_error", "brier")


def collect(
    seeds: Sequence[int], settings: Sequence[str], methods: Sequence[str], said: Cells, students: Cells
) -> dict[str, Any]:
    """What was found in each setting, beside the ceiling.

    Args:
        seeds: of the study.
        settings: by name; `advantage` is that of the first over the second.
        methods: how signals were combined.
        said: the sources, by name of the cell.
        students: what learned from them, by name of the cell.
    """
    found = {setting: _setting(seeds, setting, methods, said, students) for setting in settings}
    return {
        "ceiling": {
            name: over([students[f"seed-{seed}/ceiling"][name]["mean"] for seed in seeds])
            for name in ("accuracy", "calibration_error")
        },
        "settings": found,
        "advantage": {
            method: over(
                [
                    more - less
                    for more, less in zip(
                        *(found[setting]["gain"][method]["by_seed"] for setting in settings[:2]), strict=True
                    )
                ]
            )
            for method in methods
        },
    }


def _setting(
    seeds: Sequence[int], setting: str, methods: Sequence[str], said: Cells, students: Cells
) -> dict[str, Any]:
    heard = [said[f"seed-{seed}/{setting}/sources"] for seed in seeds]
    singles = [students[f"seed-{seed}/{setting}/alone"] for seed in seeds]
    joined = {method: [students[f"seed-{seed}/{setting}/{method}"] for seed in seeds] for method in methods}
    names, size = list(singles[0]), len(singles[0])
    mean = [_mean([single[name]["accuracy"]["mean"] for name in names]) for single in singles]
    best = [max(single[name]["accuracy"]["mean"] for name in names) for single in singles]
    final = {m: [one[str(size)]["accuracy"]["mean"] for one in rows] for m, rows in joined.items()}
    return {
        "sources": {
            name: {
                "labels": over([each["accuracy"][name] for each in heard]),
                "student": over([single[name]["accuracy"]["mean"] for single in singles]),
            }
            for name in names
        },
        "correlation": [
            [over([each["correlation"][i][j] for each in heard]) for j in range(size)] for i in range(size)
        ],
        "mean_correlation": over([each["mean_correlation"] for each in heard]),
        "marginal": {
            method: [
                {
                    key: over([each["marginal"][method][n][key] for each in heard])
                    for key in ("accuracy", "benefit")
                }
                for n in range(size)
            ]
            for method in heard[0]["marginal"]
        },
        "students": {
            method: [_alone(singles)] + [_joined([one[str(n)] for one in rows]) for n in range(2, size + 1)]
            for method, rows in joined.items()
        },
        "single": {"mean": over(mean), "best": over(best)},
        "gain": {m: over([a - b for a, b in zip(rows, mean, strict=True)]) for m, rows in final.items()},
        "over_best": {m: over([a - b for a, b in zip(rows, best, strict=True)]) for m, rows in final.items()},
        "review": {
            key: over([each["review"] and each["review"][key] for each in heard])
            for key in ("tau", "fair_rank")
        },
    }


def _joined(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: over([_read(row, name) for row in rows]) for name in _FIGURES}


def _alone(singles: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """One source: the mean over all of them, whichever joins first."""
    return {
        name: over([_mean([_read(row, name) for row in single.values()]) for single in singles])
        for name in _FIGURES
    }


def _read(row: Mapping[str, Any], name: str) -> float:
    if name == "labels":
        return row["labels"]
    return (row["groups"] if name == "hard" else row)[name]["mean"]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def over(values: Sequence[float | None]) -> dict[str, Any]:
    """A figure over seeds, and of each seed."""
    return {**over_seeds(values).to_json(), "by_seed": list(values)}
