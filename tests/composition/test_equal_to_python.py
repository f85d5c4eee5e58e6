"""What a program does in the sandbox is what it does in Python, or it is refused."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Generator, Iterable

import pytest
from fixture_python import TOOLS, Done, GivenUp, Town, canonical, programs, run_in_python

from partwise.composition import program
from partwise.composition.language import CompositionError, parse
from partwise.composition.sandbox import Sandbox
from partwise.types import Outcome

_STOPS = (
    r"'range' object has no attribute '(count|index)'",
    r"cannot use '(set|tuple|list)' as a set element",
    r"'[<>]=?' not supported between instances of '(set|frozenset|dict_\w+)'",
    r"Python int too large to convert to C ssize_t",
)
"""Where Monty raises and Python does not, as the docs list it."""
_ALIKE = ("ran", "raised", "stopped", "refused")


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox, None, None]:
    with Sandbox() as shared:
        yield shared


def difference(sandbox: Sandbox, source: str) -> str:
    """How a program went: `ran` or `raised` in both, `stopped` where Monty raises as listed, `refused`, or
    what differs.

    Raises:
        GivenUp: it can't be compared.
    """
    try:
        there = run_in_python(source)
    except SyntaxError as error:
        there = Done(Outcome.UNPARSED, (), str(error))
    here = sandbox.run(source, Town(), TOOLS)
    if here.outcome is Outcome.UNPARSED and "column" in here.message:  # Refused by `parse`, before it ran.
        return "refused"
    trace = tuple(
        (event.tool, canonical(event.arguments), canonical(event.result), event.line, event.caller)
        for event in here.trace
    )
    if here.outcome is there.outcome and trace == there.trace:
        return str(there.outcome)
    stopped = here.outcome is Outcome.RAISED and any(re.search(stop, here.message) for stop in _STOPS)
    if stopped and trace == there.trace[: len(trace)]:
        return "stopped"
    return (
        f"{here.outcome} ({here.message}), in Python {there.outcome} ({there.error})\n{trace}\n{there.trace}"
    )


def compare(sandbox: Sandbox, sources: Iterable[str]) -> Counter[str]:
    """How often programs went the same, were refused, or could not be compared; any difference fails."""
    found = Counter[str]()
    for source in sources:
        try:
            how = difference(sandbox, source)
        except GivenUp:
            found["given up"] += 1
            continue
        assert how in _ALIKE, f"{how}\n{source}"
        found[how] += 1
    return found


def test_random_programs_do_what_they_do_in_python(sandbox: Sandbox) -> None:
    found = compare(sandbox, programs(range(250)))
    assert found["ran"] > 60
    assert found["raised"] > 100


@pytest.mark.long
@pytest.mark.slow
def test_many_random_programs_do_what_they_do_in_python(sandbox: Sandbox) -> None:
    found = compare(sandbox, programs(range(1_000_000, 1_008_000)))
    assert found["ran"] > 2_400
    assert found["raised"] > 3_200
    assert found["stopped"] < 20
    assert found["refused"] + found["given up"] < 200


def test_the_random_programs_find_what_monty_does_otherwise(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "may_differ", lambda module: False)
    program._prepare.cache_clear()  # pyright: ignore[reportPrivateUsage]
    different = 0
    for source in programs(range(250)):
        with contextlib.suppress(GivenUp):
            different += difference(sandbox, source) not in _ALIKE
    program._prepare.cache_clear()  # pyright: ignore[reportPrivateUsage]
    assert different > 30


_A = "def f(x):\n    note(x)\n    return act(x)\ndef g(x, y):\n    note([x, y])\n    return x\n"


@pytest.mark.parametrize(
    "source",
    [
        # What a researcher writes, which must run.
        "booked = any(act(r) for r in users)\nnote(booked)",
        "booked = all(act(r) for r in users)\nnote(booked)",
        "for i, r in enumerate(users):\n    note([i, r])",
        "for u, p in zip(users, [1, 2]):\n    note([u, p])",
        _A + "note(list(map(f, users)))",
        _A + "note(len(list(filter(f, users))))",
        _A + "note(any(map(f, users)))",
        _A + "for r in filter(f, users + users):\n    if act(r):\n        break\nelse:\n    note('none')",
        _A + "for r in filter(f, []):\n    note(r)\nelse:\n    note('none')",
        _A + "for i, r in enumerate(map(f, users), 1):\n    if i == 2:\n        continue\n    note([i, r])",
        "note(list(map(ask, users)))\nnote(sorted(users, key=ask))\nnote(max(users, key=ask))",
        "note([r for r in filter(act, users)])\nnote({u: p for u, p in zip(users, map(ask, users))})",
        "note(dict(zip(users, map(ask, users))))\nnote(' '.join(str(x) for x in users))",
        "note(sum(len(ask(u)) for u in users))\nnote(max((len(u) for u in users), default=0))",
        _A + "x = [3, 1, 2]\nx.sort(key=f, reverse=True)\nnote(x)\nnote(min(1, 2, key=f))",
        "h = ask\nnote(h('Bo'))\nnote([t(u) for t in [ask, act] for u in users])",
        "count = 0\nfor u in users:\n    count += 1\n    count *= 2\nnote(count)",
        # One by one: what comes after the first that decides is not done, and errors come in their turn.
        "note(any(act(b) for a in users for b in ask(a) if b))",
        "r = 5\nnote(any(r for u in users if r for r in [7]))",
        "any(u for u in nothing(1))",
        _A + "sum(ask(u) for u in users)",
        _A + "set(ask(u) for u in users)",
        _A + "dict(ask(u) for u in users)",
        _A + "max(f(u) or u for u in users)",
        _A + "', '.join(f(u) for u in users)",
        "x = [1]\nx.extend(len(x) for u in users)\nnote(x)",
        "x = [1]\nx.extend(map(ask, ['Ana', 1, 'Bo']))",
        "x = {}\nx.update((u, len(x)) for u in users)\nnote(x)",
        "x = {1}\nx.update(len(x) for u in users)\nnote(sorted(x))",
        "x = [1, 2, 3]\nfor i, y in enumerate(x):\n    if len(x) < 6:\n        x.append(y)\n    note([i, y])",
        "x = [1, 2, 3]\nfor y, z in zip(x, x):\n    x.pop()\n    note(y)",
        "x = [1, 2, 3]\nfor y in reversed(x):\n    x.pop(0)\n    note(y)",
        "note(list(zip([1], zip([1, 2], users, strict=True))))",
        "x = [1, 2]\nnote([x.pop() for i, y in enumerate(x)])",
        "x = [1, 2]\nnote({y: x.append(y) for y, z in zip(x, x) if len(x) < 5})\nnote(x)",
        "x = {1: 2}\nfor y in reversed(x):\n    x[3] = 1\n    note(y)",
        "x = {1: 2, 3: 4}\nfor i, y in enumerate(x):\n    x[y + 4] = 1\n    note(y)",
        "note(list(zip(map(ask, users), [1])))\nnote(list(zip([1], map(ask, users))))",
        "note(list(zip(map(ask, users), [1], strict=True)))",
        _A + "x = [3, 1]\ndef h(y):\n    note(x)\n    return y\nx.sort(key=h)\nnote(x)",
        _A + "x = [3, 1]\ndef h(y):\n    x.append(y)\n    return y\nx.sort(key=h)\nnote(x)",
        _A + "e = {1: 2}\ne |= dict(zip(users, users), x=users.pop())\nnote(e)",
        _A + "note([[a, b] for a, b in zip(filter(f, users), map(g, users, users))])",
        "note(sorted((len(u) for u in users), reverse=2.5))",
        "note(list(enumerate([], ask('Bo'))))",
        "note(list(enumerate(5, act(1))))",
        "note(list(filter(None, map(act, users))))\nnote(list(map(None, [])))\nnote(list(map(None, users)))",
        "def join(g):\n    return [1, g]\nnote(join([ask(u) for u in users]))",
        "def r(n):\n    return any(r(i) for i in range(n)) or act(n)\nnote(r(4))",
        "def r(n):\n    return n == 0 or any(r(n - 1) for i in [1])\nnote(r(95))",
        # In place.
        "x = [1, 2]\ny = x\nx += (3,)\nx += 'ab'\nx += {'k': 1}\nnote([x, y])",
        "x = [1]\ny = x\nx *= 3\nnote(y)\nx *= 0\nnote(y)",
        "x = {1, 2}\ny = x\nx |= {3}\nnote(sorted(y))\nx &= {1, 3}\nnote(sorted(y))",
        "x = {1, 3}\ny = x\nx -= {1}\nx ^= {3, 4}\nnote(y)\nx ^= x\nnote(y)",
        "x = {'a': 1}\ny = x\nx |= [('b', 2)]\nnote(y)",
        "x = {1}\nx |= [2]",
        "x = frozenset({1})\ny = x\nx |= {2}\nnote([sorted(x), sorted(y)])",
        "x = frozenset({1})\nd = {2: 3}\nnote([x | d.keys(), d.keys() | x, x - d.keys()])",
        "x = ([1], 2)\nx[0] += [2]",
        "x = [[1]]\nx[act(1)] += ask('Bo')\nx[0:act(1)] += ask('Bo')\nx[-1:][0] *= 2\nnote(x)",
        "x = {'a': 1}\nx[ask('A')[0]] += act(1)\nnote(x)\nx['z'] += ask('Bo')",
        "x = 1\ndef f():\n    x += act(1)\nf()",
        # Numbers and texts.
        "note([round(2.675, 2), round(2.5), round(-0.5), round(-0.001, 2)])",
        "note([round(1250, -2), round(1350.5, -2)])",
        "note([round(1e300, -300), round(5e-324, 400), round(25.0, -1), round(35.0, -1), round(1.5, None)])",
        "note(list(map(round, [2.5, 3.5])))\nnote(round(1.7976931348623157e308, -308))",
        "note(round('a', 1))",
        "note(f'{None!r:>6}|{True:5}|{2.5:>{limit}.1f}|{users!s:.3}|{limit=}|{\"é\"!a}')",
        "note(f'{None:5}')",
        "note(f'{[]:>3}')",
        "w = ''\nnote(f'{users:{w}}')",
        "y = f\"\"\"{'''a'b\"c'''=}\"\"\"\nx = any(u for u in users)\nnote([x, y])",
        # What is looked up before arguments are evaluated.
        "x = None\nx.append(ask('Bo'))",
        "x = (1,)\nx.append(ask('Bo'))",
        "nothing(ask('Bo'))",
        "later(ask('Bo'))\ndef later(x):\n    return x",
        "def f():\n    return h(ask('Bo'))\nif act(1):\n    h = f\nf()",
        "x = 5\nx(ask('Bo'))",
        # What is no plain data.
        *(
            f"note({value})"
            for value in ("range(3)", "{1: 2}.keys()", "len", "int", "ask", "[ask]", "{1: [range(2)]}")
        ),
        _A + "note(f)",
        "x = 0\nfor u in users:\n    x = [x]\nnote(x)",
    ],
)
def test_these_do_what_they_do_in_python(sandbox: Sandbox, source: str) -> None:
    assert difference(sandbox, source) in ("ran", "raised")


@pytest.mark.parametrize(
    ("source", "line", "sentence"),
    [
        ("z = zip(users, users)", 1, "`zip` stands only where it is used up at once; write `list(zip(...))`"),
        ("x = 1\nif filter(None, users):\n    x = 2", 2, "`filter` stands only where"),
        ("note(map(len, users))", 1, "`map` stands only where"),
        ("x = enumerate(users)[0]", 1, "`enumerate` stands only where"),
        ("x = len(zip(users))", 1, "`zip` stands only where"),
        ("x = 1 in map(len, users)", 1, "`map` stands only where"),
        ("a, b = map(len, users)", 1, "`map` stands only where"),
        ("def f(x):\n    return reversed(x)", 2, "`reversed` stands only where"),
        ("x = list(reversed(zip(users)))", 1, "`zip` stands only where"),
        ("x = {1}.union(map(len, users))", 1, "`map` stands only where"),
        ("x = f'{zip(users)}'", 1, "`zip` stands only where"),
        ("m = map", 1, "`map` can only be called, not handed over; define a function"),
        ("x = list(map(zip, users))", 1, "`zip` can only be called"),
        (
            "def join(g):\n    return 1\njoin(ask(u) for u in users)",
            3,
            "a generator stands only in calls such as",
        ),
        ("x = (u for u in users)", 1, "a generator stands only"),
        ("for x in (u for u in users):\n    pass", 1, "a generator stands only"),
        ("x = {1}.union(u for u in users)", 1, "a generator stands only"),
        ("x = list(zip((u for u in users)))", 1, "a generator stands only"),
        ("x = any((u for u in users), foo=2)", 1, "`any` takes no `foo`"),
        ("x = any((u for u in users), 2)", 1, "`any` takes one value where it takes them one by one"),
        ("x = sum((u for u in users), 1, start=2)", 1, "`sum` takes one value"),
        ("x = ','.join((u for u in users), 1)", 1, "`.join` takes one value"),
        ("x = users is options", 1, "`is` compares only with None, True and False; use `==`"),
        ("x = 1 < 2 is 3", 1, "`is` compares only with"),
        ("x = str.upper('a')", 1, "`.upper` is called on a value, and not on `str`"),
        ("x = 'a'.find('', 1)", 1, "`.find` takes one value here; take a slice first"),
        ("x = users.index('a', 1)", 1, "`.index` takes one value here"),
        ("x = {1}.union([1], [2])", 1, "`.union` takes one value here; call it once for each"),
        ("x = {1}.intersection()", 1, "`.intersection` takes one value here"),
        ("x = {}\nx.update()", 2, "`.update` takes one value here"),
        ("x = 'a'.splitlines('b')", 1, "`.splitlines` takes only `True` or `False`"),
        ("x = '\\ud800'", 1, "half of a surrogate pair is not part of the language"),
        (f"x = 0x{'f' * 3000}", 1, "an integer is written in at most 8192 bits"),
        (f"x = any(a{' for a in [1]' * 21})", 1, "a comprehension has at most 20 `for`"),
        (
            "\n".join(f"{'  ' * i}for i in [1]:" for i in range(21)) + "\n" + "  " * 21 + "x = 1",
            21,
            "loops nest at",
        ),
    ],
)
def test_what_cannot_be_made_equal_is_refused(source: str, line: int, sentence: str) -> None:
    with pytest.raises(CompositionError) as caught:
        parse(source)
    assert caught.value.line == line
    assert str(caught.value).split(": ", 1)[1].startswith(sentence)
