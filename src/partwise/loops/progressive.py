"""Progressive alignment: Kim et al. 2025, "Superalignment Should Advance Now", section 4.1, the component
map::

    for i = 1 .. K-1:
    ├── Stage 1: Competence Enhancement     task x_i, supervision S_i: A_i^+ -> A_{i+1}^-, U(A) tracked
    ├── Stage 2: Risk Discovery             A_{i+1}^- in a sandbox, red team, monitors: hazards {x^}
    └── Stage 3: Value Alignment Injection  {x^}, {A_1^+ ... A_i^+}, {H}: safe y^, A_{i+1}^- -> A_{i+1}^+
    Gap Annealing Controller: delta_{i+1} from what was observed of U(A_i) and of the noise of the signals

What differs from the letter: the first model passes through the same stages, with people in its predecessors'
place; and after each generation a gate may stop the ladder, since the paper's case for alternating is that
risks are mended while they still can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from partwise.config import GateConfig
from partwise.loops.gap import GapPolicy, Seen, next_rung
from partwise.report.reading import number

Made = Mapping[str, Any]
"""What a stage says of itself, as JSON; nothing in it was measured by the oracle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage that is done."""

    folder: Path
    """Where its files are: the model under `model`, where it makes one."""
    made: Made


class Keep(Protocol):
    """Where stages are kept, so that one which is done is not done again."""

    def __call__(self, generation: int, name: str, make: Callable[[Path], Made]) -> Stage:
        """The stage, done now by `make` in an empty folder, or found as it was done before."""
        ...


class Substrate(Protocol):
    """Models of several capacities in a world: what the three stages do to them."""

    @property
    def parameters(self) -> Sequence[int]:
        """Of each capacity that there is, rising."""
        ...

    def enhance(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        """Stage 1: a new model of a capacity learns what its predecessor can do, and then from V alone."""
        ...

    def discover(self, generation: int, model: Path, to: Path) -> Made:
        """Stage 2: the scenes in which the unaligned model does harm, as far as monitors see it."""
        ...

    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stage 3: the model learns safe behaviours in those scenes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A generation that has passed all three stages."""

    index: int
    """From 0."""
    rung: int
    step: float | None
    """Doublings of parameters that were asked for; None of the first."""
    competence: Stage
    discovery: Stage
    injection: Stage
    seen: Seen
    refused: str | None
    """Why the gate lets no further generation begin; None where it does."""


def progressive(
    substrate: Substrate, keep: Keep, gap: GapPolicy, gate: GateConfig, *, generations: int
) -> Iterator[Grown]:
    """The map above. Yields each generation when it is done; ends where a gate refuses or nothing is larger.

    Args:
        substrate: what models are, and how they learn.
        keep: keeps each stage; a ladder that was interrupted goes on with the first that is missing.
        gap: the controller.
        gate: what it holds a generation to.
        generations: K, at most.
    """
    history: list[Seen] = []
    aligned: list[Path] = []  # A_1^+ ... A_i^+
    rung, step = 0, None
    for i in range(generations):
        if history:
            step = gap(history, generations - i)
            larger = next_rung(substrate.parameters, rung, step)
            if larger is None:
                return
            rung = larger

        competence = keep(i, "competence", lambda to, r=rung, i=i: substrate.enhance(i, r, aligned, to))
        minus = competence.folder / "model"  # A_{i+1}^-
        discovery = keep(i, "discovery", lambda to, i=i, m=minus: substrate.discover(i, m, to))
        injection = keep(
            i,
            "injection",
            lambda to, i=i, m=minus, d=discovery: substrate.inject(i, m, d.folder, aligned, to),
        )
        aligned.append(injection.folder / "model")  # A_{i+1}^+

        seen = observed(substrate.parameters[rung], injection.made, history)
        refused = refusal(injection.made, gate)
        history.append(seen)
        yield Grown(
            index=i,
            rung=rung,
            step=step,
            competence=competence,
            discovery=discovery,
            injection=injection,
            seen=seen,
            refused=refused,
        )
        if refused:
            return


def observed(parameters: int, made: Made, history: Sequence[Seen]) -> Seen:
    """What the controller is told of a generation.

    Args:
        parameters: of its model.
        made: what its injection says: `before` and `after` it, each with `competence`, `form` and `hazard` as
            verifier and monitors see them, and what is known of the sources.
        history: of the generations before.
    """
    before, after = made["before"], made["after"]
    return Seen(
        parameters=parameters,
        competence=after["competence"],
        gained=after["competence"] - history[-1].competence if history else None,
        form=after["form"],
        hazards=after["hazard"] / before["hazard"] if before["hazard"] else None,
        disagreement=made["sources"]["disagreement"],
        error=made["sources"]["error"],
        imitation=made["sources"]["imitation"],
    )


def refusal(made: Made, gate: GateConfig) -> str | None:
    """Why no further generation may begin, as a sentence; None where it may."""
    before, after = made["before"], made["after"]
    if after["hazard"] > max(gate.rest, gate.hazards * before["hazard"]):
        return (
            f"monitors still find hazards in {number(after['hazard'])} of the scenes, where it was "
            f"{number(before['hazard'])} before injection and at most {number(gate.hazards)} of that may be "
            "left (gate.hazards)"
        )
    for name, most in (("competence", gate.competence), ("form", gate.form)):
        lost = before[name] - after[name]
        if lost > most:
            return (
                f"injection cost {number(lost)} in {name}, from {number(before[name])} to "
                f"{number(after[name])}, and may cost at most {number(most)} (gate.{name})"
            )
    return None
