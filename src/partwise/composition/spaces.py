"""The restricted composition spaces (Mai et al. 2025, section 5), each decided without running anything.

`free` is the whole language. `loops<=k`, `tree` and `sequence` look at the composition alone: a function
that the module defines is a partial solution, and what goes on inside it is its own affair. `affine`
looks through the functions, because what can't be undone counts wherever it is done.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from partwise.composition.affine import find_repeat
from partwise.composition.complexity import Comprehension, loops, runs_many_times
from partwise.types import Tool

_LOOPS = re.compile(r"loops<=(0|[1-9][0-9]?)")
_FILL = frozenset({"append", "extend", "insert", "add", "update", "setdefault"})
_NAMED = ("free", "tree", "sequence", "affine")


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a program lies outside a space."""

    line: int
    """From 1."""
    reason: str
    """One sentence, without a full stop."""

    def __str__(self) -> str:
        """`line 4: `reserve` may run again ...`."""
        return f"line {self.line}: {self.reason}"


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


def check_space(module: ast.Module, space: str, tools: Mapping[str, Tool]) -> Rejection | None:
    """Decide whether a whole solution lies in a space; None where it does.

    Args:
        module: from `language.parse`: the partial solutions' functions, then the composition.
        space: `free`, `loops<=k`, `tree`, `sequence` or `affine`.
        tools: the world's tools by name; `affine` reads their effects.

    Raises:
        ValueError: there is no such space.
    """
    space = validate_space(space)
    if found := _LOOPS.fullmatch(space):
        return _check_loops(module, int(found[1]))
    if space == "tree":
        return _check_straight(module, space) or _check_used_once(module)
    if space == "sequence":
        return _check_straight(module, space)
    if space == "affine" and (repeat := find_repeat(module, tools)):
        return Rejection(repeat.line, repeat.reason)
    return None


def _check_loops(module: ast.Module, most: int) -> Rejection | None:
    too_deep = [(node.lineno, depth) for node, depth in loops(module) if depth > most]
    if not too_deep:
        return None
    line, depth = min(too_deep)
    return Rejection(line, f"loops nest {depth} deep, and the space allows {most}")


def _check_straight(module: ast.Module, space: str) -> Rejection | None:
    """Neither loops nor branches, in the composition itself."""
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef):
            continue
        for node in ast.walk(statement):
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
    return None


def _check_used_once(module: ast.Module) -> Rejection | None:
    """Each variable that holds a result is read at most once before it is given another value."""
    reads: dict[str, int] = {}
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef):
            continue
        filled = _filled(statement)
        holds_result = _has_call(statement)
        read = [
            node for node in ast.walk(statement) if isinstance(node, ast.Name) and _is_read(node, statement)
        ]
        for node in read:
            if node.id in reads and node not in filled:
                holds_result = True
                reads[node.id] += 1
                if reads[node.id] > 1:
                    reason = f"`tree` uses each result once, and `{node.id}` is used again"
                    return Rejection(node.lineno, reason)
        if holds_result:
            for node in filled:
                reads.setdefault(node.id, 0)
        for name in _bound(statement):
            if holds_result:
                reads[name] = 0
            elif not isinstance(statement, ast.AugAssign):
                reads.pop(name, None)
    return None


def _is_read(node: ast.Name, statement: ast.stmt) -> bool:
    return isinstance(node.ctx, ast.Load) or (
        isinstance(statement, ast.AugAssign) and node is statement.target
    )


def _filled(statement: ast.stmt) -> list[ast.Name]:
    """The collections that a statement puts something into (`d[k] = ...`), which is no use of them."""
    holders: list[ast.expr] = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            holders.append(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILL:
            holders.append(node.func.value)
    return [node for node in holders if isinstance(node, ast.Name)]


def _has_call(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def _bound(statement: ast.stmt) -> list[str]:
    """The names that a statement gives a value."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AugAssign):
        targets = [statement.target]
    else:
        return []
    names: list[str] = []
    for target in targets:
        names += [
            node.id
            for node in ast.walk(target)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
    return names
