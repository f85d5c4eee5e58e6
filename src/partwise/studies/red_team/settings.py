"""Settings of the study of the red team."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from partwise.config.progress import CompeteConfig, DiscoverConfig, ProgressConfig, ReadConfig
from partwise.config.section import Listed, PositiveInt, Width
from partwise.studies.grid.settings import LaboratoryStudyConfig


class RedTeamConfig(LaboratoryStudyConfig):
    """The study of searches for hazardous scenes."""

    primary: str = "quality-diversity against random"
    """Doublings of the distinct hazards found: quality diversity is the default, and has to be worth it."""
    widths: Annotated[tuple[Width, ...], Listed, Field(min_length=1)] = (24, 64)
    """Of the models, each of which has learned from people's plans and the verifier, and nothing else."""
    again: PositiveInt = 12
    """Plans a scene, in which what was found is played again."""
    ladder: ProgressConfig = ProgressConfig(
        read=ReadConfig(tiers=2), compete=CompeteConfig(rounds=5), discover=DiscoverConfig(scenes=256)
    )
    """How models become competent, and the budget of a search (`discover`)."""
