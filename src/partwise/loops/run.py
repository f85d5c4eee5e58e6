"""One run of the loop on disk: set up, go on where it stopped, measure, leave results and transcripts.

Interrupted equals uninterrupted: a round starts from what the round before saved and from draws that the
seed and its number decide, so nothing else needs saving.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

from partwise.composition.sandbox import Sandbox
from partwise.config import AlignConfig, RlftConfig, derived_seed, panel_members
from partwise.config.launched import launched
from partwise.loops.asking import Told, people, simulated
from partwise.loops.proxy_measures import bodies, by_judge, by_played, last_judges
from partwise.loops.questions import SEEDS, TASKS_PER_SEED, Questions, part_items
from partwise.loops.record import Start, open_start, read_round, write_answers, write_lines
from partwise.loops.rewards import reward_function
from partwise.loops.scalable_align import Round, scalable_align
from partwise.loops.schedules import schedule
from partwise.loops.setup import (
    base_planner,
    load_planner,
    load_proxy,
    new_proxy,
)
from partwise.loops.starting import keep_prompts, known_starts, measured_starts, refuse_unusable, starts_warm
from partwise.measure.agreement import agreements, clear_agreement, summary_accuracy
from partwise.measure.consistency import Verdicts, consistency, verdicts
from partwise.measure.evaluate import Judged, evaluate, figures, messages
from partwise.measure.intervals import rate
from partwise.measure.oracle import ValueOracle
from partwise.measure.parsing import unparsed
from partwise.measure.part_to_complete import part_to_complete_correlations
from partwise.models.hub import resolve_device
from partwise.models.planner import Planner
from partwise.models.processes import Processes, processes
from partwise.oversight.feedback import FeedbackStore
from partwise.oversight.people import People
from partwise.oversight.proxy import Proxy
from partwise.oversight.summaries import SummaryJudge
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RESULTS, RunDir, RunError
from partwise.training.reward import Preference
from partwise.training.rlft import refuse_uneven
from partwise.training.rollout import RolloutEngine
from partwise.training.steps import Step
from partwise.types import Split, Task
from partwise.values import ValueProfile
from partwise.worlds.registry import load_world

_AGREEMENT_ITEMS = 300
"""Questions, of each kind, on which proxy and simulated human are compared each round."""


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
        LookupError: there is no such world or value, or nothing to ask about in it.
    """
    if launched().count > 1 and (config.proxy.model or config.proxy.writer.model):
        raise RunError("A language model in the proxy takes one process; run without a launcher.")
    refuse_uneven(config.rlft, launched().count)
    together = processes()
    resolve_device(config.planner.device)  # one that is not there leaves nothing behind
    if not out.exists():
        refuse_unusable(config)
    run = together.in_turn(lambda: RunDir.create(out, "align", config))
    with run.locked() if together.is_first else contextlib.nullcontext():
        if together.told(run.is_finished):
            return run.read_json(RESULTS)
        keep_prompts(run, load_world(config.world), config, begin=False)
        with Sandbox() as sandbox:
            alignment = _Alignment(config, run, sandbox, listen, name, together)
            # Opened last: models that can't be loaded leave nothing behind.
            with alignment.store() as store:
                return alignment.go(store)


class _Alignment:
    """What one run holds while it goes."""

    def __init__(
        self,
        config: AlignConfig,
        run: RunDir,
        sandbox: Sandbox,
        listen: Listener,
        name: str,
        together: Processes,
    ) -> None:
        self.config, self.run, self._sandbox, self._listen, self._name = config, run, sandbox, listen, name
        self._together = together
        self.world = load_world(config.world)
        self.schedule = schedule(self.world, config.human)
        self.start = open_start(config)
        if self.start:
            self._refuse_asked(self.start)
            keep_prompts(self.start.run, self.world, config, begin=False)
        self.done = self._now = run.rounds_done()
        learning = self._learning("the base planner", config.planner.model)
        self._bottom = together.in_turn(lambda: base_planner(self.world, config.base, learning))
        self.base = str(self.start.folder / "planner") if self.start else self._bottom
        latest = run.round_path(self.done - 1) if self.done else self.start.folder if self.start else None
        planner = load_planner(self.world, config.planner, latest / "planner" if latest else self.base)
        proxy = load_proxy(self.world, config, latest / "proxy") if latest else self._new_proxy()
        self.engine = self._engine(planner, proxy, sandbox)
        self.simulated = simulated(self.schedule, config.human, config.seed)
        self.summaries = SummaryJudge(proxy, config.loop.summary_errors, config.seed)
        self.reward = reward_function(config, self.world, proxy, lambda: self.values)
        self.questions = Questions(config, self.engine, self._former, offset=self._offset)
        self._curve: dict[str, float] = {}

    def _new_proxy(self) -> Proxy:
        config = self.config
        learning = self._learning("the writer of bodies", config.proxy.writer.model)
        return new_proxy(self.world, config.proxy, config.planner.device, seed=config.seed, listen=learning)

    def _refuse_asked(self, start: Start) -> None:
        """What is held out here must not have been asked about before."""
        ours, theirs = part_items(self.world, self.config), part_items(self.world, start.config)
        if ours.heldout & theirs.shown:
            raise RunError(
                f"In {start.run.path} people were asked about bodies that are held out here: "
                "`human.heldout`, `human.practice` and `seed` must be as they were there."
            )

    @property
    def _offset(self) -> int:
        """Rounds of the run that this one goes on from: its draws are not drawn again."""
        return self.start.rounds if self.start else 0

    def _engine(self, planner: Planner, proxy: Proxy, sandbox: Sandbox) -> RolloutEngine:
        loop = self.config.loop
        return RolloutEngine(
            self.world,
            planner,
            proxy,
            sandbox,
            space=loop.composition_space,
            dropped=loop.summary_errors.dropped,
            seed=self.config.seed,
        )

    def _former(self, round: int) -> list[Proxy]:
        """The proxies of up to three realignments before the latest, which is the proxy as it is."""
        folders = [self.run.round_path(index) for index in range(round) if self._realigned(index)]
        if self.start:
            folders.insert(0, self.start.folder)
        return [load_proxy(self.world, self.config, folder / "proxy") for folder in folders[:-1][-3:]]

    def _realigned(self, index: int) -> bool:
        """Whether a round that is done has realigned the proxy."""
        return json.loads((self.run.round_path(index) / "round.json").read_text())["realigned"]

    def _learning(self, who: str, model: str | None) -> Callable[[int, int, float], None]:
        doing = "warm start of" if model else "pretraining"
        return lambda done, total, loss: self._say(f"{doing} {who}", done, total, {"loss": loss})

    def _say(self, phase: str, done: int, total: int, shown: dict[str, float]) -> None:
        if self._together.is_first:
            self._listen(Progress(self._name, phase, done, total, shown))

    def store(self) -> contextlib.AbstractContextManager[FeedbackStore | None]:
        """Where answers are kept: the first process has it, which alone asks people."""
        where = self.config.human.store or self.run.path / "feedback.db"
        return FeedbackStore(where) if self._together.is_first else contextlib.nullcontext()

    @property
    def values(self) -> ValueProfile:
        """What people hold dear in the round that is going on, in sum. For the oracle only."""
        return self.schedule.values(self._now).aggregate

    def go(self, store: FeedbackStore | None) -> dict[str, Any]:
        """The rounds that are left, then the figures. All answers are kept in `store`."""
        config = self.config
        if self._together.is_first:
            keep_prompts(self.run, self.world, config, begin=True)
            if starts_warm(config) and not self.start:
                self._measure_starts()
        history = self._recall()
        rounds = scalable_align(
            self.engine,
            Told(self._people(store) if store else None, self._together),
            self.reward,
            rounds=self._rounds(),
            hard_tasks=self._hard_tasks,
            human_level_tasks=self.questions,
            history=history,
            proxy_config=config.proxy,
            rlft_config=self._rlft_config,
            seed=derived_seed(SEEDS * config.seed) + self._offset,
            alarmed=self._rewind,
            listen=self._stepped,
        )
        started = time.perf_counter()
        for finished in rounds:
            self._save(finished, started)
            started = time.perf_counter()
        return self._finish()

    def _measure_starts(self) -> None:
        """Say what warm starts brought, before any reward."""
        self._say("measuring the warm start", 0, 0, self._curve)
        planner, proxy = self.engine.planner, self.engine.proxy
        self._curve |= measured_starts(self.run, self.world, self.config, planner, proxy, self._sandbox)
        self._say("measuring the warm start", 1, 1, self._curve)

    def _people(self, store: FeedbackStore) -> People:
        """H: whoever the run asks."""
        return people(
            self.world,
            self.schedule,
            self.config,
            store,
            self.run,
            rounds=self.config.loop.rounds,
            listen=lambda phase, done, total: self._say(phase, done, total, self._curve),
        )

    def _rewind(self) -> None:
        """Take the planner some of the way back to the base planner, so that it explores again."""
        if self.config.loop.rewind and self.config.rlft.steps:
            base = load_planner(self.world, self.config.planner, self._bottom)
            self.engine.planner.move_towards(base, self.config.loop.rewind)

    def _rounds(self) -> Iterator[int]:
        for index in range(self.done, self.config.loop.rounds):
            self._now = index
            yield index

    def _rlft_config(self, index: int) -> RlftConfig:
        """The round's settings: the learning rate falls in a straight line."""
        config, alarmed_at = self.config.rlft, self.questions.alarmed_at
        if config.settle is None:
            done = index / max(1, self.config.loop.rounds - 1)
        elif alarmed_at is not None:
            done = min(1.0, (index - alarmed_at) / config.settle)
        else:
            done = 1.0 if self.start else min(1.0, index / config.settle)
        rate = config.learning_rate * (1 - (1 - config.final) * done)
        return config.model_copy(update={"learning_rate": rate})

    def _hard_tasks(self, index: int) -> list[Task]:
        """One round's part of D: no task twice within a run, none shared between seeds."""
        count = self.config.rlft.steps * self.config.rlft.tasks_per_step
        first = self.config.seed * TASKS_PER_SEED + index * count + bool(self.start) * TASKS_PER_SEED // 2
        return [self.world.task(Split.TRAIN, first + offset) for offset in range(count)]

    def _recall(self) -> list[Preference]:
        """What people said in the rounds that are done, in the run that this one goes on from as well."""
        history: list[Preference] = []
        for position, said in enumerate(self.start.said() if self.start else []):
            history += said.preferences
            if position:
                self.questions.recall(position - self._offset, said.disagreed, labels=0)
        for index in range(self.done):
            said = read_round(self.run.round_path(index), index)
            history += said.preferences
            self.questions.recall(index, said.disagreed, labels=said.labels)
        return history

    def _stepped(self, index: int, step: Step) -> None:
        if step.correct is not None:
            self._curve["correct"] = step.correct
        self._curve["reward"] = step.reward
        phase = f"round {index + 1} of {self.config.loop.rounds}"
        self._say(phase, step.step + 1, self.config.rlft.steps, self._curve)

    def _save(self, finished: Round, started: float) -> None:
        """Measure the round and save it whole."""
        settings = self.config.measure
        first = settings.heldout_start if settings.curve is Split.HELDOUT else 0
        tasks = [self.world.task(settings.curve, first + i) for i in range(settings.validation_tasks)]
        judged = self._evaluate(self.engine, tasks)
        if self._together.is_first:
            self._write(finished, judged, started)
        self._together.wait()

    def _write(self, finished: Round, judged: Sequence[Judged], started: float) -> None:
        heard, validation = finished.heard, figures(judged)
        self._curve["aligned-and-correct"] = validation.aligned_and_correct.mean or 0.0
        compared = self._agreement(finished)
        with self.run.round_dir(finished.index) as folder:
            self.engine.planner.save(folder / "planner")
            self.engine.proxy.save(folder / "proxy")
            write_answers(folder, heard)
            write_lines(folder / "log.jsonl", [asdict(step) for step in finished.steps])
            write_lines(folder / "measured.jsonl", [row.to_row() for row in judged])
            record = {
                "round": finished.index,
                "labels": len(heard.answers),
                "realigned": heard.realigned,
                "alarm": heard.alarm,
                "disagreement": rate(heard.disagreed).to_json(),
                "disagreed": "".join(str(int(wrong)) for wrong in heard.disagreed),
                **compared,
                **by_played(heard.answers, self.values),
                "summary_accuracy": summary_accuracy(self.summaries, judged).to_json(),
                "validation": validation.to_json(),
                "seconds": round(time.perf_counter() - started, 3),
            }
            (folder / "round.json").write_text(json.dumps(record, indent=1))

    def _agreement(self, finished: Round) -> dict[str, Any]:
        """Proxy and human compared after realignment; see `measure.agreement.agreements`.

        Simulated people are asked anew. Real people's time is for realigning: there it is what the control
        questions said before the proxy learned from them, and nobody knows what they would rather have said,
        nor what they say of bodies that they are not asked about.
        """
        if "console" in panel_members(self.config.human.who):
            names = ("agreement_unseen", "agreement_hard", "clear_agreement")
            found = {"agreement": rate([not wrong for wrong in finished.heard.disagreed])}
            found |= dict.fromkeys(names, rate([]))
            judged = {}
        else:
            index, proxy = finished.index + self._offset, self.engine.proxy
            draw = f"control {self.config.seed} {index}"
            fresh = list(chain(*self.questions.at_random(draw, _AGREEMENT_ITEMS, seed=-1 - index)))
            answer = partial(self.simulated.answer, round=finished.index)
            found = agreements(proxy, answer, fresh, self.questions.parts, draw)
            found["clear_agreement"] = clear_agreement(proxy, fresh, self.values)
            judged = by_judge(proxy, answer, self.questions.parts, len(fresh), draw, self.values)
        return {name: measure.to_json() for name, measure in found.items()} | judged

    def _evaluate(self, engine: RolloutEngine, tasks: Sequence[Task], best_of: int = 1) -> list[Judged]:
        return evaluate(
            engine,
            tasks,
            ValueOracle(self.world, self.values),
            temperature=self.config.measure.temperature,
            seed=self.config.seed,
            best_of=best_of,
            reward=self.reward,
            together=self._together,
        )

    def _judges(self) -> list[Verdicts]:
        """What the proxy says of all parts as it was after each realignment of this run, the latest last."""
        found: list[Verdicts] = []
        for index in [i for i in range(self.config.loop.rounds) if self._realigned(i)][:-1]:
            proxy = load_proxy(self.world, self.config, self.run.round_path(index) / "proxy")
            found.append(verdicts(proxy, self.world, self.schedule.values(index).aggregate))
        return [*found, verdicts(self.engine.proxy, self.world, self.values)]

    def _finish(self) -> dict[str, Any]:
        """Base against trained on held-out tasks, with the same proxy and the same human."""
        config = self.config
        self._now = config.loop.rounds - 1
        start = config.measure.heldout_start
        indices = range(start, start + config.measure.heldout_tasks)
        tasks = [self.world.task(Split.HELDOUT, index) for index in indices]
        results: dict[str, Any] = {
            "schema": 2,
            "matters": {name: self.values.matters(name) for name in self.world.dimensions},
            **known_starts(self.run),
        }
        lines: list[dict[str, Any]] = []
        judges = self._judges()
        base = self._engine(
            load_planner(self.world, config.planner, self.base), self.engine.proxy, self._sandbox
        )
        for position, (arm, engine) in enumerate({"base": base, "trained": self.engine}.items()):
            self._say("measuring on held-out tasks", position, 2, self._curve)
            judged = self._evaluate(engine, tasks, config.measure.best_of)
            results[arm] = figures(judged).to_json() | {
                "messages": messages(judged),
                "unparsed": unparsed([row.rollout for row in judged]),
                "correlations": part_to_complete_correlations(judged),
                "summary_accuracy": summary_accuracy(self.summaries, judged).to_json(),
                "consistency": consistency(judged, judges).to_json(),
                "parts": fmean(len(row.rollout.partial_rewards) for row in judged),
            }
            lines += [{"arm": arm} | row.to_json() for row in judged]
        results |= bodies(self.engine.proxy.solver, self.world, config, self.values)
        results |= last_judges(self.run.round_path(self._now))
        if self._together.is_first:
            self.run.write_text("transcripts.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
            self.run.write_json(RESULTS, results)
        self._say("done", 2, 2, self._curve)
        return results
