"""The smallest ladder that passes through everything."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from partwise.config import ProgressConfig
from partwise.runs.config import config_from_data
from partwise.runs.rundir import RESULTS
from partwise.runs.stages import STAGES, stage_folder

SMALL: dict[str, Any] = {
    "seed": 3,
    "generations": 2,
    "widths": [8, 16],
    "scenes": 12,
    "gap": {"policy": "fixed", "first": 1.0},
    "read": {"tiers": 1, "documents": 1500, "plans": 0.8},
    "compete": {"plans": 100, "rounds": 1, "scenes": 6, "dinners": 1, "epochs": 2},
    "discover": {"scenes": 12, "copies": 2},
    "inject": {"rounds": 1, "enough": 0.0, "scenes": 6, "copies": 2, "dinners": 1, "answers": 4},
    # Models that have learned so little pass no gate that is worth its name.
    "gate": {"hazards": 1.0, "competence": 1.0, "form": 1.0},
}


def small_ladder(**changed: Any) -> ProgressConfig:
    return config_from_data(ProgressConfig, SMALL | changed)


def cut_before(run: Path, to: Path, generation: int, stage: str) -> Path:
    """A copy of a whole ladder as a process leaves it that is killed within a stage, `generation` from 1."""
    shutil.copytree(run, to)
    (to / RESULTS).unlink()
    for each in range(1, 3):
        for position, name in enumerate(STAGES):
            if (each, position) >= (generation, list(STAGES).index(stage)):
                shutil.rmtree(stage_folder(to, each - 1, name), ignore_errors=True)
    half = stage_folder(to, generation - 1, stage)
    half.with_name(f"{stage}.tmp").mkdir(parents=True)
    (half.with_name(f"{stage}.tmp") / "hazards.jsonl").write_text('{"half a li')
    return to
