"""What a study compares: one contrast that is named before it runs, and others that pay for their number.

Of twenty figures that say nothing, one will look like something. So each study has one primary contrast, a
field of its settings, and what is said of any other has to survive Holm's correction (Holm 1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from scipy import stats

from partwise.measure.intervals import over_seeds

LEVEL = 0.05
"""The chance of a wrong yes that is put up with."""
_ROUNDING = 1e-12


def contrasts(
    primary: str,
    by_seed: Mapping[str, Sequence[float | None]],
    within: Mapping[str, tuple[float, float]] | None = None,
) -> dict[str, Any]:
    """What a study's contrasts come to, as its `results.json` holds them.

    Args:
        primary: the one that was named before the runs.
        by_seed: contrast to its figure in each seed, such as a difference of two arms from one base planner;
            its zero is "no difference". None where it is undefined.
        within: contrast to where its figure can be, if that has ends.

    Returns:
        `primary`, its name, and `all`, which has for each contrast its `mean`, `ci95`, `n`, `by_seed`, `p`,
        `holm` and `told`. `p` is that of a two-sided t test over seeds against zero, None under two seeds;
        `holm` the same corrected for all contrasts but the primary, None for that one; `told` whether it can
        be told from zero, by `p` for the primary, by `holm` for the rest.

    Raises:
        LookupError: there is no such contrast.
    """
    check_primary(primary, by_seed)
    chances = {name: _p(values) for name, values in by_seed.items()}
    rest = {name: p for name, p in chances.items() if name != primary and p is not None}
    corrected = dict(zip(rest, holm(list(rest.values())), strict=True))
    found: dict[str, Any] = {}
    for name, values in by_seed.items():
        p = chances[name] if name == primary else corrected.get(name)
        found[name] = {
            **over_seeds(values, (within or {}).get(name)).to_json(),
            "by_seed": list(values),
            "p": chances[name],
            "holm": corrected.get(name),
            "told": p is not None and p < LEVEL,
        }
    return {"primary": primary, "all": found}


def check_primary(primary: str, names: Mapping[str, Any] | Sequence[str]) -> None:
    """Refuse a primary contrast that a study does not have.

    Raises:
        LookupError: there is no such contrast.
    """
    if primary not in names:
        raise LookupError(f"There is no contrast `{primary}`; there is {', '.join(map(repr, names))}.")


def holm(chances: Sequence[float]) -> list[float]:
    """Holm's step-down correction: p values such that all errors together stay below the level.

    The smallest of m is multiplied by m, the next by m - 1 and so on; none falls below one before it, and
    none is above 1.
    """
    order = np.argsort(chances)
    corrected, highest = [0.0] * len(chances), 0.0
    for rank, position in enumerate(order):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[position]))
        corrected[position] = highest
    return corrected


def _p(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    if len(defined) < 2:
        return None
    if max(defined) - min(defined) < _ROUNDING:  # No spread: the limit of the test, and not 0 / 0.
        return 0.0 if abs(defined[0]) > _ROUNDING else 1.0
    return float(cast(Any, stats.ttest_1samp(defined, 0.0)).pvalue)
