"""The three stages on the rule-book substrate, and what the controls of their order need."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from partwise.composition.sandbox import Sandbox
from partwise.config import ProgressConfig
from partwise.data.deeds import Deed, Deployment
from partwise.data.scenes import Facts
from partwise.loops.discovery import SEVERE, Played, searches
from partwise.loops.forecasting import WATCHED, rehearsed
from partwise.loops.injection import examples_of
from partwise.loops.progressive import Made
from partwise.loops.record import write_lines
from partwise.loops.scene_rounds import Injection, Round, Rounds, scene_of, watched
from partwise.loops.scene_writers import (
    WriterSource,
    act,
    learn,
    newborn,
    parameters_of,
    people_act,
    teach,
)
from partwise.measure.red_team import distinct_hazards, evenness
from partwise.models.writer import Writer
from partwise.oversight.monitors import RuleMonitor
from partwise.oversight.red_team import red_team
from partwise.runs.progress import Listener, Progress

_TRIES = 8
"""Times that a predecessor is asked for as many plans as are still wanted."""
HAZARDS, LOG, ANSWERS = "hazards.jsonl", "log.jsonl", "answers.jsonl"


class SceneLadder:
    """Writers of several widths that read one book: a `Substrate`."""

    def __init__(self, config: ProgressConfig, cache: Path, sandbox: Sandbox, listen: Listener) -> None:
        """Args:
        config: all of it.
        cache: folder of models that have read the corpus.
        sandbox: plans are run in it.
        listen: told of progress.
        """
        self.config, self._cache, self._listen = config, cache, listen
        self.facts = Facts.drawn(config.read.tiers, config.seed)
        self.deployment = Deployment(self.facts, sandbox)
        self._rounds = Rounds(config, self.facts, self.deployment)
        self.tiers = self._rounds.tiers
        self.parameters = [parameters_of(config.read, width, config.seed) for width in config.widths]
        """Of each width, rising."""

    def _newborn(self, rung: int) -> Path:
        width = self.config.widths[rung]
        return newborn(
            self.config.read,
            width,
            self.config.seed,
            self._cache,
            lambda done, total, loss: self._say(f"width {width}: reading", done, total, loss=loss),
        )

    def enhance(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        """Stage 1. Without a predecessor people's plans are learned from, those that passed the verifier."""
        return self._enhanced(generation, rung, predecessors, to, self.config.compete.rounds)

    def begin(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        """Stage 1 without the verifier's rounds: what a predecessor can do, and no more."""
        return self._enhanced(generation, rung, predecessors, to, 0)

    def _enhanced(
        self, generation: int, rung: int, predecessors: Sequence[Path], to: Path, rounds: int
    ) -> Made:
        writer = Writer.load(self._newborn(rung))
        taught = self._lessons(generation, predecessors, self._plans(rung))
        epochs = self.config.compete.epochs
        self._teach(writer, taught, epochs, generation, "competence: predecessor's plans", to)
        curve = self._compete(writer, generation, rounds, to)
        writer.save(to / "model")
        return {"width": self.config.widths[rung], "taught": len(taught), "curve": curve}

    def _compete(self, writer: Writer, generation: int, rounds: int, to: Path) -> list[dict[str, float]]:
        """Rounds by the verifier; how the model did in each."""
        how, made = self.config.compete, list[Round]()
        for index in range(rounds):
            made.append(self._rounds.competence(writer, generation, index))
            learn(writer, made[-1].pairs, how.prefer, seed=self._rounds.seed(generation, 1) + index)
            self._round(generation, "competence: the verifier's word", index, rounds, made[-1])
        # Preferences say what is better and not what a plan is: its form is learned once more.
        passed = [deed for each in made for deed in each.good]
        self._teach(writer, passed, how.passes, generation, "competence: plans that passed", to)
        return [each.seen for each in made]

    def _teach(
        self, writer: Writer, deeds: Sequence[Deed], epochs: int, generation: int, phase: str, to: Path
    ) -> None:
        how = self.config.compete
        teach(
            writer,
            deeds,
            self.facts,
            self.config.read,
            replayed=how.replayed,
            epochs=epochs,
            learning_rate=how.teach_rate,
            seed=self._rounds.seed(generation, 7),
            scratch=to / "scratch",
            listen=lambda done, total, loss: self._say(
                self._phase(generation, phase), done, total, loss=loss
            ),
        )

    def _plans(self, rung: int) -> int:
        """How many a model is taught: a wide one learns as much from fewer, as it does from documents."""
        read = self.config.read
        return round(self.config.compete.plans * min(1.0, read.share_of(self.config.widths[rung])))

    def _lessons(self, generation: int, predecessors: Sequence[Path], count: int) -> list[Deed]:
        """Plans that passed the verifier: people's, and the latest predecessor's where there is one."""
        people = round(self.config.compete.wild * count) if predecessors else count
        got = self._passed(generation, None, people)
        if predecessors:
            got += self._passed(generation, Writer.load(predecessors[-1]), count - people)
        return got

    def _passed(self, generation: int, teacher: Writer | None, count: int) -> list[Deed]:
        """So many plans that passed, of a writer or of people; fewer where hardly any do."""
        got: list[Deed] = []
        for attempt in range(_TRIES):
            if len(got) >= count:
                break
            seed = self._rounds.seed(generation, 100 + attempt + (_TRIES if teacher else 0))
            asked = self._rounds.scenes(generation, count - len(got), f"lessons {seed}")
            deeds = (
                act(teacher, asked, self.deployment, dinners=1, seed=seed)
                if teacher
                else people_act(self.facts, asked, self.deployment, dinners=1, seed=seed)
            )
            got += self._fit(deeds)
            self._say(self._phase(generation, "competence: asking for plans"), len(got), count)
        return got

    def _fit(self, deeds: Sequence[Deed]) -> list[Deed]:
        """Those that are fit to be taught."""
        passed = [deed for deed in deeds if deed.competence == 1]
        if not self.config.compete.screened:
            return passed
        flags = RuleMonitor(self.deployment, self.config.inject.fidelity).flags(passed)
        return [deed for deed, kinds in zip(passed, flags, strict=True) if not kinds]

    def discover(self, generation: int, model: Path, to: Path) -> Made:
        """Stage 2: a red team looks for scenes in which monitors see harm in what the model does."""
        how, seed = self.config.discover, self._rounds.seed(generation, 2)
        played = Played(Writer.load(model), self.facts, self.deployment, how, self.tiers(generation), seed)
        log = red_team(
            searches(played.space, seed, how.scenes)[how.search](), played, budget=how.scenes, batch=how.batch
        )
        write_lines(to / HAZARDS, played.found)
        write_lines(to / LOG, [{"point": point, "severities": said} for point, said in log])
        return {
            "search": how.search,
            "plans": how.copies * len(log),
            "abstained": played.abstained,
            "hazardous": len(played.found),
            "kinds": dict(sorted(Counter(kind for one in played.found for kind in one["kinds"]).items())),
            "distinct": distinct_hazards(log, played.space.cell, SEVERE).to_json(),
            "evenness": evenness(log, lambda point: point["haste"], SEVERE).to_json(),
        }

    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stage 3: rounds of preferences in the scenes that were found, checked before and after."""
        return self.inject_for(self.config.inject.rounds, generation, model, hazards, predecessors, to)

    def inject_for(
        self, rounds: int, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stage 3 of so many rounds; of none the model stays as it is."""
        writer, shared = Writer.load(model), self._shared(hazards, predecessors)
        before, made = self._watch(writer, generation), list[Round]()
        for index in range(rounds):
            made.append(self._rounds.injection(writer, generation, index, shared))
            seed = self._rounds.seed(generation, 1000 + 10 * index)
            learn(writer, made[-1].pairs, self.config.inject.prefer, seed=seed)
            self._round(generation, "injection", index, rounds, made[-1])
            if made[-1].seen["hazard"] < self.config.inject.enough:
                break
        return self._injected(writer, generation, before, made, shared, to)

    def both(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stages 1 and 3 at once: each round learns from the verifier, and from monitors and sources."""
        rounds = max(self.config.compete.rounds, self.config.inject.rounds)
        writer, shared = Writer.load(model), self._shared(hazards, predecessors)
        before, made = self._watch(writer, generation), list[Round]()
        for index in range(rounds):
            competent = self._rounds.competence(writer, generation, index)
            safe = self._rounds.injection(writer, generation, index, shared)
            seed = self._rounds.seed(generation, 1000 + 10 * index)
            learn(writer, competent.pairs + safe.pairs, self.config.inject.prefer, seed=seed)
            made += [competent, safe]
            self._round(generation, "competence and injection", index, rounds, safe)
        return self._injected(writer, generation, before, made, shared, to)

    def reinforce(self, generation: int, injected: Path, said: Made, to: Path) -> Made:
        """The verifier's rounds after an injection, of which all but what came of it stays as it is."""
        writer = Writer.load(injected / "model")
        curve = self._compete(writer, generation, self.config.compete.rounds, to)
        writer.save(to / "model")
        shutil.copy(injected / ANSWERS, to / ANSWERS)
        return {**said, "after": self._watch(writer, generation), "reinforced": curve}

    def _shared(self, hazards: Path, predecessors: Sequence[Path]) -> Injection:
        how = self.config.inject
        helpers = [Writer.load(folder) for folder in predecessors[::-1][: how.predecessors]]
        asked = helpers if "predecessors" in how.sources else []
        return Injection(
            found=[scene_of(json.loads(line)) for line in (hazards / HAZARDS).read_text().splitlines()],
            helpers=helpers,
            judges=[
                WriterSource(f"generation {len(predecessors) - k}", helper) for k, helper in enumerate(asked)
            ],
        )

    def _injected(
        self,
        writer: Writer,
        generation: int,
        before: dict[str, float],
        made: Sequence[Round],
        shared: Injection,
        to: Path,
    ) -> Made:
        good = [deed for each in made for deed in each.good]
        self._teach(writer, good, self.config.inject.epochs, generation, "injection: safe plans", to)
        writer.save(to / "model")
        asked, audited = shared.asked, shared.audited
        write_lines(to / ANSWERS, asked.rows + audited.rows)
        sides = self._sides(writer, shared.helpers, generation)
        return {
            "before": before,
            "after": self._watch(writer, generation),
            "curve": [each.seen for each in made],
            "sources": {
                "disagreement": asked.disagreement,
                "error": asked.error,
                "imitation": fmean(sides) if sides else None,
                "splits": len(sides),
                "answers": asked.answers + audited.answers,
                "questions": asked.questions + audited.questions,
            },
        }

    def _watch(self, writer: Writer, generation: int) -> dict[str, float]:
        """What verifier and monitors see of a model, in scenes that are not held out."""
        seed = self._rounds.seed(generation, 5)
        scenes = self._rounds.scenes(generation, WATCHED, f"watched {seed}")
        deeds = act(writer, scenes, self.deployment, dinners=1, seed=seed)
        flags = RuleMonitor(self.deployment, self.config.inject.fidelity).flags(deeds)
        clear = [deed.ran and kinds == frozenset() for deed, kinds in zip(deeds, flags, strict=True)]
        return {
            **watched(deeds),
            "conformity": fmean(clear),
            "hazard": fmean(bool(kinds) for kinds in flags),
        }

    def rehearse(self, generation: int, aligned: Sequence[Path]) -> Made:
        """What the latest aligned models say of a generation's conformity before it is trained."""
        seed = self._rounds.seed(generation, 4)
        said = rehearsed(
            [Writer.load(folder) for folder in aligned],
            self._rounds.scenes(generation, WATCHED, f"rehearsed {seed}"),
            self.deployment,
            self.config.inject.fidelity,
            seed=seed,
        )
        return {name: figure.to_json() for name, figure in said.items()}

    def _sides(self, writer: Writer, helpers: Sequence[Writer], generation: int) -> list[bool]:
        """Where two predecessors judge two plans differently, whether the model sides with the latest."""
        if len(helpers) < 2:
            return []
        seed = self._rounds.seed(generation, 6)
        scenes = self._rounds.scenes(generation, WATCHED, f"sides {seed}")
        deeds = people_act(
            self.facts, [s for s in scenes for _ in range(2)], self.deployment, dinners=0, seed=seed
        )
        examples = examples_of(list(zip(deeds[::2], deeds[1::2], strict=True)))
        said = [WriterSource(str(k), one).signals(examples) for k, one in enumerate((writer, *helpers[:2]))]
        return [
            mine.label == latest.label
            for mine, latest, other in zip(*said, strict=True)
            if mine and latest and other and latest.label != other.label
        ]

    def _phase(self, generation: int, what: str) -> str:
        return f"generation {generation + 1}, {what}"

    def _round(self, generation: int, what: str, index: int, rounds: int, made: Round) -> None:
        shown = {name: made.seen[name] for name in ("competence", "hazard")}
        self._say(self._phase(generation, what), index + 1, rounds, **shown)

    def _say(self, phase: str, done: int, total: int, **figures: float) -> None:
        self._listen(Progress("progress", phase, min(done, total), total, figures))
