"""The runs of the study, its main effects and interactions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from partwise.runs.progress import Listener
from partwise.studies.grid.arm_settings import AGGREGATES, ARMS, CONTROLS, SPACES, SUMMARIES, factorial_arm
from partwise.studies.grid.arms import Differences, Found, minus, run_arms
from partwise.studies.strategies.page import page
from partwise.studies.strategies.settings import StrategiesConfig

FACTORS = ("space", "summary", "aggregate")
"""The second level of each against the first: `affine` - `free`, judged - not, `mean` - `sum`."""
PAIRS = (
    ("parts", "floor"),
    ("whole", "floor"),
    ("parts+affine", "floor+affine"),
    ("parts+affine", "paid+affine"),
    ("paid+affine", "floor+affine"),
    ("floor+affine", "random+affine"),
    ("strategies", "floor+affine"),
    *(("strategies", control) for control in CONTROLS if ARMS[control].meaning.startswith("strategies")),
    ("ceiling", "strategies"),
)
"""Arms that are set against each other, the one that is told more first."""


def run(config: StrategiesConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study, write `results.json` and its page into `out`, and return what it holds.

    Raises:
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
        LookupError: it has no contrast of the name of the primary one.
    """
    return run_arms("strategies", config, tuple(ARMS), differences(), page, out, listen)


def differences() -> Differences:
    """Main effects and interactions of the three factors, then each control against its arm."""
    return {**_effects(), **{f"{first} - {second}": minus(first, second) for first, second in PAIRS}}


def _effects() -> dict[str, Callable[[Found], float | None]]:
    """Effects as differences of means: of the half of the arms whose signs multiply to +1, and the rest.

    So an interaction is how much more a factor does at the second level of another than on average.
    """
    chosen = [tuple(bool(i & bit) for bit in (1, 2, 4)) for i in (1, 2, 4, 3, 5, 6, 7)]
    return {
        " x ".join(n for n, on in zip(FACTORS, which, strict=True) if on): _effect(which) for which in chosen
    }


def _effect(which: tuple[bool, ...]) -> Callable[[Found], float | None]:
    def figure(found: Found) -> float | None:
        sides: tuple[list[float], list[float]] = ([], [])
        for levels in product(*(range(2) for _ in FACTORS)):
            space, summary, aggregate = levels
            share = found(factorial_arm(SPACES[space], SUMMARIES[summary], AGGREGATES[aggregate]))
            if share is None:
                return None
            lows = sum(on and not level for on, level in zip(which, levels, strict=True))
            sides[lows % 2 == 0].append(share)
        return fmean(sides[True]) - fmean(sides[False])

    return figure
