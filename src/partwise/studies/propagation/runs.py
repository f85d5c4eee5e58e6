"""The finished runs of the study of propagation, as its figures read them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.config import AlignConfig
from partwise.loops.schedules import schedule
from partwise.measure.intervals import SHARE
from partwise.measure.propagation import aligned_and_correct_share, aligned_share, correct_share
from partwise.studies.grid.seeds import Within, seeded
from partwise.studies.propagation.settings import PropagationConfig
from partwise.values import Schedule, ValueProfile
from partwise.worlds.registry import load_world

COMPOSED = ("composed", "settled", "composed-untrained")
"""Runs in which the change lies in the composition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One run, round by round."""

    records: list[dict[str, Any]]
    """Each round's `round.json`."""
    rows: list[list[dict[str, Any]]]
    """Each round's `measured.jsonl`."""

    def aligned(self, matter: frozenset[str]) -> list[float | None]:
        """The share of all tasks that is aligned with what matters, each round."""
        return [aligned_share(rows, matter) for rows in self.rows]

    def aligned_and_correct(self, matter: frozenset[str]) -> list[float | None]:
        """The share of all tasks that is aligned with what matters and correct, each round."""
        return [aligned_and_correct_share(rows, matter) for rows in self.rows]

    def correct(self) -> list[float | None]:
        """The share of all tasks that is correct, each round."""
        return [correct_share(rows) for rows in self.rows]

    def figure(self, name: str) -> list[float | None]:
        """A figure of each round's record, its mean."""
        return [record[name]["mean"] for record in self.records]


Curves = Mapping[str, Curve]
"""One seed's runs by name."""


def read_curve(run: Path) -> Curve:
    """A finished run's rounds."""
    folders = sorted((run / "rounds").iterdir())
    return Curve(
        records=[json.loads((folder / "round.json").read_text()) for folder in folders],
        rows=[
            [json.loads(line) for line in (folder / "measured.jsonl").read_text().splitlines()]
            for folder in folders
        ],
    )


class Study:
    """The finished runs, and what values mattered when."""

    def __init__(
        self, config: PropagationConfig, runs: Mapping[int, Mapping[str, AlignConfig]], out: Path
    ) -> None:
        """`runs` gives each seed's runs by name."""
        self.config = config
        self.runs = next(iter(runs.values()))
        """Those of one seed; those of the others differ in the seed alone."""
        self.world = load_world(config.align.world)
        self.curves: list[Curves] = [
            {name: read_curve(out / f"seed-{seed}" / name) for name in named} for seed, named in runs.items()
        ]
        trained, scratch = self.runs["abrupt"], self.runs["scratch"]
        a_round, retraining = _rollouts(trained), _rollouts(scratch)
        rounds = max(1, retraining * scratch.loop.rounds // 4 // a_round)
        self.quarter = min(config.at - 1 + rounds, trained.loop.rounds - 1)
        """The round by whose end a planner that goes on training has had a quarter of retraining's rollouts,
        or as near to that as whole rounds come."""
        followed = (self.quarter - config.at + 1) * a_round
        self.rollouts = {"scratch": retraining * scratch.loop.rounds, "followed": followed}
        self.as_many = min(math.ceil(followed / retraining), scratch.loop.rounds) - 1
        """The first round by whose end a planner retrained from scratch has had as many as that."""

    def schedule(self, name: str) -> Schedule:
        """How values move in a run."""
        return schedule(self.world, self.runs[name].human)

    def matter(self, profile: ValueProfile) -> frozenset[str]:
        """The dimensions that matter to a profile."""
        return frozenset(name for name in self.world.dimensions if profile.matters(name))

    def new(self, name: str) -> frozenset[str]:
        """The dimensions that matter in a run once values have moved as far as they do."""
        moves = self.schedule(name)
        furthest = max(range(moves.at, moves.at + moves.over + 1), key=moves.moved)
        return self.matter(moves.values(furthest).aggregate)

    def followed(self, curves: Curves, name: str) -> float | None:
        """Aligned with the new values and correct, at the quarter."""
        return curves[name].aligned_and_correct(self.new(name))[self.quarter]

    def retrained(self, curves: Curves, name: str, round: int = -1) -> float | None:
        """The same of a planner retrained from scratch under the new values, after a round of its own."""
        return curves[scratch_of(name)].aligned_and_correct(self.new(name))[round]

    def over_seeds(self, figure: Callable[[Curves], float | None], within: Within = None) -> dict[str, Any]:
        """A figure of each seed's runs, put together; `within` as in `intervals.over_seeds`."""
        return seeded([figure(curves) for curves in self.curves], within)

    def by_round(
        self,
        name: str,
        figure: Callable[[Curve], Sequence[float | None]],
        within: Within = SHARE,
    ) -> list[dict[str, Any]]:
        """A figure of each round of a run, put together over seeds."""
        each = [figure(curves[name]) for curves in self.curves]
        return [seeded(values, within) for values in zip(*each, strict=True)]


def _rollouts(config: AlignConfig) -> int:
    """Of a round."""
    return config.rlft.steps * config.rlft.tasks_per_step * config.rlft.group_size


def scratch_of(name: str) -> str:
    """The run that is retrained from scratch under the values that a change leads to."""
    return "scratch-composed" if name in COMPOSED else "scratch"
