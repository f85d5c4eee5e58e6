"""Settings of the study of self-enhancement."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat

from partwise.config.laboratory import LadderConfig, PreferConfig, Size, TeachConfig
from partwise.config.section import Listed, PositiveInt
from partwise.studies.grid.settings import LaboratoryStudyConfig


class SelfEnhancementConfig(LaboratoryStudyConfig):
    """The study of self-enhancement."""

    primary: str = "peers less self"
    """How many more plans are valid and aligned in the end where peers judge and not the writer, over all
    learning rates: that peers of equal capacity mend what self-judgment breaks is the paper's advice, at no
    learning rate in particular."""
    size: Size = "micro"
    """Of writers and peers."""
    peers: PositiveInt = 3
    """Writers of the same size that judge together."""
    rounds: PositiveInt = 6
    """In which a writer learns."""
    rates: Annotated[tuple[PositiveFloat, ...], Listed, Field(min_length=1)] = (3e-4, 6e-4)
    """Learning rates, the gentle one first: how strongly a writer follows its judge. Under a judge that knows
    the truth it gains at both, so that what falls apart at the strong one is the judge's doing."""
    plans: PositiveInt = 512
    """That it writes in a round, and on which it is measured."""
    ladder: LadderConfig = LadderConfig(rules=256, documents=8000)
    """A smaller book than elsewhere: writers have to know which rules there are before they can name one. It
    is read so little that they know some four in five of what its rules say."""
    teach: TeachConfig = TeachConfig()
    prefer: PreferConfig = PreferConfig()
