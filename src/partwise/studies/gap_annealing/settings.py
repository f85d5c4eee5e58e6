"""Settings of the study of the gap."""

from __future__ import annotations

from typing import Literal

from partwise.config import Fidelity, ProgressConfig
from partwise.studies.grid.settings import LADDER, LadderStudyConfig

Fixed = Literal["fixed, small", "fixed, middle", "fixed, large"]


class GapAnnealingConfig(LadderStudyConfig):
    """The study of how far the next generation should be."""

    primary: str = "adaptive less the best fixed"
    """What annealing by what was measured brings over a gap that somebody who knew the setting would fix."""
    best: Fixed = "fixed, middle"
    """Which of the fixed ones that is: the best one on development seeds, never on the study's own."""
    ladder: ProgressConfig = LADDER.model_copy(
        update={
            "inject": LADDER.inject.model_copy(
                update={"fidelity": Fidelity.TEXT, "sources": ("predecessors", "people")}
            )
        }
    )
    """What ladders share. Monitors read the plan's text alone: with a small dinner before them they see every
    wasted table, sources have nothing to say, and no gap is too large. No gate stops a ladder, so that all
    have as many generations and labels."""
