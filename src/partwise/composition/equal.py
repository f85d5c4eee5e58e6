"""What is refused because Monty can't be made to do in it what Python does."""

from __future__ import annotations

import ast

from partwise.composition.streams import (
    BUILTINS,
    ITERATORS,
    Comprehension,
    called_name,
    is_iterator,
    misused,
    used_up,
)

MOST_LOOPS = 20
"""Loops within loops, and `for` clauses of one comprehension: Python itself allows no more loops."""
_INTEGER_BITS = 8192
"""Longest integer literal. Python doesn't read longer decimal ones, and can't write longer ones."""
_ONE = frozenset(
    "union intersection difference symmetric_difference update"  # noqa: SIM905
    " issubset issuperset isdisjoint".split()
)
_NO_START = frozenset({"find", "index", "count", "startswith", "endswith"})


class Streams:
    """Which generators and iterators are used up at once, as a tree is walked from the top."""

    def __init__(self) -> None:
        self._fine = set[ast.expr]()

    def refusal(self, node: ast.AST) -> tuple[str, str] | None:
        """The construct and a sentence, where a node may not stand; to be called from the top down."""
        for child in used_up(node):
            self._fine.add(child)
            if isinstance(node, ast.Call) and not is_iterator(node) and (why := misused(node)):
                name = called_name(node) or f".{getattr(node.func, 'attr', '')}"
                return "arguments", f"`{name}` {why}"
        if is_iterator(node):
            self._fine.add(node.func)
        if node in self._fine:
            return None
        if isinstance(node, ast.GeneratorExp):
            return (
                "generator",
                "a generator stands only in calls such as `any(...)`; use a list comprehension",
            )
        name = called_name(node)
        if name in ITERATORS:
            sentence = f"`{name}` stands only where it is used up at once; write `list({name}(...))`"
            return f"`{name}`", sentence
        if isinstance(node, ast.Name) and node.id in ITERATORS:
            return f"`{node.id}`", f"`{node.id}` can only be called, not handed over; define a function"
        return None


def refusal(node: ast.AST) -> tuple[str, str] | None:
    """The construct and a sentence, where Monty would do otherwise than Python with a node."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _method(node, node.func)
    if isinstance(node, ast.Compare):
        return _identity(node)
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, Comprehension) and len(node.generators) > MOST_LOOPS:
        return "nesting", f"a comprehension has at most {MOST_LOOPS} `for`"
    return None


def _method(node: ast.Call, function: ast.Attribute) -> tuple[str, str] | None:
    name, count = function.attr, len(node.args)
    if isinstance(function.value, ast.Name) and function.value.id in BUILTINS:
        return "method", f"`.{name}` is called on a value, and not on `{function.value.id}`"
    if name in _NO_START and count > 1:
        return "arguments", f"`.{name}` takes one value here; take a slice first"
    if name in _ONE and count != 1 and not (name == "update" and count == 0 and node.keywords):
        return "arguments", f"`.{name}` takes one value here; call it once for each"
    ends = [*node.args, *(keyword.value for keyword in node.keywords)]
    if name == "splitlines" and not all(isinstance(getattr(end, "value", None), bool) for end in ends):
        return "arguments", "`.splitlines` takes only `True` or `False`"
    return None


def _identity(node: ast.Compare) -> tuple[str, str] | None:
    sides = [node.left, *node.comparators]
    for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
        if isinstance(operator, ast.Is | ast.IsNot) and not (_is_single(left) or _is_single(right)):
            return "`is`", "`is` compares only with None, True and False; use `==`"
    return None


def _is_single(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def _constant(value: object) -> tuple[str, str] | None:
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS:
        return "number", f"an integer is written in at most {_INTEGER_BITS} bits"
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        return "surrogate", "half of a surrogate pair is not part of the language"
    return None
