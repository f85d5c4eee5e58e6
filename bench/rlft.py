"""Scored two-turn rollouts a second: our rollouts against TRL's stock generation, in one run, interleaved.

Run: OMP_NUM_THREADS=1 PYTHONPATH=src python bench/rlft.py   (three minutes; about 40 s more where
the cache lacks the base planner; needs no network)

Every side does one batch as `rlft` does: 8 tasks times 16 copies, the same pretrained planner, tasks, proxy,
lengths, temperature and ends of turns, on one thread. Rows that failed in the first turn do not go on to the
second on any side. A rollout is scored when it was parsed, solved and judged by the proxy, checked against
the composition space, run in the sandbox, verified and summarised.

- `partwise`: `RolloutEngine`, new for each batch. Prompts are read once for all copies, the second turn
  goes on from the caches of the first, rows leave the batch as they end, and tiny models take the fast
  path. Within the batch no part is judged twice, no program run twice on the same task, and what has been
  written is a guess of what comes next. Of the batches before it nothing is kept: like for like with the
  two sides of stock generation.
- `partwise, drafts kept`: the same, with guesses that were learned in the batches before, as `rlft` keeps
  them within a round. What is sampled has the same distribution.
- `partwise, as it trains`: what a round of `rlft` does. One engine is kept for all batches, which remembers
  what programs did; a proxy of its own, as good as the others', remembers its scores of parts, as it does
  until it learns again; and drafts are kept. Only the planner's weights do not move, as they would from
  step to step.
- `stock generation, our scoring`: TRL's `GRPOTrainer._generate_single_turn`, which is `generate` of
  transformers on left-padded prompts: once for the first turn, and once, on prompt, first turn and inserted
  tokens, for the second. Scored by `RolloutEngine`, new for each batch.
- `stock`: the same generation, scored as a reward function does it that is called with one completion at a
  time: the proxy solves and judges, and the sandbox runs, for each rollout anew.

What this package remembers of texts, for the whole process (which of them are programs of the language, and
how they run), serves all sides, stock ones too; the sides take turns at being first. The table shows
medians; lengths are sampled, so tokens a rollout are shown too. The number that is like for like is that of
`partwise`.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from partwise.composition.acceptor import Language
from partwise.composition.language import CompositionError, parse, parse_decomposition
from partwise.composition.sandbox import Sandbox
from partwise.composition.spaces import check_space
from partwise.composition.summary import summarise
from partwise.config import AlignConfig
from partwise.loops.setup import base_planner, load_planner, new_proxy
from partwise.models.chat import between_turns, first_prompt
from partwise.models.drafts import Drafts
from partwise.models.planner import Planner, Turn
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.items import PartItems
from partwise.oversight.proxy import Proxy
from partwise.training.reward import fit_reward_model, preferences, quiet
from partwise.training.rollout import RolloutEngine
from partwise.types import PartialSolution, Solution, Split, Task
from partwise.values import ValueProfile
from partwise.worlds.base import World
from partwise.worlds.registry import load_world

Rows = list[list[int]]


@dataclass
class Tally:
    """What one side did, a figure a batch."""

    seconds: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    """Sampled, both turns."""
    correct: list[int] = field(default_factory=list)


Side = Callable[[list[Task], int], tuple[int, int]]
"""Rolls out and scores a batch with a seed; returns sampled tokens and correct solutions."""


def _drawn(ids: Rows) -> Rows:
    return [[1] * len(row) for row in ids]


def _unrecorded(ids: Rows) -> list[list[float]]:
    """Stock generation keeps no log-probabilities; scoring does not read them."""
    return [[0.0] * len(row) for row in ids]


class StockPlanner:
    """Stands in for `Planner`: two turns by TRL's own generation."""

    constrained = chats = False

    def __init__(self, planner: Planner, config: AlignConfig) -> None:
        limit = config.planner.max_decomposition_tokens
        if config.planner.max_composition_tokens != limit:
            raise ValueError("TRL has one limit for all turns; give both turns the same")
        os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
        batch = config.rlft.tasks_per_step * config.rlft.group_size
        with tempfile.TemporaryDirectory() as scratch:
            self._trainer = GRPOTrainer(
                model=planner.model,
                reward_funcs=lambda completions, **_: [0.0] * len(completions),
                args=GRPOConfig(
                    output_dir=scratch,
                    per_device_train_batch_size=batch,
                    num_generations=config.rlft.group_size,
                    max_completion_length=limit,
                    temperature=config.rlft.temperature,
                    **quiet(),
                ),
                train_dataset=Dataset.from_dict({"prompt": ["0"]}),
                processing_class=planner.tokenizer,
            )
        self.tokenizer = planner.tokenizer
        self._copies = config.rlft.group_size

    def open(self, tasks: Sequence[Task], copies: int, _drafts: Drafts | None = None) -> StockConversation:
        prompts = [first_prompt(self.tokenizer, task.statement) for task in tasks]
        return StockConversation(self, [prompt for prompt in prompts for _ in range(copies)])

    def write(self, rows: Rows) -> Turn:
        ids, _ = self._trainer._generate_single_turn(rows, None, {}, self._copies)
        texts = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        ends = self._trainer.eos_token_ids
        return Turn(
            ids=ids,
            logps=_unrecorded(ids),
            drawn=_drawn(ids),
            texts=texts,
            finished=[row[-1] in ends for row in ids],
        )


class StockConversation:
    """Stands in for `Conversation`: the second turn is generated on all that went before, from the start."""

    def __init__(self, planner: StockPlanner, rows: Rows) -> None:
        self._planner = planner
        self._rows = rows

    def prompt(self, row: int) -> list[int]:
        return self._rows[row]

    def decompose(
        self, _temperature: float, _generator: torch.Generator | None, _language: object = None
    ) -> Turn:
        self._first = self._planner.write(self._rows)
        return self._first

    def recompose(
        self,
        sources: Sequence[str | None],
        _temperature: float,
        _generator: torch.Generator | None,
        _languages: Sequence[Language | None] | None = None,
    ) -> tuple[Rows, Turn]:
        inserted = [[] if text is None else between_turns(self._planner.tokenizer, text) for text in sources]
        live = [row for row, text in enumerate(sources) if text is not None]
        ids: Rows = [[] for _ in sources]
        texts, finished = [""] * len(sources), [False] * len(sources)
        if live:
            turn = self._planner.write(
                [self._rows[row] + self._first.ids[row] + inserted[row] for row in live]
            )
            for row, *written in zip(live, turn.ids, turn.texts, turn.finished, strict=True):
                ids[row], texts[row], finished[row] = written
        return inserted, Turn(
            ids=ids, logps=_unrecorded(ids), drawn=_drawn(ids), texts=texts, finished=finished
        )


def by_engine(
    world: World,
    planner: Any,
    proxy: Proxy,
    sandbox: Sandbox,
    config: AlignConfig,
    drafts: Drafts | None = None,
    *,
    kept: bool = False,
) -> Side:
    """Scored by `RolloutEngine`: new for each batch, or kept with all that the proxy has scored."""

    def new_engine() -> RolloutEngine:
        proxy.forget_scores()
        return RolloutEngine(world, planner, proxy, sandbox, space=config.loop.composition_space)

    only = new_engine() if kept else None

    def side(tasks: list[Task], seed: int) -> tuple[int, int]:
        torch.manual_seed(seed)
        rollouts, tokens = (only or new_engine()).roll_out(
            tasks,
            config.rlft.group_size,
            temperature=config.rlft.temperature,
            generator=torch.Generator().manual_seed(seed),
            drafts=drafts,
        )
        return sum(sum(row.written) for row in tokens), sum(bool(rollout.correct) for rollout in rollouts)

    return side


def one_by_one(
    world: World, planner: StockPlanner, proxy: Proxy, sandbox: Sandbox, config: AlignConfig
) -> Side:
    """Scored one completion at a time."""
    space, copies = config.loop.composition_space, config.rlft.group_size

    def solve(text: str) -> tuple[PartialSolution, ...] | None:
        try:
            subtasks = parse_decomposition(text)
        except CompositionError:
            return None
        proxy.forget_scores()
        parts = tuple(part for part in proxy.solve(subtasks) if part is not None)
        return parts if len(parts) == len(subtasks) else None

    def score(task: Task, parts: tuple[PartialSolution, ...], composition: str) -> bool:
        proxy.forget_scores()
        proxy.judge(parts)
        source = Solution(partial_solutions=parts, composition=composition).source
        try:
            if check_space(parse(source), space, world.tools):
                return False
        except CompositionError:
            return False
        execution = sandbox.run(source, world.episode(task), world.tools)
        if not execution.ran:
            return False
        summarise(execution.trace, world.tools, task.inputs)
        return bool(world.verify(task, execution.trace))

    def side(tasks: list[Task], seed: int) -> tuple[int, int]:
        torch.manual_seed(seed)
        conversation = planner.open(tasks, copies)
        first = conversation.decompose(config.rlft.temperature, None)
        solved = [
            solve(text) if finished else None
            for text, finished in zip(first.texts, first.finished, strict=True)
        ]
        sources = [None if parts is None else "\n".join(part.source for part in parts) for parts in solved]
        _, second = conversation.recompose(sources, config.rlft.temperature, None)
        correct = sum(
            score(tasks[row // copies], parts, second.texts[row])
            for row, parts in enumerate(solved)
            if parts is not None and second.finished[row]
        )
        return sum(len(ids) for turn in (first, second) for ids in turn.ids), correct

    return side


def fitted_proxy(world: World, config: AlignConfig, answers: int) -> Proxy:
    """A proxy that has learned a little."""
    proxy = new_proxy(world, config.proxy, "cpu", seed=0)
    human = SimulatedHuman(
        ValueProfile({}),
        rationality=config.human.rationality,
        readable=config.human.readable,
        seed="0",
    )
    said = preferences(human.answer(PartItems(world).asked(random.Random(0), answers)))
    fit_reward_model(proxy.model, proxy.tokenizer, said, epochs=1, learning_rate=2e-3, seed=0)
    return proxy


def main() -> None:
    """Print a markdown table and the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(1)
    config = AlignConfig.model_validate({"planner": {"device": "cpu"}})
    world = load_world(config.world)
    planner = load_planner(world, config.planner, base_planner(world, config.base))
    proxy = fitted_proxy(world, config, 200)
    stock = StockPlanner(planner, config)
    count = config.rlft.tasks_per_step
    with Sandbox() as sandbox:
        its_own = fitted_proxy(world, config, 200)
        sides: dict[str, Side] = {
            "partwise": by_engine(world, planner, proxy, sandbox, config),
            "partwise, drafts kept": by_engine(world, planner, proxy, sandbox, config, Drafts()),
            "partwise, as it trains": by_engine(
                world, planner, its_own, sandbox, config, Drafts(), kept=True
            ),
            "stock generation, our scoring": by_engine(world, stock, proxy, sandbox, config),
            "stock": one_by_one(world, stock, proxy, sandbox, config),
        }
        tallies = {name: Tally() for name in sides}
        for repeat in range(given.repeats + 1):
            tasks = [world.task(Split.TRAIN, repeat * count + place) for place in range(count)]
            names = list(sides)
            for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
                start = time.perf_counter()
                tokens, correct = sides[name](tasks, repeat)
                took = time.perf_counter() - start
                if repeat:  # the first round warms up
                    tallies[name].seconds.append(took)
                    tallies[name].tokens.append(tokens)
                    tallies[name].correct.append(correct)
    report(tallies, count * config.rlft.group_size)


def report(tallies: dict[str, Tally], batch: int) -> None:
    print("| side | rollouts/s | s a batch | sampled tokens a rollout | correct | times stock |")
    print("|---|---|---|---|---|---|")
    median = {name: statistics.median(tally.seconds) for name, tally in tallies.items()}
    for name, tally in tallies.items():
        tokens, correct = (statistics.mean(figures) / batch for figures in (tally.tokens, tally.correct))
        print(
            f"| {name} | {batch / median[name]:,.0f} | {median[name]:.3f} | {tokens:.1f} | {correct:.2f} "
            f"| {median['stock'] / median[name]:.1f} |"
        )
    alone = median["stock generation, our scoring"] / median["partwise"]
    for name in [name for name in median if name.startswith("partwise")]:
        print(f"\n{name}, over stock: {median['stock'] / median[name]:.2f} times")
    print(f"by generation alone (same scoring): {alone:.2f} times")


if __name__ == "__main__":
    main()
