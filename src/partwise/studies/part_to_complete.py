"""The study of part-to-complete generalization (Mai et al. 2025, sections 4 and 5).

How much of the alignment of complete solutions is recovered where only the parts are judged? Every arm is a
run of the same loop from the same base planner (`config.arms`), and each seed has a base planner of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from partwise.config import StudyConfig
from partwise.runs.progress import Listener
from partwise.studies.arms import Differences, minus, run_arms

ARMS = ("floor", "parts", "strategies", "ceiling")


def run(config: StudyConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study, write `results.json` into `out`, with a table and a picture of it, and
    return what it holds.

    Raises:
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
        LookupError: it has no contrast of the name of the primary one.
    """
    return run_arms("part_to_complete", config, ARMS, _differences(ARMS), out, listen)


def _differences(arms: Sequence[str]) -> Differences:
    """Every pair of arms, the one that is told more first."""
    pairs = [(better, worse) for at, worse in enumerate(arms) for better in arms[at + 1 :]]
    return {f"{better} - {worse}": minus(better, worse) for better, worse in pairs}
