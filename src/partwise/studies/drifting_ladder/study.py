"""The ladders of the study, and what they say together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from partwise.config import Order, ProgressConfig, Reward
from partwise.loops.progress_run import progress
from partwise.measure.contrasts import check_primary, contrasts
from partwise.measure.intervals import SHARE, Measure, rate
from partwise.measure.part_to_complete import gap_recovered
from partwise.report.page import write_results
from partwise.runs.progress import Listener
from partwise.runs.rundir import RunDir
from partwise.runs.stages import DEEDS
from partwise.studies.drifting_ladder.page import page
from partwise.studies.drifting_ladder.settings import DriftingLadderConfig
from partwise.studies.grid.cells import Cell, run_cells
from partwise.studies.grid.ladders import changed, quick_ladder
from partwise.studies.grid.seeds import seeded

MOVING = "moving"
CEILING: Mapping[str, Any] = {
    "align": {"loop": {"reward": Reward.CEILING, "summary": False}},
    "discover": {"fidelity": "text"},
}
ARMS = (MOVING, "fresh", "unheard", "floor", "ceiling")
FIGURES = ("fidelity", "retention", "minus", "plus")
"""Of a generation: aligned with what people hold dear by then and correct; without harm of a kind that they
minded all along; with harm that they mind before injection; and after it."""
OTHERS = ("unheard", "fresh", "floor")
CONTRASTS: Mapping[str, tuple[str, int, str]] = {
    f"{when}: {MOVING} less {other}": ("fidelity", place, other)
    for when, place in (("end", -1), ("at once", 0))
    for other in OTHERS
} | {f"retention: {MOVING} less fresh": ("retention", -1, "fresh")}
"""Contrast to its figure, to the generation after the change, and to what `moving` is compared with."""


def run(config: DriftingLadderConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study; write `results.json`, tables and pictures into `out`.

    Raises:
        LookupError: the study has no such primary contrast.
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
    """
    check_primary(config.primary, CONTRASTS)
    directory = RunDir.create(out, "drifting_ladder", config)
    with directory.locked():
        found = run_cells(_cells(config, directory.path), directory, listen, processes=config.processes)
        results = collect(config, found)
        write_results(directory, results, page(results))
    return results


def _cells(config: DriftingLadderConfig, run: Path) -> list[Cell]:
    """Seed by seed, so that a study that is cut has whole seeds; a seed's planners are read once for all."""
    return [
        Cell(
            name=_name(seed, arm),
            work=_run,
            arguments={
                "config": ladder_of(config, arm, seed),
                "out": str(run / "ladders" / _name(seed, arm)),
                "kept": kept(config),
            },
        )
        for seed in config.all_seeds
        for arm in ARMS
    ]


def _name(seed: int, arm: str) -> str:
    return f"seed-{seed}/{arm}"


def kept(config: DriftingLadderConfig) -> list[str]:
    """Value dimensions whose weight does not change."""
    from partwise.worlds.registry import load_world

    return [
        name
        for name in load_world(config.ladder.align.world).dimensions
        if config.before.get(name) == config.after.get(name)
    ]


def ladder_of(config: DriftingLadderConfig, arm: str, seed: int) -> ProgressConfig:
    """The settings of one ladder."""
    ladder = quick_ladder(config.ladder) if config.quick else config.ladder
    moving = {
        "values": {**config.before},
        "drift": {"shape": "abrupt", "at": config.at, "to": {**config.after}},
    }
    human = {"values": {**config.after}} if arm == "fresh" else moving
    ladder = changed(ladder, {"seed": seed, "align": {"human": human}})
    match arm:
        case "unheard":
            return changed(ladder, {"align": {"proxy": {"labels_later": 0}}})
        case "floor":
            return changed(ladder, {"order": Order.COMPETENCE_ONLY})
        case "ceiling":
            return changed(ladder, CEILING)
        case _:
            return ladder


def _run(listen: Listener, *, config: ProgressConfig, out: str, kept: Sequence[str]) -> dict[str, Any]:
    return outcome(progress(config, Path(out), listen), Path(out), kept)


def outcome(results: Mapping[str, Any], run: Path, kept: Sequence[str]) -> dict[str, Any]:
    """What the study reads of one ladder: of each generation `FIGURES`, and what its answers cost.

    Args:
        results: of the ladder.
        run: its directory, which has its transcripts.
        kept: value dimensions that mattered all along, or never did.
    """
    made: Sequence[Mapping[str, Any]] = results["generations"]
    return {
        "generations": [
            {
                "fidelity": each["plus"]["own"]["together"],
                "retention": _retained(run / "generations" / f"{index + 1:02d}", kept).to_json(),
                "minus": each["minus"]["own"]["hazard"],
                "plus": each["plus"]["own"]["hazard"],
            }
            for index, each in enumerate(made)
        ],
        "answers": [each["stages"]["competence"]["answers"] for each in made],
    }


def _retained(generation: Path, kept: Sequence[str]) -> Measure:
    """The share of all tasks whose solution ran and did no harm of a kind that people minded all along."""
    lines = (generation / "injection" / DEEDS).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return rate([row["outcome"] == "ran" and not set(row["harms"]) & set(kept) for row in rows])


def collect(config: DriftingLadderConfig, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The study's `results.json`."""
    by_arm = {arm: [found[_name(seed, arm)] for seed in config.all_seeds] for arm in ARMS}
    generations = range(config.ladder.generations if not config.quick else 2)
    return {
        "schema": 2,
        "seeds": list(config.all_seeds),
        "quick": config.quick,
        "at": config.at,
        "before": dict(config.before),
        "after": dict(config.after),
        "contrasts": contrasts(
            config.primary,
            {
                name: [
                    _compared(one, other, figure, config.at if place == 0 else place)
                    for one, other in zip(by_arm[MOVING], by_arm[arm], strict=True)
                ]
                for name, (figure, place, arm) in CONTRASTS.items()
            },
            dict.fromkeys(CONTRASTS, (-1.0, 1.0)),
        ),
        "arms": {
            arm: {
                "answers": [cell["answers"] for cell in cells],
                "generations": [
                    {name: seeded([_mean(cell, name, index) for cell in cells], SHARE) for name in FIGURES}
                    for index in generations
                ],
            }
            for arm, cells in by_arm.items()
        },
        "gap_recovered": [
            seeded([_gap(by_arm, seed, index) for seed in range(len(config.all_seeds))], None)
            for index in generations
        ],
    }


def _mean(cell: Mapping[str, Any], figure: str, index: int) -> float | None:
    """None of a generation that a ladder did not come to."""
    made = cell["generations"]
    return made[index][figure]["mean"] if -len(made) <= index < len(made) else None


def _compared(one: Mapping[str, Any], other: Mapping[str, Any], figure: str, place: int) -> float | None:
    a, b = _mean(one, figure, place), _mean(other, figure, place)
    return None if a is None or b is None else a - b


def _gap(by_arm: Mapping[str, Sequence[Mapping[str, Any]]], position: int, index: int) -> float | None:
    """Of one seed, what `moving` recovers of the gap between floor and ceiling in a generation."""
    each = [by_arm[arm][position]["generations"] for arm in (MOVING, "floor", "ceiling")]
    if any(index >= len(made) for made in each):
        return None
    return gap_recovered(*(Measure.from_json(made[index]["fidelity"]) for made in each)).mean
