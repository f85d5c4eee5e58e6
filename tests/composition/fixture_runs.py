"""Runs programs in plain CPython, under many answers of the world, and looks for an attempt after a success.

The judge knows nothing of how `affine` decides. An attempt is a call of an irreversible tool; it succeeds
just where its result is truthy. A program repeats itself where an attempt follows one that succeeded.
"""

from __future__ import annotations

import ast
import builtins
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from partwise.composition.language import BUILTINS
from partwise.types import Effect, Tool

_EFFECTS = {
    "ask": Effect.READ,
    "has": Effect.READ,
    "note": Effect.REVERSIBLE,
    "cancel": Effect.REVERSIBLE,
    "reserve": Effect.IRREVERSIBLE,
    "pay": Effect.IRREVERSIBLE,
}
TOOLS = {name: Tool(name=name, parameters=("what",), effect=e, doc="A tool.") for name, e in _EFFECTS.items()}

MOST_TICKS = 60
"""Most rounds of loops and calls of functions in one run; what runs longer is stopped there."""
MOST_CALLS = 20
_DEPTH = 9
"""How many answers of one run are also tried the other way."""

# What a tool may return, by kind: where it succeeded, where it failed.
_ANSWERS: dict[str, tuple[Callable[[], list[Any]], Callable[[], list[Any]]]] = {
    "bool": (lambda: [True], lambda: [False]),
    "none": (lambda: [True, 1], lambda: [None]),
    "int": (lambda: [1, 2, -1, 3, 10], lambda: [0]),
    "float": (lambda: [0.5, -0.5, 1e-9, 2.0, -1.0], lambda: [0.0, 0]),
    "str": (lambda: ["ok", " ", "0", "Luna", "x", "open", "False"], lambda: [""]),
    "list": (lambda: [["x"], [0], [[]], [None], [False, True], ["Luna", "Sol"]], lambda: [[]]),
    "dict": (lambda: [{"a": 0}, {"hit": False}, {0: 0}, {"Luna": ""}], lambda: [{}]),
}
KINDS = (*_ANSWERS, "mixed")


class _Stop(BaseException):
    """The run is over: something was repeated, or it runs for too long."""


@dataclass
class Run:
    """One run: what was decided for it, and what came of it."""

    given: tuple[bool, ...]
    """Whether the first calls succeed; after them attempts fail, and the rest is drawn."""
    kind: str
    seed: int
    odd: bool = False
    """Whether attempts at nothing ("", 0, None) may succeed, and options be such."""
    attempts: int = 0
    repeated: bool = False
    ended: str = "ran"
    """`ran`, `stopped`, or the name of the error."""
    log: list[str] = field(default_factory=list[str])
    decided: list[bool] = field(default_factory=list[bool])
    ticks: int = 0
    rng: random.Random = field(init=False)
    succeeded: bool = False

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks > MOST_TICKS:
            raise _Stop

    def bounded(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.tick()
            yield item

    def _answer(self, default: bool) -> Any:
        at = len(self.decided)
        good = self.given[at] if at < len(self.given) else default
        self.decided.append(good)
        kind = self.rng.choice(KINDS[:-1]) if self.kind == "mixed" else self.kind
        return self.rng.choice(_ANSWERS[kind][0 if good else 1]())

    def _attempt(self, name: str, what: Any) -> Any:
        if not (what or self.odd):  # Nobody can book nothing: tools refuse it.
            raise ValueError(f"{name} of nothing")
        self.attempts += 1
        if self.succeeded:
            self.log.append(f"{name}({what!r}) after a success")
            self.repeated = True
            raise _Stop
        if len(self.log) > MOST_CALLS:
            raise _Stop
        result = self._answer(default=False)
        self.log.append(f"{name}({what!r}) = {result!r}")
        self.succeeded = bool(result)
        return result

    def _read(self, name: str, what: Any) -> Any:
        if len(self.log) > MOST_CALLS:
            raise _Stop
        if name == "ask":
            result: Any = self.rng.choice((["Luna", "Sol"], ["Sol"], ["Luna", "Sol", "Mar"], []))
        else:
            result = self._answer(default=self.rng.random() < 0.6)
        self.log.append(f"{name}({what!r}) = {result!r}")
        return result

    def names(self) -> dict[str, Any]:
        tools: dict[str, Any] = {
            name: (lambda what, name=name: self._attempt(name, what))
            if effect is Effect.IRREVERSIBLE
            else (lambda what, name=name: self._read(name, what))
            for name, effect in _EFFECTS.items()
        }
        odd = (["", "Sol", 0], [0, 1, 2], [None, "Luna"], [[], "Sol"])
        options = (
            self.rng.choice(odd)
            if self.odd and self.rng.random() < 0.7
            else self.rng.choice((["Luna", "Sol", "Mar"], ["Luna", "Sol", "Mar"], ["Sol", "Sol"], ["Luna"]))
        )
        inputs = {"users": ["Ana", "Bo"], "options": list(options)}
        return {**tools, **inputs, "__builtins__": _BUILTINS, "_tick": self.tick, "_bounded": self.bounded}


_BUILTINS = {name: getattr(builtins, name) for name in BUILTINS}


_TICK = ast.parse("_tick()").body[0]


def compiled(source: str) -> Any:
    """A program's code, in which every round of a loop and every call of a function is counted.

    Raises:
        SyntaxError: the text is not Python.
    """
    module = ast.parse(source)
    for node in list(ast.walk(module)):
        if isinstance(node, (ast.For, ast.FunctionDef)):
            node.body.insert(0, _TICK)
        elif isinstance(node, ast.comprehension):
            place = {"lineno": node.iter.lineno, "col_offset": node.iter.col_offset}
            bounded = ast.Name("_bounded", ast.Load(), **place)
            node.iter = ast.Call(bounded, [node.iter], [], **place)
    return compile(module, "program", "exec")


def run(code: Any, given: tuple[bool, ...], kind: str, seed: int, *, odd: bool = False) -> Run:
    one = Run(given, kind, seed, odd)
    try:
        exec(code, one.names())
    except _Stop:
        one.ended = "stopped"
    except Exception as error:  # Whatever a program does ends its run, and nothing else.
        one.ended = type(error).__name__
    return one


@dataclass(frozen=True)
class Explored:
    """What came of all the runs of one program."""

    runs: int
    attempts: int
    """Most attempts in a run."""
    worst: Run | None
    """The first run that repeats itself."""


def lively(code: Any, seed: int) -> bool:
    """Whether it makes two attempts at least, where all of them fail or where the first succeeds."""
    return run(code, (), "bool", seed).attempts > 1 or run(code, (True,) * 4, "mixed", seed).attempts > 1


def explore(code: Any, seed: int, most_runs: int, *, odd: float = 0.0) -> Explored:
    """Run a program under many answers: all attempts fail, then each answer is turned, alone and with others.

    Stops at the first repeat. `odd`: the share of runs that are (see `Run.odd`).
    """
    rng = random.Random(seed)
    queue: deque[tuple[tuple[bool, ...], str]] = deque(
        ((), kind) for kind in ("bool", "none", "int", "mixed")
    )
    tried: dict[tuple[tuple[bool, ...], str], None] = {}
    runs = attempts = 0
    while runs < most_runs and (queue or tried):
        # Once all is tried, again with results of other kinds.
        given, kind = queue.popleft() if queue else (rng.choice(list(tried))[0], rng.choice(KINDS))
        one = run(code, given, kind, rng.getrandbits(32), odd=rng.random() < odd)
        runs += 1
        attempts = max(attempts, one.attempts)
        if one.repeated:
            return Explored(runs, attempts, one)
        for at in range(len(given), min(len(one.decided), _DEPTH)):
            turned = (*one.decided[:at], not one.decided[at])
            for other in (kind, *rng.sample(KINDS, 2)):
                if (turned, other) not in tried:
                    tried[turned, other] = None
                    queue.append((turned, other))
    return Explored(runs, attempts, None)
