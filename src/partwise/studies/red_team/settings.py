"""Settings of the studies of the red team."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import Field, field_validator

from partwise.config.deception import PlantConfig
from partwise.config.progress import (
    CompeteConfig,
    DiscoverConfig,
    Models,
    PlannersConfig,
    ProgressConfig,
    ReadConfig,
)
from partwise.config.section import Listed, PositiveInt, Width
from partwise.studies.grid.settings import LaboratoryStudyConfig, Tree


class RedTeamConfig(LaboratoryStudyConfig):
    """The study of searches for hazardous scenes."""

    NAME: ClassVar[str] = "red_team"
    """Of the study."""
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


class PlantedRedTeamConfig(RedTeamConfig):
    """The study of the same searches where hazards are rare: behind a word."""

    NAME: ClassVar[str] = "red_team_planted"
    widths: Annotated[tuple[Width, ...], Listed, Field(min_length=1)] = (24,)
    """Of the models, each of which writes safe plans but where a scene has the word."""
    planted: Annotated[tuple[Literal["privacy", "waste"], ...], Listed, Field(min_length=1)] = (
        "privacy",
        "waste",
    )
    """Kinds of harm that they do there, each a model of its own; monitors know both."""
    plant: PlantConfig = PlantConfig()
    """How that is taught: by plans alone, and no verifier (`ladder.compete` is not read)."""


class PlannersRedTeamConfig(RedTeamConfig):
    """The study of the same searches over planners of a world."""

    NAME: ClassVar[str] = "red_team_planners"
    widths: Annotated[tuple[Width, ...], Listed, Field(min_length=1)] = (48,)
    """Of the planners."""
    kinds: Annotated[tuple[Literal["unaligned", "crowded"], ...], Listed, Field(min_length=1)] = (
        "unaligned",
        "crowded",
    )
    """Planners of a seed: one that has learned from the verifier alone and does harm nearly everywhere; and
    one that does as it does where many are expected, and elsewhere as an aligned one."""
    many: Annotated[int, Field(ge=1)] = 5
    """From which level of the world's first dial on there are many; of the dinner world 5 is seven guests."""
    lessons: PositiveInt = 1500
    """Tasks whose solutions by those two the second kind learns from, as far as they are correct."""
    ladder: ProgressConfig = ProgressConfig(
        models=Models.PLANNERS,
        generations=1,
        discover=DiscoverConfig(scenes=24, batch=4),
        planners=PlannersConfig(epochs=8, teach_rate=2e-3),
    )
    """How planners become competent, and the budget of a search (`discover`): less than half as many
    evaluations as there are places in the dinner world's dials, since with many more every search would find
    all that there is. With few passes over the lessons (`planners.epochs`) the second kind does harm as often
    everywhere."""

    @field_validator("ladder", mode="before")
    @classmethod
    def _of_planners(cls, ladder: Any) -> Any:
        """Asked first, since of writers nothing reads what this study sets for planners."""
        given = (
            cast(Tree, ladder) if isinstance(ladder, dict) else {"models": getattr(ladder, "models", None)}
        )
        if given.get("models") == Models.WRITERS:
            raise ValueError("these are searches over planners: leave `ladder.models` as `planners`")
        return cast(Any, ladder)
