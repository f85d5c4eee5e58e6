"""Calls of tools, of builtins and of methods; `follow.py` has those of the program's functions."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from partwise.composition.affine.expressions import Expressions
from partwise.composition.affine.module import Found, repeated
from partwise.composition.affine.outcomes import Outcomes, refined
from partwise.composition.affine.state import Change, State, change
from partwise.composition.affine.values import (
    FALSE,
    FALSY,
    MANY,
    NONE,
    SCALAR,
    SOME,
    TRUE,
    TRUTHY,
    Consts,
    Count,
    Items,
    Some,
    Value,
    any_of,
    assume,
    cell,
    const,
    empty,
    holds_truthy,
    is_count,
    size,
)
from partwise.composition.language import BUILTINS
from partwise.types import Effect

_COPIES: Final = frozenset({"list", "tuple", "set", "frozenset", "sorted", "dict"})
"""What makes a new collection of as many items as another one has, or of fewer equal ones."""
_SCALARS: Final = frozenset({"str", "float", "abs", "round", "isinstance", "int"})
_CHANGES: Final = {
    **dict.fromkeys(("append", "insert", "add", "setdefault"), Change.ADD),
    **dict.fromkeys(("extend", "update"), Change.GROW),
    **dict.fromkeys(("remove", "pop", "popitem", "discard"), Change.SHRINK),
    **dict.fromkeys(("sort", "reverse"), Change.MOVE),
    "clear": Change.CLEAR,
}
_NO_RESULT: Final = frozenset(
    {"append", "insert", "add", "extend", "update", "remove", "discard", "clear", "sort", "reverse"}
)


def call_tool(inside: Expressions, node: ast.Call, name: str, state: State) -> Outcomes:
    """A tool of the world, which gets copies, and gives something new."""
    tool = inside.module.tools[name]
    found: Outcomes = []
    for after, _ in inside.all(_arguments(node), state):
        if tool.effect is not Effect.IRREVERSIBLE:
            found.append((after, SOME))
            continue
        if after.done:
            raise repeated(node, name)
        success = replace(after, done=True)
        if not tool.takes_falsy and node.args:
            success = _truthy(inside, node.args[0], success)
        found += [(success, TRUTHY), (after, FALSY)]
    return found


def _truthy(inside: Expressions, node: ast.expr, state: State) -> State:
    if not isinstance(node, ast.Name):
        return state
    known = assume(inside.name(node, state), True)
    return state if known is None else refined(state, node, known)


def call_method(inside: Expressions, node: ast.Call, function: ast.Attribute, state: State) -> Outcomes:
    """A method of a list, dict, set or text."""
    found: Outcomes = []
    generator, others = _generator(inside, node)
    for after, (holder, *held) in inside.all([function.value, *others], state):
        if generator is None:
            found.append(_method(node, function, after, holder, held))
            continue
        name = f"#{id(function)}"  # What is evaluated now may change the holder.
        for end, made in inside.comprehension(generator, after.bind(name, holder)):
            found.append(_method(node, function, end.drop([name]), end.look_up(name), [made, *held]))
    return found


def _method(
    node: ast.Call, function: ast.Attribute, state: State, holder: Value, arguments: Sequence[Value]
) -> tuple[State, Value]:
    method = function.attr
    name = function.value.id if isinstance(function.value, ast.Name) else None
    state = state.loosen(*arguments)
    if method == "get" and len(arguments) == 1 and (place := cell(holder, arguments[0])):
        known = dict(holder.cells) if isinstance(holder, Items) else {}
        if place[0] in known:
            return state, known[place[0]]
    if method == "copy" and isinstance(holder, Items):
        return state.made(id(node)), replace(holder, site=id(node))
    if how := _CHANGES.get(method):
        coming = None
        if method in ("append", "add", "insert") and arguments:
            coming = any_of(arguments[-1:])
        elif method == "extend" and len(arguments) == 1:
            coming = holds_truthy(arguments[0])
        state = change(state, name, holder, how, coming)
    if method in _NO_RESULT:
        return state, NONE
    return state.loosen(holder), SOME  # Of some methods the result changes as its holder does.


def call_builtin(inside: Expressions, node: ast.Call, name: str, state: State) -> Outcomes:
    """A builtin; or a variable, which holds a function that neither attempts nor changes anything."""
    alone = node.args[0] if len(node.args) == 1 and not node.keywords else None
    if name not in BUILTINS:
        return [(after.loosen(*held), SOME) for after, held in inside.all(_arguments(node), state)]
    if name == "bool" and alone is not None:
        yes, no = inside.test(alone, state)
        return [*((one, TRUE) for one in yes), *((one, FALSE) for one in no)]
    if name in ("any", "all") and isinstance(alone, ast.GeneratorExp):
        return inside.search(alone, state, stops_on=name == "any")
    generator, others = _generator(inside, node)
    if generator is not None:
        return [
            (end.loosen(*held), made if name in _COPIES else SOME)
            for after, held in inside.all(others, state)
            for end, made in inside.comprehension(generator, after, site=id(node))
        ]
    return [
        _builtin(node, name, after, held) if alone is not None or not held else (after.loosen(*held), SOME)
        for after, held in inside.all(_arguments(node), state)
    ]


def _builtin(node: ast.Call, name: str, state: State, arguments: Sequence[Value]) -> tuple[State, Value]:
    """A builtin with one argument, or with none."""
    if not arguments:
        return (state.made(id(node)), empty(id(node))) if name in _COPIES else (state, SOME)
    (given,) = arguments
    least, most = size(given)
    if name in _COPIES:
        truthy = holds_truthy(given)
        # Of pairs, a dict takes the first ones.
        made = Items(id(node), least, most, None if name == "dict" else truthy)
        return state.loosen(given).made(id(node)), made
    if name == "len":
        return state, const(least) if least == most != MANY else Count() if least else SCALAR
    if name in ("any", "all"):
        return state, _any_or_all(name, given)
    if name == "range" and isinstance(given, Consts) and len(given.values) == 1:
        ((_, count),) = given.values
        if isinstance(count, int):
            count = max(count, 0)
            return state.made(id(node)), Items(id(node), min(count, 1), min(count, MANY), None)
    if name == "int" and (is_count(given) or given in (TRUE, FALSE)):
        return state, const(int(given == TRUE)) if given in (TRUE, FALSE) else Count()
    if name in _SCALARS:
        return state, SCALAR
    return state.loosen(given), SOME


def _any_or_all(name: str, given: Value) -> Value:
    said = holds_truthy(given)
    if name == "any":
        return Some(fixed=True) if said is None else const(said)
    least, most = size(given)
    if most == 0:
        return TRUE
    return FALSE if least and said is False else Some(fixed=True)


def _generator(inside: Expressions, node: ast.Call) -> tuple[ast.GeneratorExp | None, list[ast.expr]]:
    """The generator that a call uses up, if there is one, and its other arguments.

    Raises:
        Found: the generator does something while there are other arguments. It runs after them, but for its
            first part, and that order is not followed.
    """
    others = _arguments(node)
    generator = next((one for one in others if isinstance(one, ast.GeneratorExp)), None)
    if generator is None:
        return None, others
    others.remove(generator)
    if others and inside.module.acts(generator):
        raise Found(node, "a generator that does something beside other arguments can't be followed")
    return generator, others


def _arguments(node: ast.Call) -> list[ast.expr]:
    return [*node.args, *(keyword.value for keyword in node.keywords)]
