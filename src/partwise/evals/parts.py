"""The partial solutions of a transcript, which keeps the complete program alone."""

from __future__ import annotations

import ast
import textwrap

from partwise.composition.language import parse_decomposition
from partwise.runs.rundir import RunError
from partwise.runs.transcripts import Transcript
from partwise.types import PartialSolution, Solution, Subtask


def parts_of(row: Transcript) -> tuple[PartialSolution, ...]:
    """The functions before the composition; none where there was no program.

    Raises:
        RunError: the program is no longer its parts and its composition, as in a transcript that was edited.
    """
    if not row.source:
        return ()
    try:
        asked = parse_decomposition(row.decomposition)
        parts = tuple(_parts(row, {subtask.name: subtask for subtask in asked}))
    except (SyntaxError, ValueError) as error:
        raise RunError(_unlike(row)) from error
    if Solution(partial_solutions=parts, composition=row.composition).source != row.source:
        raise RunError(_unlike(row))
    return parts


def _parts(row: Transcript, asked: dict[str, Subtask]) -> list[PartialSolution]:
    before = row.source.removesuffix(f"\n{row.composition}")
    lines = before.splitlines()
    found: list[PartialSolution] = []
    for node in ast.parse(before).body:
        if not isinstance(node, ast.FunctionDef) or node.end_lineno is None:
            raise ValueError("something else than a function")
        # The proxy's own names of parameters stand in its source; what it is for is what was asked.
        subtask = Subtask(
            name=node.name,
            parameters=tuple(argument.arg for argument in node.args.args),
            doc=asked[node.name].doc if node.name in asked else "",
        )
        body = textwrap.dedent("\n".join(lines[node.lineno : node.end_lineno]))
        found.append(PartialSolution(subtask=subtask, body=body))
    return found


def _unlike(row: Transcript) -> str:
    return (
        f"The program of task {row.task} ({row.arm}) in {row.run} is not its parts and its composition: the "
        "transcript was changed, and can't be judged again."
    )
