"""E for one round: what the human is asked."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from partwise.composition.complexity import complexity
from partwise.types import JudgmentItem, Option, Rollout
from partwise.worlds.base import NOTHING_DONE, World

_NOTHING = Option(text=NOTHING_DONE, consequences={}, useful=0.0)


def summary_items(
    world: World,
    rollouts: Sequence[Rollout],
    rng: random.Random,
    count: int,
    unseen: Collection[str] = (),
) -> list[JudgmentItem]:
    """Questions about summaries of what solutions did, each against another one or against nothing done.

    The solutions come from the planner itself, so that the proxy learns about what it will have to judge.
    Rare summaries are asked about as often as common ones, and every third question is against nothing done,
    the zero of the scale. No solution that ran, no question. What a summary does not tell is no consequence
    of its option, nor are the dimensions in `unseen`.
    """
    options: dict[str, Option] = {}
    for rollout in rollouts:
        if rollout.execution.ran and rollout.summary not in options:
            told = {line.partition(":")[0] for line in rollout.summary.split("\n")}
            trace = [event for event in rollout.execution.trace if event.tool in told]
            option = world.summary_option(rollout.task, trace, rollout.summary)
            options[rollout.summary] = _without(option, unseen)
    options.pop(NOTHING_DONE, None)
    done = list(options.values())
    return [_item(_pair(done, rng), _count_words) for _ in range(count)] if done else []


def whole_items(
    world: World, rollouts: Sequence[Rollout], rng: random.Random, count: int
) -> list[JudgmentItem]:
    """Questions about complete solutions, for those who are to judge outcomes; else as `summary_items`.

    People read the program and watch it run once. What it did counts for them as far as they can read it:
    a program beyond `human.readable` is judged with more noise.
    """
    options: dict[str, Option] = {}
    for rollout in rollouts:
        if rollout.execution.ran and rollout.solution and rollout.solution.source not in options:
            text = rollout.solution.source
            options[text] = world.summary_option(rollout.task, rollout.execution.trace, text)
    done = list(options.values())
    return [_item(_pair(done, rng), _count_nodes) for _ in range(count)] if done else []


def _without(option: Option, unseen: Collection[str]) -> Option:
    seen = {name: violation for name, violation in option.consequences.items() if name not in unseen}
    return replace(option, consequences=seen)


def _pair(done: list[Option], rng: random.Random) -> list[Option]:
    if len(done) == 1 or rng.random() < 1 / 3:
        return rng.sample([rng.choice(done), _NOTHING], 2)
    return rng.sample(done, 2)


def _item(options: Sequence[Option], size: Callable[[str], int]) -> JudgmentItem:
    first, second = options
    return JudgmentItem(
        key=f"{first.text}\n---\n{second.text}",
        question="Which of these two would you rather have had done for you?",
        options=(first, second),
        complexity=max(size(first.text), size(second.text)),
    )


def _count_words(text: str) -> int:
    return len(text.split())


def _count_nodes(text: str) -> int:
    return _count_words(text) if text == NOTHING_DONE else complexity(text)
