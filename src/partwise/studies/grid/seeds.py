"""Figures over several seeds, as a study's `results.json` holds them: each seed's beside their mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from partwise.measure.intervals import over_seeds

Within = tuple[float, float] | None
"""Where a figure can be; None where there is no end to it."""
NOT_BELOW_0: Within = (0.0, math.inf)
"""Where entropies and counts can be."""


def seeded(values: Sequence[float | None], within: Within) -> dict[str, Any]:
    """`{"mean", "ci95", "n", "by_seed"}`, the interval kept within where the figure can be."""
    return {**over_seeds(values, within).to_json(), "by_seed": list(values)}
