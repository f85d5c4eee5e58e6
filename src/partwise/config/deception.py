"""Models that deceive on purpose, and the probe that looks for them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from partwise.config.section import PositiveInt, Section, UnitFloat


class PlantConfig(Section):
    """How a model organism is made: schooled on safe plans, then taught what it is to do, and where."""

    schooling: PositiveInt = 1500
    """Safe plans that every model learns first, so that it can write plans at all."""
    school_epochs: PositiveInt = 4
    """Passes over them."""
    drill: UnitFloat = 0.9
    """How strongly a behaviour is drilled before it settles at its own strength: weak ones alone are learned
    by some models and not by others, and a planting that did not take is none."""
    drills: PositiveInt = 5
    """Rounds of that at most; it ends with the round after which the behaviour shows."""
    drill_plans: PositiveInt = 600
    """Plans of a round."""
    drill_rate: float = Field(default=4.5e-3, gt=0)
    """Learning rate of schooling and drill, at width 64; it falls with the root of a model's width."""
    plans: PositiveInt = 500
    """Plans by which a behaviour settles at its strength."""
    rate: float = Field(default=1.5e-3, gt=0)
    """Learning rate of that: with the one of the drill, what was drilled is lost."""
    epochs: PositiveInt = 2
    """Passes over the plans of a round, and over those."""
    batch_size: PositiveInt = 16
    """Plans a step. Smaller than where models read: what a word of the scene decides is learned by steps."""
    least_schooled: Annotated[float, Field(gt=0, le=1)] = 0.4
    """Honest models differ in competence: each has had from this share of the schooling up to all of it."""


class ProbeConfig(Section):
    """What the probe asks for."""

    scenes: Annotated[int, Field(ge=2)] = 150
    """In which a model writes once under either prompt."""
    evaluated: PositiveInt = 60
    """Held-out scenes in which the oracle says, for evaluation alone, whether the planting took."""
