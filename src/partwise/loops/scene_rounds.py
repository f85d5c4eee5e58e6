"""One round of competence, and one of injection, on the rule-book substrate."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from partwise.config import Fidelity, ProgressConfig, derived_seed
from partwise.data.deeds import Deed, Deployment
from partwise.data.scenes import Facts, Scene
from partwise.loops.injection import Asked, Pair, ask, audits, questions, sure_pairs
from partwise.loops.scene_writers import WriterSource, act, fresh_scenes, people_act
from partwise.models.writer import Writer
from partwise.oversight.combine import Method
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.monitors import RuleMonitor
from partwise.values import ValueProfile

_AUDITED = 8
"""Questions of a round on any plans: nothing is learned of them but how good sources are, and by the learned
monitor."""
_RATIONALITY = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round has to teach."""

    pairs: list[Pair]
    good: list[Deed]
    """Plans that are good by whoever the round listens to: to be learned as they are, in the end."""
    seen: dict[str, float]
    """Of the model's own plans: `form`, `competence`, and `hazard` as rules see it in the plans' own scenes;
    and how many pairs there are.
    """


@dataclass(slots=True)
class Injection:
    """What the rounds of one injection share."""

    found: Sequence[Scene]
    """Hazardous scenes."""
    helpers: Sequence[Writer]
    """Aligned predecessors, the latest first; people where there are none."""
    judges: Sequence[WriterSource]
    asked: Asked = field(default_factory=Asked)
    audited: Asked = field(default_factory=Asked)


class Rounds:
    """Rounds in the scenes of one ladder."""

    def __init__(self, config: ProgressConfig, facts: Facts, deployment: Deployment) -> None:
        """Args:
        config: how many scenes, plans and dinners.
        facts: of houses and tables.
        deployment: the sandbox.
        """
        self._config, self._facts, self._deployment = config, facts, deployment
        self._people = SimulatedHuman(
            ValueProfile(), rationality=_RATIONALITY, readable=1, seed=f"people {config.seed}"
        )
        self._rules = RuleMonitor(deployment, Fidelity.FULL)

    def tiers(self, generation: int) -> int:
        """How many tiers of words there are in a generation's tasks: they get harder."""
        return self._config.tiers(generation)

    def scenes(self, generation: int, count: int, seed: str) -> list[Scene]:
        """Scenes to learn from, as hard as the generation can do."""
        return fresh_scenes(self._facts, count, f"{self._config.seed} {seed}", self.tiers(generation))

    def seed(self, generation: int, part: int) -> int:
        """Of a part of a generation's work."""
        return derived_seed((self._config.seed * 64 + generation) * 4096 + part)

    def competence(self, writer: Writer, generation: int, index: int) -> Round:
        """By the verifier alone."""
        how, seed = self._config.compete, self.seed(generation, 1) + 1 + index
        deeds = act(
            writer,
            self.scenes(generation, how.scenes, f"training {seed}"),
            self._deployment,
            dinners=how.dinners,
            seed=seed,
            copies=how.copies,
        )
        pairs = _by_verifier(deeds, how.copies)
        passed = [deed for deed in deeds if deed.competence == 1]
        return Round(pairs=pairs, good=passed, seen={**self.seen(deeds), "pairs": len(pairs)})

    def injection(self, writer: Writer, generation: int, index: int, shared: Injection) -> Round:
        """By monitors, sources, and the verifier between plans that are safe."""
        how, seed = self._config.inject, self.seed(generation, 1000 + 10 * index)
        rng = random.Random(f"injection {seed}")
        groups, flags = self._candidates(writer, self._hazardous(generation, shared.found, rng), shared, seed)
        sure = sure_pairs(groups, flags, [how.copies] * len(groups), rng)
        heard = self._ask(questions(groups, flags, how.questions), shared, shared.asked, seed)
        self._ask(audits(groups, _AUDITED, rng), shared, shared.audited, seed)
        own = self.seen([deed for group in groups for deed in group[: how.copies]])
        return Round(
            pairs=sure + heard,
            good=[better for better, _ in sure],
            seen={**own, "sure": len(sure), "heard": len(heard)},
        )

    def seen(self, deeds: Sequence[Deed]) -> dict[str, float]:
        """What verifier and rules see of plans in their own scenes."""
        flags = self._rules.flags(deeds)
        return {**watched(deeds), "hazard": fmean(bool(kinds) for kinds in flags)}

    def _ask(self, pairs: Sequence[Pair], shared: Injection, asked: Asked, seed: int) -> list[Pair]:
        """What sources say of pairs, people of half of a round's share of answers."""
        how = self._config.inject
        return ask(
            pairs,
            shared.judges,
            self._people if "people" in how.sources else None,
            self._deployment,
            Method(how.combine),
            asked,
            personas="personas" in how.sources,
            confidence=how.confidence,
            answers=-(-how.answers // (2 * how.rounds)),
            seed=str(seed),
        )

    def _hazardous(self, generation: int, found: Sequence[Scene], rng: random.Random) -> list[Scene]:
        """Scenes of a round: hazardous ones for three quarters, as far as there are, and others."""
        count = self._config.inject.scenes
        most = 3 * count // 4 if self._config.inject.discovered else 0
        chosen = rng.sample(found, min(len(found), most))
        return chosen + self.scenes(generation, count - len(chosen), f"others {rng.random()}")

    def _candidates(
        self, writer: Writer, scenes: Sequence[Scene], shared: Injection, seed: int
    ) -> tuple[list[list[Deed]], dict[int, frozenset[str] | None]]:
        """The plans of each scene, the model's own first, and what monitors see in each."""
        how, copies = self._config.inject, self._config.inject.copies
        by_writer = [
            act(one, scenes, self._deployment, dinners=how.dinners, seed=seed, copies=copies)
            for one in (writer, *shared.helpers)
        ]
        if not shared.helpers:
            asked = [scene for scene in scenes for _ in range(copies)]
            by_writer.append(people_act(self._facts, asked, self._deployment, dinners=how.dinners, seed=seed))
        groups = [
            [deed for deeds in by_writer for deed in deeds[k * copies : (k + 1) * copies]]
            for k in range(len(scenes))
        ]
        flat = [deed for group in groups for deed in group]
        flags = RuleMonitor(self._deployment, how.fidelity).flags(flat)
        return groups, dict(zip(map(id, flat), flags, strict=True))


def watched(deeds: Sequence[Deed]) -> dict[str, float]:
    """Shares of plans that have their form, and that the verifier passed."""
    return {
        "form": fmean(deed.formed for deed in deeds),
        "competence": fmean(deed.competence for deed in deeds),
    }


def scene_of(found: Mapping[str, Any]) -> Scene:
    """The scene of a hazard that was noted."""
    return Scene(**found["scene"])


def _by_verifier(deeds: Sequence[Deed], copies: int) -> list[Pair]:
    """Of each scene's plans the better half over the worse half, best over worst, where V tells them
    apart.
    """
    pairs: list[Pair] = []
    for start in range(0, len(deeds), copies):
        ranked = sorted(deeds[start : start + copies], key=lambda deed: (deed.competence, deed.formed))
        for low, high in zip(ranked[: copies // 2], ranked[::-1], strict=False):
            if high.competence > low.competence and low.text:
                pairs.append((high, low))
    return pairs
