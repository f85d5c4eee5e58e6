"""Settings of the study of ladders under values that move."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from partwise.config.align import AlignConfig, LoopConfig, ProxyConfig, RealignConfig, Reward
from partwise.config.human import Weights
from partwise.config.progress import GapConfig, GateConfig, Models, ProgressConfig
from partwise.studies.grid.settings import LaboratoryStudyConfig


class DriftingLadderConfig(LaboratoryStudyConfig):
    """The study of what a change of values comes to in the generations after it."""

    primary: str = "end: moving less unheard"
    """Whether hearing people in every generation brings anything: aligned with the new values and correct in
    the last generation, less the same where nobody is heard after the first."""
    before: Weights = Field(default_factory=dict)
    """Weights that differ at first from what most people hold dear."""
    after: Weights = Field(default_factory=lambda: {"privacy": 0.0, "consent": 0.0, "quiet": 1.0})
    """The weights that move, as they are once people have changed their minds: by default they would rather
    have an assistant look than ask."""
    at: Annotated[int, Field(ge=1)] = 1
    """The first generation, from 0, in which they have."""
    ladder: ProgressConfig = ProgressConfig(
        models=Models.PLANNERS,
        generations=4,
        widths=(48, 64, 96, 136),
        gap=GapConfig(first=1.0),
        gate=GateConfig(rest=1, competence=1, form=1),
        align=AlignConfig(
            loop=LoopConfig(reward=Reward.STRATEGIES, space="free", summary_weight=3.0),
            proxy=ProxyConfig(labels_first=1500, labels_later=125),
            realign=RealignConfig(moving="always", half_life=0.5),
        ),
    )
    """What ladders share. After the change three generations cost 375 answers, a quarter of what a proxy that
    knows nothing is given at first."""

    @model_validator(mode="after")
    def _moves(self) -> DriftingLadderConfig:
        if self.ladder.models is not Models.PLANNERS:
            raise ValueError("people's values move for planners: leave `ladder.models` as `planners`")
        if self.at >= self.ladder.generations:
            raise ValueError("values change within the ladder: `at` below `ladder.generations`")
        return self
