"""What the cells of the study of signal diversity say, put together over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from partwise.measure.contrasts import contrasts
from partwise.measure.intervals import OF_SHARES, SHARE
from partwise.studies.grid.seeds import seeded

Cells = Mapping[str, Mapping[str, Any]]
_FIGURES = ("labels", "accuracy", "hard", "calibration_error", "brier")


def collect(
    seeds: Sequence[int],
    settings: Sequence[str],
    methods: Sequence[str],
    said: Cells,
    students: Cells,
    primary: str,
) -> dict[str, Any]:
    """What was found in each setting, beside the ceiling.

    Args:
        seeds: of the study.
        settings: by name; an advantage is that of the first over the second.
        methods: how signals were combined.
        said: the sources, by name of the cell.
        students: what learned from them, by name of the cell.
        primary: the contrast that was named before.
    """
    found = {setting: _setting(seeds, setting, methods, said, students) for setting in settings}
    by_seed = {name: figures(found) for name, figures in contrasted(settings, methods).items()}
    return {
        "contrasts": contrasts(primary, by_seed, dict.fromkeys(by_seed, OF_SHARES)),
        "ceiling": {
            name: seeded([students[f"seed-{seed}/ceiling"][name]["mean"] for seed in seeds], SHARE)
            for name in ("accuracy", "calibration_error")
        },
        "methods": list(methods),
        "settings": found,
    }


Figured = Callable[[Mapping[str, Any]], list[float | None]]
"""A figure of each seed, from what was found in each setting."""


def contrasted(settings: Sequence[str], methods: Sequence[str]) -> dict[str, Figured]:
    """Contrast to its figures: what the page compares. The first method, where the name has none."""

    def advantage(method: str) -> Figured:
        return lambda found: _minus(*(found[setting]["gain"][method] for setting in settings[:2]))

    def gain(kind: str, setting: str) -> Figured:
        return lambda found: list(found[setting][kind][methods[0]]["by_seed"])

    def six_less_one(figure: str, setting: str) -> Figured:
        def less(found: Mapping[str, Any]) -> list[float | None]:
            steps = found[setting]["students"][methods[0]]
            return _minus(steps[-1][figure], steps[0][figure])

        return less

    return {f"advantage, {method}": advantage(method) for method in methods} | {
        f"{name}, {setting}": made(figure, setting)
        for name, made, figure in (
            ("gain", gain, "gain"),
            ("over the best", gain, "over_best"),
            ("labels of six less one", six_less_one, "labels"),
            ("calibration error of six less one", six_less_one, "calibration_error"),
        )
        for setting in settings
    }


def _minus(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[float | None]:
    """Seed by seed."""
    return [
        None if a is None or b is None else a - b
        for a, b in zip(first["by_seed"], second["by_seed"], strict=True)
    ]


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
                "labels": seeded([each["accuracy"][name] for each in heard], SHARE),
                "student": seeded([single[name]["accuracy"]["mean"] for single in singles], SHARE),
            }
            for name in names
        },
        "correlation": [
            [seeded([each["correlation"][i][j] for each in heard], OF_SHARES) for j in range(size)]
            for i in range(size)
        ],
        "mean_correlation": seeded([each["mean_correlation"] for each in heard], OF_SHARES),
        "marginal": {
            method: [
                {
                    key: seeded([each["marginal"][method][n][key] for each in heard], within)
                    for key, within in (("accuracy", SHARE), ("benefit", OF_SHARES))
                }
                for n in range(size)
            ]
            for method in heard[0]["marginal"]
        },
        "students": {
            method: [_alone(singles)] + [_joined([one[str(n)] for one in rows]) for n in range(2, size + 1)]
            for method, rows in joined.items()
        },
        "single": {"mean": seeded(mean, SHARE), "best": seeded(best, SHARE)},
        **{
            name: {
                m: seeded([a - b for a, b in zip(rows, single, strict=True)], OF_SHARES)
                for m, rows in final.items()
            }
            for name, single in (("gain", mean), ("over_best", best))
        },
        "review": _review(heard, size),
    }


def _review(heard: Sequence[Mapping[str, Any]], size: int) -> dict[str, Any]:
    """What the sources say of each other; the fair person is under review beside them."""
    return {
        key: seeded([each["review"] and each["review"][key] for each in heard], within)
        for key, within in (("tau", OF_SHARES), ("fair_rank", (1.0, size + 1.0)))
    }


def _joined(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: seeded([_read(row, name) for row in rows], SHARE) for name in _FIGURES}


def _alone(singles: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """One source: the mean over all of them, whichever joins first."""
    return {
        name: seeded([_mean([_read(row, name) for row in single.values()]) for single in singles], SHARE)
        for name in _FIGURES
    }


def _read(row: Mapping[str, Any], name: str) -> float:
    if name == "labels":
        return row["labels"]
    return (row["groups"] if name == "hard" else row)[name]["mean"]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
