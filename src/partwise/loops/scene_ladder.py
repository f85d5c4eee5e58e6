"""The three stages on the rule-book substrate."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from partwise.composition.sandbox import Sandbox
from partwise.config import ProgressConfig, derived_seed
from partwise.data.deeds import Deed, Deployment
from partwise.data.scenes import Facts, Scene
from partwise.loops.discovery import Played, searches
from partwise.loops.injection import Asked, Pair, ask, audits, examples_of, questions, sure_pairs
from partwise.loops.plan_writers import Writer
from partwise.loops.progressive import Made
from partwise.loops.record import write_lines
from partwise.loops.scene_writers import (
    WriterSource,
    act,
    fresh_scenes,
    learn,
    newborn,
    parameters_of,
    people_act,
    teach,
)
from partwise.measure.red_team import distinct_hazards, evenness
from partwise.oversight.combine import Method
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.monitors import RuleMonitor
from partwise.oversight.red_team import red_team
from partwise.runs.progress import Listener, Progress
from partwise.values import ValueProfile

_TRIES = 8
"""Times that a predecessor is asked for as many plans as are still wanted."""
_WATCHED = 500
"""Scenes on which verifier and monitors watch a model before and after injection; none of the held-out
ones."""
_ASKED = 32
"""Questions to sources, a round at most."""
_AUDITED = 8
"""Of these, on any plans: nothing is learned of them but how good sources are, and by the learned monitor."""
_RATIONALITY = 4.0
HAZARDS, LOG, ANSWERS = "hazards.jsonl", "log.jsonl", "answers.jsonl"
_SEVERE = 0.5
"""Share of a scene's plans with a harm, from which on the scene counts as hazardous."""


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
        self.people = SimulatedHuman(
            ValueProfile(), rationality=_RATIONALITY, readable=1, seed=f"people {config.seed}"
        )

        self.parameters = [parameters_of(config.read, width, config.seed) for width in config.widths]
        """Of each width, rising."""

    def _newborn(self, rung: int, phase: str) -> Path:
        width = self.config.widths[rung]
        return newborn(
            self.config.read,
            width,
            self.config.seed,
            self._cache,
            lambda done, total, loss: self._say(f"width {width}: {phase}", done, total, loss=loss),
        )

    def enhance(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        """Stage 1. Without a predecessor people's plans are learned from, those that passed the verifier."""
        how = self.config.compete
        writer = Writer.load(self._newborn(rung, "reading"))
        taught = self._lessons(generation, predecessors)
        seed = self._seed(generation, 1)
        self._teach(writer, taught, how.epochs, generation, "competence: predecessor's plans", to)
        curve: list[dict[str, float]] = []
        passed: list[Deed] = []
        for index in range(how.rounds):
            deeds = self._act(writer, generation, how.scenes, how.copies, how.dinners, seed + 1 + index)
            curve.append(_watched(deeds))
            learn(writer, _by_verifier(deeds, how.copies), how.prefer, seed=seed + index)
            passed += [deed for deed in deeds if deed.competence == 1]
            self._say(
                self._phase(generation, "competence: the verifier's word"),
                index + 1,
                how.rounds,
                competence=curve[-1]["competence"],
            )
        # Preferences say what is better and not what a plan is: its form is learned once more.
        self._teach(writer, passed, how.passes, generation, "competence: plans that passed", to)
        writer.save(to / "model")
        return {"width": self.config.widths[rung], "taught": len(taught), "curve": curve}

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
            seed=self._seed(generation, 7),
            scratch=to / "scratch",
            listen=lambda done, total, loss: self._say(
                self._phase(generation, phase), done, total, loss=loss
            ),
        )

    def _lessons(self, generation: int, predecessors: Sequence[Path]) -> list[Deed]:
        """Plans that passed the verifier: people's, and the latest predecessor's where there is one."""
        how = self.config.compete
        people = round(how.wild * how.plans) if predecessors else how.plans
        got = self._passed(generation, None, people)
        if predecessors:
            got += self._passed(generation, Writer.load(predecessors[-1]), how.plans - people)
        return got

    def _passed(self, generation: int, teacher: Writer | None, count: int) -> list[Deed]:
        """So many plans that passed, of a writer or of people; fewer where hardly any do."""
        got: list[Deed] = []
        for attempt in range(_TRIES):
            if len(got) >= count:
                break
            seed = self._seed(generation, 100 + attempt + (_TRIES if teacher else 0))
            asked = self._scenes(generation, count - len(got), f"lessons {seed}")
            deeds = (
                act(teacher, asked, self.deployment, dinners=1, seed=seed)
                if teacher
                else people_act(self.facts, asked, self.deployment, dinners=1, seed=seed)
            )
            got += [deed for deed in deeds if deed.competence == 1]
            self._say(self._phase(generation, "competence: asking for plans"), len(got), count)
        return got

    def discover(self, generation: int, model: Path, to: Path) -> Made:
        """Stage 2: a red team looks for scenes in which monitors see harm in what the model does."""
        how, seed = self.config.discover, self._seed(generation, 2)
        played = Played(Writer.load(model), self.facts, self.deployment, how, self.tiers(generation), seed)
        log = red_team(searches(played.space, seed)[how.search](), played, budget=how.scenes, batch=how.batch)
        write_lines(to / HAZARDS, played.found)
        write_lines(to / LOG, [{"point": point, "severities": said} for point, said in log])
        return {
            "search": how.search,
            "plans": how.copies * len(log),
            "abstained": played.abstained,
            "hazardous": len(played.found),
            "kinds": dict(sorted(Counter(kind for one in played.found for kind in one["kinds"]).items())),
            "distinct": distinct_hazards(log, played.space.cell, _SEVERE).to_json(),
            "evenness": evenness(log, lambda point: point["haste"], _SEVERE).to_json(),
        }

    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stage 3: rounds of preferences in the scenes that were found, checked before and after."""
        how, writer = self.config.inject, Writer.load(model)
        helpers = [Writer.load(folder) for folder in predecessors[::-1][: how.predecessors]]
        judges = [
            WriterSource(f"generation {len(predecessors) - k}", helper)
            for k, helper in enumerate(helpers)
            if "predecessors" in how.sources
        ]
        found = [_scene(json.loads(line)) for line in (hazards / HAZARDS).read_text().splitlines()]
        asked, audited = Asked(), Asked()
        safe, curve = list[Deed](), list[dict[str, Any]]()
        before = self._watch(writer, generation)
        for index in range(how.rounds):
            seed = self._seed(generation, 1000 + 10 * index)
            rng = random.Random(f"injection {seed}")
            scenes = self._hazardous(generation, found, rng)
            groups, flags = self._candidates(writer, helpers, scenes, seed)
            sure = sure_pairs(groups, flags, [how.copies] * len(groups), rng)
            heard = self._ask(questions(groups, flags, _ASKED - _AUDITED), judges, asked, seed)
            self._ask(audits(groups, _AUDITED, rng), judges, audited, seed)
            learn(writer, sure + heard, how.prefer, seed=seed)
            safe += [good for good, _ in sure]
            curve.append({"sure": len(sure), "heard": len(heard)})
            self._say(
                self._phase(generation, "injection"), index + 1, how.rounds, pairs=len(sure) + len(heard)
            )
        self._teach(writer, safe, how.epochs, generation, "injection: safe plans", to)
        writer.save(to / "model")
        write_lines(to / ANSWERS, asked.rows + audited.rows)
        return {
            "before": before,
            "after": self._watch(writer, generation),
            "curve": curve,
            "sources": {
                "disagreement": asked.disagreement,
                "error": asked.error,
                "imitation": self._imitation(writer, helpers, generation),
                "answers": asked.answers + audited.answers,
                "questions": asked.questions + audited.questions,
            },
        }

    def _ask(
        self, pairs: Sequence[Pair], judges: Sequence[WriterSource], asked: Asked, seed: int
    ) -> list[Pair]:
        """What sources say of pairs, people of half of a round's share of answers."""
        how = self.config.inject
        return ask(
            pairs,
            judges,
            self.people if "people" in how.sources else None,
            self.deployment,
            Method(how.combine),
            asked,
            personas="personas" in how.sources,
            confidence=how.confidence,
            answers=-(-how.answers // (2 * how.rounds)),
            seed=str(seed),
        )

    def _hazardous(self, generation: int, found: Sequence[Scene], rng: random.Random) -> list[Scene]:
        """Scenes of a round: hazardous ones for three quarters, as far as there are, and others."""
        count = self.config.inject.scenes
        chosen = rng.sample(found, min(len(found), 3 * count // 4))
        return chosen + self._scenes(generation, count - len(chosen), f"others {rng.random()}")

    def _candidates(
        self, writer: Writer, helpers: Sequence[Writer], scenes: Sequence[Scene], seed: int
    ) -> tuple[list[list[Deed]], dict[int, frozenset[str] | None]]:
        """The plans of each scene, the model's own first, and what monitors see in each."""
        how = self.config.inject
        by_writer = [
            act(one, scenes, self.deployment, dinners=how.dinners, seed=seed, copies=how.copies)
            for one in (writer, *helpers)
        ]
        if not helpers:
            asked = [scene for scene in scenes for _ in range(how.copies)]
            by_writer.append(people_act(self.facts, asked, self.deployment, dinners=how.dinners, seed=seed))
        monitor = RuleMonitor(self.deployment, how.fidelity)
        groups = [
            [deed for deeds in by_writer for deed in deeds[k * how.copies : (k + 1) * how.copies]]
            for k in range(len(scenes))
        ]
        flat = [deed for group in groups for deed in group]
        return groups, dict(zip(map(id, flat), monitor.flags(flat), strict=True))

    def _watch(self, writer: Writer, generation: int) -> dict[str, float]:
        """What verifier and monitors see of a model, in scenes that are not held out."""
        seed = self._seed(generation, 5)
        scenes = self._scenes(generation, _WATCHED, f"watched {seed}")
        deeds = act(writer, scenes, self.deployment, dinners=1, seed=seed)
        flags = RuleMonitor(self.deployment, self.config.inject.fidelity).flags(deeds)
        return {**_watched(deeds), "hazard": fmean(bool(kinds) for kinds in flags)}

    def _imitation(self, writer: Writer, helpers: Sequence[Writer], generation: int) -> float | None:
        """Where two predecessors judge two plans differently, how often the model sides with the latest."""
        if len(helpers) < 2:
            return None
        seed = self._seed(generation, 6)
        scenes = self._scenes(generation, _WATCHED, f"sides {seed}")
        deeds = people_act(
            self.facts, [s for s in scenes for _ in range(2)], self.deployment, dinners=0, seed=seed
        )
        examples = examples_of(list(zip(deeds[::2], deeds[1::2], strict=True)))
        said = [WriterSource(str(k), one).signals(examples) for k, one in enumerate((writer, *helpers[:2]))]
        sides = [
            mine.label == latest.label
            for mine, latest, other in zip(*said, strict=True)
            if mine and latest and other and latest.label != other.label
        ]
        return fmean(sides) if sides else None

    def _act(
        self, writer: Writer, generation: int, scenes: int, copies: int, dinners: int, seed: int
    ) -> list[Deed]:
        asked = self._scenes(generation, scenes, f"training {seed}")
        return act(writer, asked, self.deployment, dinners=dinners, seed=seed, copies=copies)

    def _scenes(self, generation: int, count: int, seed: str) -> list[Scene]:
        """Scenes to learn from, as hard as the generation can do."""
        return fresh_scenes(self.facts, count, f"{self.config.seed} {seed}", self.tiers(generation))

    def tiers(self, generation: int) -> int:
        """How many tiers of words there are in a generation's tasks: they get harder."""
        return min(generation + 1, self.config.read.tiers)

    def _seed(self, generation: int, part: int) -> int:
        return derived_seed((self.config.seed * 64 + generation) * 4096 + part)

    def _phase(self, generation: int, what: str) -> str:
        return f"generation {generation + 1}, {what}"

    def _say(self, phase: str, done: int, total: int, **figures: float) -> None:
        self._listen(Progress("progress", phase, min(done, total), total, figures))


def _watched(deeds: Sequence[Deed]) -> dict[str, float]:
    return {
        "form": fmean(deed.formed for deed in deeds),
        "competence": fmean(deed.competence for deed in deeds),
    }


def _by_verifier(deeds: Sequence[Deed], copies: int) -> list[tuple[Deed, Deed]]:
    """Of each scene's plans the better half over the worse half, best over worst, where V tells them
    apart.
    """
    pairs: list[tuple[Deed, Deed]] = []
    for start in range(0, len(deeds), copies):
        ranked = sorted(deeds[start : start + copies], key=lambda deed: (deed.competence, deed.formed))
        for low, high in zip(ranked[: copies // 2], ranked[::-1], strict=False):
            if high.competence > low.competence and low.text:
                pairs.append((high, low))
    return pairs


def _scene(found: Mapping[str, Any]) -> Scene:
    return Scene(**found["scene"])
