"""Settings of the study of the strategies."""

from __future__ import annotations

from partwise.studies.grid.settings import ArmsConfig


class StrategiesConfig(ArmsConfig):
    """The study of what the strategies are made of, and of what else could explain what they bring."""

    primary: str = "space"
    """The contrast that the study is about: how much more comes out aligned and correct where composition is
    restricted, over all settings of the other two factors."""
