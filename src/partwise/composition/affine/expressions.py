"""Expressions, followed in the order in which Python evaluates them.

Each is followed from one state to its *outcomes*: pairs of a state and what is known of the value there.
Where it decides something (a test, an attempt), the outcomes are told apart.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from partwise.composition.affine.module import Module
from partwise.composition.affine.outcomes import Outcomes, States, loop, merged, refined
from partwise.composition.affine.state import Change, State, change, few
from partwise.composition.affine.subscripts import cut_out, index_parts, item_of
from partwise.composition.affine.values import (
    FALSE,
    FALSY,
    MANY,
    SCALAR,
    SOME,
    TRUE,
    TRUTHY,
    Consts,
    Items,
    Record,
    Some,
    Value,
    any_of,
    assume,
    cell,
    cells_of,
    compare,
    compute,
    const,
    is_fixed,
    record,
    size,
)
from partwise.composition.nodes import parts, stored, walk
from partwise.composition.streams import Comprehension

Call = Callable[[ast.Call, State], Outcomes]


class Expressions:
    """Follows expressions; what a call does is told by `call`."""

    def __init__(self, module: Module, call: Call) -> None:
        self.module = module
        self._call = call

    def value(self, node: ast.expr, state: State) -> Outcomes:
        """The outcomes of an expression."""
        self.module.step(node)
        match node:
            case ast.Constant():
                return [(state, const(node.value))]
            case ast.Name():
                return [(state, self.name(node, state))]
            case ast.UnaryOp():
                return self._unary(node, state)
            case ast.BoolOp():
                return self._bool_op(node, state)
            case ast.IfExp():
                yes, no = self.test(node.test, state)
                return merged([*self.values(node.body, yes), *self.values(node.orelse, no)])
            case ast.Compare():
                return self._compare(node, state)
            case ast.Call():
                return merged(self._call(node, state))
            case ast.BinOp():
                return self._binary(node, state)
            case ast.Subscript():
                return self._subscript(node, state)
            case ast.Tuple():
                return [_tuple(after, held) for after, held in self.all(node.elts, state)]
            case ast.List() | ast.Set() | ast.Dict():
                return self._display(node, state)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self.comprehension(node, state)
            case ast.JoinedStr():
                text = any(isinstance(part, ast.Constant) and part.value for part in node.values)
                said = Some(falsy=not text, fixed=True)
                return [(after, said) for after, _ in self.all(parts(node), state)]
            case _:
                return [(after.loosen(*held), SOME) for after, held in self.all(parts(node), state)]

    def values(self, node: ast.expr, states: Iterable[State]) -> Outcomes:
        """The outcomes of an expression from several states."""
        return [outcome for state in states for outcome in self.value(node, state)]

    def after(self, node: ast.expr, states: Iterable[State]) -> States:
        """The states after an expression whose value nobody takes."""
        return few([state for state, _ in self.values(node, states)])

    def test(self, node: ast.expr, state: State) -> tuple[States, States]:
        """The states in which an expression is truthy, and those in which it is falsy."""
        yes, no = self._split(node, self.value(node, state))
        return few([state for state, _ in yes]), few([state for state, _ in no])

    def all(self, nodes: Sequence[ast.expr], state: State) -> list[tuple[State, tuple[Value, ...]]]:
        """Evaluate one after the other. What is held meanwhile is kept where changes of it are seen."""
        pending: list[tuple[State, tuple[Value | str, ...]]] = [(state, ())]
        for index, node in enumerate(nodes):
            exposed = any(map(self.module.calls, nodes[index + 1 :]))
            following: list[tuple[State, tuple[Value | str, ...]]] = []
            for before, held in pending:
                for after, value in self.value(node, before):
                    if exposed and not is_fixed(value):
                        name = f"#{id(node)}"
                        following.append((after.bind(name, value), (*held, name)))
                    else:
                        following.append((after, (*held, value)))
            pending = following
        return [self._taken(*outcome) for outcome in pending]

    @staticmethod
    def _taken(state: State, held: tuple[Value | str, ...]) -> tuple[State, tuple[Value, ...]]:
        values = tuple(state.look_up(one) if isinstance(one, str) else one for one in held)
        return state.drop(one for one in held if isinstance(one, str)), values

    def comprehension(self, node: Comprehension, state: State, *, site: int | None = None) -> Outcomes:
        """A comprehension that is used up where it stands; its value is a collection of the place."""
        made_at = id(node) if site is None else site
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        kinds: set[bool | None] = set()

        def element(inner: State) -> States:
            outcomes: States = []
            for after, held in self.all(results, inner):
                kinds.add(any_of(held[:1]))
                outcomes.append(after.loosen(*held))
            return few(outcomes)

        ends, most = self.nest(node.generators, state, element)
        truthy = False if kinds <= {False} else None
        return [(end.made(made_at), Items(made_at, 0, most, truthy)) for end in ends]

    def search(self, node: ast.GeneratorExp, state: State, *, stops_on: bool) -> Outcomes:
        """`any(...)` or `all(...)` over a generator: a loop that ends at the first value that decides."""
        stopped: States = []

        def element(inner: State) -> States:
            yes, no = self.test(node.elt, inner)
            stop, go_on = (yes, no) if stops_on else (no, yes)
            # A comprehension's frames end where it stops.
            stopped.extend(few(stop))
            return go_on

        ends, _ = self.nest(node.generators, state, element)
        found = [(one.leave(function=False), const(stops_on)) for one in few(stopped)]
        return merged([*found, *((end, const(not stops_on)) for end in ends)])

    def nest(
        self,
        generators: Sequence[ast.comprehension],
        state: State,
        element: Callable[[State], States],
    ) -> tuple[States, int]:
        """The loops of a comprehension, `element` innermost, and how many rounds they have at most."""
        names = {name: SOME for generator in generators for name in stored(walk(generator.target))}
        ends: States = []
        most = 0
        for before, over in self.value(generators[0].iter, state):
            rounds = size(over)[1]
            most = max(most, rounds if len(generators) == 1 else MANY)
            inside = before.enter(dict(names), function=False)
            ends += self._round(generators, inside, over, element)
        return few([end.leave(function=False) for end in ends]), most

    def _round(
        self,
        generators: Sequence[ast.comprehension],
        state: State,
        over: Value,
        element: Callable[[State], States],
    ) -> States:
        generator = generators[0]

        def once(head: State, item: Value) -> States:
            inner = self.store(generator.target, item, head)
            skipped: States = []
            for condition in generator.ifs:
                tested = [self.test(condition, one) for one in inner]
                inner = few([one for yes, _ in tested for one in yes])
                skipped += [one for _, no in tested for one in no]
            for one in inner:
                if len(generators) == 1:
                    skipped += element(one)
                else:
                    for before, value in self.value(generators[1].iter, one):
                        skipped += self._round(generators[1:], before, value, element)
            return few(skipped)

        return loop(state, over, f"@{id(generator)}", once)

    def store(self, target: ast.expr, value: Value, state: State) -> States:
        """Give a value to a target of any form: the one place where that is done."""
        self.module.step(target)
        if isinstance(target, ast.Name):
            return [state.bind(target.id, value)]
        held = f"#{id(target)}"
        state = state.bind(held, value)  # Whoever evaluates parts of the target may change it.
        if isinstance(target, ast.Subscript):
            ends: States = []
            for after, (holder, *index) in self.all([target.value, *index_parts(target.slice)], state):
                value = after.look_up(held)
                after = after.loosen(value).drop([held])
                ends.append(self._stored(target, after, holder, index, value))
            return few(ends)
        targets = target.elts if isinstance(target, ast.Tuple | ast.List) else []
        states, unpacked = [state], self._unpacked(value, len(targets))
        if unpacked is None:
            return []  # Of another length: the program ends here.
        states = [one.bind(held, Record(unpacked)) for one in states]
        for index, part in enumerate(targets):
            following: States = []
            for one in states:
                items = one.look_up(held)
                item = items.items[index] if isinstance(items, Record) else SOME
                following += self.store(part, item, one)
            states = few(following)
        return [one.drop([held]) for one in states]

    @staticmethod
    def _stored(
        target: ast.Subscript, state: State, holder: Value, index: Sequence[Value], value: Value
    ) -> State:
        name = _named(target.value)
        if isinstance(target.slice, ast.Slice):
            return change(state, name, holder, Change.ANY)
        place = cell(holder, index[0])
        return change(state, name, holder, Change.STORE, None, (*place, value) if place else None)

    @staticmethod
    def _unpacked(value: Value, count: int) -> tuple[Value, ...] | None:
        if isinstance(value, Record):
            return value.items if len(value.items) == count else None
        if isinstance(value, Items) and value.truthy is False:
            return (FALSY,) * count
        return (SOME,) * count

    def name(self, node: ast.Name, state: State) -> Value:
        """What is known of what a name stands for."""
        return state.look_up(node.id) if node.id in self.module.variables else self._input_or_function(node)

    def _input_or_function(self, node: ast.Name) -> Value:
        known = self.module.functions.keys() | self.module.tools.keys()
        return TRUTHY if node.id in known else SOME

    def _split(self, node: ast.expr, outcomes: Outcomes) -> tuple[Outcomes, Outcomes]:
        """The outcomes in which it is truthy, and falsy; a name that is tested is then known better."""
        found: tuple[Outcomes, Outcomes] = ([], [])
        for truth, side in ((True, found[0]), (False, found[1])):
            for state, value in outcomes:
                if (known := assume(value, truth)) is not None:
                    side.append((refined(state, node, known), known))
        return found

    def _unary(self, node: ast.UnaryOp, state: State) -> Outcomes:
        if isinstance(node.op, ast.Not):
            yes, no = self.test(node.operand, state)
            return [*((one, FALSE) for one in yes), *((one, TRUE) for one in no)]
        if isinstance(node.op, ast.USub):
            negative = self.value(node.operand, state)
            return [(after, compute(ast.Sub(), const(0), one)) for after, one in negative]
        return [(after, SCALAR) for after, _ in self.value(node.operand, state)]

    def _bool_op(self, node: ast.BoolOp, state: State) -> Outcomes:
        stops_on = isinstance(node.op, ast.Or)
        found: Outcomes = []
        going = [state]
        for part in node.values[:-1]:
            yes, no = self._split(part, self.values(part, going))
            stop, go_on = (yes, no) if stops_on else (no, yes)
            found += stop
            going = few([one for one, _ in go_on])
        return merged(found + self.values(node.values[-1], going))

    def _compare(self, node: ast.Compare, state: State) -> Outcomes:
        found: Outcomes = []
        for after, (left, right) in self.all([node.left, node.comparators[0]], state):
            said = compare(node.ops[0], left, right)
            if len(node.ops) > 1:
                found += self._chain(node, 1, after, said, right)
                continue
            for truth in (True, False):
                if truth in said:
                    found.append((self._compared(node, after, truth), const(truth)))
        return merged(found)

    def _chain(
        self, node: ast.Compare, index: int, state: State, said: frozenset[bool], left: Value
    ) -> Outcomes:
        """`a < b < c`: what comes later is evaluated only where all before it held."""
        found: Outcomes = [(state, FALSE)] if False in said else []
        if True not in said:
            return found
        if index == len(node.ops):
            return [*found, (state, TRUE)]
        held = f"#{id(node)}"
        for end, right in self.value(node.comparators[index], state.bind(held, left)):
            said = compare(node.ops[index], end.look_up(held), right)
            found += self._chain(node, index + 1, end.drop([held]), said, right)
        return found

    def _compared(self, node: ast.Compare, state: State, truth: bool) -> State:
        """A name that was compared with a constant is then known better."""
        how, right = node.ops[0], node.comparators[0]
        if isinstance(how, ast.NotEq | ast.IsNot):
            truth, how = not truth, ast.Eq() if isinstance(how, ast.NotEq) else ast.Is()
        if not isinstance(how, ast.Eq | ast.Is):
            return state
        for name, other in ((node.left, right), (right, node.left)):
            if isinstance(name, ast.Name) and isinstance(other, ast.Constant):
                known = _equated(self.name(name, state), other.value, how, truth)
                return state if known is None else refined(state, name, known)
        return state

    def _binary(self, node: ast.BinOp, state: State) -> Outcomes:
        found: Outcomes = []
        for after, (left, right) in self.all([node.left, node.right], state):
            value = compute(node.op, left, right)
            if isinstance(value, Items):
                value = replace(value, site=id(node))
                after = after.made(id(node))
            found.append((after.let_go(left, right), value))
        return found

    def _subscript(self, node: ast.Subscript, state: State) -> Outcomes:
        found: Outcomes = []
        for after, (holder, *index) in self.all([node.value, *index_parts(node.slice)], state):
            if isinstance(node.slice, ast.Slice):
                made = cut_out(node, holder, index)
                found.append((after.let_go(holder).made(made.site), made))
            else:
                found.append(item_of(after, holder, index[0]))
        return found

    def _display(self, node: ast.List | ast.Set | ast.Dict, state: State) -> Outcomes:
        inside = node.elts if not isinstance(node, ast.Dict) else parts(node)
        first = node.elts if not isinstance(node, ast.Dict) else [key for key in node.keys if key]
        count = min(len(first), MANY)
        keys: list[Value | None] = [const(index) for index in range(len(first))]
        if isinstance(node, ast.Dict):
            keys = [const(key.value) if isinstance(key, ast.Constant) else None for key in node.keys]
        found: Outcomes = []
        for after, held in self.all(inside, state):
            truthy = any_of(held) if not isinstance(node, ast.Dict) else any_of(held[::2])
            made = Items(id(node), min(count, 1), count, truthy)
            places = [cell(made, key) if key else None for key in keys]
            if not isinstance(node, ast.Set) and all(places):
                items = held[1::2] if isinstance(node, ast.Dict) else held
                pairs = [(place[0], item) for place, item in zip(places, items, strict=True) if place]
                made = replace(made, cells=cells_of(pairs))
            found.append((after.loosen(*held).made(id(node)), made))
        return found


def _equated(known: Value, other: object, how: ast.cmpop, truth: bool) -> Value | None:
    """What is known of a value that equals a constant, or doesn't; None where nothing more is."""
    said = const(other)
    if isinstance(known, Consts):
        kept = {pair for pair in known.values if truth in compare(how, Consts(frozenset({pair})), said)}
        return Consts(frozenset(kept)) if kept else None
    if not truth or not isinstance(known, Some):
        return None
    return said if other is None or isinstance(other, str) else assume(known, bool(other))


def _tuple(state: State, held: Sequence[Value]) -> tuple[State, Value]:
    made = record(held)
    return (state, made) if isinstance(made, Record) else (state.loosen(*held), made)


def _named(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else None
