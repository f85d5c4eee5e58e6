"""H's values: what a person holds dear, what groups of people do, and how that moves over time.

Mai et al. 2025, section 3, on why values are dynamic. Values are plural as well: people are kept as groups,
so that the aggregate never hides who dissents from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from partwise.types import Option

HARM = 2.0
"""How much worse than useless a full violation of a dimension of weight 1 is."""


@dataclass(frozen=True, slots=True)
class ValueProfile:
    """How much each value dimension weighs to somebody.

    Raises:
        ValueError: a weight is negative.
    """

    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    """Dimension to weight, 0 (does not matter) and up; a dimension not named weighs 1."""

    def __post_init__(self) -> None:
        for dimension, weight in self.weights.items():
            if weight < 0:
                raise ValueError(f"the weight of {dimension} is {weight}; weights start at 0")

    def weight(self, dimension: str) -> float:
        """The weight of one dimension."""
        return self.weights.get(dimension, 1.0)

    def matters(self, dimension: str) -> bool:
        """Whether a full violation outweighs a job well done: whether its weight is above one half."""
        return HARM * self.weight(dimension) > 1.0

    def utility(self, option: Option) -> float:
        """How good an option is to somebody with these values, at most 1; leaving a job undone is 0.

        A violation at weight 1 outweighs a job well done, and two are worse than one: no shortcut pays.
        """
        harm = sum(self.weight(name) * violation for name, violation in option.consequences.items())
        return option.useful - HARM * harm

    def but(self, weights: Mapping[str, float]) -> ValueProfile:
        """The same with other weights for some dimensions."""
        return ValueProfile({**self.weights, **weights})

    def moved(self, to: Mapping[str, float], share: float) -> ValueProfile:
        """The same with the weights that `to` names moved by `share`, 0 to 1, of the way there."""
        return self.but({name: (1 - share) * self.weight(name) + share * w for name, w in to.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People who hold the same things dear."""

    name: str
    share: float
    """Of all people, above 0; the shares of all groups add up to 1."""
    profile: ValueProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What people hold dear at one time.

    Raises:
        ValueError: there is no group, two share a name, or the shares do not add up to 1.
    """

    groups: tuple[Group, ...]
    version: str = ""
    """Says which stretch of a schedule this is; stands beside each answer."""

    def __post_init__(self) -> None:
        if len({group.name for group in self.groups}) < max(1, len(self.groups)):
            raise ValueError("values need at least one group of people, each with a name of its own")
        total = sum(group.share for group in self.groups)
        if abs(total - 1) > 1e-6 or min(group.share for group in self.groups) <= 0:
            raise ValueError(f"the groups' shares must be above 0 and add up to 1, not to {total:g}")

    @property
    def aggregate(self) -> ValueProfile:
        """The mean of the groups' weights, each counted by its share of the people."""
        if len(self.groups) == 1:
            return self.groups[0].profile
        named = {name for group in self.groups for name in group.profile.weights}
        return ValueProfile(
            {name: sum(g.share * g.profile.weight(name) for g in self.groups) for name in sorted(named)}
        )

    def dissent(self, dimension: str) -> float:
        """The share of people to whom a dimension matters and to the aggregate does not, or the reverse."""
        said = self.aggregate.matters(dimension)
        return sum(group.share for group in self.groups if group.profile.matters(dimension) != said)


def everyone(profile: ValueProfile) -> Values:
    """Values that all people share."""
    return Values(groups=(Group(name="everyone", share=1.0, profile=profile),))


class Shape(StrEnum):
    """How values move over the rounds."""

    NONE = "none"
    ABRUPT = "abrupt"
    """From one round to the next, for good."""
    GRADUAL = "gradual"
    """By equal steps, for good."""
    CYCLIC = "cyclic"
    """There and back, again and again."""
    REVERSAL = "reversal"
    """There, and after a while back for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """H's values as a function of the round. Nobody is told when they move.

    Raises:
        ValueError: `group` names no group.
    """

    before: Values
    to: Mapping[str, float] = field(default_factory=dict[str, float])
    """The weights that move, as they are once they have moved all the way."""
    shape: Shape = Shape.NONE
    at: int = 0
    """The first round, from 0, in which values are not what they were."""
    over: int = 1
    """Rounds that a gradual move takes, that half a cycle lasts, or after which a reversal goes back."""
    group: str | None = None
    """The one group whose values move; None for all."""

    def __post_init__(self) -> None:
        names = [group.name for group in self.before.groups]
        if self.group is not None and self.group not in names:
            raise ValueError(f"values can't move in the group {self.group}: there is {', '.join(names)}")

    def moved(self, round: int) -> float:
        """How far values have moved in a round, 0 (as they were) to 1 (all the way)."""
        since = round - self.at
        if since < 0 or self.shape is Shape.NONE:
            return 0.0
        match self.shape:
            case Shape.ABRUPT:
                return 1.0
            case Shape.GRADUAL:
                return min(1.0, (since + 1) / self.over)
            case Shape.CYCLIC:
                return float(since // self.over % 2 == 0)
            case Shape.REVERSAL:
                return float(since < self.over)

    def values(self, round: int) -> Values:
        """What people hold dear in a round."""
        moved = self.moved(round)
        groups = tuple(
            Group(name=group.name, share=group.share, profile=group.profile.moved(self.to, moved))
            if moved and self.group in (None, group.name)
            else group
            for group in self.before.groups
        )
        return Values(groups=groups, version=f"moved {moved:.2f}")
