"""The order of the stages: the paper's, which alternates, and its controls.

Each control is a substrate that asks another one for the same stages otherwise, so that the loop
(`loops/progressive.py`) stays what it is, and what is learned from, how much and by whom stays as well:

- *alternating*: competence, discovery, injection, in each generation. The paper's.
- *in sequence*: all generations become competent first; the last one has the injection rounds of all.
- *simultaneous*: each round learns from the verifier, and from monitors and sources, at once.
- *competence only*: nothing is injected.
- *conformity first*: in each generation injection comes before the verifier's rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from partwise.config import Order, ProgressConfig
from partwise.loops.progressive import Made, Substrate


class Reorderable(Substrate, Protocol):
    """A substrate whose stages come in pieces."""

    def begin(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        """Stage 1 without the verifier's rounds."""
        ...

    def inject_for(
        self, rounds: int, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stage 3 of so many rounds, none among them."""
        ...

    def both(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """The verifier's rounds and those of stage 3 at once."""
        ...

    def reinforce(self, generation: int, injected: Path, said: Made, to: Path) -> Made:
        """The verifier's rounds, after stage 3 has left its files in `injected` and has said so."""
        ...


def ordered(substrate: Reorderable, config: ProgressConfig) -> Substrate:
    """The substrate under the order that the settings name."""
    match config.order:
        case Order.ALTERNATING:
            return substrate
        case Order.IN_SEQUENCE:
            return _InSequence(substrate, config)
        case Order.SIMULTANEOUS:
            return _Simultaneous(substrate, config)
        case Order.COMPETENCE_ONLY:
            return _CompetenceOnly(substrate, config)
        case Order.CONFORMITY_FIRST:
            return _ConformityFirst(substrate, config)


class _Control:
    """The stages as they are."""

    def __init__(self, inner: Reorderable, config: ProgressConfig) -> None:
        self._inner, self._config = inner, config
        self.parameters = inner.parameters

    def enhance(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        return self._inner.enhance(generation, rung, predecessors, to)

    def discover(self, generation: int, model: Path, to: Path) -> Made:
        return self._inner.discover(generation, model, to)

    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        return self._inner.inject(generation, model, hazards, predecessors, to)


class _CompetenceOnly(_Control):
    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        return self._inner.inject_for(0, generation, model, hazards, predecessors, to)


class _InSequence(_Control):
    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        last = generation == self._config.generations - 1
        rounds = self._config.generations * self._config.inject.rounds if last else 0
        return self._inner.inject_for(rounds, generation, model, hazards, predecessors, to)


class _Simultaneous(_Control):
    def enhance(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        return self._inner.begin(generation, rung, predecessors, to)

    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        return self._inner.both(generation, model, hazards, predecessors, to)


class _ConformityFirst(_Control):
    def enhance(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        return self._inner.begin(generation, rung, predecessors, to)

    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        injected = to / "injected"
        injected.mkdir()
        said = self._inner.inject(generation, model, hazards, predecessors, injected)
        return self._inner.reinforce(generation, injected, said, to)
