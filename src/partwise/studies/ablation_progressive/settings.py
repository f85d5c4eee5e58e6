"""Settings of the study of the pipeline's pieces."""

from __future__ import annotations

from partwise.studies.grid.settings import LadderStudyConfig


class AblationProgressiveConfig(LadderStudyConfig):
    """The study of what the pipeline's order and pieces bring."""

    primary: str = "exposure: alternating less in sequence"
    """Hazard over training, where the paper's case is: at the end an order that mends late may look as good,
    and has done harm all the way."""
