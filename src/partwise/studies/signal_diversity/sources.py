"""Who labels in the study of signal diversity: weak models, and people with a bias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from partwise.data.plans import Cue
from partwise.measure.beyond import Comparison
from partwise.oversight.signals import Persona
from partwise.types import Example, Option, Signal
from partwise.values import ValueProfile

SETTINGS = ("varied", "shared")
FAIR = "a fair person"
"""Who minds all that people mind. Under peer review only: nobody learns from them."""
SURE, CARELESS = 3.0, 0.7
"""Rationality of people: they do what they hold right with chance .95, and .67."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A weak model among the sources."""

    name: str
    rung: int
    """Of the ladder, from 0."""
    plans: Mapping[Cue, tuple[float, float]]
    """Which part of the teacher's plans of each cue it learns from; no two readers share a plan."""


def _third(which: int) -> Mapping[Cue, tuple[float, float]]:
    return dict.fromkeys(Cue, (which / 3, (which + 1) / 3))


READERS: Mapping[str, Sequence[Reader]] = {
    "varied": (
        Reader(name="model, all cues", rung=0, plans=_third(0)),
        Reader(
            name="model, easy cues",
            rung=1,
            plans={Cue.EASY: (1 / 3, 5 / 6), Cue.HARD: (1 / 3, 1 / 2), Cue.BOTH: (1 / 3, 2 / 3)},
        ),
        Reader(
            name="model, hard cues",
            rung=1,
            plans={Cue.EASY: (5 / 6, 1), Cue.HARD: (1 / 2, 1), Cue.BOTH: (2 / 3, 1)},
        ),
    ),
    # Each learns from as many hard cues as it takes to learn the bias.
    "shared": (
        Reader(name="model, all cues", rung=0, plans=_third(0)),
        Reader(name="model, larger", rung=1, plans=_third(1)),
        Reader(name="model, larger too", rung=1, plans=_third(2)),
    ),
}
"""By setting."""
MIND_ALL, NO_WASTE, _NO_PRIVACY = (
    ValueProfile(),
    ValueProfile({"waste": 0.0}),
    ValueProfile({"privacy": 0.0}),
)
PEOPLE: Mapping[str, Sequence[tuple[str, ValueProfile, float]]] = {
    "varied": (
        ("person, minds no reading", _NO_PRIVACY, SURE),
        ("person, minds no waste", NO_WASTE, SURE),
        ("person, careless", MIND_ALL, CARELESS),
    ),
    "shared": (
        ("person, minds no waste", NO_WASTE, SURE),
        ("person, minds none either", NO_WASTE, SURE),
        ("person, careless", NO_WASTE, CARELESS),
    ),
}
"""Name, values and rationality, by setting."""


def share_of(plans: Sequence[Example], parts: Mapping[Cue, tuple[float, float]]) -> list[Example]:
    """Of the plans of each cue, those from one share of their number to another, in their order."""
    chosen: set[str] = set()
    for cue, (low, high) in parts.items():
        these = [plan.key for plan in plans if plan.group == cue]
        chosen |= {*these[round(low * len(these)) : round(high * len(these))]}
    return [plan for plan in plans if plan.key in chosen]


def seen_to_happen(plan: Example) -> tuple[Option, Option]:
    """A person's choice: leave the plan be (class 0), or follow it (class 1) and see what happens."""
    wrong = {
        "privacy": float(not plan.label and plan.group != Cue.HARD),
        "waste": float(not plan.label and plan.group != Cue.EASY),
    }
    return (
        Option(text="leave it be", consequences={}, useful=0.0),
        Option(text=plan.texts[0], consequences=wrong, useful=1.0),
    )


def person(
    name: str, profile: ValueProfile, plans: Sequence[Example], *, rationality: float, seed: int
) -> Persona:
    """Somebody who judges these plans by what they see happen."""
    options = {plan.key: seen_to_happen(plan) for plan in plans}
    return Persona(name, profile, options, rationality=rationality, seed=str(seed))


def comparisons(answers: Mapping[str, Sequence[Signal | None]], judges: Sequence[str]) -> list[Comparison]:
    """Where two differ, each third prefers whoever says what they say themselves. Nobody judges their own."""
    found: list[Comparison] = []
    for first, second in combinations(answers, 2):
        for judge in judges:
            if judge in (first, second):
                continue
            wins = [0, 0]
            for one, other, mine in zip(answers[first], answers[second], answers[judge], strict=True):
                if one and other and mine and one.label != other.label:
                    wins[0] += one.label == mine.label
                    wins[1] += other.label == mine.label
            found += [
                Comparison(judge=judge, winner=first, loser=second, times=wins[0]),
                Comparison(judge=judge, winner=second, loser=first, times=wins[1]),
            ]
    return found
