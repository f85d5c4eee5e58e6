"""Settings of the study of part-to-complete generalization."""

from __future__ import annotations

from partwise.studies.grid.settings import ArmsConfig


class PartToCompleteConfig(ArmsConfig):
    """The paper's algorithm between floor and ceiling, and with its two strategies."""

    primary: str = "parts - floor"
    """Whether judging the parts makes the whole any better than the verifier alone does: the hypothesis."""
