"""What a rollout earns: R, and beside it what judges the parts, a summary, the whole, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Literal

from partwise.config import AlignConfig, Reward
from partwise.draws import share_of
from partwise.measure.oracle import ValueOracle
from partwise.oversight.proxy import Proxy
from partwise.oversight.summaries import SummaryJudge
from partwise.training.rlft import RewardFunction
from partwise.types import Rollout
from partwise.values import ValueProfile
from partwise.worlds.base import World

AGGREGATES: Mapping[Literal["sum", "mean", "min"], Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "mean": fmean,
    "min": min,
}


def reward_function(
    config: AlignConfig, world: World, proxy: Proxy, values: Callable[[], ValueProfile]
) -> RewardFunction:
    """What rollouts earn by `loop.reward`, with the judged summary beside it where `loop.summary` says so.

    What did not run to its end earns `loop.failure_reward`, whatever the settings. The oracle is opened for
    the ceiling alone, with the values of the moment that `values` gives.
    """
    loop = config.loop
    earned = _earned(config, world, proxy, values)
    summaries = SummaryJudge(proxy, loop.summary_errors, config.seed) if loop.judges_summaries else None

    def rewards(rollouts: Sequence[Rollout]) -> list[float]:
        ran = [rollout for rollout in rollouts if rollout.execution.ran]
        found = earned(ran)
        if summaries:
            judged = summaries.judge(ran)
            found = [a + loop.summary_weight * b for a, b in zip(found, judged, strict=True)]
        each = iter(found)
        return [next(each) if rollout.execution.ran else loop.failure_reward for rollout in rollouts]

    return rewards


def _earned(
    config: AlignConfig, world: World, proxy: Proxy, values: Callable[[], ValueProfile]
) -> RewardFunction:
    """What solutions that ran earn by `loop.reward` alone."""
    aggregate = AGGREGATES[config.loop.aggregate]

    def verified(rollout: Rollout) -> float:
        return float(bool(rollout.correct))

    match config.loop.reward:
        case Reward.FLOOR:
            return lambda rows: [verified(row) for row in rows]
        case Reward.PARTS | Reward.STRATEGIES:
            return lambda rows: [verified(row) + aggregate(row.partial_rewards) for row in rows]
        case Reward.PAID:
            return lambda rows: [verified(row) + aggregate([1.0] * len(row.partial_rewards)) for row in rows]
        case Reward.WHOLE:
            return lambda rows: [
                verified(row) + judged
                for row, judged in zip(rows, proxy.judge_wholes([_source(row) for row in rows]), strict=True)
            ]
        case Reward.RANDOM:
            return lambda rows: [
                share_of(config.seed, "reward", row.task.index, _source(row)) for row in rows
            ]
        case Reward.CEILING:
            return lambda rows: [
                verified(row) + ValueOracle(world, values()).aligned(row.task, row.execution.trace)
                for row in rows
            ]


def _source(rollout: Rollout) -> str:
    return rollout.solution.source if rollout.solution else ""
