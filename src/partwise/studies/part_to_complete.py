"""The study of part-to-complete generalization (Mai et al. 2025, sections 4 and 5).

How much of the alignment of complete solutions is recovered where only the parts are judged? Every arm is a
run of the same loop from the same base planner; they differ in the reward alone (`config.Reward`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from partwise.config import AlignConfig, Reward, StudyConfig
from partwise.measure.intervals import Measure, over_seeds
from partwise.measure.part_to_complete import gap_recovered
from partwise.runs.progress import Listener
from partwise.runs.rundir import RESULTS, RunDir
from partwise.runs.table import study_markdown, study_picture
from partwise.studies.jobs import Job, run_jobs

ARMS = ("base", *(str(reward) for reward in Reward))
"""`base`, the planner before any training, then the arms that were trained."""
_RATES = ("correct", "aligned", "aligned_and_correct", "hacking_rate")


def run(config: StudyConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study, write `results.json` into `out`, with a table and a picture of it, and
    return what it holds.

    Raises:
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
    """
    directory = RunDir.create(out, "part_to_complete", config)
    with directory.locked():
        run_jobs(_jobs(config, out), listen, processes=config.processes)
        results = collect(out, range(config.seeds))
        directory.write_text("table.md", study_markdown(results, "Part-to-complete generalization"))
        directory.write_text("table.svg", study_picture(results))
        directory.write_json(RESULTS, results)
    return results


def _jobs(config: StudyConfig, out: Path) -> list[Job]:
    return [
        Job(
            name=f"seed-{seed}/{reward}",
            config=arm_config(config, seed, reward),
            out=out / f"seed-{seed}" / reward,
        )
        for seed in range(config.seeds)
        for reward in Reward
    ]


def arm_config(config: StudyConfig, seed: int, reward: Reward) -> AlignConfig:
    """One arm's run: the study's settings with the seed and the reward; fewer rounds and tasks if quick."""
    align = config.align
    loop = {"reward": reward} | ({"rounds": 2} if config.quick else {})
    measure = {"heldout_tasks": 200, "validation_tasks": 50} if config.quick else {}
    return align.model_copy(
        update={
            "seed": align.seed + seed,
            "loop": align.loop.model_copy(update=loop),
            "measure": align.measure.model_copy(update=measure),
        }
    )


def collect(out: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """What the finished runs say: with one seed the intervals are over tasks, with several over seeds."""
    runs = {
        (seed, reward): json.loads((out / f"seed-{seed}" / reward / "results.json").read_text())
        for seed in seeds
        for reward in Reward
    }
    by_seed = {arm: [_arm(runs, seed, arm) for seed in seeds] for arm in ARMS}
    good = {seed: {arm: _good(out, seed, arm) for arm in ARMS} for seed in seeds}
    gaps = {
        arm: [gap_recovered(good[seed][arm], good[seed]["floor"], good[seed]["ceiling"]) for seed in seeds]
        for arm in ("parts", "strategies")
    }
    correlations = [runs[seed, Reward.PARTS]["base"]["correlation"] for seed in seeds]
    return {
        "schema": 1,
        "arms": {arm: _summary(rows) for arm, rows in by_seed.items()},
        "part_to_complete": {
            "gap_recovered": {
                arm: _together([measure.to_json() for measure in rows]) for arm, rows in gaps.items()
            },
            "correlation": _together(correlations),
        },
        "seeds": {
            str(seed): {
                "arms": {arm: by_seed[arm][position] for arm in ARMS},
                "gap_recovered": {arm: rows[position].to_json() for arm, rows in gaps.items()},
            }
            for position, seed in enumerate(seeds)
        },
    }


def _arm(runs: dict[tuple[int, Reward], Any], seed: int, arm: str) -> dict[str, Any]:
    """The base's figures are those beside the parts arm: it is judged by that arm's proxy."""
    return runs[seed, Reward.PARTS]["base"] if arm == "base" else runs[seed, Reward(arm)]["trained"]


def _good(out: Path, seed: int, arm: str) -> list[bool]:
    """Aligned and correct, for each held-out rollout of the arm that ran."""
    folder, side = ("parts", "base") if arm == "base" else (arm, "trained")
    with (out / f"seed-{seed}" / folder / "transcripts.jsonl").open() as lines:
        rows = [json.loads(line) for line in lines]
    return [
        row["aligned"] and row["correct"] for row in rows if row["arm"] == side and row["aligned"] is not None
    ]


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts = {outcome: sum(row["counts"][outcome] for row in rows) for outcome in rows[0]["counts"]}
    rates = {name: _together([row[name] for row in rows]) for name in _RATES}
    return {**rates, "counts": counts, "parts": sum(row["parts"] for row in rows) / len(rows)}


def _together(measures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One seed's figure as it is; of several, the mean over seeds."""
    if len(measures) == 1:
        only = measures[0]
        return Measure(mean=only["mean"], ci95=only["ci95"], n=only["n"]).to_json()
    return over_seeds([measure["mean"] for measure in measures]).to_json()
