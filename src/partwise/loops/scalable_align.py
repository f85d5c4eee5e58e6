"""Scalable alignment: the algorithm of Mai et al. 2025, Figure 2::

    procedure scalable_align(P, H_phi, H, D, E, V):          procedure train_planner(P, H_phi, X, V):
    1. while True do                                         1.  subtasks <- P.decompose(X)
    2.     H_phi <- align_to_human(H, H_phi, E)              2.  partial_solutions, partial_rewards <- [], []
    3.     for X in D do                                     4.  for t in subtasks do
    4.         P <- train_planner(P, H_phi, X, V)            5.      s <- H_phi.solve(t)
                                                             6.      r <- H_phi.judge(s)
    procedure align_to_human(H, H_phi, E):                   9.  S <- P.recompose(partial_solutions)
    1. for Y in E do                                         10. R <- V.verify(X, S)
    2.     H_phi <- align(H_phi, H, Y)                       11. P <- RLFT(P, R + sum(partial_rewards))

Three things differ from the letter. `while True` is a number of rounds. H_phi learns from all Y of a round
at once, and P from batches of X, each tried several times: gradients need company. And the reward is a
function that the caller hands in, so that the study's arms share every line of this.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from partwise.config import ProxyConfig, RlftConfig
from partwise.loops.questions import Heard, Questions
from partwise.oversight.body_writer import BodyWriter
from partwise.oversight.human import Human
from partwise.oversight.proxy import Proxy
from partwise.training.body_writer import align_writer
from partwise.training.reward import Preference, fit_reward_model, preferences
from partwise.training.rlft import RewardFunction, rlft
from partwise.training.rollout import RolloutEngine
from partwise.training.steps import Step
from partwise.types import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one turn of the loop leaves behind, beside the new weights of planner and proxy."""

    index: int
    heard: Heard
    """What people said in this round."""
    steps: list[Step]


def scalable_align(
    engine: RolloutEngine,
    human: Human,
    reward: RewardFunction,
    *,
    rounds: Iterable[int],
    hard_tasks: Callable[[int], Sequence[Task]],
    human_level_tasks: Questions,
    history: list[Preference],
    proxy_config: ProxyConfig,
    rlft_config: Callable[[int], RlftConfig],
    seed: int,
    alarmed: Callable[[], None],
    listen: Callable[[int, Step], None],
) -> Iterator[Round]:
    """Figure 2(a). Yields after each round, when planner and proxy may be saved, measured or left.

    Args:
        engine: holds P, H_phi and V; `train_planner` is its `roll_out` followed by `rlft`.
        human: H.
        reward: line 11 of `train_planner`: what a rollout earns.
        rounds: the numbers of the rounds to do; not from 0 where a run is resumed.
        hard_tasks: round to its part of D.
        human_level_tasks: E. It decides what is asked in a round, and whether H_phi learns in it.
        history: all answers of earlier rounds; this round's are appended.
        proxy_config: how H_phi learns.
        rlft_config: round to how P learns in it.
        seed: with the number of the round, it decides every draw of the round.
        alarmed: called where people and proxy have come to disagree more, once H_phi has learned.
        listen: told of each optimizer step.
    """
    for index in rounds:  # 1. while True do
        heard = align_to_human(  # 2. H_phi <- align_to_human(H, H_phi, E)
            engine.proxy, human, human_level_tasks, history, proxy_config, round=index, seed=seed + index
        )
        if heard.alarm:
            alarmed()
        steps = train_planner(  # 3. for X in D do 4. P <- train_planner(P, H_phi, X, V)
            engine,
            hard_tasks(index),
            reward,
            rlft_config(index),
            seed=seed + index,
            listen=lambda s, i=index: listen(i, s),
        )
        yield Round(index=index, heard=heard, steps=steps)


def align_to_human(
    proxy: Proxy,
    human: Human,
    questions: Questions,
    history: list[Preference],
    config: ProxyConfig,
    *,
    round: int,
    seed: int,
) -> Heard:
    """Figure 2(a), lower half: H answers E; H_phi learns that, and some old answers so as not to forget."""
    heard, fresh = Heard(), list[Preference]()
    for batch in questions.batches(round, heard, history):  # 1. for Y in E do
        answers = human.answer(batch.items, round=round, purpose=batch.purpose)
        heard.add(batch, answers, proxy)
        fresh += preferences(answers, round)
        if batch.learn and fresh and config.learns:
            fit_reward_model(  # 2. H_phi <- align(H_phi, H, Y)
                proxy.model,
                proxy.tokenizer,
                fresh + questions.replay(history, fresh, round, random.Random(seed)),
                epochs=config.epochs if batch.thorough else 1,
                learning_rate=config.learning_rate * (1 if batch.thorough else 0.25),
                seed=seed,
                micro_batch=config.reward.at_once,
            )
            if isinstance(proxy.solver, BodyWriter):  # who judges has learned, and so does who writes
                proxy.forget_scores()
                align_writer(proxy.solver, proxy.rank, fresh, questions.taught, config.writer, seed=seed)
            history += fresh
            fresh = []
        # Forgotten even where nothing was learned: a resumed run must score the same texts together.
        proxy.forget_scores()
    history += fresh
    return heard


def train_planner(
    engine: RolloutEngine,
    tasks: Sequence[Task],
    reward: RewardFunction,
    config: RlftConfig,
    *,
    seed: int,
    listen: Callable[[Step], None],
) -> list[Step]:
    """Figure 2(b): lines 1 to 10 are `RolloutEngine.roll_out`, line 11 is `rlft`, which calls it."""
    steps: list[Step] = []

    def note(step: Step) -> None:
        steps.append(step)
        listen(step)

    if config.steps:
        rlft(engine, tasks, reward, config, seed=seed, listen=note)
    return steps
