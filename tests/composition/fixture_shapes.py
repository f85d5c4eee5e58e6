"""The shapes of the programs of `fixture_writer`: how attempts follow each other, around any tracker."""

from __future__ import annotations

import random
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

from fixture_texts import DIRECT, FORMS, alternatives
from fixture_trackers import Tracker

NAMES = ("booked", "ok", "found", "state", "seen", "got", "n", "log", "first")


@dataclass
class Writer:
    """The choices of one program."""

    rng: random.Random
    tracker: Tracker
    v: str = ""
    w: str = ""
    defs: list[str] = field(default_factory=list[str])
    """The functions of the program, as text."""
    tool: str = "reserve"
    call_form: str = "{tool}({r})"

    def pick(self, several: str) -> str:
        return self.rng.choice(alternatives(several))

    def fill(self, text: str, r: str = "r") -> str:
        """A tracker's text with names, and a line and an indent where it has `;` and `>`."""
        c = self.call_form.format(tool=self.tool, r=r)
        text = text.replace(";> ", "\n    ").replace(";", "\n")
        return text.format(v=self.v, w=self.w, c=c, r=r)

    def call(self, r: str = "r") -> str:
        return self.call_form.format(tool=self.tool, r=r)

    def start(self) -> str:
        return self.fill(self.pick(self.tracker.start))

    def attempt(self, r: str = "r") -> str:
        return self.fill(self.pick(self.tracker.attempt), r)

    def none(self) -> str:
        return self.fill(self.pick(self.tracker.none))

    def done(self) -> str:
        return self.fill(self.pick(self.tracker.done))

    def head(self, r: str = "r") -> tuple[str, str]:
        """A loop's first line, and the expression of what is attempted in it."""
        several = (
            (f"for {r} in options:", r),
            (f"for {r} in options:", r),
            (f"for {r} in options[:2]:", r),
            (f"for {r} in ask(users[0]):", r),
            (f"for {r} in [x for x in options if has(x)]:", r),
            (f"for {r} in [x for u in users for x in ask(u)]:", r),
            (f"for i, {r} in enumerate(options):", r),
            ("for i in range(len(options)):", "options[i]"),
            (f"for {r} in sorted(options):", r),
            (f"for {r}, u in zip(options, users):", r),
            (f"for {r} in ['Luna', 'Sol']:", r),
        )
        return self.rng.choice(several)

    def item(self) -> str:
        return self.rng.choice(
            ("options[0]", "options[-1]", "'Luna'", "users[0]", "options[1]", "str(users)")
        )


def indented(text: str) -> str:
    return textwrap.indent(text, "    ")


def _rename(text: str, old: str, new: str) -> str:
    return re.sub(rf"\b{old}\b", new, text)


def _loop_guard(w: Writer) -> str:
    head, r = w.head()
    return f"{head}\n{indented(f'if {w.none()}:' + chr(10) + indented(w.attempt(r)))}"


def _loop_break(w: Writer) -> str:
    head, r = w.head()
    return f"{head}\n{indented(w.attempt(r))}\n    if {w.done()}:\n        break"


def _loop_break_first(w: Writer) -> str:
    head, r = w.head()
    return f"{head}\n    if {w.done()}:\n        break\n{indented(w.attempt(r))}"


def _loop_continue(w: Writer) -> str:
    head, r = w.head()
    return f"{head}\n    if {w.done()}:\n        continue\n{indented(w.attempt(r))}"


def _loop_else_continue(w: Writer) -> str:
    head, r = w.head()
    return f"{head}\n{indented(w.attempt(r))}\n    if {w.none()}:\n        continue\n    break"


def _straight(w: Writer) -> str:
    lines = [w.attempt(w.item())]
    for _ in range(w.rng.randint(1, 2)):
        lines.append(f"if {w.none()}:\n{indented(w.attempt(w.item()))}")
    return "\n".join(lines)


def _branches(w: Writer) -> str:
    second = indented(w.attempt(w.item()))
    return f"{w.attempt(w.item())}\nif {w.done()}:\n    note('done')\nelse:\n{second}"


def _for_else(w: Writer) -> str:
    return f"{_loop_break(w)}\nelse:\n{indented(f'if {w.none()}:' + chr(10) + indented(w.attempt(w.item())))}"


def _nested_break(w: Writer) -> str:
    inner = w.rng.choice((_loop_break, _loop_break_first, _loop_else_continue))(w)
    return f"for person in users:\n{indented(inner)}\n    if {w.done()}:\n        break"


def _nested_guard(w: Writer) -> str:
    inner = w.rng.choice((_loop_guard, _loop_continue, _loop_break_first))(w)
    return f"for person in users:\n{indented(inner)}"


def _nested_else(w: Writer) -> str:
    return f"for person in users:\n{indented(_loop_break(w))}\n    else:\n        continue\n    break"


def _two_loops(w: Writer) -> str:
    again = f"if {w.none()}:\n{indented(_loop_break(w))}"
    return f"{w.rng.choice((_loop_break, _loop_guard, _loop_continue))(w)}\n{again}"


def _alias_guard(w: Writer) -> str:
    """The test reads another name of the same object, or a copy made in each round."""
    head, r = w.head()
    none = _rename(w.none(), w.v, "same")
    if w.tracker.in_place and w.rng.random() < 0.5:
        return f"same = {w.v}\n{head}\n    if {none}:\n{indented(indented(w.attempt(r)))}"
    return f"{head}\n    same = {w.v}\n    if {none}:\n{indented(indented(w.attempt(r)))}"


def _derived(w: Writer) -> str:
    """What is remembered goes through another variable or container before it is looked at."""
    head, r = w.head()
    done = f"({w.done()})"
    several = (
        (f"mark = {done}", "mark"),
        (f"mark = not {done}", "not mark"),
        (f"mark = [{done}]", "mark[0]"),
        (f"mark = ({done}, {r})", "mark[0]"),
        (f"mark, other = {done}, 1", "mark"),
        (f"mark = {{'a': {done}}}", "mark['a']"),
        (f"mark = 1 if {done} else 0", "mark == 1"),
        (f"mark = 'on' if {done} else 'off'", "mark == 'on'"),
        (f"mark = 0\n    if {done}:\n        mark += 1", "mark > 0"),
        (f"marks = []\n    if {done}:\n        marks.append({r})", "marks"),
        (f"mark = any([{done}])", "mark"),
        (f"mark = bool({done})", "mark"),
    )
    line, test = w.rng.choice(several)
    return f"{head}\n{indented(w.attempt(r))}\n    {line}\n    if {test}:\n        break"


def _derived_guard(w: Writer) -> str:
    head, r = w.head()
    none = f"({w.none()})"
    line, test = w.rng.choice(
        (
            (f"free = {none}", "free"),
            (f"free = [{none}]", "free[0]"),
            (f"free, other = {none}, 0", "free"),
            (f"free = 1 if {none} else 0", "free == 1"),
            (f"free = [{r}] if {none} else []", "free"),
            (f"taken = not {none}", "not taken"),
        )
    )
    return f"{head}\n    {line}\n    if {test}:\n{indented(indented(w.attempt(r)))}"


def step_returns(w: Writer) -> str:
    head, r = w.head()
    body = f"if {w.none()}:\n{indented(w.attempt('r'))}\nreturn {w.v}"
    w.defs.append(f"def step(r, {w.v}):\n{indented(body)}")
    return f"{head}\n    {w.v} = step({r}, {w.v})"


def _step_in_place(w: Writer) -> str:
    head, r = w.head()
    name = w.rng.choice((w.v, "store"))
    body = _rename(f"if {w.none()}:\n{indented(w.attempt('r'))}", w.v, name)
    w.defs.append(f"def step(r, {name}):\n{indented(body)}")
    return f"{head}\n    step({r}, {w.v})"


def _step_global(w: Writer) -> str:
    head, r = w.head()
    w.defs.append(f"def step(r):\n    if {w.none()}:\n{indented(indented(w.attempt('r')))}")
    several = (f"{head}\n    step({r})", "[step(x) for x in options]", "list(map(step, options))")
    return w.rng.choice((*several, "sorted(options, key=step)", "step('Luna')\nstep(users[0])"))


def _helper_loop(w: Writer) -> str:
    shape = w.rng.choice((_loop_break, _loop_guard, _loop_continue, _straight))
    done = w.done()
    result = w.rng.choice(
        (f"return bool({done})", f"return {done}", f"if {done}:\n    return 'yes'\nreturn None")
    )
    body = f"{w.start()}\n{shape(w)}\n{result}"
    w.defs.append(f"def book_one():\n{indented(body)}")
    again = w.rng.choice((f"if not book_one():\n    {w.call('users[1]')}", "book_one() or book_one()"))
    if w.rng.random() < 0.4:
        again = f"answer = book_one()\nif not answer:\n    {w.call(w.item())}"
    return again


def _helper_pair(w: Writer) -> str:
    order = w.rng.choice(("flag, r", "r, flag"))
    w.defs.append(f"def try_at(r):\n    flag = {w.call('r')}\n    return {order}")
    head, r = w.head()
    left = w.rng.choice((order.replace("r", "where"), f"[{order.replace('r', 'where')}]"))
    return f"{head}\n    {left} = try_at({r})\n    if flag:\n        break"


def _state_in_tuple(w: Writer) -> str:
    head, r = w.head()
    body = f"if not found:\n    found = {w.call('r')}\n    n += 1\nreturn found, n"
    w.defs.append(f"def step(r, found, n):\n{indented(body)}")
    return f"found, n = False, 0\n{head}\n    found, n = step({r}, found, n)"


SHAPES: tuple[Callable[[Writer], str], ...] = (
    *(_loop_guard, _loop_break, _loop_break_first, _loop_continue, _loop_else_continue, _straight, _branches),
    *(_for_else, _nested_break, _nested_guard, _nested_else, _two_loops, _alias_guard, step_returns),
    *(_derived, _derived_guard),
    *(_helper_loop, _helper_pair, _state_in_tuple, _step_in_place, _step_global),
)
IN_PLACE = (_step_in_place, _step_global)


def direct(w: Writer) -> str:
    d, e = w.call(w.item()), w.call(w.item())
    c0, cx, q = w.call("options[i]"), w.call("xs[0]"), w.call("queue[0]")
    return w.rng.choice(DIRECT).format(c=w.call("r"), d=d, e=e, c0=c0, cx=cx, q=q)


def names_the_attempt(w: Writer) -> None:
    """The attempt itself may go through a function, a pair or a dict."""
    w.tool = w.rng.choice(("reserve", "reserve", "pay"))
    chance = w.rng.random()
    if chance < 0.2:
        w.defs.append(w.rng.choice(FORMS).format(c=w.call("r")))
        w.call_form = "attempt({r})"
    elif chance < 0.24:
        w.defs.append(f"def attempt(r):\n    return {w.call('r')}, r")
        w.call_form = "attempt({r})[0]"
    elif chance < 0.27:
        w.defs.append(f"def attempt(r):\n    return {{'hit': {w.call('r')}, 'at': r}}")
        w.call_form = "attempt({r})['hit']"
