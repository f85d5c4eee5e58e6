"""What simulated people hold dear, round by round or generation by generation, as settings say it."""

from __future__ import annotations

from collections.abc import Iterable

from partwise.config import HumanConfig
from partwise.values import Group, Schedule, Values, everyone
from partwise.worlds.base import World


def refuse_unknown_values(world: World, named: Iterable[str]) -> None:
    """Refuse names of value dimensions that the world does not have: they would do nothing.

    Raises:
        LookupError: there is one.
    """
    for dimension in sorted({*named} - {*world.dimensions}):
        raise LookupError(
            f"The world {world.name} has no value `{dimension}`; it has {', '.join(world.dimensions)}."
        )


def schedule(world: World, config: HumanConfig) -> Schedule:
    """What simulated people hold dear, round by round.

    Raises:
        LookupError: a value dimension or a group is named that there is not.
    """
    profile = world.values.but(config.values)
    groups = tuple(
        Group(name=name, share=group.share, profile=profile.but(group.values))
        for name, group in config.groups.items()
    )
    named = {*config.values, *config.stated, *config.drift.to}.union(
        *(group.values for group in config.groups.values())
    )
    refuse_unknown_values(world, named)
    drift = config.drift
    try:
        return Schedule(
            before=Values(groups=groups) if groups else everyone(profile),
            to=drift.to,
            shape=drift.shape,
            at=drift.at,
            over=drift.over,
            group=drift.group,
        )
    except ValueError as error:
        raise LookupError(f"`human` can't be as it is set: {error}.") from error
