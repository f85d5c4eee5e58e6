"""Settings of the study of propagation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from partwise.config.align import AlignConfig, LoopConfig, MeasureConfig, RealignConfig, Reward, RlftConfig
from partwise.config.human import Weights
from partwise.config.section import Listed, PositiveInt, Section, UnitFloat, refuse_seeds_beyond


class PropagationConfig(Section):
    """The study of how a change of values reaches the planner."""

    seeds: PositiveInt = 1
    """Seeds `align.seed`, `align.seed` + 1, and so on."""
    quick: bool = False
    """Two rounds before and four after, on few tasks: whether it works, not what it says."""
    processes: PositiveInt | None = None
    """Runs at the same time; None for one a core."""
    primary: str = "composed: trained - untrained"
    """The contrast that is named before anything runs, of those in `studies/propagation/contrasts.py`. By
    default, how much more often a planner that follows a change in the composition is aligned with the new
    values and correct than one that is left as it is: a change in the parts asks nothing of a planner.
    """
    to: Weights = Field(default_factory=lambda: {"privacy": 0.0, "consent": 0.0, "quiet": 1.0})
    """What people come to hold dear: by default they would rather have an assistant look than ask."""
    composed: Weights = Field(default_factory=lambda: {"waste": 0.0})
    """What people do not mind at first and come to mind in the second kind of change, which no single part
    shows: by default, needless bookings."""
    rounds: Annotated[int, Field(ge=3)] = 7
    """Of the runs in which values change."""
    at: Annotated[int, Field(ge=1)] = 1
    """The round of the change."""
    over: PositiveInt = 3
    """Rounds that the gradual change takes, that half a cycle lasts, after which the reversal goes back."""
    moving: float = Field(default=0.6, gt=0, lt=1)
    """The share of people whose values change where those of one group do."""
    rlft: RlftConfig = RlftConfig(steps=4, settle=4)
    """How the planner learns in the runs in which values change."""
    rewind: UnitFloat = 0.6
    """How far an alarm takes the planner back to the base planner there; see `loop.rewind`."""
    realign: RealignConfig = RealignConfig(when="alarm", ask="disagreeing", control=80, half_life=0.3)
    """The policy in those runs."""
    labels: PositiveInt = 150
    """What a realignment asks of people there."""
    every: Annotated[tuple[PositiveInt, ...], Listed] = (1, 2, 4)
    """Numbers of rounds between realignments that are compared while values go there and back."""
    label_batch: Annotated[int, Field(ge=5)] = 10
    """Labels after which agreement is looked at."""
    label_batches: PositiveInt = 30
    """How agreement is followed label by label; of a batch that is not drawn at random, a fifth still is."""
    label_memory: float = Field(default=100, gt=0)
    """Labels in which the replay of what was said before the change halves there."""
    label_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of the proxy there: gentle, as each batch is small."""
    quiet_rounds: PositiveInt = 50
    """Rounds without any change in which false alarms are counted."""
    align: AlignConfig = AlignConfig(
        loop=LoopConfig(reward=Reward.STRATEGIES),
        measure=MeasureConfig(heldout_tasks=200, validation_tasks=200),
    )
    """The runs before the change, and those that are retrained from scratch."""

    @model_validator(mode="after")
    def _comparable(self) -> PropagationConfig:
        if not (self.rlft.steps and self.align.rlft.steps):
            raise ValueError("it compares planners that learn: `rlft.steps` and `align.rlft.steps` above 0")
        if self.at >= self.rounds:
            raise ValueError("values change within the `rounds`: `at` below them")
        refuse_seeds_beyond(self.align.seed, self.seeds)
        return self
