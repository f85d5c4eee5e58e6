"""Random programs of the language, and what Python itself does with them.

`programs` writes programs that use every construct, builtin and method of the language, now and then with
values of the wrong type. `run_in_python` runs one by plain `exec`. Left out are what the docs list as
different: the order of sets (they are only counted, compared, combined, searched and sorted), not-a-numbers,
the text of functions, and dicts with both 1 and 1.0 or True as a key.
"""

from __future__ import annotations

import builtins
import random
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from partwise.composition.episode import ToolError
from partwise.composition.streams import BUILTINS
from partwise.types import Effect, Outcome, Tool

TOOLS: Mapping[str, Tool] = {
    name: Tool(name=name, parameters=parameters, effect=Effect.READ, doc="Does something.")
    for name, parameters in (
        ("ask", ("who",)),
        ("act", ("what",)),
        ("note", ("value",)),
        ("pair", ("a", "b")),
    )
}
INPUTS: Mapping[str, Any] = {"users": ["Ana", "Bo", "Cy"], "limit": 3}
_STEPS = 1500
"""Lines that Python runs before a program is given up."""
_LARGEST = 3000
"""Values and characters in a variable, past which it is given up."""


@dataclass
class Town:
    """A world whose answers follow from the calls alone."""

    count: int = 0
    inputs: Mapping[str, Any] = field(default_factory=lambda: {"users": ["Ana", "Bo", "Cy"], "limit": 3})

    def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
        self.count += 1
        if tool == "ask":
            if not isinstance(arguments[0], str):
                raise ToolError("nobody is called that")
            return [arguments[0].lower(), "x", "y"][: self.count % 4]
        if tool == "act":
            return self.count % 3 == 0
        return {"n": self.count} if tool == "pair" else None


class GivenUp(BaseException):
    """A program that runs for too long, or holds too much, to be compared."""


@dataclass(frozen=True)
class Done:
    """What a program did in Python."""

    outcome: Outcome
    trace: tuple[tuple[str, str, str, int, str], ...]
    """Tool, arguments, result, line and caller of each call."""
    error: str


def canonical(value: Any) -> str:
    """A value and the types in it, as text; sets in order of their members' texts."""
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}({', '.join(sorted(map(canonical, value)))})"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(canonical, value))})"
    if isinstance(value, dict):
        items = ", ".join(f"{canonical(key)}: {canonical(item)}" for key, item in value.items())
        return f"dict({items})"
    return f"{type(value).__name__}({value!r})"


def run_in_python(source: str) -> Done:
    """Run a program by `exec`.

    Raises:
        GivenUp: it runs for too long, or holds too much.
    """
    town, trace = Town(), list[tuple[str, str, str, int, str]]()

    def tool(name: str) -> Callable[..., Any]:
        parameters = TOOLS[name].parameters

        def call(*given: Any, **named: Any) -> Any:
            frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
            line = frame.f_lineno
            while frame.f_code.co_name.startswith("<") and frame.f_code.co_name != "<module>":
                assert frame.f_back
                frame = frame.f_back
            caller = frame.f_code.co_name.replace("<module>", "")
            if len(given) + len(named) != len(parameters) or not named.keys() <= set(
                parameters[len(given) :]
            ):
                raise TypeError("arguments")
            arguments = (*given, *(named[parameter] for parameter in parameters[len(given) :]))
            check_plain(arguments, [2000], 0)
            if len(trace) == 200:
                raise GivenUp
            result = town.call(name, arguments)
            trace.append((name, canonical(arguments), canonical(result), line, caller))
            return result

        return call

    names: dict[str, Any] = {"__builtins__": {name: getattr(builtins, name) for name in BUILTINS}}
    names |= {**town.inputs, **{name: tool(name) for name in TOOLS}}
    with warnings.catch_warnings(action="ignore"):
        code = compile(source, "program", "exec", dont_inherit=True)
    before, steps = sys.gettrace(), 0

    def watch(frame: Any, event: str, argument: Any) -> Any:
        nonlocal steps
        if frame.f_code.co_filename != "program":
            return None
        steps += 1
        held = [
            value for value in frame.f_locals.values() if isinstance(value, list | str | dict | set | tuple)
        ]
        held += [
            frame.f_globals[name] for name in GLOBALS if isinstance(frame.f_globals.get(name), list | str)
        ]
        if steps > _STEPS or any(len(value) > _LARGEST for value in held):
            raise GivenUp
        return watch

    def late(number: int, frame: Any) -> None:
        raise GivenUp

    # What is raised while a generator is closed is lost, and so is the trace function: the clock asks again.
    handler = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 2, 0.1)
    sys.settrace(watch)
    try:
        exec(code, names)
    except RecursionError:
        raise GivenUp from None
    except Exception as error:
        sys.settrace(before)
        return Done(Outcome.RAISED, tuple(trace), f"{type(error).__name__}: {error}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.settrace(before)
        signal.signal(signal.SIGALRM, handler)
    return Done(Outcome.RAN, tuple(trace), "")


def check_plain(value: Any, left: list[int], depth: int) -> None:
    """Raise what a tool raises for what is no plain data, and GivenUp for what is too much."""
    left[0] -= 1
    if left[0] < 0 or (isinstance(value, int) and value.bit_length() > 4000):
        raise GivenUp
    if depth > 30:
        raise GivenUp
    if isinstance(value, list | tuple | set | frozenset):
        for item in value:
            check_plain(item, left, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_plain(key, left, depth + 1)
            check_plain(item, left, depth + 1)
    elif not (value is None or isinstance(value, bool | int | float | str)):
        raise TypeError("takes and returns plain data")


LISTS, TEXTS, NUMBERS, DICTS, SETS = ("a", "b", "users"), ("s", "t"), ("n", "m"), ("d", "e"), ("p", "q")
GLOBALS = (*LISTS, *TEXTS, *NUMBERS, *DICTS, *SETS)
_START = """\
a, b, s, t, n, m = [3, 1, 2], ["x", "yy", ""], "hi", "Ana Bo", 2, 2.5
d, e, p, q = {"x": 1, "k": [1]}, {2: "z"}, {1, 3}, {"x"}
"""

# A template a line. `⟨name⟩` stands for another rule or method of the writer, `⟦x¦y⟧` for one of several.
_RULES = {
    "value": """
        ⟨atom⟩ ⏎ ⟨number⟩ ⏎ ⟨text⟩ ⏎ ⟨list⟩ ⏎ ⟨list⟩ ⏎ ⟨dict⟩ ⏎ ⟨truth⟩ ⏎ ⟨tool⟩ ⏎ ⟨call⟩
        (⟨value⟩, ⟨value⟩)""",
    "literal": """
        0 ⏎ 1 ⏎ -1 ⏎ 2 ⏎ 7 ⏎ 2.5 ⏎ None ⏎ True ⏎ '' ⏎ 'x' ⏎ 'Bo' ⏎ 'é€' ⏎ n ⏎ m ⏎ s ⏎ limit""",
    "odd": "zz ⏎ i ⏎ u ⏎ f0 ⏎ len ⏎ ask ⏎ None",
    "key": "'x' ⏎ 'k' ⏎ 'new' ⏎ 2 ⏎ s ⏎ 'x' ⏎ None ⏎ (2, 'x') ⏎ ⟦'x'¦[]⟧ ⏎ ⟨text⟩",
    "tool": """
        ask(⟨text⟩) ⏎ ask(⟦who=¦⟧⟨text⟩) ⏎ act(⟨value⟩) ⏎ act(⟨value⟩) ⏎ pair(⟨value⟩, ⟦b=¦⟧⟨value⟩)
        note(⟦p¦q¦⟨value⟩¦⟨set⟩⟧) ⏎ ⟦act(n)¦act(n)¦act(n)¦⟨wrong tool⟩⟧""",
    "wrong tool": "ask(⟦¦zz=1¦1, 2¦range(2)¦d.keys()¦len¦f0¦⟨atom⟩⟧)",
    "number": """
        len(⟦a¦s¦d¦p¦⟨list⟩¦⟨text⟩⟧)
        (⟨number⟩ ⟦+¦-¦*¦/¦//¦%¦&¦|¦^⟧ ⟨number⟩)
        (⟨number⟩ ⟦+¦-¦*¦%⟧ ⟨number⟩)
        (⟨number⟩ ⟦<<¦>>¦**⟧ ⟦1¦2¦0¦-1⟧)
        ⟦-¦~¦+⟧⟨small⟩
        round(⟨number⟩⟦¦, 1¦, 2¦, 0¦, -1¦, None¦, n⟧)
        round(⟨number⟩, ⟦1¦2⟧)
        abs(⟨number⟩)
        int(⟦⟨number⟩¦⟨text⟩¦'12'⟧)
        float(⟦⟨number⟩¦'1.5'¦⟨text⟩⟧)
        sum(⟨numbers⟩⟦¦¦, 1¦, start=n¦, 2.5⟧)
        sum(⟨stream⟩⟦¦, []⟧)
        ⟦min¦max⟧(⟨stream⟩⟦¦¦, ⟨key_of⟩¦, default=0⟧)
        ⟦min¦max⟧(⟨numbers⟩⟦¦, default=n⟧)
        ⟦min¦max⟧(⟨value⟩, ⟨value⟩⟦¦, ⟨key_of⟩⟧)
        ⟦min¦max⟧(⟨number⟩, ⟨number⟩, n)
        divmod(⟨number⟩, ⟨number⟩)[⟦0¦1⟧]
        a.⟦index¦count⟧(⟨value⟩)
        ⟨var text⟩.⟦find¦count¦index⟧(⟨text⟩)
        bool(⟨value⟩)
        (⟨number⟩ if ⟨truth⟩ else ⟨number⟩)""",
    "small": "0 ⏎ 1 ⏎ 2 ⏎ 3 ⏎ 0.5 ⏎ 2.675 ⏎ 1e16 ⏎ n ⏎ m ⏎ n ⏎ 10**20 ⏎ 0.0 ⏎ limit ⏎ True ⏎ n ⏎ m",
    "numbers": """
        [1, 2.5, 0] ⏎ range(n) ⏎ (len(i) for i in ⟨texts⟩) ⏎ map(⟦len¦act¦⟨function⟩⟧, ⟨texts⟩)
        (⟨number⟩ for i in ⟨iterable⟩) ⏎ [⟨number⟩, ⟨number⟩] ⏎ (act(i) for i in ⟨iterable⟩)""",
    "texts": "['Ana', '', 'Bo'] ⏎ users ⏎ b ⏎ ask(s) ⏎ s ⏎ d ⏎ t.split()",
    "text": """
        str(⟨value⟩) ⏎ ⟨format⟩ ⏎ ⟨format⟩ ⏎ ⟦', '¦''¦s⟧.join(⟨stream⟩)
        ⟦', '¦''¦s⟧.join(map(⟦str¦⟨function⟩⟧, ⟨iterable⟩)) ⏎ '-'.join(str(i) for i in ⟨iterable⟩)
        '-'.join(⟨text⟩ for i in ⟨iterable⟩)
        (⟨text⟩ + ⟨text⟩) ⏎ (⟨var text⟩ * ⟦2¦0¦-1¦True⟧)
        ⟨var text⟩[⟦0¦-1¦1:¦::-1¦:9¦⟨number⟩⟧]
        ⟨held text⟩.⟦lower¦upper¦title¦capitalize¦strip¦lstrip¦rstrip⟧()
        ⟨held text⟩.⟦strip¦lstrip¦rstrip⟧(⟦'a'¦None¦'iA'⟧)
        ⟨held text⟩.replace(⟨text⟩, ⟨text⟩⟦¦, 1⟧)
        (⟦'%s'¦'%r|%s'¦'%5d'¦'%.1f'⟧ % ⟦⟨value⟩¦(n, m)¦(⟨value⟩, ⟨value⟩)⟧)""",
    "held text": "⟨var text⟩ ⏎ ⟨var text⟩ ⏎ ⟨var text⟩ ⏎ (⟨text⟩) ⏎ (⟨text⟩) ⏎ (⟨value⟩)",
    "short text": "'' ⏎ 'x' ⏎ 'a b' ⏎ s ⏎ t ⏎ 'Ana' ⏎ 'éß' ⏎ '1,2' ⏎ '1'",
    "format": """
        f"<{⟨shown⟩⟦¦¦!r¦!s¦!a¦=⟧}|{⟦s¦n¦a⟧}" ⏎ f"<{⟨shown⟩⟦¦¦!r¦!s¦!a¦=⟧:⟨spec⟩}|{⟦s¦n¦a⟧}"
        f"{⟦n¦m¦len(a)¦n + 1⟧:⟦>6¦05¦.2f¦{limit}¦^9¦,⟧}" """,
    "shown": "n ⏎ m ⏎ s ⏎ a ⏎ n + 1 ⏎ None ⏎ d ⏎ len(a) ⏎ ask(s) ⏎ act(n) ⏎ n > 1",
    "spec": ">6 ⏎ 05 ⏎ .2f ⏎ {limit} ⏎ ^{limit} ⏎ d ⏎ s ⏎ , ⏎ x",
    "list": """
        [⟨value⟩, ⟨value⟩] ⏎ ⟨list comprehension⟩ ⏎ ⟨list comprehension⟩ ⏎ ⟦list¦list¦tuple⟧(⟨stream⟩)
        sorted(⟨stream⟩⟦¦¦, ⟨ordering⟩⟧) ⏎ sorted(⟨texts⟩, ⟨ordering⟩) ⏎ sorted(⟦p¦q¦p | q¦set(b)⟧)
        ⟨var list⟩[⟦1:¦::-1¦:n¦-2:¦::2¦⟨number⟩:⟧]
        (⟨var list⟩ + ⟨list⟩) ⏎ (⟨var list⟩ * ⟦2¦0¦True⟧)
        ⟨var text⟩.⟦split()¦split(⟨text⟩)¦rsplit(None, 1)¦splitlines()⟧ ⏎ ⟨var list⟩.copy() ⏎ ask(⟨text⟩)""",
    "short list": "a ⏎ b ⏎ users ⏎ [] ⏎ [1, 2] ⏎ ['x', 'y'] ⏎ [[1], [2]] ⏎ [None, 'x', 3]",
    "dict": """
        {⟨key⟩: ⟨value⟩, ⟨key⟩: ⟨value⟩} ⏎ ⟨dict comprehension⟩ ⏎ dict(⟨pairs⟩) ⏎ dict(⟨pairs⟩, x=⟨value⟩)
        dict(x=⟨value⟩, k=⟨value⟩) ⏎ dict(⟨stream⟩) ⏎ (⟨var dict⟩ | ⟨dict⟩) ⏎ ⟨var dict⟩.copy()""",
    "short dict": "d ⏎ e ⏎ {} ⏎ {'x': 2} ⏎ {'k': [1], 2: 'b'}",
    "set": """
        ⟦set¦frozenset⟧(⟨stream⟩) ⏎ ⟨set comprehension⟩ ⏎ (⟨var set⟩ ⟦|¦&¦-¦^⟧ ⟨set⟩)
        (⟨set⟩ ⟦|¦&¦-¦^⟧ ⟦p¦d.keys()¦q¦d.items()⟧)
        ⟨var set⟩.⟦union¦intersection¦difference¦symmetric_difference⟧(⟦a¦s¦p¦q¦d¦⟨list⟩⟧)""",
    "short set": "p ⏎ q ⏎ set() ⏎ {1, 2} ⏎ {'x', 's'} ⏎ frozenset({1})",
    "truth": """
        ⟨value⟩ ⟦==¦!=¦==⟧ ⟨value⟩ ⏎ ⟨number⟩ ⟦<¦<=¦>¦>=⟧ ⟨number⟩
        ⟨value⟩ ⟦<¦>=⟧ ⟨value⟩ ⏎ ⟨number⟩ < ⟨number⟩ ⟦<¦<=¦==⟧ ⟨number⟩
        ⟨atom⟩ ⟦in¦not in⟧ ⟦a¦b¦users¦d¦p¦⟨list⟩¦d.keys()¦d.values()¦range(3)¦s⟧
        ⟨value⟩ ⟦is¦is not⟧ None ⏎ not ⟨value⟩ ⏎ (⟨truth⟩ ⟦and¦or⟧ ⟨truth⟩)
        ⟦any¦all⟧(⟨stream⟩) ⏎ ⟦any¦all⟧(⟨stream⟩) ⏎ ⟦any¦all⟧(⟨truth⟩ for i in ⟨iterable⟩ if ⟨truth⟩)
        isinstance(⟨value⟩, ⟦int¦str¦(list, dict)¦bool¦set⟧)
        ⟨var text⟩.⟦startswith¦endswith⟧(⟦⟨text⟩¦(s, t)⟧) ⏎ ⟨var text⟩.⟦isdigit¦isalpha⟧()
        ⟨var set⟩ ⟦<¦<=¦==¦>⟧ ⟨set⟩ ⏎ ⟨var set⟩.⟦issubset¦issuperset¦isdisjoint⟧(⟦a¦p¦q¦s⟧) ⏎ act(⟨value⟩)""",
    "short truth": "True ⏎ False ⏎ n ⏎ a ⏎ s ⏎ act(1) ⏎ not a ⏎ ⟨atom⟩",
    "ordering": "⟨key_of⟩ ⏎ ⟨key_of⟩, reverse=⟦True¦n⟧ ⏎ reverse=True ⏎ key=None",
    "key_of": "key=⟨function⟩",
    "iterator": """
        map(⟨function⟩, ⟨source⟩) ⏎ map(⟨function⟩, ⟨texts⟩) ⏎ map(⟨function of two⟩, ⟨source⟩, ⟨source⟩)
        filter(⟨function⟩, ⟨source⟩) ⏎ filter(⟨function⟩, ⟨texts⟩) ⏎ zip(⟨source⟩, ⟨source⟩⟦¦¦¦, strict=True⟧)
        zip(⟨source⟩) ⏎ enumerate(⟨source⟩⟦¦¦, 1¦, start=n⟧) ⏎ reversed(⟨iterable⟩)""",
    "source": "⟨iterable⟩ ⏎ ⟨iterable⟩ ⏎ ⟨iterable⟩ ⏎ ⟨iterator⟩",
    "iterable": """
        a ⏎ b ⏎ s ⏎ d ⏎ users ⏎ range(3) ⏎ range(n) ⏎ d.items() ⏎ e.values() ⏎ d.keys() ⏎ ⟨list⟩ ⏎ ask(s)
        (1, 2) ⏎ [0, 1, 2] ⏎ ['Ana', 'Bo'] ⏎ ⟨list⟩ ⏎ users ⏎ users ⏎ ⟦users¦⟨value⟩⟧""",
    "stream": "⟨iterable⟩ ⏎ ⟨iterator⟩ ⏎ ⟨iterator⟩ ⏎ ⟨generator⟩ ⏎ ⟨generator⟩",
    # What a list can be extended by: an iterator over the list itself would never end, in Python.
    "finite": """
        ⟨iterable⟩ ⏎ ⟨generator⟩ ⏎ map(⟨function⟩, [1, 'Ana', 'Bo']) ⏎ filter(⟨function⟩, ['Ana', '', 'Bo'])
        enumerate(ask(s)) ⏎ reversed(d.keys()) ⏎ zip('ab', ask(t)) ⏎ (len(a) for i in [1, 2])""",
    "pairs": """
        zip(a, b) ⏎ zip(users, map(ask, users)) ⏎ enumerate(b) ⏎ ((i, n) for i in b)
        ([i, act(i)] for i in users) ⏎ [('x', 5)] ⏎ d.items() ⏎ map(ask, users) ⏎ e""",
    "target": "i ⏎ i ⏎ j ⏎ i ⏎ k ⏎ ⟦i¦i, j⟧",
    "assign": """
        ⟨var list⟩ = ⟨list⟩ ⏎ ⟨var list⟩ = ⟨list⟩ ⏎ ⟨var text⟩ = ⟨text⟩ ⏎ ⟨var number⟩ = ⟨number⟩
        ⟨var dict⟩ = ⟨dict⟩ ⏎ ⟨var set⟩ = ⟨set⟩ ⏎ ⟨var list⟩ = ⟨var list⟩ = ⟨list⟩ ⏎ a = b ⏎ p = q ⏎ d = e
        ⟦i, j¦i, (j, k)¦[i, j]¦i, d['x']¦a[0], n⟧ = ⟦1, 2¦⟨value⟩¦⟨list⟩¦1, (2, 3)⟧
        ⟨var dict⟩[⟨key⟩] = ⟨value⟩ ⏎ ⟨var dict⟩[⟨key⟩] = ⟨value⟩
        ⟨var list⟩[⟦0¦-1¦⟨number⟩⟧] = ⟨value⟩ ⏎ ⟨var list⟩[⟦1:¦:1¦::2¦1:2¦0:0¦::-1⟧] = ⟨list⟩
        ⟦z¦n¦i⟧ = ⟨value⟩""",
    "in place": """
        ⟨var list⟩ += ⟨list⟩ ⏎ ⟨var list⟩ += ⟦⟨text⟩¦⟨dict⟩¦(4,)¦range(2)¦d.items()¦a¦b¦5¦None¦⟨value⟩⟧
        ⟨var list⟩ *= ⟦2¦0¦3¦-1¦True¦'a'¦2.0⟧ ⏎ ⟨var text⟩ += ⟨text⟩ ⏎ ⟨var text⟩ *= 2 ⏎ ⟨var text⟩ %= ⟨value⟩
        ⟨var number⟩ ⟦+¦-¦*¦/¦//¦%¦&¦|¦^⟧= ⟨number⟩ ⏎ ⟨var number⟩ ⟦+¦-¦*⟧= ⟨number⟩ ⏎ n >>= ⟦1¦0¦2¦-1⟧
        ⟨var dict⟩ |= ⟨dict⟩ ⏎ ⟨var dict⟩ |= ⟦[('x', 9)]¦[(1,)]¦['ab']¦None⟧
        ⟨var set⟩ ⟦|¦&¦-¦^⟧= ⟨set⟩ ⏎ ⟨var set⟩ ⟦|¦&¦-¦^⟧= ⟦p¦q¦a¦d.keys()¦None⟧
        ⟨place⟩ += ⟨value⟩ ⏎ ⟨place⟩ ⟦+¦-¦|¦*⟧= ⟦⟨number⟩¦⟨list⟩⟧ ⏎ ⟨var any⟩ ⟦+¦|¦-¦&¦^¦/⟧= ⟨value⟩""",
    "place": "d['k'] ⏎ a[0] ⏎ a[1:] ⏎ a[-1] ⏎ d[⟨key⟩] ⏎ b[0] ⏎ a[::2] ⏎ a[⟨number⟩] ⏎ d['k'][0]",
    "held": "⟨var list⟩ ⏎ ⟨var list⟩ ⏎ ⟨var list⟩ ⏎ ⟨var list⟩ ⏎ ⟨var list⟩ ⏎ ⟦a¦⟦s¦n¦d¦None¦zz⟧⟧",
    "change": """
        ⟨held⟩.append(⟨value⟩) ⏎ ⟨held⟩.append(⟨value⟩) ⏎ ⟨held⟩.extend(⟨finite⟩) ⏎ ⟨held⟩.extend(⟨finite⟩)
        ⟨held⟩.insert(⟨number⟩, ⟨value⟩) ⏎ ⟨held⟩.remove(⟨value⟩) ⏎ n = ⟨held⟩.pop(⟦¦¦0¦-1¦⟨number⟩⟧)
        ⟨held⟩.⟦reverse¦clear¦sort⟧() ⏎ ⟨held⟩.sort(⟨ordering⟩) ⏎ b.sort(⟨ordering⟩)
        ⟨var dict⟩.update(⟦d¦⟨dict⟩¦⟨stream⟩¦⟨pairs⟩¦x=1¦z=ask(s)⟧) ⏎ ⟨var dict⟩.update(⟨pairs⟩, k=⟨value⟩)
        n = ⟨var dict⟩.⟦setdefault¦get⟧(⟨key⟩, ⟨value⟩) ⏎ n = ⟨var dict⟩.pop(⟨key⟩⟦¦, 1¦, None⟧)
        n = ⟨var dict⟩.popitem() ⏎ ⟨var dict⟩.clear() ⏎ ⟨var set⟩.⟦add¦discard¦remove¦add⟧(⟨atom⟩)
        ⟨var set⟩.update(⟦⟨stream⟩¦a¦s¦p⟧)""",
    "act": "⟨tool⟩ ⏎ ⟨tool⟩ ⏎ note(⟨value⟩) ⏎ note(⟨var any⟩) ⏎ act(⟨value⟩)",
}
_SHORT = {"value": "atom", "number": "small", "call": "atom", "tool": "tool", "iterator": "iterator"}
_SHORT |= {kind: f"short {kind}" for kind in ("text", "list", "dict", "set", "truth")}
_POOLS = {"list": LISTS, "text": TEXTS, "number": NUMBERS, "dict": DICTS, "set": SETS, "any": GLOBALS}
_CHOICES = {
    name: [part.strip() for part in text.replace("\n", " ⏎ ").split(" ⏎ ") if part.strip()]
    for name, text in _RULES.items()
}
_DEEPEST = 4


class Writer:
    """Writes one program."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.functions: dict[str, int] = {}
        self.loops = 0
        self.names: list[str] = []
        """Names of any type that may be bound where the text is: parameters and loop targets."""

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def write(self, rule: str, depth: int = 0) -> str:
        """One text by a rule; shorter ones the deeper it stands in others."""
        if rule.startswith("var "):
            return self.rng.choice(_POOLS[rule.removeprefix("var ")])
        if rule.endswith("comprehension") or rule == "generator":
            return self.comprehension(rule.split()[0], depth + 1)
        if rule in ("atom", "call", "function", "function of two"):
            return getattr(self, rule.replace(" ", "_"))(depth)
        if depth > _DEEPEST or (rule in _SHORT and rule not in ("tool", "iterator") and self.chance(0.3)):
            rule = _SHORT.get(rule, rule)
            if rule not in _CHOICES:
                return self.write(rule, depth)
        if depth > 2 * _DEEPEST:
            return "users" if rule != "number" else "n"
        return self.fill(self.rng.choice(_CHOICES[rule]), depth)

    def fill(self, text: str, depth: int) -> str:
        """A template with its alternatives chosen, from the innermost out, and then its rules written."""
        while "⟦" in text:
            start = text.index("⟦")
            end, level = start, 0
            for end in range(start, len(text)):
                level += {"⟦": 1, "⟧": -1}.get(text[end], 0)
                if level == 0:
                    break
            parts, level, part = list[str](), 0, ""
            for letter in text[start + 1 : end]:
                level += {"⟦": 1, "⟧": -1}.get(letter, 0)
                if letter == "¦" and level == 0:
                    parts.append(part)
                    part = ""
                else:
                    part += letter
            text = text[:start] + self.rng.choice([*parts, part]) + text[end + 1 :]
        return re.sub("⟨([^⟩]*)⟩", lambda found: self.write(found[1], depth + 1), text)

    def program(self) -> str:
        head = ""
        for index in range(self.rng.randrange(4)):
            name, count = f"f{index}", self.rng.choice((0, 1, 1, 1, 2))
            self.names = ["u", "v"][:count]
            body = self.block(1, in_function=True)
            head += f"def {name}({', '.join(['u', 'v'][:count])}):\n{body}"
            self.functions[name] = count
        self.names = []
        text = self.block(0)
        ends = list(GLOBALS)
        self.rng.shuffle(ends)
        parts = [_START, head] if self.chance(0.9) else [head, _START]
        return "".join([*parts, text]) + "".join(f"note({name})\n" for name in ends[:6])

    def block(self, indent: int, *, in_function: bool = False) -> str:
        lines = [self.statement(indent, in_function) for _ in range(self.rng.choice((1, 1, 2, 2, 3)))]
        if in_function and indent == 1 and self.chance(0.8):
            lines.append("    return " + self.write("value", 1) + "\n")
        return "".join(lines)

    def statement(self, indent: int, in_function: bool) -> str:
        pad = "    " * indent
        if indent < 3 and self.chance(0.3):
            return self.compound(indent, in_function)
        if self.loops and self.chance(0.12):
            word = self.rng.choice(("break", "continue"))
            return f"{pad}if {self.write('truth', 2)}:\n{pad}    {word}\n"
        if in_function and self.chance(0.05):
            return f"{pad}return {self.write('value', 1)}\n"
        rules = ["assign"] * 3 + ["in place"] * 4 + ["change"] * 4 + ["act"] * 4 + ["call"]
        if in_function:  # There, to assign to a name makes it a local one.
            rules = ["in place"] + ["change"] * 4 + ["act"] * 6 + ["call"] + ["assign"]
        return f"{pad}{self.write(self.rng.choice(rules))}\n"

    def compound(self, indent: int, in_function: bool) -> str:
        pad = "    " * indent
        if self.chance(0.4):
            text = f"{pad}if {self.write('truth', 1)}:\n{self.block(indent + 1, in_function=in_function)}"
            if self.chance(0.4):
                text += f"{pad}else:\n{self.block(indent + 1, in_function=in_function)}"
            return text
        source, target = self.looped(1)
        text = f"{pad}for {target} in {source}:\n"
        before = list(self.names)
        self.names += [name for name in ("i", "j", "k") if name in target]
        self.loops += 1
        text += self.block(indent + 1, in_function=in_function)
        self.loops -= 1
        if self.chance(0.2):
            text += f"{pad}else:\n{self.block(indent + 1, in_function=in_function)}"
        if self.chance(0.8):
            self.names = before
        return text

    def atom(self, depth: int) -> str:
        if self.names and self.chance(0.4):
            return self.rng.choice(self.names)
        return self.write("odd" if self.chance(0.01) else "literal", depth)

    def call(self, depth: int) -> str:
        if not self.functions:
            return self.atom(depth)
        name = self.rng.choice(list(self.functions))
        count = self.functions[name] if self.chance(0.98) else self.rng.randrange(3)
        arguments = [self.write("value", depth + 1) for _ in range(count)]
        if count and self.chance(0.1):
            arguments[-1] = f"{'u' if count == 1 else 'v'}={arguments[-1]}"
        return f"{name}({', '.join(arguments)})"

    def function(self, depth: int) -> str:
        fitting = [name for name, number in self.functions.items() if number == 1]
        if fitting and self.chance(0.55):
            return self.rng.choice(fitting)
        names = "len str str act act ask ask note bool list sorted round abs int n None"
        return self.rng.choice(names.split())

    def function_of_two(self, depth: int) -> str:
        fitting = [name for name, number in self.functions.items() if number == 2]
        return self.rng.choice([*fitting, "pair", "pair", "divmod", "max"])

    def looped(self, depth: int) -> tuple[str, str]:
        """What a loop goes through, and the names that it binds."""
        source = self.write("iterator" if self.chance(0.4) else "iterable", depth)
        two = source.startswith("enumerate(") or source.endswith("items()")
        two = two or (source.startswith("zip(") and ", " in source)
        return source, "i, j" if two and self.chance(0.8) else self.write("target")

    def comprehension(self, kind: str, depth: int) -> str:
        before, clauses = list(self.names), ""
        for _ in range(self.rng.choice((1, 1, 1, 2))):
            source, target = self.looped(depth)
            clauses += f" for {target} in {source}"
            self.names += [name for name in ("i", "j", "k") if name in target]
            if self.chance(0.4):
                clauses += f" if {self.write('truth', depth + 1)}"
        element = self.write("value", depth)
        if self.names and self.chance(0.4):
            element = self.rng.choice(("{}", "act({})", "ask({})", "[{}]")).format(
                self.rng.choice(self.names)
            )
        if kind == "dict":
            element = self.write("key", depth + 2) + ": " + element
        self.names = before
        left, right = {"list": "[]", "generator": "()"}.get(kind, "{}")
        return f"{left}{element}{clauses}{right}"


def programs(seeds: Iterable[int]) -> Iterator[str]:
    """One program for each seed."""
    for seed in seeds:
        yield Writer(random.Random(seed)).program()
