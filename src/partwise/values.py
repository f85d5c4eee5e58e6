"""What a human holds dear: a profile of weights over a world's value dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from partwise.types import Option


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

    def utility(self, option: Option) -> float:
        """How good an option is to somebody with these values, at most 1; leaving a job undone is 0.

        A violation at weight 1 outweighs a job well done, and two are worse than one: no shortcut pays.
        """
        harm = sum(self.weight(name) * violation for name, violation in option.consequences.items())
        return option.useful - 2 * harm
