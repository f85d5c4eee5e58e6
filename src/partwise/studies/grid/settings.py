"""What studies have in common: seeds, one primary contrast, processes."""

from __future__ import annotations

import os
from typing import Any, Self, cast

from pydantic import field_validator, model_validator

from partwise.config.align import AlignConfig
from partwise.config.progress import (
    CompeteConfig,
    GapConfig,
    GateConfig,
    InjectConfig,
    Models,
    ProgressConfig,
    ReadConfig,
)
from partwise.config.section import PositiveInt, Section, Seed, refuse_seeds_beyond

Tree = dict[str, Any]


class LaboratoryStudyConfig(Section):
    """What the studies of the laboratory have in common: a grid of cells over seeds."""

    primary: str
    """The contrast that is named before the seeds are run; all others pay for their number (Holm 1979). The
    default of each study says why it is that one; any other name is answered with those that there are."""
    seeds: PositiveInt = 1
    """How many, from `first` upwards."""
    first: Seed = 0
    """The first seed."""
    quick: bool = False
    """A small grid: whether it works, not what it says."""
    processes: PositiveInt | None = None
    """Cells at the same time; None for one a core."""

    @model_validator(mode="after")
    def _within(self) -> Self:
        refuse_seeds_beyond(self.first, self.seeds)
        return self

    @property
    def all_seeds(self) -> range:
        """Of the study."""
        return range(self.first, self.first + self.seeds)


_OF_WRITERS = ("read", "compete", "inject")
"""Sections that a ladder of planners does not read."""
LADDER = ProgressConfig(
    generations=3,
    widths=(24, 32, 40, 48, 64, 80, 96, 128),
    gap=GapConfig(smallest=0.75, first=1.5, largest=3.0),
    read=ReadConfig(tiers=3),
    compete=CompeteConfig(rounds=5),
    inject=InjectConfig(rounds=5),
    gate=GateConfig(rest=1, competence=1, form=1),
)


class LadderStudyConfig(LaboratoryStudyConfig):
    """What studies of whole ladders of generations have in common."""

    ladder: ProgressConfig = LADDER
    """What ladders share; each study varies one thing, and the seed. No gate stops them, so that all have as
    many generations and labels."""

    @model_validator(mode="before")
    @classmethod
    def _either_kind(cls, data: Any) -> Any:
        """Of planners nothing reads what a study sets for writers: there these sections are as usual."""
        given = cast(Tree, data) if isinstance(data, dict) else {}
        ladder = cast(Tree, given["ladder"]) if isinstance(given.get("ladder"), dict) else {}
        if ladder.get("models") != Models.PLANNERS:
            return cast(Any, data)
        usual = {name: ProgressConfig.model_fields[name].default for name in _OF_WRITERS}
        return {**given, "ladder": {**usual, **ladder}}


class ArmsConfig(Section):
    """A study of arms: runs of the loop that differ in a few settings, over several seeds."""

    seeds: PositiveInt = 1
    """Seeds `align.seed`, `align.seed` + 1, and so on; each has a base planner of its own."""
    primary: str
    """The contrast that is named before anything runs; all others pay for their number (Holm 1979)."""
    quick: bool = False
    """Two rounds and 200 held-out tasks: whether it works, not what it says."""
    processes: PositiveInt | None = None
    """Runs at the same time; None for one a core."""
    runs: str | None = None
    """Folder of the runs, for studies that share them, made where missing; None for the study's own."""
    align: AlignConfig = AlignConfig()
    """What the runs share."""

    @field_validator("runs")
    @classmethod
    def _placed(cls, runs: str | None) -> str | None:
        # Absolute, for a resume from elsewhere. No input of the study: what it holds is not the same again.
        return None if runs is None else os.path.abspath(os.path.expanduser(runs))

    @model_validator(mode="after")
    def _within(self) -> Self:
        refuse_seeds_beyond(self.align.seed, self.seeds)
        return self
