"""The weak-to-strong laboratory."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from partwise.config.section import PositiveInt, Section, UnitFloat

Size = Literal["nano", "micro", "mini", "small", "medium", "large"]


class LadderConfig(Section):
    """The laboratory's own models: one of each size, pretrained on a rule book and on plans that hang on it.

    Larger ones know more of the book when they have read the corpus once (`data/plans.py` says why).
    """

    sizes: Annotated[tuple[Size, ...], Field(min_length=2)] = ("nano", "micro", "mini", "small")
    """Rungs, from the weakest to the strongest."""
    rules: Annotated[int, Field(ge=12)] = 1024
    """In the book."""
    documents: PositiveInt = 10_000
    """Of the corpus, each read once."""
    plans: UnitFloat = 0.3
    """Share of them that are plans; the others recite rules."""
    recited: PositiveInt = 32
    """Rules in a document of those."""
    batch_size: PositiveInt = 32
    learning_rate: float = Field(default=5e-3, gt=0)


class Loss(StrEnum):
    """How a student learns from signals that may be wrong; defined in `training/weak_to_strong.py`."""

    CROSS_ENTROPY = "cross_entropy"
    CONFIDENCE = "confidence"
    PRODUCT = "product"


class FitConfig(Section):
    """How a classifier of the laboratory learns from signals."""

    loss: Loss = Loss.CROSS_ENTROPY
    own: UnitFloat = 0.5
    """How much the student's own opinion counts in the two other losses."""
    rise: UnitFloat = 0.2
    """Share of the steps in which that rises from 0 (Burns et al. 2023, appendix A.4)."""
    epochs: PositiveInt = 2
    batch_size: PositiveInt = 32
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup: int = Field(default=10, ge=0)
    """Steps in which the learning rate rises; then it falls to 0 along a cosine."""
