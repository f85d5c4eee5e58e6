"""What is known of a program before it is followed: who may do what, and whether its names are clear."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Final

from partwise.composition.language import functions
from partwise.composition.nodes import stored, walk
from partwise.composition.rejection import Rejection
from partwise.types import Effect, Tool

_CHANGING: Final = frozenset(
    {"append", "insert", "add", "setdefault", "extend", "update", "sort", "reverse"}
    | {"remove", "pop", "popitem", "discard", "clear"}
)
"""The methods that change a collection."""
_MOST_STEPS: Final = 20_000
"""Most statements and expressions that are followed; a program of a page takes a few hundred."""


class Found(Exception):
    """Carries a Rejection out of the interpretation."""

    def __init__(self, node: ast.expr | ast.stmt, reason: str, *, again: str = "") -> None:
        super().__init__(reason)
        self.rejection = Rejection(node.lineno, reason)
        self.again = again
        """What may run again; empty where something else is the matter."""


def repeated(node: ast.expr | ast.stmt, name: str) -> Found:
    """Something irreversible may run again."""
    reason = f"`{name}` may run after something that can't be undone may have succeeded"
    return Found(node, reason, again=name)


class Module:
    """A program's functions, and what a call of each may do."""

    def __init__(self, module: ast.Module, tools: Mapping[str, Tool]) -> None:
        self.functions = functions(module)
        self.composition = [node for node in module.body if not isinstance(node, ast.FunctionDef)]
        self.tools = tools
        inside = {name: walk(node) for name, node in self.functions.items()}
        outside = [part for node in self.composition for part in walk(node)]
        self._nodes = [*outside, *(node for nodes in inside.values() for node in nodes)]
        names = [node for node in self._nodes if isinstance(node, ast.Name)]
        self.variables = stored(names) | {node.arg for node in self._nodes if isinstance(node, ast.arg)}
        self.stores = {name: stored(nodes) for name, nodes in inside.items()}
        """The names to which each function gives values itself."""
        self.irreversible = {name for name, tool in tools.items() if tool.effect is Effect.IRREVERSIBLE}
        calls = {name: _called(nodes) for name, nodes in inside.items()}
        attempts = {name: bool(called & self.irreversible) for name, called in calls.items()}
        self.attempting = _closure(attempts, calls) | self.irreversible & {node.id for node in names}
        """Functions and tools whose call may do something irreversible."""
        changes = {name: any(map(_changes, nodes)) for name, nodes in inside.items()}
        self.changing = _closure(changes, calls)
        """Functions whose call may change a collection."""
        self._calling: dict[int, bool] = {}
        self._steps = 0

    def going_on(self, statements: Sequence[ast.stmt], variables: Set[str], steps: int) -> Module:
        """The same program, of which these further statements of the composition are looked at alone.

        Args:
            statements: they define no function.
            variables: the names to which those before them give values.
            steps: how many were taken before them.
        """
        after = copy.copy(self)
        after._nodes = [part for node in statements for part in walk(node)]
        after.composition = list(statements)
        after.variables = self.variables | variables | stored(after._nodes)
        named = {node.id for node in after._nodes if isinstance(node, ast.Name)}
        after.attempting = self.attempting | self.irreversible & named
        after._calling, after._steps = {}, steps
        return after

    @property
    def steps(self) -> int:
        """How many were taken."""
        return self._steps

    def calls(self, node: ast.expr) -> bool:
        """Whether anything is called in an expression."""
        if (known := self._calling.get(id(node))) is None:
            known = self._calling[id(node)] = any(isinstance(part, ast.Call) for part in walk(node))
        return known

    def step(self, node: ast.expr | ast.stmt) -> None:
        """Count one step, so that no program can take exponential time.

        Raises:
            Found: there were too many.
        """
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise Found(node, "the program is too intricate to tell whether it repeats what can't be undone")

    def acts(self, node: ast.AST) -> bool:
        """Whether what stands below a node may do something irreversible or change a collection."""
        nodes = walk(node)
        return any(map(_changes, nodes)) or bool(_called(nodes) & (self.attempting | self.changing))

    @property
    def hurried(self) -> bool:
        """Whether so many steps are used up that only what may do something irreversible is followed."""
        return self._steps > _MOST_STEPS // 2

    def check_names(self) -> None:
        """Refuse names with two meanings, and functions as values that do more than compute.

        Raises:
            Found: at the first of them.
        """
        named = self.functions.keys() | self.tools.keys()
        for name, node in self.functions.items():
            if name in self.tools:
                raise Found(node, f"`{name}` is the name of a tool, so that a call of it could mean either")
        called = {id(node.func) for node in self._nodes if isinstance(node, ast.Call)}
        for node in self._nodes:
            if isinstance(node, ast.FunctionDef):
                for argument in node.args.args:
                    if argument.arg in named:
                        raise Found(node, f"the parameter `{argument.arg}` has the name of a function")
            elif isinstance(node, ast.Name):
                self._check_name(node, named, id(node) in called)

    def _check_name(self, node: ast.Name, named: set[str], called: bool) -> None:
        if isinstance(node.ctx, ast.Store):
            if node.id in named:
                raise Found(node, f"`{node.id}` is a function, and is given another meaning here")
        elif not called:
            handed = "is handed over instead of called"
            if node.id in self.attempting:
                raise Found(node, f"`{node.id}` does what can't be undone, and {handed}")
            if node.id in self.changing:
                raise Found(node, f"`{node.id}` changes a collection, and {handed}")


def _changes(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING
    if isinstance(node, ast.AugAssign):
        return True
    return isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)


def _called(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that are called."""
    return {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def _closure(direct: Mapping[str, bool], calls: Mapping[str, set[str]]) -> set[str]:
    """The functions that have a property themselves or through what they call."""
    found = {name for name, holds in direct.items() if holds}
    while more := {name for name in direct.keys() - found if calls[name] & found}:
        found |= more
    return found
