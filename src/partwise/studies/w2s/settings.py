"""Settings of the study of weak-to-strong generalization."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from partwise.config.laboratory import DataConfig, FitConfig, LadderConfig, Trained
from partwise.config.section import Listed, UnitFloat
from partwise.studies.grid.settings import LaboratoryStudyConfig


class WeakToStrongStudyConfig(LaboratoryStudyConfig):
    """Every pair of the ladder, every loss, every setting of the overlap dial."""

    primary: str = "growth with overlap, cross_entropy"
    """How much more of the gap finetuned students recover at the largest overlap than at the smallest: that
    weak supervision works where easy and hard cues meet is what the data are made to test, and plain
    cross-entropy adds nothing of its own."""
    overlaps: Annotated[tuple[UnitFloat, ...], Listed, Field(min_length=1)] = (0.1, 0.5, 0.9)
    """Settings of `data.overlap` that are compared."""
    data: DataConfig = DataConfig()
    ladder: LadderConfig = LadderConfig()
    fit: FitConfig = FitConfig()
    """How teachers learn, and students that are finetuned."""
    probe: FitConfig = FitConfig(trained=Trained.HEAD)
    """How students learn of which the head alone moves: but for that, as they are finetuned."""
