"""Makes a program do in Monty what it does in Python: calls the helpers where the two differ.

What is rewritten: what uses up a generator or an iterator, and loops over iterators, so that values are taken
one by one; functions that are handed over (`key=`, `map`), which Monty can't stop in the middle of; operators
in place; `round`; f-strings with a format; and calls whose function or method Python looks up before it
evaluates their arguments, where those do anything. New nodes have the place of what they stand for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

from partwise.composition.names import Names, is_number
from partwise.composition.nodes import children, walk
from partwise.composition.streams import (
    BUILTINS,
    ITERATORS,
    USERS,
    acts,
    called_name,
    calls_back,
    is_iterator,
    is_stream,
    misused,
    suspends,
)

_Node = TypeVar("_Node", bound=ast.AST)

_IN_PLACE: dict[type[ast.operator], str] = {
    ast.Add: "__add__",
    ast.Mult: "__multiply__",
    ast.BitOr: "__or__",
    ast.BitAnd: "__and__",
    ast.Sub: "__subtract__",
    ast.BitXor: "__xor__",
}
_SETS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
_KINDS = (str, list, dict, tuple, set, frozenset)
_WRAPPED = cast(
    ast.Expr, ast.parse("(lambda __f: __f if __f is None else lambda *__v: __f(*__v))(None)").body[0]
).value
"""A function as a value, whose call stands in the program and not in a helper."""


def may_differ(module: ast.Module) -> bool:
    """A quick look: False only where Monty surely does what Python does."""
    return any(map(_may_differ, walk(module)))


def _may_differ(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id in ITERATORS or node.id in ("round", "frozenset")
    if isinstance(node, ast.Call):
        return (called_name(node) not in BUILTINS and any(map(acts, _arguments(node)))) or (
            calls_back(node) or _reverses(node)
        )
    if isinstance(node, ast.AugAssign):
        return type(node.op) in _IN_PLACE
    return isinstance(node, ast.GeneratorExp) or (isinstance(node, ast.FormattedValue) and _formats(node))


def _arguments(node: ast.Call) -> Iterable[ast.expr]:
    return (*node.args, *(keyword.value for keyword in node.keywords))


def _formats(node: ast.FormattedValue) -> bool:
    return node.format_spec is not None and node.conversion == -1


def _reverses(node: ast.Call) -> bool:
    """Whether a call sorts in an order that may be no integer, which Python refuses."""
    orders = [keyword.value for keyword in node.keywords if keyword.arg == "reverse"]
    sorts = "sort" in called_name(node) or getattr(node.func, "attr", "") == "sort"
    return sorts and not all(map(is_number, orders))


def _call(name: str, *arguments: ast.expr, keywords: Sequence[ast.keyword] = ()) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), list(keywords))


def _method(value: ast.expr, name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(value, name, ast.Load()), list(arguments), [])


def rewrite(module: ast.Module, names: Names) -> frozenset[str]:
    """Rewrite a module in place; the helpers that it now calls, and `*` where anything else changed."""
    rewriter = _Rewriter(names)
    rewriter.visit(module)
    if rewriter.needed:
        texts = _Texts()
        texts.visit(module)
        rewriter.needed |= {"__text__"} if texts.found else set()
    return frozenset(rewriter.needed)


class _Rewriter(ast.NodeTransformer):
    def __init__(self, names: Names) -> None:
        self.names = names
        self.needed = set[str]()
        self.fresh = 0

    def visit(self, node: ast.AST) -> ast.AST:
        new = super().visit(node)
        # What has no place yet takes that of the node it stands for.
        if isinstance(new, ast.expr):
            _place(new, node)
        return new

    def expr(self, node: ast.expr) -> ast.expr:
        return cast(ast.expr, self.visit(node))

    def help(self, name: str, *arguments: ast.expr, keywords: Sequence[ast.keyword] = ()) -> ast.Call:
        self.needed.add(name)
        return _call(name, *arguments, keywords=keywords)

    def new_name(self) -> str:
        self.fresh += 1
        return f"__{self.fresh}"

    # Streams.

    def lazy(self, node: ast.Call) -> ast.Call:
        """A call of `map`, `zip` or their like as one of ours, which takes values one by one."""
        name = called_name(node)
        arguments = [self.lazy(part) if is_iterator(part) else self.expr(part) for part in node.args]
        if name in ("map", "filter") and node.args:
            arguments[0] = self.function(node.args[0])
        keywords = [ast.keyword(word.arg, self.expr(word.value)) for word in node.keywords]
        return _place(self.help(f"__{name}__", *arguments, keywords=keywords), node)

    def function(self, node: ast.expr) -> ast.expr:
        """A function that is handed to a helper."""
        new = self.expr(node)
        if self.names.is_plain_function(node):
            return new
        wrapped = cast(ast.Call, ast.parse(ast.unparse(_WRAPPED), mode="eval").body)
        for part in walk(wrapped):
            if isinstance(part, ast.expr | ast.arg):
                ast.copy_location(part, node)
        wrapped.args = [new]
        return wrapped

    def run(self, node: ast.expr) -> ast.expr:
        """What hands each value of an iterable to a function, one by one."""
        if not isinstance(node, ast.GeneratorExp):
            return self.help("__each__", self.lazy(node) if is_iterator(node) else self.expr(node))
        # The first iterable is evaluated where the generator stands, before anything else.
        source = node.generators[0].iter
        items = self.lazy(source) if is_iterator(source) else _call("iter", self.expr(source))
        clauses = self.clauses(node.generators, ast.Name("__i", ast.Load()))
        # As a condition that never holds, so that no list grows.
        clauses[-1].ifs.append(_call("__put", self.expr(node.elt)))
        body = ast.ListComp(ast.Constant(None), clauses)
        parameters = [ast.arg("__put"), ast.arg("__i")]
        return ast.Lambda(ast.arguments([], parameters, None, [], [], None, [items]), body)

    def clauses(
        self, generators: list[ast.comprehension], first: ast.expr | None = None
    ) -> list[ast.comprehension]:
        clauses: list[ast.comprehension] = []
        for old in generators:
            target, conditions = self.expr(old.target), [self.expr(part) for part in old.ifs]
            if first is None and is_iterator(old.iter):
                values: ast.expr = self.lazy(old.iter)
            else:
                values = first or self.expr(old.iter)
            if suspends(old.iter):
                name = self.new_name()
                held = ast.Name(name, ast.Load())
                took = [_method(held, "take")]
                loop = self.help("__Loop__", values)
                clauses.append(ast.comprehension(ast.Name(name, ast.Store()), loop, list(took), 0))
                values = ast.List([ast.Attribute(held, "value", ast.Load())], ast.Load())
            clauses.append(ast.comprehension(target, values, conditions, 0))
            first = None
        return clauses

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> ast.AST:
        node.generators = self.clauses(node.generators)
        node.elt = self.expr(node.elt)
        return node

    visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        node.generators = self.clauses(node.generators)
        node.key, node.value = self.expr(node.key), self.expr(node.value)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        source = node.iter
        if not is_iterator(source):
            return self.generic_visit(node)
        slow = suspends(source)
        node.iter = self.lazy(source)
        node.body = [cast(ast.stmt, self.visit(part)) for part in node.body]
        node.body = _flat(node.body)
        node.orelse = _flat([cast(ast.stmt, self.visit(part)) for part in node.orelse])
        if slow:
            name = self.new_name()
            held = ast.Name(name, ast.Load())
            node.iter = cast(ast.expr, _place(self.help("__Loop__", node.iter), source))
            stop = ast.If(ast.UnaryOp(ast.Not(), _method(held, "take")), [ast.Continue()], [])
            take = ast.Assign([node.target], ast.Attribute(held, "value", ast.Load()))
            node.target = _place(ast.Name(name, ast.Store()), node.target)
            node.body = [_place(stop, node), _place(take, node), *node.body]
        return node

    # Calls.

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = called_name(node)
        if name in USERS:
            return self.user(node, name) or self.generic_visit(node)
        if isinstance(node.func, ast.Attribute):
            return self.method(node, node.func)
        if name in ITERATORS and suspends(node):
            return self.lazy(node)
        if name not in BUILTINS and any(map(acts, _arguments(node))):
            return self.early(node, name)
        return self.generic_visit(node)

    def early(self, node: ast.Call, name: str) -> ast.AST:
        """The function is looked up before its arguments are evaluated."""
        if self.names.is_unknown(name):
            self.needed.add("*")
            return node.func
        if self.names.may_be_unbound(name):
            self.needed.add("*")
            self.generic_visit(node)
            node.func = ast.Subscript(ast.List([node.func], ast.Load()), ast.Constant(0), ast.Load())
            _place(node.func, node)
            return node
        return self.generic_visit(node)

    def user(self, node: ast.Call, name: str) -> ast.expr | None:
        """A builtin that uses up its argument; None where Monty's own does as Python's."""
        if not node.args or misused(node, stream=is_stream(node.args[0])):
            return None
        values, many = node.args[0], len(node.args) > 1 and name in ("min", "max")
        generator = isinstance(values, ast.GeneratorExp)
        if not calls_back(node):
            whole = name in ("list", "tuple") or (name == "sorted" and not node.keywords)
            # `any` may stop before `zip(..., strict=True)` finds out.
            active = name in ("any", "all") or any(map(acts, list(_arguments(node))[1:]))
            lazily = suspends(values) or (active and is_stream(values)) or (generator and not whole)
            if not lazily and not _reverses(node):
                return None
        if many:
            arguments = [
                self.help("__each__", ast.Tuple([self.expr(part) for part in node.args], ast.Load()))
            ]
        else:
            arguments = [self.run(values), *(self.expr(part) for part in node.args[1:])]
        keywords = [self.keyword(word) for word in node.keywords]
        helper = {"tuple": "list", "frozenset": "set"}.get(name, name)
        new = self.help(f"__{helper}__", *arguments, keywords=keywords)
        return new if helper == name else _call(name, new)

    def keyword(self, word: ast.keyword) -> ast.keyword:
        return ast.keyword(
            word.arg, self.function(word.value) if word.arg == "key" else self.expr(word.value)
        )

    def method(self, node: ast.Call, function: ast.Attribute) -> ast.AST:
        name, first = function.attr, node.args[0] if node.args else None
        if name == "sort" and (calls_back(node) or _reverses(node)) and not misused(node, stream=False):
            held = self.holder(function.value, name)
            return self.help("__sort__", held, keywords=[self.keyword(word) for word in node.keywords])
        if first is not None and name in ("extend", "update") and is_stream(first):
            held = self.holder(function.value, name)
            keywords = [ast.keyword(word.arg, self.expr(word.value)) for word in node.keywords]
            return self.help(f"__{name}__", held, self.run(first), keywords=keywords)
        active = any(map(acts, _arguments(node)))
        if active:
            function.value = self.holder(function.value, name)
        else:
            function.value = self.expr(function.value)
        if first is not None and name == "join" and suspends(first):
            node.args = [self.help("__list__", self.run(first))]
        else:
            node.args = [self.expr(part) for part in node.args]
        node.keywords = [ast.keyword(word.arg, self.expr(word.value)) for word in node.keywords]
        return node

    def holder(self, value: ast.expr, method: str) -> ast.expr:
        """What a method is called of, looked up before its arguments are evaluated."""
        if self.names.has(value, method):
            return self.expr(value)
        kinds: list[ast.expr] = [
            ast.Name(kind.__name__, ast.Load()) for kind in _KINDS if hasattr(kind, method)
        ]
        arguments = self.expr(value), ast.Constant(method), ast.Tuple(kinds, ast.Load())
        return cast(ast.expr, _place(self.help("__method__", *arguments), value))

    # The rest.

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == "round":
            self.needed.add("__round__")
            return ast.Name("__round__", ast.Load())
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        if _formats(node):
            self.needed.add("__text__")
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if not self.names.freezes or not isinstance(node.op, _SETS) or is_number(node.right):
            return self.generic_visit(node)
        one, two = (ast.Name(name, ast.Load()) for name in ("__1", "__2"))
        parameters = ast.arguments([], [ast.arg("__1"), ast.arg("__2")], None, [], [], None, [])
        operate = ast.Lambda(parameters, ast.BinOp(one, node.op, two))
        return self.help("__thaw__", self.expr(node.left), self.expr(node.right), operate)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        helper = _IN_PLACE.get(type(node.op))
        harmless = is_number(node.value) and not (
            isinstance(node.op, ast.Mult) and not isinstance(getattr(node.value, "value", None), float)
        )
        if helper is None or harmless:
            return self.generic_visit(node)
        value, target = self.expr(node.value), node.target
        if isinstance(target, ast.Name):
            new = self.help(helper, ast.Name(target.id, ast.Load()), value)
            return _place(ast.Assign([target], new), node)
        place = cast(ast.Subscript, target)
        holder, key, first = self.new_name(), self.new_name(), self.expr(place.value)
        before = [ast.Assign([ast.Name(holder, ast.Store())], first)]
        parts = _slice_parts(place.slice)
        index: ast.expr = ast.Name(key, ast.Load())
        if parts is None:
            before.append(ast.Assign([ast.Name(key, ast.Store())], self.expr(place.slice)))
        else:
            ends: list[ast.expr | None] = []
            for number, part in enumerate(parts):
                ends.append(part and ast.Name(f"{key}_{number}", ast.Load()))
                if part:
                    name = ast.Name(f"{key}_{number}", ast.Store())
                    before.append(ast.Assign([name], self.expr(part)))
            index = ast.Slice(*ends)
        held = ast.Name(holder, ast.Load())
        old, new = (ast.Subscript(held, index, context) for context in (ast.Load(), ast.Store()))
        after = ast.Assign([new], self.help(helper, old, value))
        return [_place(statement, node) for statement in (*before, after)]


def _slice_parts(node: ast.expr) -> list[ast.expr | None] | None:
    return [node.lower, node.upper, node.step] if isinstance(node, ast.Slice) else None


def _flat(statements: Iterable[ast.stmt | list[ast.stmt]]) -> list[ast.stmt]:
    return [
        part
        for statement in statements
        for part in (statement if isinstance(statement, list) else [statement])
    ]


def _place(new: _Node, old: ast.AST) -> _Node:
    """Give every new node below one the place of the node that it stands for."""
    todo: list[ast.AST] = [new]
    while todo:
        node = todo.pop()
        if "lineno" in node._attributes and not hasattr(node, "lineno"):
            ast.copy_location(node, old)
            todo.extend(children(node))
        elif "lineno" not in node._attributes or node is new:
            todo.extend(children(node))
    return new


class _Texts(ast.NodeTransformer):
    """Writes f-strings as calls, since not every f-string can be written back as one."""

    def __init__(self) -> None:
        self.found = False

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        self.found = True
        return _place(self.text(node), node)

    def text(self, node: ast.JoinedStr) -> ast.expr:
        parts = [self.part(part) for part in node.values]
        return _method(ast.Constant(""), "join", ast.List(parts, ast.Load()))

    def part(self, node: ast.expr) -> ast.expr:
        if not isinstance(node, ast.FormattedValue):
            return node
        value = cast(ast.expr, self.visit(node.value))
        spec = node.format_spec
        text = self.text(spec) if isinstance(spec, ast.JoinedStr) else ast.Constant("")
        shown = ast.Constant(chr(node.conversion) if node.conversion != -1 else "")
        return _call("__text__", value, shown, text)
