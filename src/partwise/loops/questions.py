"""E, round by round: whom to compare the proxy with, when to realign it, and what to ask for that."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import torch

from partwise.config import AlignConfig, Reward
from partwise.oversight.items import PartItems, summary_items, whole_items
from partwise.oversight.proxy import Proxy
from partwise.oversight.queries import choose
from partwise.oversight.realign import DriftAlarm, is_due
from partwise.training.body_writer import withheld
from partwise.training.reward import Preference, replayed
from partwise.training.rollout import RolloutEngine
from partwise.types import Answer, JudgmentItem, Purpose, Split, Subtask
from partwise.worlds.base import World

SEEDS = 1000
"""More than a run has rounds: the seeds of two runs' rounds never meet."""
TASKS_PER_SEED = 1_000_000
"""More than a run has training tasks."""
_SUMMARISED = 256
"""Solutions that are summarised for a round's questions, at most."""


def part_items(world: World, config: AlignConfig) -> PartItems:
    """What a run asks about parts.

    Raises:
        LookupError: its settings leave nothing to ask about in this world.
    """
    human = config.human
    return PartItems(
        world, practice=human.practice, heldout=human.heldout, undone=human.undone, seed=config.seed
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Questions that are asked together."""

    items: list[JudgmentItem]
    purpose: Purpose
    learn: bool = True
    """Whether the proxy learns as soon as they are answered, or waits for what is asked next."""
    thorough: bool = False
    """Whether it learns as in the first round, or gently."""


@dataclass(slots=True, kw_only=True)
class Heard:
    """What people said in one round, so far."""

    answers: list[Answer] = field(default_factory=list[Answer])
    purposes: list[Purpose] = field(default_factory=list[Purpose])
    disagreed: list[bool] = field(default_factory=list[bool])
    """For each decided answer to a control question: whether the proxy, not having learned it, differed."""
    alarm: bool = False
    """Whether disagreement has risen."""
    realigned: bool = False

    def add(self, batch: Batch, answers: Sequence[Answer], proxy: Proxy) -> None:
        """Take in the answers to a batch, before the proxy learns from them."""
        self.answers += answers
        self.purposes += [batch.purpose] * len(answers)
        if batch.purpose is Purpose.CONTROL:
            decided = [answer for answer in answers if answer.preferred is not None]
            guesses = proxy.prefers([answer.item for answer in decided])
            self.disagreed += [
                guess != answer.preferred for guess, answer in zip(guesses, decided, strict=True)
            ]


class Questions:
    """E of one run: a generator of batches each round, which sees what was said before it goes on."""

    def __init__(
        self,
        config: AlignConfig,
        engine: RolloutEngine,
        former: Callable[[int], Sequence[Proxy]],
        *,
        offset: int = 0,
    ) -> None:
        """Args:
        config: of the run.
        engine: whose planner's solutions are summarised, and whose proxy is asked what it is unsure of.
        former: round to the proxies of earlier realignments, the latest left out.
        offset: rounds of the run that this one goes on from.
        """
        self._config, self._engine, self._former, self._offset = config, engine, former, offset
        self.parts = part_items(engine.world, config)
        """What may be asked about parts, and what is held out."""
        self._alarm = DriftAlarm(config.realign.confidence)
        self.alarmed_at: int | None = None
        """The round of the latest alarm; below 0 in a run that this one goes on from."""
        self._spent = 0

    @property
    def taught(self) -> Mapping[str, Subtask]:
        """`def` line to the subtask, of all that people may be asked about and a writer may learn from."""
        world, config = self._engine.world, self._config
        without = withheld(world, config.proxy.writer, config.seed)
        entries = chain(world.catalogue.values(), world.practice.values())
        return {
            entry.subtask.signature: entry.subtask for entry in entries if entry.subtask.name not in without
        }

    def _is_first(self, round: int) -> bool:
        """Whether the proxy knows nothing yet."""
        return round + self._offset == 0

    def recall(self, round: int, disagreed: Sequence[bool], *, labels: int) -> bool:
        """Take in a round, this one or one of before an interruption; whether the alarm sounds.

        Rounds of a run that this one goes on from are numbered below 0.
        """
        if self._is_first(round):
            return False
        self._spent += labels
        sounded = self._alarm.hear(disagreed) or round == self._config.realign.announced
        if sounded:
            self.alarmed_at = round
        return sounded

    def batches(self, round: int, heard: Heard, history: Sequence[Preference]) -> Iterator[Batch]:
        """One round's questions. `heard` grows while they are asked, and `history` holds earlier rounds'."""
        settings, draw = self._config.realign, f"items {self._config.seed} {round + self._offset}"
        proxy, seed = self._config.proxy, round + self._offset
        first = self._is_first(round)
        if first or not settings.control:
            count = proxy.labels_first if first else proxy.labels_later
            for items in self.at_random(draw, count, seed=seed):
                yield Batch(items=items, purpose=Purpose.CONTROL, thorough=self._thorough(round))
            heard.realigned = True
            heard.alarm = self.recall(round, heard.disagreed, labels=len(heard.answers))
            return
        control = list(chain(*self.at_random(f"{draw} control", settings.control, seed=seed)))
        yield Batch(items=control, purpose=Purpose.CONTROL, learn=False)
        heard.alarm = self.recall(round, heard.disagreed, labels=len(heard.answers))
        if not self._due(round):
            return
        heard.realigned = True
        before = len(heard.answers)
        rng = random.Random(f"{draw} choose")
        pool = settings.pool if settings.ask != "random" else 1
        for candidates in self.at_random(draw, proxy.labels_later, seed=seed, pool=pool):
            count = len(candidates) // pool
            former = self._former(round) if settings.ask == "disagreeing" else ()
            asked = self._asked(round, heard, history)
            items = choose(candidates, count, settings.ask, self._engine.proxy, former, asked, rng)
            # Never control, however chosen: what is saved as heard must be what the alarm has heard.
            yield Batch(items=items, purpose=Purpose.QUERY, thorough=self._thorough(round))
        self._spent += len(heard.answers) - before

    def _due(self, round: int) -> bool:
        settings = self._config.realign
        since = None if self.alarmed_at is None else round - self.alarmed_at
        return is_due(
            settings,
            round,
            alarm=since is not None and since <= settings.follow,
            spent=self._spent,
            cost=self._config.proxy.labels_later,
            rounds=self._config.loop.rounds,
        )

    def _thorough(self, round: int) -> bool:
        """In the first round, and where people's values are taken to be moving."""
        settings = self._config.realign
        alarmed = self.alarmed_at is not None and round - self.alarmed_at <= settings.follow
        moving = alarmed or settings.moving == "always"
        return self._is_first(round) or (moving and settings.half_life is not None)

    def _moved(self, round: int) -> int:
        """The round in which values last moved, as far as anybody knows."""
        moved = round if self._config.realign.moving == "always" else self.alarmed_at
        return -self._offset if moved is None else moved

    def _asked(self, round: int, heard: Heard, history: Sequence[Preference]) -> Counter[frozenset[str]]:
        """How often each pair of texts was compared since values moved."""
        moved = self._moved(round)
        asked = Counter(answer.item.pair for answer in heard.answers)
        # What this round's first batch was told is in `history` as well once it is learned.
        asked.update(old.pair for old in history if moved <= old.round < round)
        return asked

    def replay(
        self, history: Sequence[Preference], fresh: Sequence[Preference], round: int, rng: random.Random
    ) -> list[Preference]:
        """Old answers to learn again beside fresh ones; what was said before values moved fades."""
        return replayed(
            history,
            self._config.proxy.replay,
            fresh=fresh,
            round=round,
            before=self._moved(round),
            half_life=self._config.realign.half_life,
            rng=rng,
        )

    def at_random(self, draw: str, count: int, *, seed: int, pool: int = 1) -> Iterator[list[JudgmentItem]]:
        """`pool` times `count` questions; where summaries or wholes are judged, half of them are about those.

        They come second: the solutions that they are about are put together from parts that the proxy chose,
        and a proxy that has not yet learned to choose would show the human nothing but bad ones.
        """
        rng = random.Random(draw)
        world = self._engine.world
        loop = self._config.loop
        whole = loop.reward is Reward.WHOLE
        about_all = count // 2 if loop.judges_summaries or whole else 0
        yield self.parts.asked(rng, pool * (count - about_all))
        if about_all:
            solved = min(_SUMMARISED, max(64, 6 * about_all))
            tasks = [world.task(Split.TRAIN, rng.randrange(TASKS_PER_SEED)) for _ in range(solved)]
            generator = torch.Generator().manual_seed(SEEDS * self._config.seed + seed)
            rollouts, _ = self._engine.roll_out(tasks, 1, temperature=1.0, generator=generator)
            summaries = pool * about_all
            if whole:
                wholes = summaries if not loop.judges_summaries else summaries // 2
                yield whole_items(world, rollouts, rng, wholes)
                summaries -= wholes
            if summaries:
                yield summary_items(world, rollouts, rng, summaries, loop.summary_errors.unseen)
