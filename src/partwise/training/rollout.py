"""Rollouts: Figure 2(b) of Mai et al. 2025 from task to verified solution, for many tasks at once.

The planner's two turns are sampled as one batch each, the proxy works between them on all distinct subtasks
at once, and no program is run twice on the same task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from partwise.composition.acceptor import DECOMPOSITIONS, Compositions, Decompositions, compositions
from partwise.composition.answer import Answer, AnswerError, find_program, kind_of
from partwise.composition.language import CompositionError, parse_decomposition
from partwise.composition.names import variables
from partwise.composition.sandbox import Sandbox
from partwise.composition.spaces import check_solution
from partwise.composition.summary import summarise, without_lines
from partwise.models.drafts import Drafts
from partwise.models.planner import Conversation, Planner, Turn
from partwise.oversight.proxy import Proxy
from partwise.types import Execution, Outcome, PartialSolution, Rollout, Solution, Subtask, Task, Unparsed
from partwise.worlds.base import World

_LANGUAGES = 2000
"""Sets of partial solutions whose languages are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """One rollout as the trainer needs it."""

    prompt: list[int]
    completion: list[int]
    """First turn, what the proxy put in between, second turn."""
    written: list[int]
    """1 for each completion token that was drawn from the planner, 0 for the others."""
    logps: list[float]
    """Log-probability of each completion token when it was sampled, in nats; 0 for those not drawn."""

    @classmethod
    def opened(cls, prompt: list[int], turn: Turn, row: int) -> Tokens:
        """After the first turn."""
        return cls(prompt=prompt, completion=turn.ids[row], written=turn.drawn[row], logps=turn.logps[row])

    def then(self, inserted: list[int], turn: Turn, row: int) -> Tokens:
        """With what was put in and the turn after that."""
        return Tokens(
            prompt=self.prompt,
            completion=self.completion + inserted + turn.ids[row],
            written=self.written + [0] * len(inserted) + turn.drawn[row],
            logps=self.logps + [0.0] * len(inserted) + turn.logps[row],
        )


@dataclass(slots=True)
class _Row:
    """One rollout while it is being made."""

    task: Task
    tokens: Tokens
    decomposition: str = ""
    composition: str = ""
    subtasks: tuple[Subtask, ...] = ()
    parts: tuple[PartialSolution, ...] = ()
    cut: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    failure: Execution | None = None

    def fail(self, outcome: Outcome, message: str, unparsed: Unparsed | None = None) -> None:
        self.failure = Execution(outcome=outcome, trace=(), message=message, unparsed=unparsed)

    def read(self, turn: str, text: str, *, finished: bool, strictly: bool) -> str:
        """The program of a turn, of `decomposition` or `composition`; strictly, from whatever stands around.

        Where none can be told the row fails, and what was written is returned as it is.
        """
        if not finished:
            said = f"the {turn} was still going on when its tokens were used up"
            self.fail(Outcome.TRUNCATED, said, Unparsed.TRUNCATED)
            return text
        try:
            answer = find_program(text) if strictly else Answer(text)
        except AnswerError as error:
            self.fail(Outcome.UNPARSED, str(error), error.kind)
            return text
        if answer.cut:
            self.cut[turn] = answer.cut
        return answer.program


def decompositions(world: World, space: str) -> Decompositions:
    """What a first turn may be that is kept to the language.

    In `affine` nothing may mean two things, so that no subtask has the name of a variable of the catalogue's
    bodies: with such a part no program would be left. What a writer will call its variables nobody knows yet.
    """
    bodies = (body.source for entry in world.catalogue.values() for body in entry.implementations)
    return Decompositions(world.tools, variables(bodies) if space == "affine" else ())


class RolloutEngine:
    """Walks the planner and the proxy through tasks, and remembers what programs did."""

    def __init__(
        self,
        world: World,
        planner: Planner,
        proxy: Proxy,
        sandbox: Sandbox,
        *,
        space: str,
        dropped: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Args:
        world: whose tasks they are.
        planner: P.
        proxy: H_phi.
        sandbox: where solutions run.
        space: the composition space that solutions must keep to; see `composition.spaces`.
        dropped: chance, 0 to 1, that a line is missing from a summary.
        seed: decides which ones.
        """
        self.world = world
        self.planner = planner
        self.proxy = proxy
        self._sandbox = sandbox
        self._space = space
        self._dropped, self._seed = dropped, seed
        self._ran: dict[tuple[str, int, str], Execution] = {}
        self._rejected: dict[Solution, Execution | None] = {}
        self._languages: dict[tuple[PartialSolution, ...], Compositions | None] = {}

    @cached_property
    def _decompositions(self) -> Decompositions:
        constrained = self.planner.constrained
        return decompositions(self.world, self._space) if constrained else DECOMPOSITIONS

    def roll_out(
        self,
        tasks: Sequence[Task],
        copies: int,
        *,
        temperature: float,
        generator: torch.Generator | None,
        drafts: Drafts | None = None,
    ) -> tuple[list[Rollout], list[Tokens]]:
        """`copies` rollouts of each task, side by side; a bad rollout is data, not an error.

        The same generator state gives the same rollouts. `drafts`, which learn from one batch for the next,
        save time with tiny planners; without them each call has its own, for its second turn and its rows
        that go on longest.
        """
        conversation = self.planner.open(tasks, copies, Drafts() if drafts is None else drafts)
        rows = self._decompose(tasks, copies, conversation, temperature, generator)
        self._solve(rows)
        self._recompose(rows, conversation, temperature, generator)
        return self._finish(rows), [row.tokens for row in rows]

    def _decompose(
        self,
        tasks: Sequence[Task],
        copies: int,
        conversation: Conversation,
        temperature: float,
        generator: torch.Generator | None,
    ) -> list[_Row]:
        """Lines 1 and 2: subtasks <- P.decompose(X)."""
        turn = conversation.decompose(temperature, generator, self._decompositions)
        rows: list[_Row] = []
        for index, (text, finished) in enumerate(zip(turn.texts, turn.finished, strict=True)):
            tokens = Tokens.opened(conversation.prompt(index), turn, index)
            row = _Row(tasks[index // copies], tokens)
            row.decomposition = row.read(
                "decomposition", text, finished=finished, strictly=self.planner.chats
            )
            if not row.failure:
                try:
                    row.subtasks = parse_decomposition(row.decomposition)
                except CompositionError as error:
                    row.fail(Outcome.UNPARSED, str(error), kind_of(error, row.decomposition))
            rows.append(row)
        return rows

    def _solve(self, rows: Sequence[_Row]) -> None:
        """Line 5: s <- H.solve(t), for every distinct subtask once."""
        wanted = list(dict.fromkeys(subtask for row in rows if not row.failure for subtask in row.subtasks))
        solved = dict(zip(wanted, self.proxy.solve(wanted), strict=True))
        for row in rows:
            if row.failure:
                continue
            missing = [subtask.name for subtask in row.subtasks if solved[subtask] is None]
            if missing:
                row.fail(Outcome.UNSOLVED, f"the proxy can't solve {', '.join(missing)}")
            row.parts = tuple(part for part in map(solved.__getitem__, row.subtasks) if part is not None)

    def _recompose(
        self,
        rows: Sequence[_Row],
        conversation: Conversation,
        temperature: float,
        generator: torch.Generator | None,
    ) -> None:
        """Line 9: S <- P.recompose(partial solutions)."""
        sources = [None if row.failure else "\n".join(part.source for part in row.parts) for row in rows]
        languages = [None if row.failure else self._language(row.parts) for row in rows]
        between, turn = conversation.recompose(sources, temperature, generator, languages)
        for index, (row, text, finished) in enumerate(zip(rows, turn.texts, turn.finished, strict=True)):
            if row.failure:
                continue
            row.tokens = row.tokens.then(between[index], turn, index)
            row.composition = row.read("composition", text, finished=finished, strictly=self.planner.chats)

    def _language(self, parts: tuple[PartialSolution, ...]) -> Compositions | None:
        """What a constrained planner's composition is kept to; None for one that writes freely."""
        if not self.planner.constrained:
            return None
        if parts not in self._languages:
            if len(self._languages) >= _LANGUAGES:
                self._languages.clear()
            self._languages[parts] = compositions(parts, self._space, self.world.tools)
        return self._languages[parts]

    def _finish(self, rows: Sequence[_Row]) -> list[Rollout]:
        """Lines 6 and 10: r <- H.judge(s) for every distinct part once; R <- V.verify(X, S)."""
        parts = list(dict.fromkeys(part for row in rows for part in row.parts))
        judged = dict(zip(parts, self.proxy.judge(parts), strict=True))
        return [self._rollout(row, tuple(judged[part] for part in row.parts)) for row in rows]

    def _rollout(self, row: _Row, partial_rewards: tuple[float, ...]) -> Rollout:
        solution = Solution(partial_solutions=row.parts, composition=row.composition) if row.parts else None
        if row.failure or solution is None:
            execution = row.failure or Execution(
                outcome=Outcome.UNPARSED, trace=(), message="no subtasks", unparsed=Unparsed.NO_SUBTASKS
            )
        else:
            execution = self.execute(row.task, solution)
        ran = execution.ran
        return Rollout(
            task=row.task,
            decomposition=row.decomposition,
            composition=row.composition,
            solution=solution,
            partial_rewards=partial_rewards,
            execution=execution,
            correct=self.world.verify(row.task, execution.trace) if ran else None,
            summary=self._summary(row.task, solution, execution) if ran else "",
            cut=row.cut,
        )

    def _summary(self, task: Task, solution: Solution | None, execution: Execution) -> str:
        about = f"{self._seed} {task.split} {task.index} {solution.source if solution else ''}"
        whole = summarise(execution.trace, self.world.tools, task.inputs)
        return without_lines(whole, self._dropped, about)

    def execute(self, task: Task, solution: Solution) -> Execution:
        """Run a solution on a task, unless its space forbids it; remembered by task and text."""
        # Two solutions may be the same text and differ in where the composition begins.
        if solution not in self._rejected:
            self._rejected[solution] = self._reject(solution)
        if (rejected := self._rejected[solution]) is not None:
            return rejected
        source = solution.source
        key = (task.split, task.index, source)
        if key not in self._ran:
            self._ran[key] = self._sandbox.run(source, self.world.episode(task), self.world.tools)
        return self._ran[key]

    def _reject(self, solution: Solution) -> Execution | None:
        try:
            rejection = check_solution(solution, self._space, self.world.tools)
        except CompositionError as error:
            kind = kind_of(error, solution.composition)
            return Execution(outcome=Outcome.UNPARSED, trace=(), message=str(error), unparsed=kind)
        return (
            Execution(outcome=Outcome.OUT_OF_SPACE, trace=(), message=str(rejection)) if rejection else None
        )
