"""The `affine` space: what can't be undone happens at most once, unless the attempt before is known to fail.

An abstract interpretation. The state at each point of a program is a set of *witnesses*: variables v of
which it is known that, where v is falsy, nothing irreversible has succeeded so far. Two states stand out:

- `CLEAN`, the set of all variables: nothing irreversible has succeeded, whatever the variables hold.
- `DONE`, the empty set: something may have succeeded, and no variable tells.

Where two paths meet, the witnesses of both remain (set intersection), so a loop reaches its fixpoint
after at most one round for each variable. An expression is evaluated to two states, one for where its
value is truthy and one for where it is falsy; an irreversible call turns CLEAN into (DONE, CLEAN),
because a falsy result means that nothing happened (`Effect.IRREVERSIBLE`). Such a call from any state
but CLEAN is a repeat, and the program is rejected.

A call of a function is summarised by the two states in which it returns a truthy and a falsy value, so
that a body that lies (`reserve(r); return True`) tells nothing. What the analysis can't follow is
rejected or loses its witnesses: recursion, functions as values, names with two meanings, and whatever may
empty a collection while a witness could be that collection. Nothing runs later than where it stands: the
language has generators only where they are used up at once.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from partwise.composition.complexity import Comprehension
from partwise.composition.language import functions
from partwise.types import Effect, Tool


class _Clean:
    """The set of all variables."""


CLEAN: Final = _Clean()
DONE: Final[frozenset[str]] = frozenset()
State = _Clean | frozenset[str] | None
"""CLEAN, a set of witnesses, or None where no path leads."""
Pair = tuple[State, State]
"""The state where a value is truthy, and the state where it is falsy."""

_SHRINKERS = frozenset({"remove", "pop", "popitem", "clear", "discard"})
_MAX_STEPS = 100_000
"""Most statements and expressions that are interpreted; a program of a page takes a few hundred."""
_GROWING = (ast.Add, ast.BitOr)
"""The operators that, in place, never empty a collection."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Where something irreversible may happen again, or where that can't be decided."""

    line: int
    reason: str


class _Found(Exception):
    """Carries a Repeat out of the interpretation."""

    def __init__(self, node: ast.expr | ast.stmt, reason: str) -> None:
        super().__init__(reason)
        self.repeat = Repeat(node.lineno, reason)


def find_repeat(module: ast.Module, tools: Mapping[str, Tool]) -> Repeat | None:
    """The first place where a program may repeat something irreversible; None where it provably can't.

    Args:
        module: from `language.parse`.
        tools: the world's tools by name. A name that the module defines itself is no tool.
    """
    program = _Program(module, tools)
    if not program.attempting:
        return None
    try:
        program.check_names()
        _Walk(program).block(program.composition, CLEAN)
    except _Found as found:
        return found.repeat
    except RecursionError:  # Hundreds of functions, each calling the next.
        return Repeat(program.composition[0].lineno, "the program's calls nest too deeply to follow")
    return None


def _join(one: State, other: State) -> State:
    if one is None or isinstance(other, _Clean):
        return other if one is None else one
    if other is None or isinstance(one, _Clean):
        return one if other is None else other
    return one & other


def _without(state: State, names: Iterable[str]) -> State:
    return state.difference(names) if isinstance(state, frozenset) else state


def _exit(state: State) -> State:
    """A state as the caller sees it: the variables of a function end with it."""
    return DONE if isinstance(state, frozenset) else state


class _Program:
    """What is known of a module before the interpretation: its functions, and who may do what."""

    def __init__(self, module: ast.Module, tools: Mapping[str, Tool]) -> None:
        self.functions = functions(module)
        self.composition = [node for node in module.body if not isinstance(node, ast.FunctionDef)]
        self.tools = tools
        self.nodes = list(ast.walk(module))
        """Every node of the module, found once."""
        names = [node for node in self.nodes if isinstance(node, ast.Name)]
        self.variables = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        self.variables |= {node.arg for node in self.nodes if isinstance(node, ast.arg)}
        irreversible = {name for name, tool in tools.items() if tool.effect is Effect.IRREVERSIBLE}
        calls = {name: _called(node) for name, node in self.functions.items()}
        self.attempting = _closure(
            {name: names & irreversible != set() for name, names in calls.items()}, calls
        )
        self.attempting |= irreversible & {node.id for node in names}
        """Functions and tools whose call may do something irreversible."""
        direct = {
            name: any(map(self._shrinks_itself, ast.walk(node))) for name, node in self.functions.items()
        }
        self.shrinking = _closure(direct, calls)
        """Functions whose call may empty a collection."""
        self.summaries: dict[str, Pair] = {}
        self.running: list[str] = []
        self.steps = 0

    def _shrinks_itself(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                return node.func.attr in _SHRINKERS
            # What is called by a name that is no function may be any function that was handed over.
            return isinstance(node.func, ast.Name) and node.func.id in self.variables
        if isinstance(node, ast.AugAssign):
            return not isinstance(node.op, _GROWING) or _is_slice(node.target)
        return isinstance(node, ast.Assign) and any(_is_slice(target) for target in node.targets)

    def shrinks(self, call: ast.Call) -> bool:
        """Whether a call, its arguments apart, may empty a collection that a variable holds."""
        named = isinstance(call.func, ast.Name) and call.func.id in self.shrinking
        return named or self._shrinks_itself(call)

    def check_names(self) -> None:
        """Refuse names with two meanings, and functions as values."""
        named = self.functions.keys() | self.tools.keys()
        for name, node in self.functions.items():
            if name in self.tools:
                raise _Found(node, f"`{name}` is the name of a tool, so that a call of it could mean either")
        called = {id(node.func) for node in self.nodes if isinstance(node, ast.Call)}
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef):
                for argument in node.args.args:
                    if argument.arg in named:
                        raise _Found(node, f"the parameter `{argument.arg}` has the name of a function")
            elif isinstance(node, ast.Name):
                self._check_name(node, named, id(node) in called)

    def _check_name(self, node: ast.Name, named: set[str], called: bool) -> None:
        if isinstance(node.ctx, ast.Store):
            if node.id in named:
                raise _Found(node, f"`{node.id}` is a function, and is given another meaning here")
        elif not called:
            if node.id in self.attempting:
                raise _Found(
                    node, f"`{node.id}` does what can't be undone, and is handed over instead of called"
                )
            if node.id in self.shrinking:
                raise _Found(node, f"`{node.id}` empties a collection, and is handed over instead of called")

    def step(self, node: ast.expr | ast.stmt) -> None:
        """Count one step, so that no nest of loops can take exponential time."""
        self.steps += 1
        if self.steps > _MAX_STEPS:
            raise _Found(node, "the program is too intricate to tell whether it repeats what can't be undone")

    def summary(self, call: ast.Call, name: str) -> Pair:
        """The states in which a function returns a truthy and a falsy value, called in state CLEAN."""
        if name not in self.functions:
            return DONE, CLEAN
        if name in self.running:
            raise _Found(call, f"`{name}` calls itself, and does what can't be undone")
        if name not in self.summaries:
            self.running.append(name)
            walk = _Walk(self)
            end = walk.block(self.functions[name].body, CLEAN)
            truthy, falsy = walk.returned
            self.summaries[name] = _exit(truthy), _exit(_join(falsy, end))
            self.running.pop()
        return self.summaries[name]


@dataclass(slots=True)
class _Loop:
    """The states that leave one round of a loop early."""

    breaks: State = None
    continues: State = None


@dataclass
class _Walk:
    """Interprets the body of one function, or the composition."""

    program: _Program
    returned: Pair = (None, None)
    loops: list[_Loop] = field(default_factory=list[_Loop])

    # Statements: the state before to the state after.

    def block(self, statements: Iterable[ast.stmt], state: State) -> State:
        for statement in statements:
            if state is None:
                return None
            state = self.statement(statement, state)
        return state

    def statement(self, node: ast.stmt, state: State) -> State:
        self.program.step(node)
        match node:
            case ast.Expr():
                return _join(*self.value(node.value, state))
            case ast.Assign():
                return self.assign(node, state)
            case ast.AugAssign():
                return self.augment(node, state)
            case ast.If():
                truthy, falsy = self.value(node.test, state)
                return _join(self.block(node.body, truthy), self.block(node.orelse, falsy))
            case ast.For():
                return self.for_loop(node, state)
            case ast.Return():
                self.give_back(node, state)
            case ast.Break():
                self.loops[-1].breaks = _join(self.loops[-1].breaks, state)
            case ast.Continue():
                self.loops[-1].continues = _join(self.loops[-1].continues, state)
            case ast.Pass():
                return state
            case _:
                raise _Found(node, "this statement can't be followed")
        return None

    def give_back(self, node: ast.Return, state: State) -> None:
        truthy, falsy = self.value(node.value, state) if node.value else (None, state)
        self.returned = _join(self.returned[0], truthy), _join(self.returned[1], falsy)

    def assign(self, node: ast.Assign, state: State) -> State:
        truthy, falsy = self.value(node.value, state)
        after = _join(truthy, falsy)
        names: list[str] = []
        for target in node.targets:
            if isinstance(target, ast.Name):
                names.append(target.id)
                after = _without(after, [target.id])
            else:
                after = self.store(target, after)
        # Where the value is falsy nothing has succeeded: the variables that now hold it are witnesses.
        tells = falsy is None or isinstance(falsy, _Clean)
        if tells and isinstance(after, frozenset) and len(names) == len(node.targets):
            return after.union(names)
        return after

    def store(self, target: ast.expr, state: State) -> State:
        """A target that is no single name: its names take values that tell nothing."""
        if isinstance(target, ast.Subscript):
            state = self.all([target.value, target.slice], state)
            return self.shrink(state) if _is_slice(target) else state
        return _without(state, _stored(target))

    def augment(self, node: ast.AugAssign, state: State) -> State:
        if isinstance(node.target, ast.Subscript):
            state = self.all([node.target.value, node.target.slice], state)
        state = self.all([node.value], state)
        if not isinstance(node.op, _GROWING) or _is_slice(node.target):
            return self.shrink(state)
        return _without(state, _stored(node.target))

    def shrink(self, state: State) -> State:
        """Some collection may now be empty, and any witness may be that collection."""
        return DONE if isinstance(state, frozenset) else state

    def for_loop(self, node: ast.For, state: State) -> State:
        loop = _Loop()

        def once(head: State) -> State:
            self.loops.append(loop)
            end = self.block(node.body, _without(head, _stored(node.target)))
            self.loops.pop()
            return _join(end, loop.continues)

        head = _fixpoint(self.all([node.iter], state), once)
        return _join(loop.breaks, self.block(node.orelse, head))

    # Expressions: the state before to the states after, by the truth of the value.

    def all(self, nodes: Iterable[ast.expr | None], state: State) -> State:
        """Evaluate one after the other, whatever their values."""
        for node in nodes:
            if node is not None:
                state = _join(*self.value(node, state))
        return state

    def value(self, node: ast.expr, state: State) -> Pair:
        if state is None:
            return None, None
        self.program.step(node)
        match node:
            case ast.Constant():
                return (state, None) if node.value else (None, state)
            case ast.Name():
                return state, CLEAN if isinstance(state, frozenset) and node.id in state else state
            case ast.UnaryOp(op=ast.Not()):
                truthy, falsy = self.value(node.operand, state)
                return falsy, truthy
            case ast.BoolOp():
                return self.bool_op(node, state)
            case ast.IfExp():
                first, second = self.value(node.test, state)
                one, other = self.value(node.body, first), self.value(node.orelse, second)
                return _join(one[0], other[0]), _join(one[1], other[1])
            case ast.Compare():
                return self.compare(node, state)
            case ast.Call():
                return self.call(node, state)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return _same(self.comprehension(node, state))
            case ast.Dict():
                pairs = [part for pair in zip(node.keys, node.values, strict=True) for part in pair]
                return _same(self.all(pairs, state))
            case _:
                return _same(self.all(_parts(node), state))

    def bool_op(self, node: ast.BoolOp, state: State) -> Pair:
        stops_on_truth = isinstance(node.op, ast.Or)
        truthy, falsy = self.value(node.values[0], state)
        for part in node.values[1:]:
            if stops_on_truth:
                more, falsy = self.value(part, falsy)
                truthy = _join(truthy, more)
            else:
                truthy, more = self.value(part, truthy)
                falsy = _join(falsy, more)
        return truthy, falsy

    def compare(self, node: ast.Compare, state: State) -> Pair:
        """`x == False`, `x is None` and the like tell the truth of x; other comparisons tell nothing."""
        operator, right = node.ops[0], node.comparators[0]
        if len(node.ops) == 1 and isinstance(right, ast.Constant) and isinstance(operator, _EQUAL + _UNEQUAL):
            truthy, falsy = self.value(node.left, state)
            either = _join(truthy, falsy)
            # Equal to a falsy constant: the value is falsy. Equal to a truthy one: it is truthy.
            equal = truthy if right.value else falsy
            return (equal, either) if isinstance(operator, _EQUAL) else (either, equal)
        state = self.all([node.left, right], state)
        for part in node.comparators[1:]:
            state = _join(state, self.all([part], state))  # A chain stops at the first that is false.
        return _same(state)

    def call(self, node: ast.Call, state: State) -> Pair:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in ("any", "all", "bool") and len(node.args) == 1 and not node.keywords:
            if name == "bool":
                return self.value(node.args[0], state)
            if isinstance(node.args[0], ast.GeneratorExp):
                return self.search(node.args[0], state, stops_on_truth=name == "any")
        if isinstance(node.func, ast.Attribute):
            state = self.all([node.func.value], state)
        state = self.all([*node.args, *(keyword.value for keyword in node.keywords)], state)
        if name in self.program.attempting:
            if isinstance(state, frozenset):
                again = "may run after something that can't be undone may have succeeded"
                raise _Found(node, f"`{name}` {again}")
            return self.program.summary(node, name) if state is not None else (None, None)
        return _same(self.shrink(state) if self.program.shrinks(node) else state)

    def comprehension(self, node: Comprehension, state: State) -> State:
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        return self.nest(node.generators, state, lambda inner: self.all(results, inner))

    def search(self, node: ast.GeneratorExp, state: State, *, stops_on_truth: bool) -> Pair:
        """`any(...)` or `all(...)` over a generator: a loop that ends at the first value that decides."""
        stopped: State = None

        def element(inner: State) -> State:
            nonlocal stopped
            truthy, falsy = self.value(node.elt, inner)
            stop, go_on = (truthy, falsy) if stops_on_truth else (falsy, truthy)
            stopped = _join(stopped, stop)
            return go_on

        exhausted = self.nest(node.generators, state, element)
        return (stopped, exhausted) if stops_on_truth else (exhausted, stopped)

    def nest(
        self, generators: list[ast.comprehension], state: State, element: Callable[[State], State]
    ) -> State:
        """The loops of a comprehension, `element` innermost."""
        if not generators:
            return element(state)
        generator = generators[0]

        def once(head: State) -> State:
            inner, skipped = _without(head, _stored(generator.target)), None
            for condition in generator.ifs:
                inner, falsy = self.value(condition, inner)
                skipped = _join(skipped, falsy)
            return _join(skipped, self.nest(generators[1:], inner, element))

        return _fixpoint(self.all([generator.iter], state), once)


_EQUAL = (ast.Eq, ast.Is)
_UNEQUAL = (ast.NotEq, ast.IsNot)


def _same(state: State) -> Pair:
    """A value that tells nothing."""
    return state, state


def _fixpoint(state: State, once: Callable[[State], State]) -> State:
    """The state at the head of a loop, where any number of rounds may have run."""
    while state is not None:
        joined = _join(state, once(state))
        if joined == state:
            break
        state = joined
    return state


def _parts(node: ast.AST) -> list[ast.expr]:
    """The expressions right below one, in the order in which they are evaluated."""
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _is_slice(target: ast.expr) -> bool:
    return any(isinstance(node, ast.Slice) for node in ast.walk(target))


def _stored(target: ast.AST) -> set[str]:
    return {
        node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _called(node: ast.AST) -> set[str]:
    return {
        part.func.id
        for part in ast.walk(node)
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)
    }


def _closure(direct: Mapping[str, bool], calls: Mapping[str, set[str]]) -> set[str]:
    """The functions that have a property themselves or through what they call."""
    found = {name for name, holds in direct.items() if holds}
    while more := {name for name in direct.keys() - found if calls[name] & found}:
        found |= more
    return found
