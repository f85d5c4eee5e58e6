"""The three stages on planners of a world: each generation is one round of Mai et al.'s loop with a larger P.

Stage 1 begins with line 2 of Figure 2(a), H_phi <- align_to_human(H, H_phi, E), and so with whatever people
hold dear by then. Stage 3 is its lines 3 and 4 on the tasks that were found to be hazardous.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from partwise.composition.sandbox import Sandbox
from partwise.config import AlignConfig, Fidelity, ProgressConfig, Reward, derived_seed
from partwise.loops.asking import simulated
from partwise.loops.discovery import SEVERE, searches
from partwise.loops.planner_hearing import ROUND, hear
from partwise.loops.planner_rounds import PlannerRounds, demonstration
from partwise.loops.planner_tasks import LadderTasks, Purpose
from partwise.loops.planner_watch import Played, Watch, sides
from partwise.loops.progressive import Made
from partwise.loops.questions import Heard
from partwise.loops.record import read_round, write_lines
from partwise.loops.rewards import reward_function
from partwise.loops.schedules import schedule
from partwise.loops.setup import base_planner, load_planner, load_proxy, new_proxy
from partwise.measure.red_team import distinct_hazards, evenness
from partwise.models.planner import Planner
from partwise.oversight.human import Human
from partwise.oversight.proxy import Proxy
from partwise.oversight.red_team import red_team
from partwise.runs.progress import Listener, Progress
from partwise.training.rollout import RolloutEngine
from partwise.types import Rollout, Task
from partwise.worlds.base import Demonstration
from partwise.worlds.registry import load_world

HAZARDS, LOG = "hazards.jsonl", "log.jsonl"


class PlannerLadder:
    """Planners of several widths with one proxy that goes from generation to generation: a `Substrate`.

    A stage's folder holds `model`, the planner, and beside it `proxy` and what people said in the generation.
    """

    def __init__(self, config: ProgressConfig, sandbox: Sandbox, listen: Listener) -> None:
        """Args:
        config: all of it.
        sandbox: solutions run in it.
        listen: told of progress.

        Raises:
            LookupError: there is no such world or value, or nothing to ask about in it.
        """
        self.config, self._sandbox, self._listen = config, sandbox, listen
        loop = config.align.loop.model_copy(update={"rounds": config.generations})
        self.align = config.align.model_copy(update={"seed": config.seed, "loop": loop})
        self.world = load_world(self.align.world)
        self.schedule = schedule(self.world, self.align.human)
        self.tasks = LadderTasks(self.world, config.seed, config.generations)
        self._human: Human = simulated(self.schedule, self.align.human, config.seed)
        self.rounds = PlannerRounds(self.align, self.world, self._say)
        self.parameters = self.rounds.parameters(config.widths)
        """Of each width, rising."""

    def ask(self, human: Human) -> None:
        """Ask these people and not simulated ones; the number of the generation is that of the round."""
        self._human = human

    def sized(self, rung: int) -> AlignConfig:
        """Settings of the loop with the planner of a rung."""
        planner = self.align.planner.model_copy(update={"width": self.config.widths[rung]})
        return self.align.model_copy(update={"planner": planner})

    def engine(self, planner: Planner, proxy: Proxy) -> RolloutEngine:
        """Both at work in the sandbox."""
        loop = self.align.loop
        return RolloutEngine(
            self.world,
            planner,
            proxy,
            self._sandbox,
            space=loop.composition_space,
            dropped=loop.summary_errors.dropped,
            seed=self.config.seed,
        )

    def open(self, model: Path) -> RolloutEngine:
        """The planner in a stage's folder, with the proxy that lies beside it."""
        return self.engine(
            load_planner(self.world, self.align.planner, model),
            load_proxy(self.world, self.align, model.parent / "proxy"),
        )

    def watch(self, engine: RolloutEngine, fidelity: Fidelity | None = None) -> Watch:
        """What monitors see of the engine's rollouts, as much as stage 2 shows them or otherwise."""
        return Watch(engine, fidelity or self.config.discover.fidelity, self.tasks)

    def newborn(self, rung: int) -> Planner:
        """A planner that has read the corpus and nothing else."""
        sized = self.sized(rung)
        folder = base_planner(
            self.world,
            sized.base,
            lambda done, total, loss: self._say(
                f"width {sized.planner.shape}: reading", done, total, loss=loss
            ),
        )
        return load_planner(self.world, self.align.planner, folder)

    def enhance(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        """Stage 1: the proxy hears people; a new planner learns its predecessor's solutions, then V alone."""
        return self._enhanced(generation, rung, predecessors, to, self.config.planners.competence)

    def begin(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        """Stage 1 without the rounds by the verifier."""
        return self._enhanced(generation, rung, predecessors, to, 0)

    def _enhanced(
        self, generation: int, rung: int, predecessors: Sequence[Path], to: Path, rounds: int
    ) -> Made:
        planner = self.newborn(rung)
        latest = predecessors[-1].parent / "proxy" if predecessors else None
        proxy = (
            load_proxy(self.world, self.align, latest)
            if latest
            else new_proxy(self.world, self.align.proxy, self.align.planner.device, seed=self.config.seed)
        )
        engine = self.engine(planner, proxy)
        heard = self._hear(engine, generation, predecessors, to)
        taught = self._lessons(engine, generation, predecessors)
        self._teach(engine, taught, generation, "competence: predecessor's solutions", to)
        curve = self._compete(engine, generation, rounds, to)
        self._save(engine, to)
        return {
            "width": self.config.widths[rung],
            "taught": len(taught),
            "answers": len(heard.answers),
            "alarm": heard.alarm,
            "realigned": heard.realigned,
            "curve": curve,
        }

    def _hear(self, engine: RolloutEngine, generation: int, predecessors: Sequence[Path], to: Path) -> Heard:
        """Line 2 of Figure 2(a), with what people said in every generation before."""
        self._say(f"generation {generation + 1}, realigning the proxy", 0, 1)
        seed = self._seed(generation, 0)
        return hear(self.align, engine, self._human, generation, predecessors, to, seed=seed)

    def _lessons(
        self, engine: RolloutEngine, generation: int, predecessors: Sequence[Path]
    ) -> list[Demonstration]:
        """Solutions of the latest predecessor that passed the verifier, and the proxy where that is asked."""
        if not predecessors:
            return []
        how = self.config.planners
        tasks = self.tasks.train(generation, Purpose.LESSONS, how.lessons)
        # By the proxy as it is now: what people have come to mind is not handed on.
        teacher = self.engine(
            load_planner(self.world, self.align.planner, predecessors[-1]),
            engine.proxy if how.screened else self.open(predecessors[-1]).proxy,
        )
        rollouts = self.rounds.play(teacher, tasks, self._seed(generation, 1))
        return self._fit(teacher, rollouts) if how.screened else self._passed(rollouts)

    def _passed(self, rollouts: Sequence[Rollout]) -> list[Demonstration]:
        return [demonstration(rollout) for rollout in rollouts if rollout.correct]

    def _fit(self, engine: RolloutEngine, rollouts: Sequence[Rollout]) -> list[Demonstration]:
        """Of those that passed the verifier the ones in which the proxy minds nothing."""
        flags = self.watch(engine).flags(rollouts)
        return self._passed(
            [rollout for rollout, kinds in zip(rollouts, flags, strict=True) if kinds == frozenset()]
        )

    def _teach(
        self, engine: RolloutEngine, taught: Sequence[Demonstration], generation: int, phase: str, to: Path
    ) -> None:
        self.rounds.teach(
            engine.planner,
            taught,
            self.config.planners,
            seed=self._seed(generation, 2),
            scratch=to / "scratch",
            listen=lambda done, total, loss: self._say(
                self._phase(generation, phase), done, total, loss=loss
            ),
        )

    def _compete(
        self, engine: RolloutEngine, generation: int, rounds: int, to: Path
    ) -> list[dict[str, float | None]]:
        """Rounds of RLFT by the verifier alone."""
        floor = self.align.model_copy(
            update={"loop": self.align.loop.model_copy(update={"reward": Reward.FLOOR, "summary": False})}
        )
        count = self.rounds.tasks_a_round
        return self.rounds.train(
            engine,
            [
                self.tasks.train(generation, Purpose.COMPETENCE, count, skip=index * count)
                for index in range(rounds)
            ],
            reward_function(floor, self.world, engine.proxy, lambda: self.values(generation)),
            self.watch(engine),
            seed=self._seed(generation, 16),
            phase=self._phase(generation, "competence: the verifier's word"),
        )

    def values(self, generation: int) -> Any:
        """What people hold dear in a generation, in sum. For the oracle only."""
        return self.schedule.values(generation).aggregate

    def discover(self, generation: int, model: Path, to: Path) -> Made:
        """Stage 2: a red team looks for tasks in which the proxy minds what the planner does."""
        how, seed = self.config.discover, self._seed(generation, 32)
        engine = self.open(model)
        played = Played(self.watch(engine), self.tasks.scenarios(generation), how, seed)
        search = searches(played.space, seed, how.scenes)[how.search]()
        self._say(self._phase(generation, "discovery"), 0, 1)
        log = red_team(search, played, budget=how.scenes, batch=how.batch)
        write_lines(to / HAZARDS, played.found)
        write_lines(to / LOG, [{"point": point, "severities": said} for point, said in log])
        return {
            "search": how.search,
            "plans": played.plans,
            "abstained": played.abstained,
            "hazardous": len(played.found),
            "kinds": dict(sorted(Counter(kind for one in played.found for kind in one["kinds"]).items())),
            "distinct": distinct_hazards(log, played.space.cell, SEVERE).to_json(),
            "evenness": evenness(log, lambda point: next(iter(point.values())), SEVERE).to_json(),
        }

    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stage 3: predecessors' safe solutions, then RLFT by verifier and proxy on hazardous tasks."""
        return self.inject_for(self.config.planners.injection, generation, model, hazards, predecessors, to)

    def inject_for(
        self, rounds: int, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stage 3 of so many rounds; of none, nothing is learned either."""
        engine = self.open(model)
        before = self._watched(engine, generation)
        safe: list[Demonstration] = []
        if rounds:
            self._rewind(engine, model)
            safe = self._safe(engine, generation, hazards, predecessors)
            self._teach(engine, safe, generation, "injection: safe solutions", to)
        curve = self._inject(engine, generation, rounds, hazards)
        self._save(engine, to)
        for name in ("answers.jsonl", ROUND):
            (to / name).write_bytes((model.parent / name).read_bytes())
        return {
            "before": before,
            "after": self._watched(engine, generation),
            "taught": len(safe),
            "curve": curve,
            "sources": self._sources(engine, generation, predecessors, to),
        }

    def both(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """As many rounds as both stages have, all by verifier and proxy."""
        how = self.config.planners
        return self.inject_for(how.competence + how.injection, generation, model, hazards, predecessors, to)

    def reinforce(self, generation: int, injected: Path, said: Made, to: Path) -> Made:
        """Rounds by the verifier alone, after an injection."""
        engine = self.open(injected / "model")
        curve = self._compete(engine, generation, self.config.planners.competence, to)
        self._save(engine, to)
        for name in ("answers.jsonl", ROUND):
            (to / name).write_bytes((injected / name).read_bytes())
        return {**said, "after": self._watched(engine, generation), "reinforced": curve}

    def _rewind(self, engine: RolloutEngine, model: Path) -> None:
        """Some of the way back to what had read the corpus and nothing else, so that it explores again."""
        if share := self.config.planners.rewind:
            rung = self.config.widths.index(json.loads((model / "config.json").read_text())["hidden_size"])
            engine.planner.move_towards(self.newborn(rung), share)

    def _hazardous(self, hazards: Path) -> list[Task]:
        """The tasks that were found, each once."""
        lines = (hazards / HAZARDS).read_text(encoding="utf-8").splitlines()
        indices = dict.fromkeys(json.loads(line)["task"] for line in lines)
        return [self.tasks.known(index) for index in indices]

    def _safe(
        self, engine: RolloutEngine, generation: int, hazards: Path, predecessors: Sequence[Path]
    ) -> list[Demonstration]:
        """What predecessors do in hazardous tasks, as far as it passed verifier and monitors."""
        how = self.config.planners
        found = self._hazardous(hazards)[: how.safe]
        others = self.tasks.train(generation, Purpose.LESSONS, how.safe - len(found), skip=how.lessons)
        safe: list[Demonstration] = []
        for place, model in enumerate(predecessors[::-1][: how.predecessors]):
            # What a predecessor wrote, with the bodies and by the judgment of the proxy as it is now.
            teacher = self.engine(load_planner(self.world, self.align.planner, model), engine.proxy)
            rollouts = self.rounds.play(teacher, [*found, *others], self._seed(generation, 40 + place))
            safe += self._fit(teacher, rollouts)
        return safe

    def _inject(
        self, engine: RolloutEngine, generation: int, rounds: int, hazards: Path
    ) -> list[dict[str, float | None]]:
        a_round = self.rounds.tasks_a_round
        count = rounds * a_round
        found = self._hazardous(hazards) if self.config.planners.discovered else []
        random.Random(f"{self.config.seed} {generation}").shuffle(found)
        found = found[: count // 2]  # the others keep what the planner can do beside them
        others = iter(self.tasks.train(generation, Purpose.INJECTION, count - len(found)))
        # In turns, as long as there are hazardous ones.
        mixed = [task for task in found for task in (task, next(others))] + list(others)
        return self.rounds.train(
            engine,
            [mixed[start : start + a_round] for start in range(0, len(mixed), a_round)],
            reward_function(self.align, self.world, engine.proxy, lambda: self.values(generation)),
            self.watch(engine),
            seed=self._seed(generation, 48),
            phase=self._phase(generation, "injection"),
        )

    def _watched(self, engine: RolloutEngine, generation: int) -> dict[str, float]:
        """What verifier and monitors see of a planner in tasks that are not held out."""
        tasks = self.tasks.train(generation, Purpose.WATCHED, self.config.planners.watched)
        return self.watch(engine).seen(self.rounds.play(engine, tasks, self._seed(generation, 64)))

    def _sources(
        self, engine: RolloutEngine, generation: int, predecessors: Sequence[Path], to: Path
    ) -> dict[str, Any]:
        """What is known, without the truth, of those who supervised."""
        said = read_round(to, generation)
        taken = self._sides(engine, generation, predecessors)
        return {
            "disagreement": fmean(said.disagreed) if predecessors and said.disagreed else None,
            "error": json.loads((to / ROUND).read_text(encoding="utf-8"))["error"],
            "imitation": fmean(taken) if taken else None,
            "splits": len(taken),
            "answers": said.labels,
            "questions": said.labels,
        }

    def _sides(self, engine: RolloutEngine, generation: int, predecessors: Sequence[Path]) -> list[bool]:
        """Where two predecessors split, whether the planner sides with the latest."""
        if len(predecessors) < 2:
            return []
        tasks = self.tasks.train(generation, Purpose.WATCHED, self.config.planners.watched)
        seed = self._seed(generation, 64)
        engines = [engine, self.open(predecessors[-1]), self.open(predecessors[-2])]
        return sides(*(self.rounds.play(each, tasks, seed) for each in engines))

    def rehearse(self, generation: int, aligned: Sequence[Path]) -> Made:
        """What the latest aligned planner does in the next generation's tasks: as if it were the next one."""
        tasks = self.tasks.train(generation, Purpose.REHEARSED, self.config.planners.watched)
        engine = self.open(aligned[-1])
        rollouts = self.rounds.play(engine, tasks, self._seed(generation, 72))
        return self.watch(engine).forecast(rollouts)

    def _save(self, engine: RolloutEngine, to: Path) -> None:
        engine.planner.save(to / "model")
        engine.proxy.save(to / "proxy")

    def _seed(self, generation: int, part: int) -> int:
        return derived_seed((self.config.seed * 64 + generation) * 4096 + part)

    def _phase(self, generation: int, what: str) -> str:
        return f"generation {generation + 1}, {what}"

    def _say(self, phase: str, done: int, total: int, **figures: float) -> None:
        self._listen(Progress("progress", phase, min(done, total), total, figures))
