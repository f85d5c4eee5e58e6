"""The few frozen records that every part of Partwise speaks.

Symbols are those of Mai et al. 2025, "Superalignment with Dynamic Human Values"; from `Example` on, those
of Kim et al. 2025, "Research on Superalignment Should Advance Now".
Nothing here imports anything of Partwise, and nothing here does any work.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Effect(StrEnum):
    """What a tool does to the world, from nothing to what can't be undone."""

    PURE = "pure"
    """Computes; neither looks at the world nor changes it."""
    READ = "read"
    """Looks at the world and leaves it as it was."""
    REVERSIBLE = "reversible"
    """Changes the world in a way that another call undoes."""
    IRREVERSIBLE = "irreversible"
    """Changes the world for good. A falsy result means that the attempt failed and nothing changed."""


class Grain(StrEnum):
    """How much of a task one subtask swallows (Mai et al. 2025, section 5, strategy 2)."""

    TRIVIAL = "trivial"
    """Too small to carry any value: all the meaning is left to the composition."""
    HUMAN = "human"
    """What a human-level judge can read and weigh."""
    COARSE = "coarse"
    """So much at once that a human-level judge can hardly tell good from bad."""


class Split(StrEnum):
    """Which tasks may be used for what. The three never share a task."""

    TRAIN = "train"
    """The planner learns on these (D)."""
    VALIDATION = "validation"
    """Learning curves and choices of settings read these."""
    HELDOUT = "heldout"
    """Read once, for the figures that are reported."""


class Outcome(StrEnum):
    """How the life of one solution ended, in the order in which it is found out."""

    RAN = "ran"
    UNPARSED = "unparsed"
    """The planner's text is no decomposition, or no program of the language."""
    TRUNCATED = "truncated"
    """The planner used up its tokens before it was done."""
    UNSOLVED = "unsolved"
    """The planner asked for a subtask that the proxy could not solve."""
    OUT_OF_SPACE = "out_of_space"
    """The program lies outside the composition space."""
    TIMED_OUT = "timed_out"
    """The sandbox stopped it: time, memory, recursion or calls."""
    RAISED = "raised"
    """It raised an error while running."""


class Unparsed(StrEnum):
    """Why what the planner wrote in a turn is no text of the language."""

    NO_PROGRAM = "no program"
    """Nothing, or nothing that looks like one."""
    THINKING = "thinking"
    """It never stops thinking, or thinks again."""
    SEVERAL_FENCES = "several fences"
    """More than one fenced block, each of which might be meant."""
    BROKEN_FENCE = "broken fence"
    """A fence that is opened and not closed, or stands within a line."""
    SYNTAX = "syntax error"
    """It is no Python."""
    LANGUAGE = "not in the language"
    """It is Python, and uses what the language has not."""
    NO_SUBTASKS = "no list of subtasks"
    """A program of the language where `def` lines with a docstring are asked for."""
    TRUNCATED = "truncated"
    """It was still going on when the tokens were used up."""


class Choice(StrEnum):
    """What somebody says of the two options of a judgment item."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    """Both as good."""
    UNSURE = "unsure"
    """They can't tell."""


class Purpose(StrEnum):
    """Why a question is asked."""

    QUERY = "query"
    """Asked so that the proxy learns from the answer."""
    CONTROL = "control"
    """Drawn at random, so that proxy and human are compared without bias."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A primitive of a world: one call is one event of the trace."""

    name: str
    parameters: tuple[str, ...]
    effect: Effect
    doc: str
    """One line that says what a call does."""
    takes_falsy: bool = True
    """Whether it may succeed where its first argument is falsy, as 0, None and "" are. Where it never does, a
    success tells that the argument is truthy, and a program may remember the success by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A hard task X of D, whose complete solution a human-level judge can't assess."""

    world: str
    split: Split
    index: int
    """Position in its split, from 0."""
    seed: int
    """The world's hidden state (who likes what, which table is full) follows from it alone."""
    difficulty: float
    """From 0 (easiest) to 1 (hardest)."""
    statement: str
    """What the planner is told."""
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The values that a composition finds under these names, e.g. `users`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtask:
    """A subtask t: a function signature and docstring that the planner asks for."""

    name: str
    parameters: tuple[str, ...]
    doc: str

    @property
    def signature(self) -> str:
        """The `def` line, without body: `def book_table(restaurant):`."""
        return f"def {self.name}({', '.join(self.parameters)}):"

    @property
    def request(self) -> str:
        """One line, as a planner writes it in a decomposition: the `def` line and its docstring."""
        return f'{self.signature} "{self.doc}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialSolution:
    """A partial solution s: the body that the proxy wrote for a subtask."""

    subtask: Subtask
    body: str
    """The statements, not indented, without a trailing newline."""

    @property
    def source(self) -> str:
        """The whole function as Python text, without a trailing newline."""
        return f"{self.subtask.signature}\n{textwrap.indent(self.body, '    ')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A complete solution S: the partial solutions and the planner's composition of them."""

    partial_solutions: tuple[PartialSolution, ...]
    composition: str
    """The statements that call the partial solutions, at the top level of the module."""

    @property
    def source(self) -> str:
        """The module that runs: the functions, then the composition."""
        return "\n".join([*(part.source for part in self.partial_solutions), self.composition])


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One tool call that a running solution made."""

    tool: str
    effect: Effect
    arguments: tuple[Any, ...]
    result: Any
    line: int
    """Line of the call in the module, from 1."""
    caller: str
    """The function whose body holds the call; empty at the top level."""

    def __str__(self) -> str:
        """`line 3, ask_preference: message('Ana') -> ['Luna']`."""
        place = f"line {self.line}" + (f", {self.caller}" if self.caller else "")
        return f"{place}: {self.tool}({', '.join(map(repr, self.arguments))}) -> {self.result!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What one run of a solution in the sandbox did."""

    outcome: Outcome
    trace: tuple[Event, ...]
    """Every event in order, also those before an error."""
    message: str = ""
    """One sentence on what went wrong; empty where nothing did."""
    unparsed: Unparsed | None = None
    """Why it does not parse; None where it does."""

    @property
    def ran(self) -> bool:
        """Whether it ran to its end."""
        return self.outcome is Outcome.RAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of the two things that a judgment item lays before a human."""

    text: str
    """What the judge reads: a function's source, or a summary."""
    consequences: Mapping[str, float]
    """What the judge sees happen when it is tried in isolation: value dimension to violation, 0 to 1."""
    useful: float
    """Whether it does the subtask's job, 0 to 1. Leaving the job undone is 0."""
    observed: str = ""
    """The events of its trials, one a line, for a person to read; empty where there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgmentItem:
    """A human-level task Y of E: which of the two would you rather have?"""

    key: str
    """Identifies the item; equal items have equal keys."""
    question: str
    options: tuple[Option, Option]
    complexity: int
    """Of the harder of the two to read, in syntax nodes (`composition.complexity`)."""

    @property
    def pair(self) -> frozenset[str]:
        """The two texts, in whichever order they are shown."""
        return frozenset(option.text for option in self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A human's answer to one judgment item."""

    item: JudgmentItem
    choice: Choice
    who: str
    version: str = ""
    """The values that it speaks for: which stretch of a schedule, or what the researcher calls the time."""

    @property
    def preferred(self) -> int | None:
        """0 or 1, the position of the option preferred; None for a tie or where they can't tell."""
        return {Choice.FIRST: 0, Choice.SECOND: 1}.get(self.choice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One walk through Figure 2(b): decompose, solve, judge, recompose, run, verify."""

    task: Task
    decomposition: str
    """What the planner wrote in its first turn, without what was cut."""
    composition: str
    """What it wrote in its second turn, likewise; empty where the first one failed."""
    solution: Solution | None
    """None where the decomposition could not be solved."""
    partial_rewards: tuple[float, ...]
    """The proxy's judgment of each partial solution, 0 to 1, in the order of the solution's parts."""
    execution: Execution
    correct: bool | None
    """The verifier's word, R; None where the solution did not run to its end."""
    summary: str
    """What it did, in words and counts; empty where it did not run."""
    cut: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Of a turn (`decomposition`, `composition`) what stood before and after its program and was cut."""

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return self.execution.outcome

    @property
    def turn(self) -> str:
        """The turn that it got to: `decomposition` or `composition`."""
        return "composition" if self.solution is not None else "decomposition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A task x of the weak-to-strong laboratory: something to decide, and the true answer."""

    key: str
    """Identifies what it shows; equal examples have equal keys."""
    texts: tuple[str, ...]
    """One text that is to be classified; or two or more, of which the best is to be found."""
    label: int
    """The true answer, from 0: the class of the one text, or the position of the best of several. Whoever is
    supervised otherwise may not read it."""
    group: str = ""
    """What it is counted with: the cues that it carries, the section of a benchmark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A supervision signal y: what somebody, or some model, answers to one example."""

    example: str
    """Key of the example."""
    label: int
    """The answer, as `Example.label`."""
    confidence: float
    """The chance that the source gives it of being right, from 0 to 1."""
    source: str
    """Who says so."""
    cost: float = 0.0
    """In answers of a person: 1 for one of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility:
    """U: what a model does with its tasks. Each from 0 to 1, None where it was not measured."""

    competence: float | None = None
    """Share of tasks that are done right."""
    conformity: float | None = None
    """Share in which nothing is done that people hold against it."""
    together: float | None = None
    """Share in which both hold of the same task; never the product of the two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """C: what a model could do. Two views of it, since neither says all."""

    parameters: int
    reached: float | None = None
    """The utility that it reaches when it learns from true labels, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A_i: a model of a sequence in which capacity grows."""

    name: str
    capacity: Capacity
    utility: Utility
    """What it does as it was supervised."""

    @property
    def capability(self) -> float | None:
        """Utility realised: both kinds together, or the one that was measured; None where none was."""
        measured = (self.utility.together, self.utility.competence, self.utility.conformity)
        return next((value for value in measured if value is not None), None)

    @property
    def unrealised(self) -> float | None:
        """The capacity-capability gap: what true labels bring out of it and its supervision did not."""
        reached, realised = self.capacity.reached, self.capability
        return None if reached is None or realised is None else reached - realised

    def gap(self, stronger: Generation) -> float | None:
        """delta: how much more the stronger one could do than this one, in utility reached."""
        here, there = self.capacity.reached, stronger.capacity.reached
        return None if here is None or there is None else there - here
