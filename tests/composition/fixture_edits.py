"""Small random edits of a program's syntax tree, of the kind that slips into a program that was right."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Callable
from typing import Any

from fixture_texts import BLOWS, TARGETS, WIPES, WRAPS
from fixture_tree import (
    TOOLS,
    blocks,
    expression,
    get,
    near,
    put,
    scope,
    slots,
    statements,
    variables,
)


def edit(module: ast.Module, rng: random.Random) -> str:
    """Make one edit in place; its name, or "" where the one that was drawn found no place."""
    change = rng.choice(EDITS)
    try:
        return change.__name__.strip("_").replace("_", " ") if change(module, rng) else ""
    except (
        SyntaxError,
        IndexError,
    ):  # `0` where only a name may stand, or nothing left: all stays as it was.
        return ""


def _place(module: ast.Module, rng: random.Random) -> tuple[list[ast.stmt], int]:
    """A statement, none of them a function."""
    places = [
        (block, index)
        for block in blocks(module)
        for index, statement in enumerate(block)
        if not isinstance(statement, ast.FunctionDef)
    ]
    return rng.choice(places)


def _fill(block: list[ast.stmt]) -> None:
    if not block:
        block.append(ast.Pass())


def _drop(module: ast.Module, rng: random.Random) -> bool:
    block, index = _place(module, rng)
    del block[index]
    _fill(block)
    return True


def _unwrap(module: ast.Module, rng: random.Random) -> bool:
    """A body takes the place of its `if` or `for`."""
    places = [(b, i) for b in blocks(module) for i, s in enumerate(b) if isinstance(s, (ast.If, ast.For))]
    if not places:
        return False
    block, index = rng.choice(places)
    block[index : index + 1] = block[index].body  # pyright: ignore
    return True


def _swap(module: ast.Module, rng: random.Random) -> bool:
    block, index = _place(module, rng)
    if index == 0:
        return False
    block[index - 1], block[index] = block[index], block[index - 1]
    return True


def _double(module: ast.Module, rng: random.Random) -> bool:
    block, index = _place(module, rng)
    block.insert(rng.randint(index, len(block)), copy.deepcopy(block[index]))
    return True


def _move(module: ast.Module, rng: random.Random) -> bool:
    """A statement goes to another place, in or out of loops, branches and functions."""
    block, index = _place(module, rng)
    statement = block.pop(index)
    _fill(block)
    inside = blocks(statement)
    others = [other for other in blocks(module) if all(other is not part for part in inside)]
    other = rng.choice(others)
    other.insert(rng.randint(0, len(other)), statement)
    return True


def _wrap(module: ast.Module, rng: random.Random) -> bool:
    """Statements go into a loop or a branch."""
    block, index = _place(module, rng)
    end = rng.randint(index + 1, min(len(block), index + 3))
    if any(isinstance(s, ast.FunctionDef) for s in block[index:end]):
        return False
    heads = [
        "for again in range(2):",
        "for again in users:",
        "if has('Luna'):",
        "if users:",
        "if not has(users):",
    ]
    names = near(module, block, rng)
    if names:
        name = rng.choice(names)
        heads += [f"if {name}:", f"if not {name}:", f"for {name} in users:", f"if {name} is None:"]
    outer: Any = statements(rng.choice(heads) + " pass")[0]
    outer.body = block[index:end]
    block[index:end] = [outer]
    if rng.random() < 0.2:
        outer.orelse = [copy.deepcopy(rng.choice(outer.body))]
    return True


def _leave(module: ast.Module, rng: random.Random) -> bool:
    """`break`, `continue`, `pass` and `return` take each other's place, or come in anew."""
    kinds = (ast.Break, ast.Continue, ast.Pass, ast.Return)
    places = [(b, i) for b in blocks(module) for i, s in enumerate(b) if isinstance(s, kinds)]
    new = rng.choice((ast.Break(), ast.Continue(), ast.Pass(), ast.Return()))
    if places and rng.random() < 0.7:
        block, index = rng.choice(places)
        block[index] = new
    else:
        block, index = _place(module, rng)
        block.insert(index + 1, new)
    return True


def _return_other(module: ast.Module, rng: random.Random) -> bool:
    returns: list[Any] = [n for n in ast.walk(module) if isinstance(n, ast.Return)]
    if not returns:
        return False
    names = [*variables(module), "None", "True", "False", "0", "r"]
    text = rng.choice(names)
    several = (text, f"not {text}", f"({text}, {rng.choice(names)})", f"[{text}]", f"bool({text})")
    rng.choice(returns).value = expression(rng.choice(several))
    return True


_TESTS = (ast.If, ast.IfExp)


def _negate(module: ast.Module, rng: random.Random) -> bool:
    tests: list[Any] = [node for node in ast.walk(module) if isinstance(node, _TESTS)]
    if not tests:
        return False
    node = rng.choice(tests)
    if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
        node.test = node.test.operand
    else:
        node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
    return True


def _swap_branches(module: ast.Module, rng: random.Random) -> bool:
    ifs = [n for n in ast.walk(module) if isinstance(n, ast.If) and n.orelse]
    if not ifs:
        return False
    node = rng.choice(ifs)
    node.body, node.orelse = node.orelse, node.body
    return True


_VALUES = (
    "None",
    "False",
    "0",
    "''",
    "[]",
    "True",
    "1",
    "'done'",
    "'open'",
    "2",
    "-1",
    "[0]",
    "()",
    "{}",
    "0.0",
    "[[]]",
)


def _other_constant(module: ast.Module, rng: random.Random) -> bool:
    places = [
        s for s in slots(module) if isinstance(get(s), ast.Constant) and not isinstance(s[0], ast.JoinedStr)
    ]
    if not places:
        return False
    put(rng.choice(places), expression(rng.choice(_VALUES)))
    return True


_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn)


def _other_comparison(module: ast.Module, rng: random.Random) -> bool:
    found = [node for node in ast.walk(module) if isinstance(node, ast.Compare)]
    if not found:
        return False
    node = rng.choice(found)
    if rng.random() < 0.2:
        node.left, node.comparators[0] = node.comparators[0], node.left
    elif rng.random() < 0.2:
        node.ops.append(rng.choice(_COMPARISONS[:6])())
        node.comparators.append(expression(rng.choice([*_VALUES[:8], *variables(module)])))
    else:
        node.ops[0] = rng.choice(_COMPARISONS)()
    return True


def _other_boolean(module: ast.Module, rng: random.Random) -> bool:
    found = [node for node in ast.walk(module) if isinstance(node, ast.BoolOp)]
    if not found:
        return False
    node = rng.choice(found)
    if rng.random() < 0.4:
        rng.shuffle(node.values)
    else:
        node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    return True


def _other_name(module: ast.Module, rng: random.Random) -> bool:
    """One mention of a variable becomes one of another, read, bound or a parameter."""
    block, _ = _place(module, rng)
    inside, names = scope(module, block), near(module, block, rng)
    mentions: list[Any] = [n for n in ast.walk(inside) if isinstance(n, ast.Name) and n.id in names]
    if not mentions:
        return False
    rng.choice(mentions).id = rng.choice([*names, *names, "users", rng.choice(TOOLS)])
    return True


def _rename_everywhere(module: ast.Module, rng: random.Random) -> bool:
    """Two variables become one, or a variable takes the name of a tool or an input."""
    names = variables(module)
    if not names:
        return False
    old, new = rng.choice(names), rng.choice([*names, "r", "u", "x", "options", rng.choice(TOOLS)])
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
        elif isinstance(node, ast.arg) and node.arg == old:
            node.arg = new
    return True


def _alias(module: ast.Module, rng: random.Random) -> bool:
    """`b = a` comes in, and some later mentions of `a` become `b`."""
    block, index = _place(module, rng)
    names = near(module, block, rng)
    if not names:
        return False
    name = rng.choice(names)
    places = [i for i, s in enumerate(block) if any(_binds(n, name) for n in ast.walk(s))]
    index = rng.randint(places[0], len(block) - 1) if places else index
    later = [n for s in block[index + 1 :] for n in ast.walk(s) if isinstance(n, ast.Name) and n.id == name]
    new = rng.choice(("twin", "twin", rng.choice(names)))
    forms = (
        f"{new} = {name}",
        f"{new}, other = {name}, 0",
        f"{new} = [{name}]",
        f"{new} = {name}[:]",
        f"{new} = {name} or []",
    )
    block.insert(index + 1, statements(rng.choice((forms[0], *forms)))[0])
    for node in later:
        if rng.random() < 0.5:
            node.id = new
    return True


def _binds(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)


def _blow(module: ast.Module, rng: random.Random) -> bool:
    """A statement comes in that changes what is remembered."""
    block, index = _place(module, rng)
    names = near(module, block, rng)
    if not names:
        return False
    text = rng.choice(BLOWS).format(v=rng.choice(names), x=rng.choice([*names, "users[0]", "0"]))
    at = index + (rng.random() < 0.8)
    block[at:at] = statements(text.replace(";", "\n"))
    return True


def _wipe(module: ast.Module, rng: random.Random) -> bool:
    """The same, through a function."""
    block, index = _place(module, rng)
    names = near(module, block, rng)
    if not names or any(isinstance(node, ast.FunctionDef) and node.name == "wipe" for node in module.body):
        return False
    v, given = rng.choice(names), rng.choice(("it", "it", rng.choice(names)))
    deed = rng.choice(BLOWS).format(v=given, x=rng.choice((given, "users[0]", v))).replace(";", "\n")
    back = rng.choice(("None", given, f"not {given}", "True", f"[{given}]"))
    function: Any = statements(f"def wipe({given}): return {back}")[0]
    function.body[:0] = statements(deed)
    calls = statements(rng.choice(WIPES).format(v=v).replace(";", "\n"))
    at = index + (rng.random() < 0.8)
    block[at:at] = calls
    module.body.insert(0, function)
    return True


def _other_target(module: ast.Module, rng: random.Random) -> bool:
    """`v = x` becomes an assignment of another form."""
    places: list[tuple[Any, int, Any]] = [
        (block, index, statement)
        for block in blocks(module)
        for index, statement in enumerate(block)
        if isinstance(statement, (ast.Assign, ast.AugAssign, ast.Expr))
    ]
    if not places:
        return False
    block, index, old = rng.choice(places)
    target = (
        old.targets[0]
        if isinstance(old, ast.Assign)
        else old.target
        if isinstance(old, ast.AugAssign)
        else None
    )
    v = ast.unparse(target) if isinstance(target, (ast.Name, ast.Subscript)) else "more"
    text = rng.choice(TARGETS).format(v=v, x=ast.unparse(old.value))
    block[index : index + 1] = statements(text)
    return True


def _wrap_expression(module: ast.Module, rng: random.Random) -> bool:
    places = [s for s in slots(module) if not isinstance(s[0], (ast.JoinedStr, ast.FormattedValue))]
    slot = rng.choice(places)
    old = ast.unparse(get(slot))
    if len(old) > 60:
        return False
    old = f"({old})"
    put(slot, expression(rng.choice(WRAPS).format(x=old)))
    return True


def _graft(module: ast.Module, rng: random.Random) -> bool:
    """An expression takes the place of another."""
    places = [s for s in slots(module) if not isinstance(s[0], (ast.JoinedStr, ast.FormattedValue))]
    new = copy.deepcopy(get(rng.choice(places)))
    put(rng.choice(places), new)
    return True


def _graft_test(module: ast.Module, rng: random.Random) -> bool:
    """A condition takes the place of another, or is joined to it."""
    tests: list[Any] = [node for node in ast.walk(module) if isinstance(node, _TESTS)]
    if not tests:
        return False
    node, other = rng.choice(tests), copy.deepcopy(rng.choice(tests).test)
    pure = expression(rng.choice(("has('Luna')", "users", "has(users[0])", "1", "[]", "options[1:]")))
    other = rng.choice((other, pure))
    joined = ast.BoolOp(op=rng.choice((ast.And(), ast.Or())), values=[node.test, other])
    node.test = rng.choice((other, joined))
    return True


def _to_function(module: ast.Module, rng: random.Random) -> bool:
    """Statements go into a function of their own, which is called in their place."""
    block, index = _place(module, rng)
    end = rng.randint(index + 1, min(len(block), index + 2))
    body = block[index:end]
    if any(isinstance(s, ast.FunctionDef) for s in body) or "outer" in ast.dump(module):
        return False
    holder = ast.Module(body=body, type_ignores=[])
    used = [n.id for n in ast.walk(holder) if isinstance(n, ast.Name) and n.id in variables(module)]
    bound = [n.id for n in ast.walk(holder) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    given = [name for name in dict.fromkeys(used) if rng.random() < 0.7]
    function: Any = statements(f"def outer({', '.join(given)}): pass")[0]
    function.body = body
    call = f"outer({', '.join(given)})"
    if bound and rng.random() < 0.8:
        back = list(dict.fromkeys(bound))[:2]
        function.body = [*body, *statements(f"def f(): return {', '.join(back)}")[0].body]  # pyright: ignore
        call = f"{', '.join(back)} = {call}"
    block[index:end] = statements(call)
    module.body.insert(0, function)
    return True


def _to_attempt(module: ast.Module, rng: random.Random) -> bool:
    """A call of a tool goes to another tool, through another name, or is handed over."""
    calls: list[Any] = [
        n
        for n in ast.walk(module)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in TOOLS
    ]
    if not calls:
        return False
    node = rng.choice(calls)
    if rng.random() < 0.2:
        module.body.insert(0, statements(f"book = {node.func.id}")[0])
        node.func.id = "book"
    else:
        node.func.id = rng.choice(TOOLS)
    return True


def _shadow(module: ast.Module, rng: random.Random) -> bool:
    """A loop or a comprehension runs over the name of a variable."""
    names = variables(module)
    loops: list[Any] = [
        n
        for n in ast.walk(module)
        if isinstance(n, (ast.For, ast.comprehension)) and isinstance(n.target, ast.Name)
    ]
    if not names or not loops:
        return False
    rng.choice(loops).target.id = rng.choice(names)
    return True


def _in_place(module: ast.Module, rng: random.Random) -> bool:
    """`v = v + x` and `v += x` take each other's place, as do other pairs that differ for an alias."""
    places: list[tuple[Any, int, Any]] = [
        (b, i, s)
        for b in blocks(module)
        for i, s in enumerate(b)
        if (isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name))
        or (isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name))
    ]
    if not places:
        return False
    block, index, old = rng.choice(places)
    name = ast.unparse(old.target if isinstance(old, ast.AugAssign) else old.targets[0])
    value = ast.unparse(old.value)
    forms = (
        f"{name} = {name} + ({value})",
        f"{name} += {value}",
        f"{name}[:] = {value}",
        f"{name} = {value}",
        f"{name} -= {value}",
    )
    block[index : index + 1] = statements(
        rng.choice((*forms, f"{name} *= {value}", f"{name} |= {value}", f"{name} &= {value}"))
    )
    return True


EDITS: tuple[Callable[[ast.Module, random.Random], bool], ...] = (
    *(_drop, _drop, _unwrap, _swap, _double, _move, _move, _wrap, _wrap, _leave, _leave, _return_other),
    *(_negate, _negate, _swap_branches, _other_constant, _other_constant, _other_comparison),
    *(_other_comparison, _other_boolean, _other_name, _other_name, _rename_everywhere, _alias, _alias),
    *(_blow, _blow, _blow, _wipe, _wipe),
    *(_other_target, _other_target, _wrap_expression, _wrap_expression, _graft, _graft_test, _to_function),
    *(_to_attempt, _shadow, _in_place),
)
