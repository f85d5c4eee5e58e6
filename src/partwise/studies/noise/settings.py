"""Settings of the study of noise."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from partwise.config.laboratory import DataConfig, FitConfig, LadderConfig
from partwise.config.section import Listed, UnitFloat
from partwise.studies.grid.settings import LaboratoryStudyConfig


class NoiseConfig(LaboratoryStudyConfig):
    """The study of noise: label flips on every rung of the ladder."""

    primary: str = "memorised by size"
    """How many more of the flipped labels ten times the parameters give back: that larger models fit noise
    more is the paper's claim, and what they lose by it on a test follows from it."""
    flips: Annotated[tuple[UnitFloat, ...], Listed, Field(min_length=1)] = tuple(
        share / 10 for share in range(11)
    )
    """Shares of the labels that are turned to the other."""
    data: DataConfig = DataConfig(train=300, test=400)
    ladder: LadderConfig = LadderConfig()
    fit: FitConfig = FitConfig(epochs=16, batch_size=16)
    """How long a model learns: long enough to memorise."""
