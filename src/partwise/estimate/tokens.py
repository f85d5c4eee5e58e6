"""Tokens of a run by role and round, from its settings and the lengths of its world's texts.

The counts are those of `loops/run.py` and `loops/questions.py`: how many rollouts a round makes to train on,
to ask people about and to be measured by, and how often the proxy reads and learns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from partwise.config import AlignConfig, Reward
from partwise.estimate.texts import Judged, Plan
from partwise.oversight.realign import is_due

_AGREEMENT_ITEMS = 300
"""As in `loops/run.py`."""
_SUMMARISED = 256
"""As in `loops/questions.py`."""

GOES_ON = 0.85
"""Share of first turns that come to a second one; the others do not parse, or can't be solved. Measured
of the tiny base planner: .72; more in training, soon."""


class Role(StrEnum):
    """What a token is read or written for."""

    PRETRAINING = "pretraining"
    """Of a tiny planner, and of a tiny writer of bodies."""
    WARM_START = "warm start"
    READ = "planner read"
    """Prompts, once a group, and what is put between the turns."""
    SAMPLED = "planner sampled"
    TRAINED = "planner trained on"
    """Whole conversations; rows that are alike, or have no advantage, cost nothing."""
    EVALUATED = "evaluation"
    """Read and sampled by the planner where it is measured."""
    JUDGED = "proxy read"
    """Texts that are scored, each once until the proxy has learned."""
    WRITTEN = "proxy sampled"
    """Bodies, by a proxy that writes them."""
    LEARNED = "proxy trained on"
    """Both texts of each answer."""


Tokens = Counter[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Tokens of a run, in order."""

    before: Tokens
    rounds: Sequence[Tokens]
    after: Tokens

    @property
    def whole(self) -> Tokens:
        """Of the whole run."""
        return sum((*self.rounds, self.after), self.before.copy())


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Mean lengths, in tokens of who reads them."""

    plan: Plan
    cold: float
    """Tokens of a prompt before the warm start; 0 without one."""
    judged: Judged
    function: float
    """Of a function that a writer of bodies reads; 0 where the proxy has none."""
    subtasks: int
    """Of the world's catalogue."""

    @property
    def rollout(self) -> Plan:
        """A conversation with a planner, whose first turn may fail."""
        return replace(
            self.plan, between=GOES_ON * self.plan.between, composition=GOES_ON * self.plan.composition
        )


def schedule(config: AlignConfig, lengths: Lengths) -> Schedule:
    """The tokens of a run that is not interrupted, nothing of which is in the cache.

    Alarms are taken not to sound, all answers to be decided, all turns to be written.
    """
    history = labels = 0
    rounds: list[Tokens] = []
    for index in range(config.loop.rounds):
        asked = _labels(config, index, labels)
        rounds.append(_round(config, lengths, index, asked, history))
        history += sum(asked)
        labels += sum(asked) if index else 0
    return Schedule(before=_before(config, lengths), rounds=rounds, after=_after(config, lengths))


def rollouts(config: AlignConfig) -> int:
    """Rollouts of one round that the planner is trained on."""
    return config.rlft.steps * config.rlft.tasks_per_step * config.rlft.group_size


def _before(config: AlignConfig, lengths: Lengths) -> Tokens:
    planner, plan, found = config.planner, lengths.plan, Tokens()
    if planner.model is None:
        found[Role.PRETRAINING] = round(planner.pretrain.examples * planner.pretrain.epochs * plan.whole)
    elif planner.warm_start.examples:
        start = planner.warm_start
        found[Role.WARM_START] = round(start.examples * start.epochs * plan.whole)
        if not config.loop.start:
            # Before it, models go on to their limit and come to no second turn.
            cold = lengths.cold + planner.max_decomposition_tokens
            found[Role.EVALUATED] = round(start.checked * (cold + lengths.rollout.whole))
    if writes_tiny(config):
        found[Role.PRETRAINING] += round(config.proxy.writer.documents * lengths.function)
    return found


def _after(config: AlignConfig, lengths: Lengths) -> Tokens:
    """Base and trained planner on held-out tasks; what each realigned proxy says of all parts."""
    measured, plan = config.measure, lengths.rollout
    each = plan.prompt + measured.best_of * (plan.between + plan.written)
    judges = sum(1 for index in range(config.loop.rounds) if index == 0 or _due(config, index, 0))
    return Tokens(
        {
            Role.EVALUATED: round(2 * measured.heldout_tasks * each),
            Role.JUDGED: round(judges * lengths.judged.catalogue),
        }
    )


def _round(config: AlignConfig, lengths: Lengths, index: int, asked: list[int], history: int) -> Tokens:
    """One round.

    Args:
        config: of the run.
        lengths: of texts.
        index: of the round.
        asked: labels by batch.
        history: labels of earlier rounds.
    """
    plan, judged, rlft = lengths.rollout, lengths.judged, config.rlft
    found = Tokens()
    made = rollouts(config)
    asking = _asked_about(config, sum(asked)) if _about_all(config) else 0
    found[Role.READ] = round(
        (rlft.steps * rlft.tasks_per_step + asking) * plan.prompt + (made + asking) * plan.between
    )
    found[Role.SAMPLED] = round((made + asking) * plan.written)
    found[Role.TRAINED] = round(made * plan.whole)
    agreed = _asked_about(config, _AGREEMENT_ITEMS) if _about_all(config) else 0
    found[Role.EVALUATED] = round((config.measure.validation_tasks + agreed) * plan.whole)
    # Scores are forgotten after each batch of answers; in between, each text is read once.
    reads = [judged.asked] * len(asked) + [judged.asked + judged.summaries]
    wholes = (made + asking) * judged.whole if config.loop.reward is Reward.WHOLE else 0
    found[Role.JUDGED] = round(sum(reads) + wholes)
    if config.proxy.learns:
        found[Role.LEARNED] = round(_learned(config, lengths, index, asked, history))
    if writes_tiny(config):
        found[Role.WRITTEN] = round(
            len(reads) * lengths.subtasks * config.proxy.writer.copies * lengths.function
        )
    return found


def writes_tiny(config: AlignConfig) -> bool:
    """Whether a tiny writer of bodies is in the proxy."""
    return config.proxy.solver == "writer" and config.proxy.writer.model is None


def _about_all(config: AlignConfig) -> bool:
    """Whether half of the questions are about summaries or complete solutions."""
    return config.loop.judges_summaries or config.loop.reward is Reward.WHOLE


def _asked_about(config: AlignConfig, labels: int) -> int:
    """Rollouts that are made so that people can be asked about them."""
    return min(_SUMMARISED, max(64, 6 * (labels // 2))) if labels else 0


def _labels(config: AlignConfig, index: int, spent: int) -> list[int]:
    """Labels of a round by batch, of which the proxy learns after each."""
    proxy, control = config.proxy, config.realign.control
    first = index == 0 and not config.loop.start
    if first or not control:
        count = proxy.labels_first if first else proxy.labels_later
        return _batches(config, count)
    later = _batches(config, proxy.labels_later) if _due(config, index, spent + control) else []
    return [control, *later]


def _batches(config: AlignConfig, count: int) -> list[int]:
    about_all = count // 2 if _about_all(config) else 0
    return [count - about_all, about_all] if about_all else [count]


def _due(config: AlignConfig, index: int, spent: int) -> bool:
    if not config.realign.control:
        return True
    rounds, cost = config.loop.rounds, config.proxy.labels_later
    return is_due(config.realign, index, alarm=False, spent=spent, cost=cost, rounds=rounds)


def _learned(config: AlignConfig, lengths: Lengths, index: int, asked: list[int], history: int) -> float:
    proxy, judged = config.proxy, lengths.judged
    first = index == 0 and not config.loop.start
    epochs = proxy.epochs if first or config.realign.half_life is not None else 1
    known, answers, waiting = history, 0, 0
    controlled = bool(config.realign.control) and not first
    for position, count in enumerate(asked):
        if controlled and position == 0:
            waiting = count  # control questions are learned with those that follow, if any do
            continue
        answers += count + waiting + min(proxy.replay, known)
        known, waiting = known + count + waiting, 0
    texts = [judged.option, judged.summary or judged.whole] if _about_all(config) else [judged.option]
    learned = 2 * answers * epochs * sum(texts) / len(texts)
    if writes_tiny(config):
        pairs = (1 - config.human.undone) * sum(asked) / len(texts)
        learned += 2 * pairs * proxy.writer.prefer.epochs * lengths.function
    return learned
