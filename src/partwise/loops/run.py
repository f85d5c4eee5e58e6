"""One run of the loop on disk: set up, go on where it stopped, measure, leave results and transcripts.

Interrupted equals uninterrupted: a round starts from what the round before saved and from draws that the
seed and its number decide, so nothing else needs saving.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from partwise.composition.sandbox import Sandbox
from partwise.config import AlignConfig, Reward, RlftConfig
from partwise.loops.rewards import composition_space, reward_function
from partwise.loops.scalable_align import Round, scalable_align
from partwise.loops.setup import base_planner, load_planner, load_proxy, new_proxy
from partwise.measure.agreement import agreement, summary_accuracy
from partwise.measure.evaluate import Judged, evaluate, figures
from partwise.measure.oracle import ValueOracle
from partwise.measure.part_to_complete import part_to_complete_correlation
from partwise.models.planner import Planner
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.items import summary_items
from partwise.oversight.proxy import Proxy
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunDir
from partwise.training.reward import Preference
from partwise.training.rlft import Step
from partwise.training.rollout import RolloutEngine
from partwise.types import JudgmentItem, Split, Task
from partwise.values import ValueProfile
from partwise.worlds.registry import load_world

_AGREEMENT_ITEMS = 300
"""Fresh items on which proxy and human are compared each round."""
_SUMMARISED = 256
"""Solutions that are summarised for a round's questions."""
_SEEDS = 1000
"""More than a run has rounds: the seeds of two runs' rounds never meet."""
_TASKS_PER_SEED = 1_000_000
"""More than a run has training tasks."""


def align(config: AlignConfig, out: Path, listen: Listener, *, name: str = "align") -> dict[str, Any]:
    """Run the loop, or go on with it, and return what `results.json` holds.

    Args:
        config: all of it; a run that is there with other settings is refused.
        out: the run's directory.
        listen: told of progress.
        name: stands beside each figure of progress, to tell runs apart.

    Raises:
        RunError: the directory can't be used, or the disk is full.
        ModelError: the model can't be loaded.
        LookupError: there is no such world.
    """
    run = RunDir.create(out, "align", config)
    with run.locked(), Sandbox() as sandbox:
        if (run.path / "results.json").exists():
            return run.read_json("results.json")
        return _Alignment(config, run, sandbox, listen, name).go()


class _Alignment:
    """What one run holds while it goes."""

    def __init__(
        self, config: AlignConfig, run: RunDir, sandbox: Sandbox, listen: Listener, name: str
    ) -> None:
        self.config, self.run, self._sandbox, self._listen, self._name = config, run, sandbox, listen, name
        self.world = load_world(config.world)
        self.oracle = ValueOracle(self.world, ValueProfile(config.human.values))
        self.done = run.rounds_done()
        self.base = base_planner(self.world, config.planner, self._pretraining)
        if self.done:
            folder = run.round_path(self.done - 1)
            planner = load_planner(self.world, config.planner, folder / "planner")
            proxy = load_proxy(self.world, config, folder / "proxy")
        else:
            planner = load_planner(self.world, config.planner, self.base)
            proxy = new_proxy(self.world, config.proxy, config.planner.device, seed=config.seed)
        self.engine = self._engine(planner, proxy, sandbox)
        self.human = SimulatedHuman(
            ValueProfile(config.human.values),
            rationality=config.human.rationality,
            readable=config.human.readable,
            seed=str(config.seed),
        )
        self._curve: dict[str, float] = {}

    def _engine(self, planner: Planner, proxy: Proxy, sandbox: Sandbox) -> RolloutEngine:
        return RolloutEngine(self.world, planner, proxy, sandbox, space=composition_space(self.config))

    def _pretraining(self, done: int, total: int, loss: float) -> None:
        self._say("pretraining the base planner", done, total, {"loss": loss})

    def _say(self, phase: str, done: int, total: int, shown: dict[str, float]) -> None:
        self._listen(Progress(self._name, phase, done, total, shown))

    def go(self) -> dict[str, Any]:
        """The rounds that are left, then the figures."""
        config = self.config
        rounds = scalable_align(
            self.engine,
            self.human,
            reward_function(config, self.world, self.engine.proxy),
            rounds=range(self.done, config.loop.rounds),
            hard_tasks=self._hard_tasks,
            human_level_tasks=self._human_level_tasks,
            history=self._history(),
            proxy_config=config.proxy,
            rlft_config=self._rlft_config,
            seed=_SEEDS * config.seed,
            listen=self._stepped,
        )
        started = time.perf_counter()
        for finished in rounds:
            self._save(finished, started)
            started = time.perf_counter()
        return self._finish()

    def _rlft_config(self, index: int) -> RlftConfig:
        """The round's settings: the learning rate falls in a straight line, in the last round to a tenth."""
        config = self.config.rlft
        done = index / max(1, self.config.loop.rounds - 1)
        return config.model_copy(update={"learning_rate": config.learning_rate * (1 - 0.9 * done)})

    def _hard_tasks(self, index: int) -> list[Task]:
        """One round's part of D: no task twice within a run, none shared between seeds."""
        count = self.config.rlft.steps * self.config.rlft.tasks_per_step
        first = self.config.seed * _TASKS_PER_SEED + index * count
        return [self.world.task(Split.TRAIN, first + offset) for offset in range(count)]

    def _human_level_tasks(self, index: int) -> Iterator[list[JudgmentItem]]:
        """One round's part of E; with strategies, half of the questions are about summaries.

        Those come second: the solutions that they are about are put together from parts that the proxy chose,
        and a proxy that has not yet learned to choose would show the human nothing but bad ones.
        """
        count = self.config.proxy.labels_later if index else self.config.proxy.labels_first
        yield from self._questions(f"items {self.config.seed} {index}", count, seed=index)

    def _questions(self, draw: str, count: int, *, seed: int) -> Iterator[list[JudgmentItem]]:
        rng = random.Random(draw)
        summaries = count // 2 if self.config.loop.reward is Reward.STRATEGIES else 0
        yield self.world.judgment_items(rng, count - summaries)
        if summaries:
            tasks = [self.world.task(Split.TRAIN, rng.randrange(_TASKS_PER_SEED)) for _ in range(_SUMMARISED)]
            generator = torch.Generator().manual_seed(_SEEDS * self.config.seed + seed)
            rollouts, _ = self.engine.roll_out(tasks, 1, temperature=1.0, generator=generator)
            yield summary_items(self.world, rollouts, rng, summaries)

    def _history(self) -> list[Preference]:
        """What the human said in the rounds that are done."""
        lines = [
            line
            for index in range(self.done)
            for line in (self.run.round_path(index) / "answers.jsonl").read_text().splitlines()
        ]
        return [Preference(**json.loads(line)) for line in lines]

    def _stepped(self, index: int, step: Step) -> None:
        if step.correct is not None:
            self._curve["correct"] = step.correct
        self._curve["reward"] = step.reward
        phase = f"round {index + 1} of {self.config.loop.rounds}"
        self._say(phase, step.step + 1, self.config.rlft.steps, self._curve)

    def _save(self, finished: Round, started: float) -> None:
        """Measure the round on validation tasks and save it whole."""
        config = self.config
        tasks = [self.world.task(Split.VALIDATION, i) for i in range(config.measure.validation_tasks)]
        judged = self._evaluate(self.engine, tasks)
        validation = figures(judged)
        self._curve["aligned-and-correct"] = validation.aligned_and_correct.mean or 0.0
        draw = f"control {config.seed} {finished.index}"
        fresh = list(chain(*self._questions(draw, _AGREEMENT_ITEMS, seed=-1 - finished.index)))
        with self.run.round_dir(finished.index) as folder:
            self.engine.planner.save(folder / "planner")
            self.engine.proxy.save(folder / "proxy")
            _write_lines(folder / "answers.jsonl", [asdict(answer) for answer in finished.answers])
            _write_lines(folder / "log.jsonl", [asdict(step) for step in finished.steps])
            record = {
                "round": finished.index,
                "labels": len(finished.answers),
                "agreement": agreement(self.engine.proxy, self.human.answer(fresh)).to_json(),
                "summary_accuracy": summary_accuracy(self.engine.proxy, judged).to_json(),
                "validation": validation.to_json(),
                "seconds": round(time.perf_counter() - started, 3),
            }
            (folder / "round.json").write_text(json.dumps(record, indent=1))

    def _evaluate(self, engine: RolloutEngine, tasks: Sequence[Task]) -> list[Judged]:
        settings = self.config.measure
        return evaluate(engine, tasks, self.oracle, temperature=settings.temperature, seed=self.config.seed)

    def _finish(self) -> dict[str, Any]:
        """Base against trained on held-out tasks, with the same proxy and the same human."""
        config = self.config
        start = config.measure.heldout_start
        indices = range(start, start + config.measure.heldout_tasks)
        tasks = [self.world.task(Split.HELDOUT, index) for index in indices]
        results: dict[str, Any] = {"schema": 1}
        lines: list[dict[str, Any]] = []
        base = self._engine(
            load_planner(self.world, config.planner, self.base), self.engine.proxy, self._sandbox
        )
        for position, (arm, engine) in enumerate({"base": base, "trained": self.engine}.items()):
            self._say("measuring on held-out tasks", position, 2, self._curve)
            judged = self._evaluate(engine, tasks)
            results[arm] = figures(judged).to_json() | {
                "correlation": part_to_complete_correlation(judged).to_json(),
                "summary_accuracy": summary_accuracy(self.engine.proxy, judged).to_json(),
                "parts": fmean(len(row.rollout.partial_rewards) for row in judged),
            }
            lines += [{"arm": arm} | row.to_json() for row in judged]
        self.run.write_text("transcripts.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        self.run.write_json("results.json", results)
        self._say("done", 2, 2, self._curve)
        return results


def _write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
