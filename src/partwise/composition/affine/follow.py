"""Statements and functions, followed case by case from the start of a program to its end."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from partwise.composition.affine.calls import call_builtin, call_method, call_tool
from partwise.composition.affine.expressions import Expressions
from partwise.composition.affine.module import Found, Module, repeated
from partwise.composition.affine.outcomes import Outcomes, States, loop, merged, refined
from partwise.composition.affine.state import Change, Frame, State, change, few
from partwise.composition.affine.values import (
    NONE,
    SOME,
    Items,
    Value,
    assume,
    cell,
    compute,
    holds_truthy,
    is_fixed,
    size,
)


@dataclass(slots=True)
class _Loop:
    """The states that leave one round of a loop early."""

    breaks: States = field(default_factory=list[State])
    continues: States = field(default_factory=list[State])


class Follower:
    """Follows the composition, and the functions that it calls, each call by itself."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._expressions = Expressions(module, self._call)
        self._running: list[str] = []

    def follow(self) -> None:
        """From the start of the program to its end.

        Raises:
            Found: something irreversible may be repeated, or can't be followed.
        """
        _Body(self._module, self._expressions).block(self._module.composition, [State(False, ({},))])

    def go_on(self, statements: Iterable[ast.stmt], states: States) -> States:
        """Through further statements of the composition, from the states before them.

        Raises:
            Found: something irreversible may be repeated, or can't be followed.
        """
        return _Body(self._module, self._expressions).block(statements, states)

    def _call(self, node: ast.Call, state: State) -> Outcomes:
        if isinstance(node.func, ast.Attribute):
            return call_method(self._expressions, node, node.func, state)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in self._module.functions:
            return self._function(node, name, state)
        if name in self._module.tools:
            return call_tool(self._expressions, node, name, state)
        return call_builtin(self._expressions, node, name, state)

    def _function(self, node: ast.Call, name: str, state: State) -> Outcomes:
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        outcomes = self._expressions.all(given, state)
        attempts = name in self._module.attempting
        if name in self._running and attempts:
            raise Found(node, f"`{name}` calls itself, and does what can't be undone")
        if name in self._running or (self._module.hurried and not attempts):
            return [self._unfollowed(name, after, held) for after, held in outcomes]
        self._running.append(name)
        try:
            return [end for after, held in outcomes for end in self._told(node, name, after, held)]
        finally:
            self._running.pop()

    def _told(self, node: ast.Call, name: str, state: State, held: tuple[Value, ...]) -> Outcomes:
        """A call from one state; where something had succeeded before it, the call itself is told of."""
        try:
            return self._inside(node, name, state, held)
        except Found as found:
            if found.again and state.done:
                raise repeated(node, name) from None
            raise

    def _unfollowed(self, name: str, state: State, held: tuple[Value, ...]) -> tuple[State, Value]:
        state = state.loosen(*held)
        if name in self._module.changing:
            # Any collection may be what changes: those that it was given, and those of the module.
            state = state.loosen(*(value for frame in state.frames for value in frame.values()))
            state = change(state, None, SOME, Change.ANY)
        return state, SOME

    def _inside(self, node: ast.Call, name: str, state: State, held: tuple[Value, ...]) -> Outcomes:
        function = self._module.functions[name]
        parameters = [argument.arg for argument in function.args.args]
        names = [*parameters[: len(node.args)], *(keyword.arg or "" for keyword in node.keywords)]
        if len(held) != len(names) or sorted(names) != sorted(parameters):
            return []  # The program ends here.
        frame: Frame = dict(zip(names, held, strict=True))
        body = _Body(self._module, self._expressions)
        ends = body.block(function.body, [state.enter(frame, function=True)])
        kept = set(parameters) - self._module.stores[name]
        given = dict(zip(names, [*node.args, *(keyword.value for keyword in node.keywords)], strict=True))
        found: Outcomes = []
        for end, value in merged([*body.returned, *((end, NONE) for end in ends)]):
            after = end.leave(function=True)
            for parameter in kept:
                # What a parameter held to the end is what the caller's variable still holds.
                known = end.frames[-1][parameter]
                if known != SOME:
                    after = refined(after, given[parameter], known)
            found.append((after, value))
        return merged(found)


@dataclass
class _Body:
    """Follows the statements of one call of a function, or of the composition."""

    module: Module
    expressions: Expressions
    returned: Outcomes = field(default_factory=list[tuple[State, Value]])
    loops: list[_Loop] = field(default_factory=list[_Loop])

    def block(self, statements: Iterable[ast.stmt], states: States) -> States:
        for statement in statements:
            if not states:
                return []
            self.module.step(statement)
            states = few(self.statement(statement, states))
        return states

    def statement(self, node: ast.stmt, states: States) -> States:
        match node:
            case ast.Expr():
                return self.expressions.after(node.value, states)
            case ast.Assign():
                return [end for state in states for end in self.assign(node, state)]
            case ast.AugAssign():
                return [end for state in states for end in self.augment(node, state)]
            case ast.If():
                tested = [self.expressions.test(node.test, state) for state in states]
                yes = few([state for side, _ in tested for state in side])
                no = few([state for _, side in tested for state in side])
                return self.block(node.body, yes) + self.block(node.orelse, no)
            case ast.For():
                return [end for state in states for end in self.for_loop(node, state)]
            case ast.Return():
                if node.value is None:
                    self.returned += [(state, NONE) for state in states]
                else:
                    self.returned += self.expressions.values(node.value, states)
            case ast.Break():
                self.loops[-1].breaks += states
            case ast.Continue():
                self.loops[-1].continues += states
            case ast.Pass():
                return states
            case _:
                raise Found(node, "this statement can't be followed")
        return []

    def assign(self, node: ast.Assign, state: State) -> States:
        ends: States = []
        held = f"#{id(node)}"
        for after, value in self.expressions.value(node.value, state):
            if len(node.targets) == 1:
                ends += self.expressions.store(node.targets[0], value, after)
                continue
            states = [after.bind(held, value)]
            for target in node.targets:
                states = few(
                    [end for one in states for end in self.expressions.store(target, one.look_up(held), one)]
                )
            ends += [one.drop([held]) for one in states]
        return ends

    def augment(self, node: ast.AugAssign, state: State) -> States:
        """`x += y`: a list, dict or set changes where it is, for all who hold it; others are replaced."""
        target = node.target
        how = Change.GROW if isinstance(node.op, ast.Add | ast.BitOr) else Change.ANY
        ends: States = []
        if not isinstance(target, ast.Name):
            return self._augment_part(node, state, how)
        for after, (before, value) in self.expressions.all([_read(target), node.value], state):
            new = None if isinstance(before, Items) else _augmented(before, value, node.op)
            if isinstance(before, Items):
                # A list changes where it is, a tuple or text is replaced: other variables hold either.
                after = after.several(before.site)
            after = after.let_go(before).loosen(value)
            # Of pairs that come into a dict, it is not the pairs that are its keys.
            coming = holds_truthy(value) if isinstance(node.op, ast.Add) else None
            after = change(after, target.id, before, how, coming)
            if new is not None:
                after = after.bind(target.id, new)
            elif how is Change.GROW and size(value)[0] and (held := assume(after.look_up(target.id), True)):
                after = after.bind(target.id, held)
            ends.append(after)
        return ends

    def _augment_part(self, node: ast.AugAssign, state: State, how: Change) -> States:
        assert isinstance(node.target, ast.Subscript)
        ends: States = []
        parts = [node.target.value, node.target.slice, node.value]
        name = node.target.value.id if isinstance(node.target.value, ast.Name) else None
        for after, (holder, index, value) in self.expressions.all(parts, state):
            place = cell(holder, index)
            before = dict(holder.cells).get(place[0]) if place and isinstance(holder, Items) else None
            if place and before is not None and is_fixed(before):
                stored = (*place, compute(node.op, before, value))
                ends.append(change(after.loosen(value), name, holder, Change.STORE, None, stored))
                continue
            after = change(after.loosen(holder, value), None, SOME, how)  # What it holds there changes.
            ends.append(change(after, name, holder, Change.ANY))
        return ends

    def for_loop(self, node: ast.For, state: State) -> States:
        ends: States = []
        for before, over in merged(self.expressions.value(node.iter, state)):
            leaving = _Loop()

            def once(head: State, item: Value, leaving: _Loop = leaving) -> States:
                leaving.continues = []
                self.loops.append(leaving)
                end = self.block(node.body, self.expressions.store(node.target, item, head))
                self.loops.pop()
                return few([*end, *leaving.continues])

            held = f"@{id(node)}"
            exhausted = loop(before, over, held, once)
            ends += [one.drop([held]) for one in leaving.breaks]
            ends += self.block(node.orelse, exhausted)
        return few(ends)


def _read(target: ast.Name) -> ast.Name:
    """A name that is about to be stored, as it is read before."""
    return ast.copy_location(ast.Name(target.id, ast.Load()), target)


def _augmented(before: Value, value: Value, how: ast.operator) -> Value:
    """What a variable holds after `x += y` and the like where it held no collection."""
    made = compute(how, before, value)
    return SOME if isinstance(made, Items) else made
