"""Whether results may be judged: those of too few seeds or of a quick run are shown, and no more is said.

Two runs of one arm from different seeds can end far apart (a planner that settles on asking everyone, and one
that settles on asking nobody). So what one or two seeds came to says little of what another would. Every page
asks here before a sentence says that something differs, recovers or can be told from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

LEAST = 3
"""Seeds that a judgment takes."""


def judges(seeds: int, quick: bool = False) -> bool:
    """Whether results of so many seeds are judged; those of a quick run never are."""
    return seeds >= LEAST and not quick


def seeds_of(results: Mapping[str, Any]) -> int:
    """How many seeds are behind a `results.json`, which names or counts them; a single run is one."""
    seeds = results.get("seeds", 1)
    return seeds if isinstance(seeds, int) else len(cast(Sequence[Any], seeds))


def is_judged(results: Mapping[str, Any]) -> bool:
    """Whether a study's results are."""
    return judges(seeds_of(results), bool(results.get("quick", False)))


def too_few(seeds: int) -> str:
    """Why nothing is said of a figure that so few seeds have."""
    return f"{count_of(seeds)}, too few to judge"


def count_of(seeds: int) -> str:
    """`one seed`, `2 seeds`."""
    return "one seed" if seeds == 1 else f"{seeds} seeds"


def why_not_judged(results: Mapping[str, Any]) -> str:
    """Why results are not judged, in a few words."""
    return "a quick run, which judges nothing" if results.get("quick") else too_few(seeds_of(results))


def one_run(over: str) -> str:
    """What a single run leaves open; `over` says what its intervals are over."""
    return (
        f"One run is one seed, and its intervals are over {over}: what another seed would come to it can't "
        f"say. A judgment takes at least {LEAST} seeds."
    )


def not_judged(results: Mapping[str, Any]) -> str:
    """The sentence that results begin with which are not judged."""
    if results.get("quick"):
        return (
            "A quick run shows whether the study works, and judges nothing: that takes the whole study with "
            f"at least {LEAST} seeds."
        )
    seeds = seeds_of(results)
    whose = "this seed" if seeds == 1 else "these seeds"
    return (
        f"{count_of(seeds).capitalize()}: nothing is judged, which takes at least {LEAST}. The figures are "
        f"what {whose} came to; another seed may come to something else."
    )
