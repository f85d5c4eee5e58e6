"""The runs of the study, and which of them are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from partwise.runs.progress import Listener
from partwise.studies.grid.arms import Differences, minus, run_arms
from partwise.studies.part_to_complete.page import page
from partwise.studies.part_to_complete.settings import PartToCompleteConfig

ARMS = ("floor", "parts", "strategies", "ceiling")


def run(config: PartToCompleteConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study, write `results.json` into `out`, with a table and a picture of it, and
    return what it holds.

    Raises:
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
        LookupError: it has no contrast of the name of the primary one.
    """
    return run_arms("part_to_complete", config, ARMS, _differences(ARMS), page, out, listen)


def _differences(arms: Sequence[str]) -> Differences:
    """Every pair of arms, the one that is told more first."""
    pairs = [(better, worse) for at, worse in enumerate(arms) for better in arms[at + 1 :]]
    return {f"{better} - {worse}": minus(better, worse) for better, worse in pairs}
