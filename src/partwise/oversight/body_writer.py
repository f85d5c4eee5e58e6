"""A solver that writes: a causal language model is given a subtask and writes its body."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from partwise.composition.complexity import complexity
from partwise.composition.language import CompositionError, parse
from partwise.models.writer import Writer
from partwise.types import PartialSolution, Subtask

WRITER = "writer"
"""The folder of a checkpoint that has it."""


def asked(subtask: Subtask) -> str:
    """What the model is given: what is wanted, and the `def` line."""
    return f"{subtask.doc}\n{subtask.signature}\n"


class BodyWriter:
    """Writes several candidates for a subtask; the judge takes one of those that are programs.

    It may be asked for what no catalogue names. What it wrote is kept until its weights move, so that a
    subtask is solved the same wherever it comes up.
    """

    def __init__(self, writer: Writer, *, copies: int, capacity: int, seed: int) -> None:
        """Args:
        writer: the model.
        copies: candidates that it writes for a subtask, of which those that are programs and differ count.
        capacity: syntax nodes of the most complex body that counts.
        seed: of what is drawn.
        """
        self.writer = writer
        self._copies, self._capacity, self._seed = copies, capacity, seed
        self._written: dict[Subtask, list[PartialSolution]] = {}

    def bodies(self, subtasks: Sequence[Subtask]) -> list[list[PartialSolution]]:
        """What it writes for each, in the order in which it came to it; what is no program is left out."""
        # One by one, so that what is written for a subtask does not depend on what else is asked.
        for subtask in dict.fromkeys(subtasks):
            if subtask not in self._written:
                self._written[subtask] = self._write(subtask)
        return [self._written[subtask] for subtask in subtasks]

    def _write(self, subtask: Subtask) -> list[PartialSolution]:
        return list(dict.fromkeys(part for part in self.samples(subtask) if part is not None))

    def samples(self, subtask: Subtask) -> list[PartialSolution | None]:
        """All that it writes for a subtask, in order; None of what is no program that counts."""
        texts = self.writer.write([asked(subtask)] * self._copies, seed=self._seed)
        parts = [PartialSolution(subtask=subtask, body=one.text) if one.ended else None for one in texts]
        return [part if part and self._is_program(part) else None for part in parts]

    def _is_program(self, part: PartialSolution) -> bool:
        if not part.body.strip():
            return False
        try:
            parse(part.source)
        except CompositionError:
            return False
        return complexity(part.source) <= self._capacity

    def forget(self) -> None:
        """Write anew when asked again."""
        self._written.clear()

    def save(self, folder: Path) -> None:
        """The model, under `writer`."""
        self.writer.save(folder / WRITER)
