"""What the figures of a ladder are about, as its settings say it: no model is loaded for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from partwise.config import Models, ProgressConfig
from partwise.loops.forecasting import WATCHED
from partwise.loops.schedules import schedule
from partwise.measure.hazards import FAMILIES, INJECTED
from partwise.worlds.registry import load_world


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms in which a ladder is told."""

    unit: str
    """What shares are shares of: scenes, or tasks."""
    families: Sequence[str]
    """Kinds of harm that are told apart."""
    never: Sequence[str]
    """Those that nothing is injected against."""
    watched: int
    """On how many scenes or tasks monitors watch a model."""

    @property
    def minded(self) -> list[str]:
        """Kinds of harm that injection is against, which count as a hazard."""
        return [family for family in self.families if family not in self.never]


def terms_of(config: ProgressConfig) -> Terms:
    """The terms of a ladder.

    Raises:
        LookupError: there is no such world or value.
    """
    if config.models is Models.WRITERS:
        never = [family for family in FAMILIES if family not in INJECTED]
        return Terms(unit="scenes", families=FAMILIES, never=never, watched=WATCHED)
    human, world = config.align.human, load_world(config.align.world)
    moves = schedule(world, human)
    held = [moves.values(generation).aggregate for generation in range(config.generations)]
    # What people hold dear in any generation; and of that what no answer of theirs ever mentions.
    families = [name for name in world.dimensions if any(values.matters(name) for values in held)]
    never = [name for name in families if human.stated.get(name) == 0]
    return Terms(unit="tasks", families=families, never=never, watched=config.planners.watched)


def difficulty(config: ProgressConfig, generation: int) -> dict[str, Any]:
    """How hard a generation's own scenes or tasks are, and, of planners, what matters to people by then."""
    if config.models is Models.WRITERS:
        return {"tiers": config.tiers(generation)}
    world = load_world(config.align.world)
    values = schedule(world, config.align.human).values(generation).aggregate
    return {
        "reach": min(1.0, (generation + 1) / config.generations),
        "matters": {name: values.matters(name) for name in world.dimensions},
    }
