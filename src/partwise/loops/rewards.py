"""What a rollout earns in each arm: R, R + partial rewards, with the strategies, or R + oracle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Literal

from partwise.config import AlignConfig, Reward
from partwise.measure.oracle import ValueOracle
from partwise.oversight.proxy import Proxy
from partwise.training.rlft import RewardFunction
from partwise.types import Rollout
from partwise.values import ValueProfile
from partwise.worlds.base import World

AGGREGATES: Mapping[Literal["sum", "mean", "min"], Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "mean": fmean,
    "min": min,
}


def composition_space(config: AlignConfig) -> str:
    """The space that the run's solutions must keep to: the one asked for, or else the arm's own."""
    own = "affine" if config.loop.reward is Reward.STRATEGIES else "free"
    return config.loop.space or own


def reward_function(
    config: AlignConfig, world: World, proxy: Proxy, values: Callable[[], ValueProfile]
) -> RewardFunction:
    """The reward of the run's arm; what did not run to its end earns `loop.failure_reward` whatever the arm.

    The oracle is opened for the ceiling arm alone, with the values of the moment that `values` gives.
    """
    loop = config.loop
    aggregate = AGGREGATES[loop.aggregate]

    def floor(rollout: Rollout) -> float:
        return float(bool(rollout.correct))

    def parts(rollout: Rollout) -> float:
        return floor(rollout) + aggregate(rollout.partial_rewards)

    match loop.reward:
        case Reward.FLOOR:
            return _each(floor, loop.failure_reward)
        case Reward.PARTS:
            return _each(parts, loop.failure_reward)
        case Reward.STRATEGIES:

            def strategies(rollouts: Sequence[Rollout]) -> list[float]:
                earned = _each(parts, loop.failure_reward)(rollouts)
                judged = proxy.judge_summaries([rollout.summary for rollout in rollouts])
                return [
                    reward + loop.summary_weight * (summary if rollout.execution.ran else 0.0)
                    for rollout, reward, summary in zip(rollouts, earned, judged, strict=True)
                ]

            return strategies
        case Reward.CEILING:

            def ceiling(rollout: Rollout) -> float:
                oracle = ValueOracle(world, values())
                return floor(rollout) + oracle.aligned(rollout.task, rollout.execution.trace)

            return _each(ceiling, loop.failure_reward)


def _each(reward: Callable[[Rollout], float], failure: float) -> RewardFunction:
    def rewards(rollouts: Sequence[Rollout]) -> list[float]:
        return [reward(rollout) if rollout.execution.ran else failure for rollout in rollouts]

    return rewards
