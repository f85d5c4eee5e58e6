"""What came of an answer that should be a function: a body that counts, or why there is none.

A body counts if the sandbox would begin to run it and it is within the proxy's capacity. What it does is seen
where it runs, in a solution.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from partwise.composition.answer import AnswerError, find_program
from partwise.composition.complexity import complexity
from partwise.composition.language import MAX_BYTES, CompositionError, parse
from partwise.composition.program import prepare
from partwise.models.chat_model import End, Reply
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
    return Attempt(Came.OTHER) if body is None else _counted(subtask, body, capacity)


def read_body(reply: Reply, subtask: Subtask, capacity: int) -> Attempt:
    """An answer that is a body and nothing else, not indented; the arguments are those of `read_function`."""
    if reply.end is not End.ENDED:
        return Attempt(Came(str(reply.end)))
    return _counted(subtask, reply.text, capacity) if reply.text.strip() else Attempt(Came.NO_PROGRAM)


def _counted(subtask: Subtask, body: str, capacity: int) -> Attempt:
    part = PartialSolution(subtask=subtask, body=body)
    try:
        prepare(part.source, MAX_BYTES)
    except CompositionError:
        return Attempt(Came.LANGUAGE)
    if complexity(part.source) > capacity:
        return Attempt(Came.COMPLEX)
    return Attempt(Came.BODY, part)


def bodies_of(attempts: Sequence[Attempt]) -> list[PartialSolution]:
    """The partial solutions that differ, in the order in which they came."""
    return list(dict.fromkeys(each.part for each in attempts if each.part is not None))


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
