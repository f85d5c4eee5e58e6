"""Settings of the study of signal diversity."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from partwise.config.laboratory import Combination, DataConfig, FitConfig, LadderConfig, refuse_larger
from partwise.config.section import Listed, LocalName
from partwise.studies.grid.settings import LaboratoryStudyConfig


class SignalDiversityConfig(LaboratoryStudyConfig):
    """The study of signal diversity: one to six sources, of different errors and of one bias."""

    primary: str = "advantage, majority"
    """How much more six sources gain over one where their errors differ than where all share a bias: that the
    diversity of sources helps, and not their number, is the paper's principle."""
    methods: Annotated[tuple[Combination, ...], Listed, Field(min_length=1)] = (
        "majority",
        "confidence-weighted",
        "dawid-skene",
        "glad",
    )
    """How several signals become one."""
    student: LocalName = "mini"
    """A size of the ladder, or a model by name or folder."""
    data: DataConfig = DataConfig(train=1000, test=1000, overlap=1 / 3)
    ladder: LadderConfig = LadderConfig()
    """Its two smallest rungs are the weak models."""
    fit: FitConfig = FitConfig()

    @model_validator(mode="after")
    def _weak_teach_strong(self) -> SignalDiversityConfig:
        for name in self.ladder.sizes[:2]:
            refuse_larger(name, self.student)
        return self
