"""What may be written: decompositions, and compositions of some partial solutions within a space.

A language judges the text of a few statements after those that are done. What it says is remembered.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from partwise.composition.acceptor.closings import NAME, NOTHING_KNOWN, Known
from partwise.composition.affine.prefix import Point, Prefixes
from partwise.composition.language import (
    MAX_BYTES,
    MAX_SUBTASKS,
    CompositionError,
    parse,
    parse_decomposition,
)
from partwise.composition.spaces import check_solution, validate_space
from partwise.types import PartialSolution, Solution, Tool

_REMEMBERED = 20_000
"""Verdicts on texts after one point, before they are forgotten."""


@dataclass(eq=False, slots=True)
class Done:
    """The statements of a text that are closed for good."""

    text: str = ""
    names: frozenset[str] = frozenset()
    """Of a decomposition's subtasks."""
    parameters: frozenset[str] = frozenset()
    """Of all of these."""
    point: Point | None = None
    """What `affine` knows there; None in other languages."""
    kept: ast.Module | None = None
    """The tree that the point speaks of."""
    alone: bool = True
    """Whether what follows may be judged without looking back."""
    verdicts: dict[str, Done | None] = field(default_factory=dict[str, "Done | None"])
    """Further statements to the text with them, or None where they may not stand."""


class Language(Protocol):
    """A set of texts, decided a few statements at a time."""

    start: Done
    filler: str
    """The shortest block of a statement."""
    whole: str
    """The shortest text; empty where the empty one is in the language."""
    known: Known
    """The functions that are given."""

    defines_alone: bool
    """Whether a function may be judged without what goes before it."""

    def after(self, done: Done, text: str) -> Done | None:
        """The text with further whole statements; None where that is none of the language."""
        ...

    def marks(self, lines: str, line: str) -> object:
        """What of a line may take a text out of the language that keeps to its grammar.

        Of two lines after the same others that have equal marks, both may or neither; None where any may.
        """
        ...

    def is_grammatical(self, text: str) -> bool:
        """Whether some statements keep to the grammar."""
        ...


class Decompositions:
    """Turn 1: one to eight functions, each of which has a docstring for a body."""

    filler, whole, known = '"x"', 'def f(): "x"', NOTHING_KNOWN
    defines_alone = True

    def __init__(self, taken: Collection[str] = (), variables: Collection[str] = ()) -> None:
        """Args:
        taken: names that no subtask may have, nor a parameter of one.
        variables: names that no subtask may have, since bodies may have variables of these.
        """
        self.start = Done()
        self._taken, self._variables = frozenset(taken), frozenset(variables)

    def after(self, done: Done, text: str) -> Done | None:
        """The text with further subtasks; None where that is no decomposition."""
        if text not in done.verdicts:
            done.verdicts[text] = self._judged(done, text)
        return done.verdicts[text]

    def marks(self, lines: str, line: str) -> object:
        """None: names must differ."""
        return None

    def is_grammatical(self, text: str) -> bool:
        """Whether it is a program."""
        return _parsed(text) is not None

    def _judged(self, done: Done, text: str) -> Done | None:
        if len(done.text.encode()) + len(text.encode()) > MAX_BYTES:
            return None
        try:
            subtasks = parse_decomposition(text)
        except CompositionError:
            return None
        names = done.names.union(subtask.name for subtask in subtasks)
        if len(names) < len(done.names) + len(subtasks) or len(names) > MAX_SUBTASKS:
            return None
        parameters = done.parameters.union(*(subtask.parameters for subtask in subtasks))
        # Else the name has two meanings in the solution, and `affine` has no program with it.
        return (
            None
            if names & (parameters | self._variables) or (names | parameters) & self._taken
            else Done(done.text + text, names, parameters)
        )


DECOMPOSITIONS = Decompositions()


class Compositions:
    """Turn 2: programs that, below some partial solutions, lie in a space."""

    filler, whole = "pass", ""
    defines_alone = False  # It may be called before.

    def __init__(self, parts: tuple[PartialSolution, ...], space: str, tools: Mapping[str, Tool]) -> None:
        """Args:
        parts: the partial solutions, each of them in the language.
        space: see `composition.spaces`.
        tools: the world's, by name.

        Raises:
            CompositionError: the partial solutions are no program.
            SpaceError: there is no such space.
        """
        self._parts, self._space, self._tools = parts, validate_space(space), tools
        above = parse("\n".join(part.source for part in parts))
        self._room = MAX_BYTES - sum(len(part.source.encode()) + 1 for part in parts)
        self._prefixes = Prefixes(above, tools) if self._space == "affine" else None
        takes = {name: len(tool.parameters) for name, tool in tools.items()}
        takes |= {part.subtask.name: len(part.subtask.parameters) for part in parts}
        self.known = Known(takes)
        if self._prefixes is not None:
            self.known = Known(takes, self._prefixes.attempting)
            if self._prefixes.unclear:
                self._prefixes = None
        self.start = Done(point=self._prefixes.start if self._prefixes else None)

    def after(self, done: Done, text: str) -> Done | None:
        """The text with further statements; None where that is no composition within the space."""
        if text not in done.verdicts:
            if len(done.verdicts) >= _REMEMBERED:
                done.verdicts.clear()
            done.verdicts[text] = self._judged(done, text)
        return done.verdicts[text]

    def marks(self, lines: str, line: str) -> object:
        """In `affine` what attempts, repeats or gives a function another meaning; None elsewhere."""
        if self._prefixes is None or "def " in lines:
            return None
        begins, found = len(line) - len(line.lstrip()), list[str]()
        for match in NAME.finditer(line):
            name, after = match[0], line[match.end() : match.end() + 1]
            if name == "def" or (name in self.known.takes and after not in ("", "(")):
                return None  # A function may be handed over here, or given another meaning.
            if name in self.known.called or (name == "for" and match.start() > begins):
                found.append(name)
        return found

    def is_grammatical(self, text: str) -> bool:
        """Whether it is a program."""
        return _parsed(text) is not None

    def _judged(self, done: Done, text: str) -> Done | None:
        if len(done.text.encode()) + len(text.encode()) > self._room:
            return None
        module = _parsed(text)
        if module is None:
            return None
        whole = done.text + text
        defines = any(isinstance(node, ast.FunctionDef) for node in module.body)
        if self._space == "free" and not defines:
            return Done(whole)
        if self._prefixes is None or done.point is None or defines:
            return Done(whole, alone=False) if self._is_within(whole) else None
        point = self._prefixes.follow(module.body, done.point)
        return None if point is None else Done(whole, point=point, kept=module)

    def _is_within(self, composition: str) -> bool:
        solution = Solution(partial_solutions=self._parts, composition=composition)
        try:
            return check_solution(solution, self._space, self._tools) is None
        except CompositionError:
            return False


@lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.Module | None:
    """The tree of a text, which nobody may change; None where it is no program of the language."""
    try:
        return parse(text)
    except CompositionError:
        return None
