"""E for one round: what the human is asked."""

from __future__ import annotations

import random
from collections.abc import Sequence

from partwise.types import JudgmentItem, Option, Rollout
from partwise.worlds.base import NOTHING_DONE, World

_NOTHING = Option(text=NOTHING_DONE, consequences={}, useful=0.0)


def summary_items(
    world: World, rollouts: Sequence[Rollout], rng: random.Random, count: int
) -> list[JudgmentItem]:
    """Questions about summaries of what solutions did, each against another one or against nothing done.

    The solutions come from the planner itself, so that the proxy learns about what it will have to judge.
    Rare summaries are asked about as often as common ones, and every third question is against nothing done,
    the zero of the scale. No solution that ran, no question.
    """
    options: dict[str, Option] = {}
    for rollout in rollouts:
        if rollout.execution.ran and rollout.summary not in options:
            options[rollout.summary] = world.summary_option(
                rollout.task, rollout.execution.trace, rollout.summary
            )
    options.pop(NOTHING_DONE, None)
    if not options:
        return []
    done = list(options.values())
    return [_summary_item(*_pair(done, rng)) for _ in range(count)]


def _pair(done: list[Option], rng: random.Random) -> list[Option]:
    if len(done) == 1 or rng.random() < 1 / 3:
        return rng.sample([rng.choice(done), _NOTHING], 2)
    return rng.sample(done, 2)


def _summary_item(first: Option, second: Option) -> JudgmentItem:
    return JudgmentItem(
        key=f"{first.text}\n---\n{second.text}",
        question="Which of these two would you rather have had done for you?",
        options=(first, second),
        complexity=max(len(first.text.split()), len(second.text.split())),
    )
