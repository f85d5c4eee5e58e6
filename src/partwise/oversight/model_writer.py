"""A solver that writes by prompt: a language model is told a subtask and tools, and writes the function."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from partwise.composition.answer import AnswerError, find_program
from partwise.composition.complexity import complexity
from partwise.composition.language import CompositionError, parse
from partwise.models.chat_model import End, Reply, Style
from partwise.models.prompts import Prompts
from partwise.models.replies import Replies
from partwise.types import PartialSolution, Subtask


class Came(StrEnum):
    """What came of one answer that should be a function."""

    BODY = "body"
    """A function of the language, as it was asked for."""
    CUT = "cut"
    REFUSED = "refused"
    FAILED = "failed"
    NO_PROGRAM = "no program"
    """No one program can be told in it; see `composition.answer`."""
    LANGUAGE = "not in the language"
    """It is no Python, or uses what the language has not."""
    OTHER = "not the function"
    """It is a program, and not the one function with the name and the parameters that were asked for."""
    COMPLEX = "too complex"
    """Beyond the proxy's capacity."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer, and the partial solution in it; None where there is none."""

    came: Came
    part: PartialSolution | None = None


class ModelWriter:
    """Writes several candidates for a subtask; the judge takes one of those that are programs.

    Its weights do not move. What is learned from people's answers is which candidate they would rather have.
    """

    def __init__(
        self, replies: Replies, prompts: Prompts, *, copies: int, capacity: int, style: Style
    ) -> None:
        """Args:
        replies: of the model.
        prompts: `solve` among them.
        copies: candidates that it writes for a subtask, of which those that are programs and differ count.
        capacity: syntax nodes of the most complex body that counts.
        style: how candidates are drawn.
        """
        self._replies, self._prompts, self._copies = replies, prompts, copies
        self._capacity, self._style = capacity, style

    def bodies(self, subtasks: Sequence[Subtask]) -> list[list[PartialSolution]]:
        """What it writes for each, in the order in which it came to it; what is no program is left out."""
        parts = [[each.part for each in attempts] for attempts in self.attempts(subtasks)]
        return [list(dict.fromkeys(part for part in some if part is not None)) for some in parts]

    def samples(self, subtask: Subtask) -> list[PartialSolution | None]:
        """All that it writes for a subtask, in order; None of what is no program that counts."""
        (attempts,) = self.attempts([subtask])
        return [each.part for each in attempts]

    def attempts(self, subtasks: Sequence[Subtask]) -> list[list[Attempt]]:
        """All that it writes for each subtask, and what came of it."""
        chats = [(self._prompts.solve(subtask.request),) for subtask in subtasks]
        written = self._replies.answer(chats, self._copies, self._style)
        return [
            [read_function(reply, subtask, self._capacity) for reply in replies]
            for subtask, replies in zip(subtasks, written, strict=True)
        ]

    def forget(self) -> None:
        """Nothing is remembered but what `Replies` keep, and its weights stay."""

    def save(self, folder: Path) -> None:
        """Nothing is learned."""


def read_function(reply: Reply, subtask: Subtask, capacity: int) -> Attempt:
    """The function in an answer, strictly: alone in its program, with the name and parameters asked for.

    Args:
        reply: the model's.
        subtask: what it was asked for.
        capacity: syntax nodes of the most complex one that counts.
    """
    if reply.end is not End.ENDED:
        return Attempt(Came(str(reply.end)))
    try:
        program = find_program(reply.text).program
        module = parse(program)
    except AnswerError:
        return Attempt(Came.NO_PROGRAM)
    except CompositionError:
        return Attempt(Came.LANGUAGE)
    body = _body(program, module, subtask)
    if body is None:
        return Attempt(Came.OTHER)
    part = PartialSolution(subtask=subtask, body=body)
    try:
        parse(part.source)
    except CompositionError:
        return Attempt(Came.LANGUAGE)
    if complexity(part.source) > capacity:
        return Attempt(Came.COMPLEX)
    return Attempt(Came.BODY, part)


def _body(program: str, module: ast.Module, subtask: Subtask) -> str | None:
    """The statements of the one function, without a docstring; None where it is another one."""
    match module.body:
        case [ast.FunctionDef(name=subtask.name) as function]:
            pass
        case _:
            return None
    arguments = function.args
    plain = not (arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg)
    if not plain or arguments.defaults or tuple(each.arg for each in arguments.args) != subtask.parameters:
        return None
    statements = function.body
    if ast.get_docstring(function) is not None and len(statements) > 1:
        statements = statements[1:]
    lines = program.removeprefix("\ufeff").split("\n")
    first = statements[0]
    if first.lineno == function.lineno:  # `def f(x): return x`
        return "; ".join(ast.unparse(each) for each in statements)
    return textwrap.dedent("\n".join(lines[first.lineno - 1 : statements[-1].end_lineno]))
