"""Settings of the study of the gap."""

from __future__ import annotations

from typing import Literal

from partwise.studies.grid.settings import LadderStudyConfig

Fixed = Literal["fixed, small", "fixed, middle", "fixed, large"]


class GapAnnealingConfig(LadderStudyConfig):
    """The study of how far the next generation should be."""

    primary: str = "adaptive less the best fixed"
    """What annealing by what was measured brings over a gap that somebody who knew the setting would fix."""
    best: Fixed = "fixed, middle"
    """Which of the fixed ones that is: the best one on development seeds, never on the study's own."""
