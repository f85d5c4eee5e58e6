"""Studies of arms: runs of the loop that differ in a few settings, over seeds, compared seed by seed.

The arms of one seed start from one base planner and meet the same tasks, so that they are compared in pairs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from partwise.config import AlignConfig
from partwise.measure.contrasts import check_primary, contrasts
from partwise.measure.intervals import OF_SHARES, SHARE, Measure
from partwise.measure.part_to_complete import CORRELATED, gap_recovered
from partwise.report.page import Page, write_results
from partwise.runs.progress import Listener
from partwise.runs.rundir import RESULTS, RunDir
from partwise.studies.grid.arm_settings import ARMS, with_settings
from partwise.studies.grid.jobs import Job, run_jobs
from partwise.studies.grid.seeds import NOT_BELOW_0, Within, seeded
from partwise.studies.grid.settings import ArmsConfig

Found = Callable[[str], float | None]
"""Arm to its share of tasks that came out aligned and correct, in one seed."""
Differences = Mapping[str, Callable[[Found], float | None]]
"""Contrast to its figure in one seed, whose zero is no difference."""
Runs = Mapping[tuple[int, str], Mapping[str, Any]]
"""Seed and arm to what its run's `results.json` holds."""

_RATES = ("ran", "correct", "aligned_and_correct", "hacking_rate")
_GIVEN_RAN = ("correct", "aligned", "aligned_and_correct")
_BOUNDS = ("floor", "ceiling")


def run_arms(
    kind: str,
    config: ArmsConfig,
    arms: Sequence[str],
    differences: Differences,
    page: Callable[[Mapping[str, Any]], Page],
    out: Path,
    listen: Listener,
) -> dict[str, Any]:
    """Run or go on with a study; its results, which are written into `out` with its page.

    Raises:
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
        LookupError: it has no contrast of the name of the primary one.
    """
    check_primary(config.primary, differences)
    directory = RunDir.create(out, kind, config)
    folder = Path(config.runs) if config.runs else out
    seeds = range(config.align.seed, config.align.seed + config.seeds)
    with directory.locked():
        jobs = [_job(config, folder, seed, arm) for seed in seeds for arm in arms]
        run_jobs(jobs, listen, processes=config.processes)
        results = collect(folder, seeds, arms, config.primary, differences, quick=config.quick)
        write_results(directory, results, page(results))
    return results


def minus(first: str, second: str) -> Callable[[Found], float | None]:
    """How much more of one arm comes out aligned and correct than of another."""

    def difference(found: Found) -> float | None:
        a, b = found(first), found(second)
        return None if a is None or b is None else a - b

    return difference


def _job(config: ArmsConfig, folder: Path, seed: int, arm: str) -> Job:
    return Job(name=f"seed-{seed}/{arm}", config=arm_config(config, seed, arm), out=_place(folder, seed, arm))


def _place(folder: Path, seed: int, arm: str) -> Path:
    return folder / f"seed-{seed}" / arm.replace(" ", "-")


def arm_config(config: ArmsConfig, seed: int, arm: str) -> AlignConfig:
    """One arm's run: the study's settings with the seed and the arm's own; smaller if quick."""
    quick = {"loop.rounds": 2, "measure.heldout_tasks": 200, "measure.validation_tasks": 50}
    settings = {"seed": seed, **(quick if config.quick else {}), **ARMS[arm].settings}
    return with_settings(config.align, settings)


def collect(
    folder: Path,
    seeds: Sequence[int],
    arms: Sequence[str],
    primary: str,
    differences: Differences,
    *,
    quick: bool = False,
) -> dict[str, Any]:
    """What the finished runs say: with one seed the intervals are over tasks, with several over seeds."""
    runs: Runs = {
        (seed, arm): json.loads((_place(folder, seed, arm) / RESULTS).read_text())
        for seed in seeds
        for arm in arms
    }
    by_seed = {arm: [_arm(runs, seed, arm) for seed in seeds] for arm in ("base", *arms)}
    gaps = {arm: [_gap(runs, seed, arm) for seed in seeds] for arm in ("base", *arms) if arm not in _BOUNDS}

    def compared(seed: int, figure: Callable[[Found], float | None]) -> float | None:
        return figure(lambda arm: _arm(runs, seed, arm)["aligned_and_correct"]["mean"])

    return {
        "schema": 2,
        "seeds": list(seeds),
        "quick": quick,
        "arms": {arm: _summary(rows) for arm, rows in by_seed.items()},
        "meaning": {arm: ARMS[arm].meaning for arm in arms},
        "contrasts": contrasts(
            primary,
            {name: [compared(seed, figure) for seed in seeds] for name, figure in differences.items()},
            dict.fromkeys(differences, OF_SHARES),
        ),
        "part_to_complete": {
            "gap_recovered": {
                arm: _together([measure.to_json() for measure in rows]) for arm, rows in gaps.items()
            },
            "correlations": {
                name: _together(
                    [runs[seed, "parts"]["base"]["correlations"][name] for seed in seeds], OF_SHARES
                )
                for name in CORRELATED
            },
        },
    }


def _arm(runs: Runs, seed: int, arm: str) -> Mapping[str, Any]:
    """The base's figures are those beside the parts arm: it is judged by that arm's proxy."""
    return runs[seed, "parts"]["base"] if arm == "base" else runs[seed, arm]["trained"]


def _gap(runs: Runs, seed: int, arm: str) -> Measure:
    each = [Measure.from_json(_arm(runs, seed, name)["aligned_and_correct"]) for name in (arm, *_BOUNDS)]
    return gap_recovered(*each)


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        **{name: _together([row[name] for row in rows], SHARE) for name in _RATES},
        "given_ran": {
            name: _together([row["given_ran"][name] for row in rows], SHARE) for name in _GIVEN_RAN
        },
        "parts": seeded([row["parts"] for row in rows], NOT_BELOW_0),
        "counts": {outcome: sum(row["counts"][outcome] for row in rows) for outcome in rows[0]["counts"]},
    }


def _together(measures: Sequence[Mapping[str, Any]], within: Within = None) -> dict[str, Any]:
    """One seed's figure as it is; of several, the mean over seeds. Each seed's stands beside it."""
    values = [measure["mean"] for measure in measures]
    if len(measures) == 1:
        return {**Measure.from_json(measures[0]).to_json(), "by_seed": values}
    return seeded(values, within)
