"""E: what the human is asked, about parts and about summaries."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from partwise.composition.complexity import complexity
from partwise.types import JudgmentItem, Option, PartialSolution, Rollout
from partwise.worlds.base import NOTHING_DONE, CatalogueEntry, World, undone

PRACTICE_HELDOUT = 0.2
"""Share of the bodies of `World.practice` that people are never asked about."""
_DRAWS = 50
"""Draws for each question that is to differ from all others, after which there are taken to be no more."""
_NOTHING = Option(text=NOTHING_DONE, consequences={}, useful=0.0)


_Bodies = tuple[PartialSolution, ...]


@dataclass(frozen=True, slots=True)
class _Topic:
    """The bodies of one subtask."""

    asked: _Bodies
    """Those that people may be asked about."""
    heldout: _Bodies
    """Those that are kept from them."""

    @property
    def bodies(self) -> _Bodies:
        return self.asked + self.heldout


class PartItems:
    """E of one run as far as it is about parts: two ways to do a subtask, or one against leaving it undone.

    Some bodies are held out: no question that people are asked shows them. How the proxy judges those follows
    from what it learned of others.
    """

    def __init__(
        self,
        world: World,
        *,
        practice: float = 0.0,
        heldout: float = 0.0,
        undone: float = 0.5,
        seed: int = 0,
    ) -> None:
        """Args:
        world: whose catalogues are asked about.
        practice: share of the questions, 0 to 1, that are about `World.practice` and not the catalogue.
        heldout: share of the catalogue's bodies, 0 to 1, that are held out. Of practice it is a fifth.
        undone: share of the questions, 0 to 1, that are against leaving the subtask undone; the others are
            about two bodies, where a subtask has two.
        seed: decides which bodies are held out. What a small share holds out, a larger one does as well.

        Raises:
            LookupError: there is nothing to ask about.
        """
        self._world, self._undone = world, undone
        self._hard = _topics(world.catalogue.values(), heldout if practice < 1 else 0.0, seed)
        practised = _topics(world.practice.values(), PRACTICE_HELDOUT, seed)
        if practice > 0 and not practised:
            raise LookupError(
                f"The world {world.name} has no subtasks for practice, so `human.practice` must be 0."
            )
        if practice < 1 and not any(topic.asked for topic in self._hard):
            raise LookupError(
                f"`human.heldout={heldout:g}` leaves nothing to ask people about the subtasks of hard tasks: "
                "lower it, or set `human.practice=1`."
            )
        shares = ((1 - practice, self._hard), (practice, practised))
        self._pools = [(share, topics) for share, topics in shares if share > 0]

    @property
    def shown(self) -> frozenset[str]:
        """The bodies' texts that people may be asked about."""
        return frozenset(part.source for _, topics in self._pools for topic in topics for part in topic.asked)

    @property
    def heldout(self) -> frozenset[str]:
        """The bodies' texts that people are never asked about, of the subtasks that they are asked about."""
        return frozenset(
            part.source for _, topics in self._pools for topic in topics for part in topic.heldout
        )

    def asked(self, rng: random.Random, count: int) -> list[JudgmentItem]:
        """Questions for people, drawn at random."""
        return self._items(
            rng,
            count,
            [(share, [(topic.asked, topic.asked) for topic in topics]) for share, topics in self._pools],
        )

    def distinct(self, rng: random.Random, count: int) -> list[JudgmentItem]:
        """Questions for people whose time counts: no pair twice, and none that did the same when tried.

        Fewer than `count` where there are no more.
        """
        found: dict[frozenset[str], JudgmentItem] = {}
        for _ in range(_DRAWS * count):
            if len(found) == count:
                break
            (item,) = self.asked(rng, 1)
            first, second = item.options
            seen = [(option.consequences, option.useful, option.observed) for option in (first, second)]
            if seen[0] != seen[1]:
                found.setdefault(item.pair, item)
        return list(found.values())

    def unseen(self, rng: random.Random, count: int) -> list[JudgmentItem]:
        """The same, each with a body that is held out on one side; no question where none is held out."""
        return self._items(
            rng,
            count,
            [(share, [(topic.heldout, topic.bodies) for topic in topics]) for share, topics in self._pools],
        )

    def hard(self, rng: random.Random, count: int) -> list[JudgmentItem]:
        """Questions about the subtasks of hard tasks and any of their bodies, whatever people are asked."""
        return self._items(rng, count, [(1.0, [(topic.bodies, topic.bodies) for topic in self._hard])])

    def _items(
        self, rng: random.Random, count: int, pools: Sequence[tuple[float, Sequence[tuple[_Bodies, _Bodies]]]]
    ) -> list[JudgmentItem]:
        """Questions about subtasks, drawn from pools by their shares.

        A subtask comes as the bodies of which each question shows one, and those that may stand beside it.
        A share of the questions, and each where there is none of these, is against leaving it undone, which
        is the zero of the scale.
        """
        drawn = [(share, [topic for topic in topics if topic[0]]) for share, topics in pools]
        drawn = [(share, topics) for share, topics in drawn if topics]
        items: list[JudgmentItem] = []
        for _ in range(count if drawn else 0):
            (topics,) = rng.choices([topics for _, topics in drawn], [share for share, _ in drawn])
            firsts, bodies = rng.choice(topics)
            part = rng.choice(firsts)
            others = [other for other in bodies if other != part]
            other = rng.choice(others) if others and rng.random() < 1 - self._undone else undone(part.subtask)
            items.append(self._item(*rng.sample([part, other], 2)))
        return items

    def _item(self, first: PartialSolution, second: PartialSolution) -> JudgmentItem:
        return JudgmentItem(
            key=f"{first.source}\n---\n{second.source}",
            question=f"{first.subtask.doc} Which would you rather have run for you?",
            options=(self._world.part_option(first), self._world.part_option(second)),
            complexity=max(complexity(first.source), complexity(second.source)),
        )


def _topics(entries: Iterable[CatalogueEntry], share: float, seed: int) -> list[_Topic]:
    """The subtasks, with a share of all their bodies held out, drawn by digest."""
    every = [entry.implementations for entry in entries]
    parts = sorted(chain.from_iterable(every), key=lambda part: _digest(part, seed))
    heldout = frozenset(parts[: round(share * len(parts))])
    return [
        _Topic(
            asked=tuple(part for part in bodies if part not in heldout),
            heldout=tuple(part for part in bodies if part in heldout),
        )
        for bodies in every
    ]


def _digest(part: PartialSolution, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{part.source}".encode()).digest()


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
