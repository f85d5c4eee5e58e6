"""What is known of the names and values of a program without running it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable

from partwise.composition.language import functions, parse
from partwise.composition.nodes import walk
from partwise.composition.streams import BUILTINS, called_name

_NUMBERS = frozenset({"len", "int", "float", "abs", "bool", "isinstance"})
"""Builtins that return a number, whatever they are given."""
_DISPLAYS: dict[type[ast.expr], type] = {
    ast.List: list,
    ast.ListComp: list,
    ast.Dict: dict,
    ast.DictComp: dict,
    ast.Set: set,
    ast.SetComp: set,
    ast.JoinedStr: str,
}
_MADE = {"list": list, "sorted": list, "dict": dict, "set": set, "str": str}


def variables(sources: Iterable[str]) -> frozenset[str]:
    """The names that programs give to what they compute, in loops and comprehensions too.

    Raises:
        CompositionError: one of them is no program.
    """
    return frozenset[str]().union(*(Names(parse(source), None).stored for source in sources))


class Names:
    """What is known of the names of a program without running it."""

    def __init__(self, module: ast.Module, given: frozenset[str] | None) -> None:
        """`given` are the names of the tools and the inputs; None where they aren't known."""
        self.functions = functions(module)
        self.given = given
        nodes = walk(module)
        stored = Counter(
            node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        parameters = {node.arg for node in nodes if isinstance(node, ast.arg)}
        self.stored = frozenset(stored)
        self.bound = self.stored | parameters | self.functions.keys()
        kinds: dict[str, list[type | None]] = {}
        for node in nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        kinds.setdefault(target.id, []).append(_kind(node.value))
        free = parameters | self.functions.keys() | (given or frozenset())
        self._kinds = {
            name: found[0]
            for name, found in kinds.items()
            if name not in free and len(found) == stored[name] and len(set(found)) == 1
        }
        lines = [node.lineno for node in module.body if not isinstance(node, ast.FunctionDef)]
        first = min(lines, default=0)
        self.freezes = any(isinstance(node, ast.Name) and node.id == "frozenset" for node in nodes)
        """Whether the program makes frozen sets."""
        self._late = {name for name, node in self.functions.items() if lines and node.lineno > first}

    def has(self, value: ast.expr, method: str) -> bool:
        """Whether an expression is known to have a value that has the method."""
        kind = self._kinds.get(value.id) if isinstance(value, ast.Name) else _kind(value)
        return kind is not None and hasattr(kind, method)

    def is_unknown(self, name: str) -> bool:
        """Whether a name means nothing at all."""
        return self.given is not None and name not in self.bound | self.given | BUILTINS

    def may_be_unbound(self, name: str) -> bool:
        """Whether a name that a program binds may still mean nothing when it is called."""
        return name in self.stored or name in self._late

    def is_plain_function(self, node: ast.expr) -> bool:
        """Whether an expression is None, a builtin or a function of the program."""
        if isinstance(node, ast.Name):
            return node.id in BUILTINS or (node.id in self.functions and node.id not in self.stored)
        return isinstance(node, ast.Constant)


def _kind(node: ast.expr) -> type | None:
    if isinstance(node, ast.Constant):
        return str if isinstance(node.value, str) else None
    return _MADE.get(called_name(node)) or _DISPLAYS.get(type(node))


def is_number(node: ast.expr) -> bool:
    """Whether an expression is a number, if it has a value."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not) or is_number(node.operand)
    if isinstance(node, ast.BinOp):
        return is_number(node.left) and is_number(node.right)
    return isinstance(node, ast.Compare) or called_name(node) in _NUMBERS
