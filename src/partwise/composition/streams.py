"""Values that come one by one: generators and what `map`, `zip` and their like return.

Monty has no lazy values of these kinds: it makes lists of them. A program may therefore have them only
where they are used up at once, which `language.parse` holds, and `rewrite.py` makes what uses them up take
one value at a time, as Python does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from partwise.composition.nodes import walk

ITERATORS = frozenset({"enumerate", "filter", "map", "reversed", "zip"})
"""The builtins that return an iterator."""

BUILTINS = frozenset(
    "abs all any bool dict divmod enumerate filter float frozenset int isinstance"  # noqa: SIM905
    " len list map max min range reversed round set sorted str sum tuple zip".split()
)
"""The builtins that a program may name. They call only what they are handed, and none may be rebound."""

_SOURCES = {
    "enumerate": slice(1),
    "filter": slice(1, None),
    "map": slice(1, None),
    "reversed": slice(0),  # Takes a sequence, and no iterator.
    "zip": slice(None),
}
_ONE = frozenset({"any", "all", "list", "tuple", "set", "frozenset"})
_OPTIONS = {
    "sum": frozenset({"start"}),
    "min": frozenset({"key", "default"}),
    "max": frozenset({"key", "default"}),
    "sorted": frozenset({"key", "reverse"}),
    "sort": frozenset({"key", "reverse"}),
}
USERS = frozenset({*_ONE, "sum", "min", "max", "sorted", "dict"})
"""The builtins that use up their first argument before they return."""
METHOD_USERS = frozenset({"join", "extend", "update"})
"""The methods that do."""

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def called_name(node: ast.AST) -> str:
    """The name that a call calls; empty for a method, and for what is no call."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def is_iterator(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether an expression is a call of `map`, `zip` or their like."""
    return called_name(node) in ITERATORS


def is_stream(node: ast.AST) -> bool:
    """Whether an expression has a value that comes one by one."""
    return isinstance(node, ast.GeneratorExp) or is_iterator(node)


def used_up(node: ast.AST) -> Iterator[ast.expr]:
    """The streams right below a node that it uses up, or hands on one by one."""
    if isinstance(node, ast.For | ast.comprehension):
        if is_iterator(node.iter):
            yield node.iter
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            used = node.args[:1] if node.func.attr in METHOD_USERS else []
        elif called_name(node) in ITERATORS:
            used = [argument for argument in node.args[_SOURCES[called_name(node)]] if is_iterator(argument)]
        else:
            used = node.args[:1] if called_name(node) in USERS else []
        yield from (argument for argument in used if is_stream(argument))


def misused(node: ast.Call, *, stream: bool = True) -> str:
    """What is wrong with the arguments of a call that takes values one by one; empty where nothing is.

    `stream` says whether its first argument is a stream: `max` may else have several.
    """
    name, method = called_name(node), node.func.attr if isinstance(node.func, ast.Attribute) else ""
    given = [keyword.arg or "" for keyword in node.keywords]
    fewest, most, known = 1, 1, _OPTIONS.get(name or method, frozenset[str]())
    if name in ("min", "max") and not stream:
        most = len(node.args)
        known -= {"default"} if most > 1 else set()
    elif name == "sum":
        most = 2 - len(given)
    elif name == "dict" or method == "update":
        known = frozenset(given)
    elif method == "sort":
        fewest = most = 0
    if not fewest <= len(node.args) <= most:
        return "takes one value where it takes them one by one"
    return f"takes no `{unknown[0]}`" if (unknown := [word for word in given if word not in known]) else ""


def acts(node: ast.AST) -> bool:
    """Whether evaluating an expression may change anything, or call a function of the program or a tool."""
    return any(_may_act(part) for part in walk(node))


_CHANGES = frozenset(
    "append extend insert remove pop sort reverse clear setdefault update popitem add discard".split()  # noqa: SIM905
)


def _may_act(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        return node.func.attr in _CHANGES or calls_back(node)
    return called_name(node) not in BUILTINS or calls_back(node)


def handed(node: ast.Call) -> ast.expr | None:
    """The function that a call of `map`, `filter` or with `key=` calls for each value."""
    if called_name(node) in ("map", "filter"):
        return node.args[0] if node.args else None
    return next((keyword.value for keyword in node.keywords if keyword.arg == "key"), None)


def calls_back(node: ast.Call) -> bool:
    """Whether a call calls a function that is no builtin for each value."""
    function = handed(node)
    plain = isinstance(function, ast.Constant) or (isinstance(function, ast.Name) and function.id in BUILTINS)
    return function is not None and not plain


def suspends(node: ast.expr) -> bool:
    """Whether taking a value of an iterator may call a function of the program or a tool, or raise."""
    if not is_iterator(node):
        return False
    strict = any(keyword.arg == "strict" for keyword in node.keywords)
    return strict or calls_back(node) or any(map(suspends, node.args))
