"""Value alignment injection: which behaviour is learned over which, and who says so.

For each hazardous scene there are plans by the model itself and by its aligned predecessors. Where monitors
see harm in one plan and none in another, the second is preferred. Where they see none in either, but the
plans rely on different rules, sources are asked: predecessors, people, personas. Where the verifier tells
two safe plans apart, the better one is preferred, so that competence is replayed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from partwise.data.deeds import Deed, Deployment
from partwise.data.scenes import parse
from partwise.oversight.combine import Method, combine, contradicted
from partwise.oversight.human import Human
from partwise.oversight.signals import HumanSource, Persona, Source
from partwise.types import Example, JudgmentItem, Option, Signal
from partwise.values import ValueProfile

Pair = tuple[Deed, Deed]
"""Of one scene: the better plan and the worse one."""
_MOST = 2
"""Plans of one scene that are learned from in a round as hazardous, and as many as less competent."""
PEOPLE = "people"
"""The name of that source."""
PERSONAS: Mapping[str, Mapping[str, float]] = {
    "hurried": {"privacy": 0.0},
    "generous": {"waste": 0.0},
}
"""Biased personas: what each does not mind."""
_RATIONALITY = 4.0
"""Of personas and simulated people who look at a plan that was run in a small dinner."""


@dataclass(slots=True)
class Asked:
    """What sources said of questions, over all rounds of an injection."""

    questions: int = 0
    unanimous: int = 0
    split: int = 0
    wrong: list[float] = field(default_factory=list[float])
    """Of each source and round, the share of its answers that differ from the combined one."""
    answers: int = 0
    """Of people."""
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Each question as JSON, with what each source said and what that came to."""

    def add(
        self,
        pairs: Sequence[Pair],
        said: Mapping[str, Sequence[Signal | None]],
        combined: Sequence[Signal | None],
    ) -> None:
        """One round: what was asked, the signals by source, and what they came to."""
        for index, (one, other) in enumerate(pairs):
            self.rows.append(
                {
                    "scene": asdict(one.scene),
                    "texts": [one.text, other.text],
                    "said": {name: _said(column[index]) for name, column in said.items()},
                    "combined": _said(combined[index]),
                }
            )
        self.answers += sum(signal is not None for signal in said.get(PEOPLE, ()))
        errors = (contradicted(column, combined) for column in said.values())
        self.wrong += [error for error in errors if error is not None]
        for row in zip(*said.values(), strict=True):
            labels = [signal.label for signal in row if signal is not None]
            if len(labels) > 1:
                self.questions += 1
                self.unanimous += len(set(labels)) == 1
                self.split += len(set(labels)) > 1

    @property
    def disagreement(self) -> float | None:
        """Share of the questions with two answers or more on which not all were the same."""
        return self.split / self.questions if self.questions else None

    @property
    def error(self) -> float | None:
        """Mean share of a source's answers that the combination takes to be wrong."""
        return fmean(self.wrong) if self.wrong else None


def _said(signal: Signal | None) -> tuple[int, float] | None:
    return None if signal is None else (signal.label, round(signal.confidence, 4))


def sure_pairs(
    groups: Sequence[Sequence[Deed]],
    flags: Mapping[int, frozenset[str] | None],
    own: Sequence[int],
    rng: random.Random,
) -> list[Pair]:
    """What monitors and verifier settle, scene by scene.

    Args:
        groups: a scene each: its plans.
        flags: `id` of a plan to what monitors see in it.
        own: how many plans of each group, the first, are the model's own.
        rng: decides between plans that are as good.
    """
    pairs: list[Pair] = []
    for plans, mine in zip(groups, own, strict=True):
        safe = [deed for deed in plans if flags[id(deed)] == frozenset() and deed.ran and deed.competence > 0]
        if not safe:
            continue
        top = max(deed.competence for deed in safe)
        best = [deed for deed in safe if deed.competence == top]
        harmful = [deed for deed in plans[:mine] if flags[id(deed)]]
        pairs += [(rng.choice(best), deed) for deed in harmful[:_MOST]]
        lesser = [
            deed
            for deed in plans[:mine]
            if not deed.formed or (flags[id(deed)] == frozenset() and deed.competence < top)
        ]
        pairs += [(rng.choice(best), deed) for deed in lesser[:_MOST] if deed.text]
    return pairs


def questions(
    groups: Sequence[Sequence[Deed]], flags: Mapping[int, frozenset[str] | None], most: int
) -> list[Pair]:
    """Two plans of a scene that the monitors hold nothing against and that rely on different rules."""
    found: list[Pair] = []
    for plans in groups:
        clear = [deed for deed in plans if flags[id(deed)] == frozenset() and deed.ran]
        for deed in clear[1:]:
            one, other = parse(clear[0].text), parse(deed.text)
            if one and other and one.rule != other.rule:
                found.append((clear[0], deed))
                break
        if len(found) == most:
            break
    return found


def audits(groups: Sequence[Sequence[Deed]], most: int, rng: random.Random) -> list[Pair]:
    """Any two plans of a scene that ran and differ, whatever monitors say of them: what is asked of these
    tells of the sources, and of harm that no monitor knows.
    """
    found: list[Pair] = []
    for plans in rng.sample(groups, len(groups)):
        told = {deed.text: deed for deed in plans if deed.ran}
        if len(told) > 1 and len(found) < most:
            one, other = rng.sample(list(told.values()), 2)
            found.append((one, other))
    return found


def examples_of(pairs: Sequence[Pair]) -> list[Example]:
    """The pairs as sources are asked of them. Their true label is not known, and nobody reads it."""
    return [
        Example(
            key=f"{one.scene.text}\n{one.text}\n{other.text}",
            texts=(one.text, other.text),
            label=-1,
            group=one.scene.text,
        )
        for one, other in pairs
    ]


def ask(
    pairs: Sequence[Pair],
    judges: Sequence[Source],
    people: Human | None,
    deployment: Deployment,
    method: Method,
    asked: Asked,
    *,
    personas: bool = True,
    confidence: float,
    answers: int,
    seed: str,
) -> list[Pair]:
    """The pairs in the order that the sources, as one, prefer; without those of which they are not sure.

    Args:
        pairs: what is asked.
        judges: aligned models.
        people: who is asked about the first `answers` of them; None for nobody.
        deployment: where plans are tried for those who look at what they do.
        method: how signals become one.
        asked: what is noted of the sources.
        personas: whether those of `PERSONAS` are asked.
        confidence: from which on the combined signal is believed, 0 to 1.
        answers: of people, at most.
        seed: decides the personas' noise.
    """
    if not pairs:
        return []
    examples = examples_of(pairs)
    options = {
        example.key: (option(one, deployment), option(other, deployment))
        for example, (one, other) in zip(examples, pairs, strict=True)
    }
    sources = list(judges)
    if personas:
        sources += [
            Persona(name, ValueProfile(dict(weights)), options, rationality=_RATIONALITY, seed=seed)
            for name, weights in PERSONAS.items()
        ]
    if people is not None and answers:
        items = {
            key: JudgmentItem(
                key=key, question="Which plan would you rather have?", options=both, complexity=1
            )
            for key, both in list(options.items())[:answers]
        }
        sources.append(HumanSource(PEOPLE, people, items))
    if not sources:
        return []
    said = {source.name: source.signals(examples) for source in sources}
    combined = combine(list(said.values()), method)
    asked.add(pairs, said, combined)
    return [
        (pair[signal.label], pair[1 - signal.label])
        for pair, signal in zip(pairs, combined, strict=True)
        if signal is not None and signal.confidence >= confidence
    ]


def option(deed: Deed, deployment: Deployment) -> Option:
    """How a plan looks to somebody who sees it run in a dinner for two: no more than shows there."""
    small = deployment.trial_in_calm(deed)
    act = parse(deed.text)
    booked = sum(bool(event.result) for event in small.execution.trace if event.tool.startswith("reserve"))
    return Option(
        text=deed.text,
        consequences={"privacy": float(bool(act and act.reads)), "waste": float(booked > 1)},
        useful=float(small.correct),
    )
