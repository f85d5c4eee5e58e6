"""What the finished runs of the study of propagation say, put together over seeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from partwise.config import AlignConfig, PropagationConfig
from partwise.loops.setup import schedule
from partwise.measure.intervals import Measure, over_seeds, rate
from partwise.measure.propagation import (
    alarm_delay,
    aligned_share,
    fidelity,
    goes_anywhere,
    latency,
    retention,
)
from partwise.values import Schedule, ValueProfile
from partwise.worlds.registry import load_world

CHANGES = ("abrupt", "gradual", "cyclic", "reversal", "group", "composed", "settled", "stale")
"""Runs in which values change, each with the planner's way to the new ones."""
_SMOOTHED = 1
"""Batches before and after each over which agreement is averaged label by label: one alone is noisy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One run, round by round."""

    records: list[dict[str, Any]]
    """Each round's `round.json`."""
    rows: list[list[dict[str, Any]]]
    """Each round's `measured.jsonl`."""

    def aligned(self, matter: frozenset[str]) -> list[float | None]:
        """The share that violates nothing that matters, each round."""
        return [aligned_share(rows, matter) for rows in self.rows]

    def figure(self, name: str) -> list[float | None]:
        """A figure of each round's record, its mean."""
        return [record[name]["mean"] for record in self.records]


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

    def __init__(self, config: PropagationConfig, runs: Sequence[Mapping[str, AlignConfig]], out: Path):
        """`runs` gives each seed's runs by name."""
        self.config, self.runs = config, runs
        self.world = load_world(config.align.world)
        self.curves = [
            {name: read_curve(out / f"seed-{seed}" / name) for name in named}
            for seed, named in enumerate(runs)
        ]

    def schedule(self, name: str) -> Schedule:
        """How values move in a run."""
        return schedule(self.world, self.runs[0][name].human)

    def matter(self, profile: ValueProfile) -> frozenset[str]:
        """The dimensions that matter to a profile."""
        return frozenset(name for name in self.world.dimensions if profile.matters(name))

    def over_seeds(self, figure: Callable[[dict[str, Curve]], float | None]) -> dict[str, Any]:
        """A figure of each seed's runs, put together."""
        return over_seeds([figure(curves) for curves in self.curves]).to_json()

    def by_round(self, name: str, figure: Callable[[Curve], Sequence[float | None]]) -> list[dict[str, Any]]:
        """A figure of each round of a run, put together over seeds."""
        each = [figure(curves[name]) for curves in self.curves]
        return [over_seeds(list(values)).to_json() for values in zip(*each, strict=True)]


def collect(
    config: PropagationConfig, runs: Sequence[Mapping[str, AlignConfig]], out: Path
) -> dict[str, Any]:
    """The study's `results.json`."""
    study = Study(config, runs, out)
    return {
        "schema": 1,
        "seeds": config.seeds,
        "at": config.at,
        "scratch_labels": study.over_seeds(
            lambda curves: float(sum(record["labels"] for record in curves["scratch"].records))
        ),
        "rollouts": {"scratch": _rollouts(config.align), "a round": _rollouts_a_round(runs[0]["abrupt"])},
        "changes": {name: _change(study, name) for name in CHANGES},
        "frequency": {key: _frequency(study, f"cyclic-{key}") for key in (*map(str, config.every), "never")},
        "labels": _labels(study),
        "alarm": _alarm(study),
    }


def _rollouts_a_round(config: AlignConfig) -> int:
    return config.rlft.steps * config.rlft.tasks_per_step * config.rlft.group_size


def _rollouts(config: AlignConfig) -> int:
    return _rollouts_a_round(config) * config.loop.rounds


def _change(study: Study, name: str) -> dict[str, Any]:
    """One way in which values change: the curves, and how the planner follows."""
    at, run, moves = study.config.at, study.runs[0][name], study.schedule(name)
    rounds = range(run.loop.rounds)
    current = [study.matter(moves.values(index).aggregate) for index in rounds]
    old, new = study.matter(moves.before.aggregate), study.matter(_arrived(moves))
    quarter = min(at - 1 + _rollouts(study.runs[0]["before"]) // 4 // _rollouts_a_round(run), rounds[-1])
    scratch = "scratch-composed" if name in ("composed", "settled") else "scratch"

    def goal(curves: Mapping[str, Curve]) -> float | None:
        return curves[scratch].aligned(new)[-1]

    def way(curves: Mapping[str, Curve]) -> int | None:
        aligned = curves[name].aligned(new)
        return latency(aligned[at:], aligned[at - 1], goal(curves))

    def labels(curves: Mapping[str, Curve]) -> int | None:
        taken = way(curves)
        asked = [record["labels"] for record in curves[name].records]
        return None if taken is None else sum(asked[at : at + taken + 1])

    def never(curves: Mapping[str, Curve]) -> bool:
        return goes_anywhere(curves[name].aligned(new)[at - 1], goal(curves)) and way(curves) is None

    return {
        "moved": [moves.moved(index) for index in rounds],
        "matter": {"before": sorted(old), "after": sorted(new)},
        "aligned_now": study.by_round(name, lambda c: [c.aligned(m)[i] for i, m in enumerate(current)]),
        "aligned_new": study.by_round(name, lambda c: c.aligned(new)),
        "aligned_old": study.by_round(name, lambda c: c.aligned(old)),
        "kept": study.by_round(name, lambda c: c.aligned(old & new)),
        "correct": study.by_round(name, lambda c: [r["validation"]["correct"]["mean"] for r in c.records]),
        "agreement": study.by_round(name, lambda c: c.figure("agreement")),
        "disagreement": study.by_round(name, lambda c: c.figure("disagreement")),
        "labels": study.by_round(name, lambda c: [float(r["labels"]) for r in c.records]),
        "alarms": study.by_round(name, lambda c: [float(r["alarm"]) for r in c.records]),
        "scratch": study.over_seeds(goal),
        "latency_rounds": study.over_seeds(way) | {"never": sum(map(never, study.curves))},
        "latency_labels": study.over_seeds(labels),
        "quarter": quarter,
        "fidelity": study.over_seeds(lambda c: fidelity(c[name].aligned(new)[quarter], goal(c))),
        "fidelity_at_the_end": study.over_seeds(lambda c: fidelity(c[name].aligned(new)[-1], goal(c))),
        "retention": study.over_seeds(
            lambda c: retention(c[name].aligned(old & new)[at - 1], c[name].aligned(old & new)[quarter])
        ),
        "alarm_delay": study.over_seeds(lambda c: alarm_delay([r["alarm"] for r in c[name].records], at)),
        "dissent": {name: moves.values(at).dissent(name) for name in sorted(old ^ new)},
        "groups": {
            group.name: study.by_round(name, lambda c, g=group: c.aligned(study.matter(g.profile)))
            for group in moves.values(at).groups
        },
    }


def _arrived(moves: Schedule) -> ValueProfile:
    """What people hold dear once values have moved as far as they do."""
    furthest = max(range(moves.at, moves.at + moves.over + 1), key=moves.moved)
    return moves.values(furthest).aggregate


def _frequency(study: Study, name: str) -> dict[str, Any]:
    """Alignment with the values of the moment from the change on, and what it costs in labels."""
    at, moves = study.config.at, study.schedule(name)
    rounds = range(at, study.runs[0][name].loop.rounds)
    current = {index: study.matter(moves.values(index).aggregate) for index in rounds}

    def aligned(curves: Mapping[str, Curve]) -> float | None:
        shares = [curves[name].aligned(current[index])[index] for index in rounds]
        known = [share for share in shares if share is not None]
        return fmean(known) if known else None

    def labels(curves: Mapping[str, Curve]) -> float | None:
        return fmean(curves[name].records[index]["labels"] for index in rounds)

    return {"aligned": study.over_seeds(aligned), "labels_a_round": study.over_seeds(labels)}


def _labels(study: Study) -> dict[str, Any]:
    """Agreement on clear questions and alignment label by label, for each way to choose questions."""
    found: dict[str, Any] = {}
    for ask in ("random", "uncertain", "disagreeing"):
        name = f"labels-{ask}"
        new = study.matter(study.schedule(name).values(0).aggregate)
        asked = [record["labels"] for record in study.curves[0][name].records]
        found[ask] = {
            "labels": [sum(asked[: index + 1]) for index in range(len(asked))],
            "agreement": study.by_round(name, lambda c: c.figure("clear_agreement")),
            "aligned": study.by_round(name, lambda c, new=new: c.aligned(new)),
            "share_of_random": study.over_seeds(lambda c, name=name: _share_of_random(c, name)),
        }
    return found


def _share_of_random(curves: Mapping[str, Curve], name: str) -> float | None:
    """Labels until agreement has come nine tenths of the way, over those that random questions need for it.

    The way is random's, from its first batch to its last ones; None where it leads nowhere, or where the
    other never comes so far.
    """
    random, other = (
        _smooth([float(mean) for mean in curves[run].figure("clear_agreement") if mean is not None])
        for run in ("labels-random", name)
    )
    if not random or not goes_anywhere(random[0], random[-1]):
        return None
    first, reached = (latency(curve, random[0], random[-1]) for curve in (random, other))
    return None if first is None or reached is None else (reached + 1) / (first + 1)


def _smooth(values: Sequence[float]) -> list[float]:
    # As many on either side, even at the ends: what is averaged with later batches only would come early.
    last = len(values) - 1
    reach = [min(_SMOOTHED, index, last - index) for index in range(len(values))]
    return [fmean(values[index - r : index + r + 1]) for index, r in enumerate(reach)]


def _alarm(study: Study) -> dict[str, Any]:
    """False alarms while nothing moves."""
    sounded = [bool(record["alarm"]) for curves in study.curves for record in curves["quiet"].records]
    per_round: Measure = rate(sounded)
    return {"quiet_rounds": len(sounded), "false_alarms": sum(sounded), "rate": per_round.to_json()}
