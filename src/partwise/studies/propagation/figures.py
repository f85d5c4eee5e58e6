"""What the finished runs of the study of propagation say, put together over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from partwise.config import AlignConfig
from partwise.measure.contrasts import contrasts
from partwise.measure.intervals import SHARE, rate
from partwise.measure.propagation import alarm_delay, fidelity, goes_anywhere, latency, retention
from partwise.studies.grid.seeds import NOT_BELOW_0
from partwise.studies.propagation.contrasts import CONTRASTS, needed, never, share_of
from partwise.studies.propagation.runs import COMPOSED, Curve, Curves, Study, scratch_of
from partwise.studies.propagation.settings import PropagationConfig

CHANGES = (*COMPOSED, "abrupt", "abrupt-untrained", "gradual", "cyclic", "reversal", "group", "stale")
"""Runs in which values change, each with the planner's way to the new ones."""
ASK = ("random", "unrepeated", "uncertain", "disagreeing")
"""Ways to choose questions that are compared label by label."""


def collect(
    config: PropagationConfig, runs: Mapping[int, Mapping[str, AlignConfig]], out: Path
) -> dict[str, Any]:
    """The study's `results.json`: each figure has `by_seed` beside mean, interval and n.

    `runs` gives each seed's runs by name.
    """
    study = Study(config, runs, out)
    return {
        "schema": 2,
        "seeds": list(runs),
        "quick": config.quick,
        "at": config.at,
        "quarter": study.quarter,
        "rollouts": study.rollouts,
        "contrasts": contrasts(
            config.primary,
            {
                name: [contrast(study, curves) for curves in study.curves]
                for name, (contrast, _) in CONTRASTS.items()
            },
            {name: within for name, (_, within) in CONTRASTS.items()},
        ),
        "changes": {name: _change(study, name) for name in CHANGES},
        "frequency": {key: _frequency(study, f"cyclic-{key}") for key in (*map(str, config.every), "never")},
        "labels": {ask: _labels(study, ask) for ask in ASK},
        "alarm": _alarm(study),
    }


def _change(study: Study, name: str) -> dict[str, Any]:
    """One way in which values change: what was there, round by round, and how the planner follows."""
    moves, at = study.schedule(name), study.config.at
    rounds = range(study.runs[name].loop.rounds)
    current = [study.matter(moves.values(index).aggregate) for index in rounds]
    old, new = study.matter(moves.before.aggregate), study.new(name)
    return {
        "moved": [moves.moved(index) for index in rounds],
        "matter": {"before": sorted(old), "after": sorted(new)},
        "dissent": {name: moves.values(at).dissent(name) for name in sorted(old ^ new)},
        "aligned_now": study.by_round(name, lambda c: [c.aligned(m)[i] for i, m in enumerate(current)]),
        "aligned_new": study.by_round(name, lambda c: c.aligned(new)),
        "aligned_and_correct_new": study.by_round(name, lambda c: c.aligned_and_correct(new)),
        "aligned_old": study.by_round(name, lambda c: c.aligned(old)),
        "kept": study.by_round(name, lambda c: c.aligned(old & new)),
        "correct": study.by_round(name, Curve.correct),
        "agreement": study.by_round(name, lambda c: c.figure("agreement")),
        "disagreement": study.by_round(name, lambda c: c.figure("disagreement")),
        "labels": study.by_round(name, lambda c: [float(r["labels"]) for r in c.records], NOT_BELOW_0),
        "alarms": study.by_round(name, lambda c: [float(r["alarm"]) for r in c.records]),
        "groups": {
            group.name: study.by_round(name, lambda c, g=group: c.aligned(study.matter(g.profile)))
            for group in moves.values(at).groups
        },
        **_following(study, name, old & new, new),
    }


def _following(study: Study, name: str, kept: frozenset[str], new: frozenset[str]) -> dict[str, Any]:
    """How far the planner comes, and when. `kept` matters before and after the change, `new` after it."""
    at, quarter = study.config.at, study.quarter

    def goal(curves: Curves) -> float | None:
        return curves[scratch_of(name)].aligned(new)[-1]

    def way(curves: Curves) -> int | None:
        aligned = curves[name].aligned(new)
        return latency(aligned[at:], aligned[at - 1], goal(curves))

    def labels(curves: Curves) -> int | None:
        taken = way(curves)
        asked = [record["labels"] for record in curves[name].records]
        return None if taken is None else sum(asked[at : at + taken + 1])

    def never(curves: Curves) -> bool:
        return goes_anywhere(curves[name].aligned(new)[at - 1], goal(curves)) and way(curves) is None

    def delay(curves: Curves) -> int | None:
        return alarm_delay([record["alarm"] for record in curves[name].records], at)

    def fidelity_in(round: int) -> dict[str, Any]:
        return study.over_seeds(lambda c: fidelity(c[name].aligned(new)[round], goal(c)), NOT_BELOW_0)

    def retained(curves: Curves) -> float | None:
        aligned = curves[name].aligned(kept)
        return retention(aligned[at - 1], aligned[quarter])

    return {
        "followed": study.over_seeds(lambda c: study.followed(c, name), SHARE),
        "fidelity": fidelity_in(quarter),
        "fidelity_at_the_end": fidelity_in(-1),
        "retention": study.over_seeds(retained, NOT_BELOW_0),
        "scratch": study.over_seeds(goal, SHARE),
        "retrained": study.over_seeds(lambda c: study.retrained(c, name), SHARE),
        "retrained_with_as_many": study.over_seeds(lambda c: study.retrained(c, name, study.as_many), SHARE),
        "latency_rounds": study.over_seeds(way, NOT_BELOW_0) | {"never": sum(map(never, study.curves))},
        "latency_labels": study.over_seeds(labels, NOT_BELOW_0),
        "alarm_delay": study.over_seeds(delay, NOT_BELOW_0)
        | {"never": sum(delay(curves) is None for curves in study.curves)},
    }


def _frequency(study: Study, name: str) -> dict[str, Any]:
    """Alignment with the values of the moment from the change on, and what it costs in labels."""
    at, moves = study.config.at, study.schedule(name)
    rounds = range(at, study.runs[name].loop.rounds)
    current = {index: study.matter(moves.values(index).aggregate) for index in rounds}

    def aligned(curves: Curves) -> float | None:
        shares = [curves[name].aligned(current[index])[index] for index in rounds]
        known = [share for share in shares if share is not None]
        return fmean(known) if known else None

    def labels(curves: Curves) -> float | None:
        return fmean(curves[name].records[index]["labels"] for index in rounds)

    return {
        "aligned": study.over_seeds(aligned, SHARE),
        "labels_a_round": study.over_seeds(labels, NOT_BELOW_0),
    }


def _labels(study: Study, ask: str) -> dict[str, Any]:
    """Agreement on clear questions and alignment label by label, for one way to choose questions."""
    name = f"labels-{ask}"
    new = study.matter(study.schedule(name).values(0).aggregate)
    asked = [record["labels"] for record in study.curves[0][name].records]
    return {
        "labels": [sum(asked[: index + 1]) for index in range(len(asked))],
        "agreement": study.by_round(name, lambda c: c.figure("clear_agreement")),
        "aligned": study.by_round(name, lambda c: c.aligned(new)),
        "needed": study.over_seeds(lambda c: needed(c, ask), NOT_BELOW_0)
        | {"never": sum(never(curves, ask) for curves in study.curves)},
        "share_of": {
            other: study.over_seeds(lambda c, other=other: share_of(c, ask, other), NOT_BELOW_0)
            for other in ("random", "unrepeated")
        },
    }


def _alarm(study: Study) -> dict[str, Any]:
    """False alarms while nothing moves, by round and by seed."""
    sounded = [[bool(record["alarm"]) for record in curves["quiet"].records] for curves in study.curves]
    rounds = [alarm for seed in sounded for alarm in seed]
    return {
        "quiet_rounds": len(rounds),
        "false_alarms": sum(rounds),
        "rate": rate(rounds).to_json(),
        "seeds": len(sounded),
        "seeds_with_false_alarms": sum(map(any, sounded)),
    }
