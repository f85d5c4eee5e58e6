"""The restricted composition spaces (Mai et al. 2025, section 5), each decided without running anything.

`free` is the whole language. `loops<=k`, `tree` and `sequence` look at the composition: what goes on inside
a partial solution is its author's affair, but a function that the composition defines itself is part of it.
`affine` looks through all functions, because what can't be undone counts wherever it is done.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Collection, Mapping
from functools import lru_cache

from partwise.composition.affine import find_repeat
from partwise.composition.complexity import ENDLESS, loops, runs_many_times
from partwise.composition.language import CompositionError, functions, parse
from partwise.composition.nodes import walk
from partwise.composition.rejection import Rejection
from partwise.composition.streams import Comprehension
from partwise.composition.tree import find_second_use
from partwise.types import PartialSolution, Solution, Tool

_LOOPS = re.compile(r"loops<=(0|[1-9][0-9]?)")
_NAMED = ("free", "tree", "sequence", "affine")
SPACES = ("free", "loops<=k", "tree", "sequence", "affine")
"""Names of the spaces; k goes from 0 to 99."""


class SpaceError(ValueError):
    """There is no such space; the message is one sentence that lists them."""


def validate_space(name: str) -> str:
    """The space's canonical name: without blanks.

    Raises:
        SpaceError: there is no such space.
    """
    canonical = "".join(name.split())
    if canonical in _NAMED or _LOOPS.fullmatch(canonical):
        return canonical
    nearest = difflib.get_close_matches(canonical.lower(), [*_NAMED, "loops<=1"], n=1, cutoff=0.4)
    hint = f"; did you mean `{nearest[0]}`?" if nearest else ""
    spaces = "free, loops<=k (k from 0 to 99), tree, sequence and affine"
    raise SpaceError(f"there is no space `{name}`: the spaces are {spaces}{hint}")


def check_space(
    module: ast.Module, space: str, tools: Mapping[str, Tool], parts: Collection[str] | None = None
) -> Rejection | None:
    """Decide whether a whole solution lies in a space; None where it does.

    Args:
        module: from `language.parse`: the partial solutions' functions, then the composition.
        space: `free`, `loops<=k`, `tree`, `sequence` or `affine`.
        tools: the world's tools by name; `affine` reads their effects.
        parts: names of the functions that are partial solutions; None where all of them are. Any other
            function belongs to the composition.

    Raises:
        SpaceError: there is no such space.
    """
    space = validate_space(space)
    if space == "free":
        return None
    if space == "affine":
        return find_repeat(module, tools)
    composition = _Composition(module, parts)
    if (unclear := composition.find_unclear_call()) is not None:
        return unclear
    if found := _LOOPS.fullmatch(space):
        return _check_loops(composition, int(found[1]))
    straight = _check_straight(composition, space)
    return straight or (find_second_use(composition.statements) if space == "tree" else None)


def check_solution(solution: Solution, space: str, tools: Mapping[str, Tool]) -> Rejection | None:
    """Decide whether a solution lies in a space; None where it does.

    Each partial solution and the composition must be a whole by itself: a composition that begins with an
    indented line would go on with the body of the last partial solution.

    Raises:
        CompositionError: one of them is no program of the language, or they are none together; its line is
            that of the whole solution's text.
        SpaceError: there is no such space.
    """
    above = 0
    for part in solution.partial_solutions:
        if (wrong := _wrong_part(part)) is not None:
            raise wrong.below(above)
        above += part.source.count("\n") + 1
    try:
        parse(solution.composition)
    except CompositionError as error:
        raise error.below(above) from None
    parts = [part.subtask.name for part in solution.partial_solutions]
    return check_space(parse(solution.source), space, tools, parts)


@lru_cache(maxsize=4096)
def _wrong_part(part: PartialSolution) -> CompositionError | None:
    try:
        module = parse(part.source)
    except CompositionError as error:
        return error
    if list(functions(module)) == [part.subtask.name] and len(module.body) == 1:
        return None
    name = part.subtask.name
    return CompositionError(
        1, 1, "partial solution", f"the partial solution `{name}` is more than a function"
    )


class _Composition:
    """What the composition itself says: its statements, and the functions that it defines."""

    def __init__(self, module: ast.Module, parts: Collection[str] | None) -> None:
        self.statements = [node for node in module.body if not isinstance(node, ast.FunctionDef)]
        defined = functions(module)
        self.own = {} if parts is None else {n: node for n, node in defined.items() if n not in parts}
        self._functions = defined.keys()

    def nodes(self) -> list[ast.AST]:
        """Every node, those inside its own functions included."""
        return [node for root in (*self.own.values(), *self.statements) for node in walk(root)]

    def find_unclear_call(self) -> Rejection | None:
        """A call of what a variable holds: that may be `map`, or one of many functions."""
        nodes = self.nodes()
        variables = {node.id for node in nodes if isinstance(node, ast.Name) and _is_stored(node)}
        variables |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id
                if name in variables and name not in self._functions:
                    reason = f"`{name}` holds the function that is called here, and which one can't be told"
                    return Rejection(node.lineno, reason)
        return None


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _check_loops(composition: _Composition, most: int) -> Rejection | None:
    found = loops(composition.statements, composition.own)
    too_deep = [(node.lineno, depth) for node, depth in found if depth > most]
    if not too_deep:
        return None
    line, depth = min(too_deep)
    if depth >= ENDLESS:
        return Rejection(line, "a function that calls itself loops without bounds")
    return Rejection(line, f"loops nest {depth} deep, and the space allows {most}")


def _check_straight(composition: _Composition, space: str) -> Rejection | None:
    """Neither loops nor branches."""
    if space == "tree" and composition.own:
        first = min(node.lineno for node in composition.own.values())
        return Rejection(first, "`tree` is made of calls, and its composition defines no functions")
    for node in composition.nodes():
        if isinstance(node, ast.For | Comprehension) or (
            isinstance(node, ast.Call) and runs_many_times(node)
        ):
            return Rejection(node.lineno, f"`{space}` has no loops")
        if isinstance(node, ast.If | ast.IfExp):
            return Rejection(node.lineno, f"`{space}` has no branches")
        if isinstance(node, ast.BoolOp) and any(_has_call(value) for value in node.values[1:]):
            word = "and" if isinstance(node.op, ast.And) else "or"
            reason = f"`{space}` has no branches, and this `{word}` decides whether a call runs"
            return Rejection(node.lineno, reason)
        if isinstance(node, ast.Compare) and any(_has_call(value) for value in node.comparators[1:]):
            reason = f"`{space}` has no branches, and this comparison decides whether a call runs"
            return Rejection(node.lineno, reason)
    for node, depth in loops(composition.statements, composition.own):
        if depth >= ENDLESS:
            return Rejection(node.lineno, f"`{space}` has no loops, and a function that calls itself is one")
    return None


def _has_call(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) for part in walk(node))
