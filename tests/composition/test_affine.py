"""The `affine` space: a table by hand, and a search for programs that get past it."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence

import pytest
from fixture_dinner import ALIGNED, TOOLS, UNALIGNED, adversary
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from partwise.composition.language import parse
from partwise.composition.sandbox import Sandbox
from partwise.composition.spaces import check_space
from partwise.types import Effect, Event

BOOK = "def book_table(restaurant):\n    return reserve(restaurant)\n"
FIRST = (
    "def book_first(restaurants):\n    for r in restaurants:\n        if reserve(r):\n            return r\n"
)
LIES = "def book_table(restaurant):\n    reserve(restaurant)\n    return True\n"
LIES_NO = "def book_table(restaurant):\n    reserve(restaurant)\n    return False\n"
SILENT = "def book_table(restaurant):\n    reserve(restaurant)\n"
INVERSE = "def book_table(restaurant):\n    return not reserve(restaurant)\n"
WIPE = "def wipe(x):\n    x.clear()\n    return x\n"

ACCEPTED = [
    "x = message('Ana')\n",
    "reserve('a')\n",
    BOOK + "for r in options:\n    if book_table(r):\n        break\n",
    BOOK + "for r in options:\n    ok = book_table(r)\n    if ok:\n        break\n",
    BOOK + "for r in options:\n    ok = book_table(r)\n    if not ok:\n        continue\n    break\n",
    BOOK + "if not book_table('a'):\n    book_table('b')\n",
    BOOK + "book_table('a') or book_table('b')\n",
    BOOK + "not book_table('a') and book_table('b')\n",
    BOOK + "x = 1 if book_table('a') else book_table('b')\n",
    BOOK + "done = False\nfor r in options:\n    if not done:\n        done = book_table(r)\n",
    BOOK + "done = False\nfor r in options:\n    done = done or book_table(r)\n",
    BOOK + "done = False\nfor r in options:\n    if not done and book_table(r):\n        done = True\n",
    BOOK + "done = None\nfor r in options:\n"
    "    if done is None:\n        if book_table(r):\n            done = 'yes'\n",
    BOOK + "a = b = book_table('a')\nif not b:\n    book_table('b')\n",
    BOOK + "a = book_table('a')\nb = a\nif not b:\n    book_table('b')\n",
    BOOK + "if book_table('a') == False:\n    book_table('b')\n",
    BOOK + "if bool(book_table('a')) != True:\n    x = 1\n",
    BOOK + "any(book_table(r) for r in options)\n",
    BOOK + "any(book_table(r) for u in users for r in message(u) if r)\n",
    BOOK + "if not any(book_table(r) for r in options):\n    any(book_table(r) for r in users)\n",
    BOOK + "all(not book_table(r) for r in options)\n",
    BOOK + "for r in options:\n    if book_table(r):\n        break\nelse:\n    book_table('z')\n",
    BOOK
    + "for u in users:\n    done = any(book_table(r) for r in message(u))\n    if done:\n        break\n",
    BOOK + "for u in users:\n    x = message(u)\nbook_table(x[0])\n",
    BOOK + "if users:\n    book_table('a')\nelse:\n    book_table('b')\n",
    BOOK + "if False:\n    book_table('a')\nbook_table('b')\n",
    FIRST + "x = book_first(options)\n",
    BOOK + "x = [book_table('a')]\nif not x:\n    x = 1\nif not x[0]:\n    book_table('b')\n",
    INVERSE + "if book_table('a'):\n    book_table('b')\n",
    LIES + "book_table('a')\n",
    "def f(rs):\n    for r in rs:\n        if reserve(r):\n            return True\n    return False\n"
    "if not f(options):\n    f(users)\n",
    "def f(a, b):\n    return reserve(a) or reserve(b)\nf('a', 'b') or reserve('c')\n",
    "def f(n):\n    return f(n - 1) if n else 0\nf(3)\nreserve('a')\n",
    "def f(x):\n    return x\ny = sorted(options, key=f)\nreserve(y[0])\n",
    "def f():\n    for r in options:\n        reserve(r)\nreserve('a')\n",  # Never called.
]

REJECTED = [
    (BOOK + "for r in options:\n    book_table(r)\n", 4),
    ("reserve('a')\nreserve('b')\n", 2),
    (BOOK + "def helper(r):\n    return book_table(r)\nfor r in options:\n    helper(r)\n", 6),
    ("def f():\n    for r in options:\n        reserve(r)\nf()\n", 3),
    (BOOK + "f = book_table\nfor r in options:\n    f(r)\n", 3),
    ("x = [reserve]\n", 1),
    (BOOK + "x = list(map(book_table, options))\n", 3),
    (BOOK + "x = sorted(options, key=book_table)\n", 3),
    (BOOK + "def apply(f, x):\n    return f(x)\nfor r in options:\n    apply(book_table, r)\n", 6),
    (BOOK + "x = [book_table(r) for r in options]\n", 3),
    (BOOK + "x = any([book_table(r) for r in options])\n", 3),
    (BOOK + "x = {r: book_table(r) for r in options}\n", 3),
    (BOOK + "x = sum(1 for r in options if book_table(r))\n", 3),
    (BOOK + "x = all(book_table(r) for r in options)\n", 3),
    (BOOK + "x = any(not book_table(r) for r in options)\n", 3),
    (BOOK + "x = any(r for r in options if book_table(r))\nbook_table('a')\n", 3),
    (BOOK + "for u in users:\n    for r in options:\n        if book_table(r):\n            break\n", 5),
    (BOOK + "for r in options:\n    if book_table(r):\n        continue\n", 4),
    (BOOK + "for r in options:\n    if not book_table(r):\n        break\n", 4),
    (BOOK + "for r in options:\n    if book_table(r):\n        break\nbook_table('z')\n", 6),
    (LIES + "if not book_table('a'):\n    book_table('b')\nbook_table('c')\n", 6),
    (LIES_NO + "if not book_table('a'):\n    book_table('b')\n", 5),
    (SILENT + "book_table('a') or book_table('b')\n", 3),
    (INVERSE + "book_table('a') or book_table('b')\n", 3),
    (BOOK + "ok = book_table('a')\nok = False\nif not ok:\n    book_table('b')\n", 6),
    (BOOK + "ok = book_table('a')\nfor ok in users:\n    x = 1\nif not ok:\n    book_table('b')\n", 7),
    (BOOK + "ok = book_table('a')\nok, x = 0, 1\nif not ok:\n    book_table('b')\n", 6),
    (BOOK + "ok = book_table('a')\nok -= 1\nif not ok:\n    book_table('b')\n", 6),
    (BOOK + "ok = book_table('a')\nok.clear()\nif not ok:\n    book_table('b')\n", 6),
    (BOOK + "ok = book_table('a')\nx = ok\nx *= 0\nif not ok:\n    book_table('b')\n", 7),
    (BOOK + "ok = book_table('a')\nx = ok\nx[:] = []\nif not ok:\n    book_table('b')\n", 7),
    (BOOK + WIPE + "ok = book_table('a')\nx = wipe(ok)\nif not ok:\n    book_table('b')\n", 9),
    (BOOK + WIPE + "ok = book_table('a')\nf = wipe\nf(ok)\nif not ok:\n    book_table('b')\n", 7),
    (BOOK + "ok = False\nfor r in options:\n    if not ok:\n        ok = book_table(r)\n    ok = False\n", 6),
    (BOOK + "done = False\nfor r in options:\n    if done:\n        done = book_table(r)\n    else:\n"
     "        book_table(r)\n", 8),
    (BOOK + "if book_table('a') == True:\n    x = 1\nelse:\n    book_table('b')\n", 6),
    (BOOK + "if 0 < book_table('a') < book_table('b'):\n    x = 1\n", 3),
    (BOOK + "x = book_table(book_table('a'))\n", 3),
    (BOOK + "x = {}\nx[reserve('a')] = reserve('b')\n", 4),
    (BOOK + "x = f'{book_table(1)} {book_table(2)}'\n", 3),
    (BOOK + "book_table('a') and book_table('b')\n", 3),
    (BOOK + "x = book_table('b') if book_table('a') else 0\n", 3),
    ("def f(rs):\n    if rs:\n        if reserve(rs[0]):\n            f(rs[1:])\nf(options)\n", 4),
    ("def f(rs):\n    if rs:\n        g(rs)\ndef g(rs):\n    reserve(rs[0]) or f(rs[1:])\nf(options)\n", 5),
    ("def reserve(x):\n    return x\nreserve('a')\nreserve('b')\n", None),
    ("reserve('a')\ndef reserve(x):\n    return x\nreserve('a')\n", 2),
    (BOOK + "def f(book_table):\n    return book_table(1)\nf(1)\n", 3),
    (BOOK + "book_table = 1\n", 3),
    (BOOK + "x = [book_table for book_table in users]\n", 3),
    ("def f(r):\n    ok = reserve(r)\n    ok = ok and 0\n    return ok\nf('a') or f('b')\n", 5),
    ("def f(r):\n    if reserve(r):\n        return r\nf('') or f('b')\n", 4),
    (FIRST + "for u in users:\n    book_first(options)\n", 6),
]  # fmt: skip


@pytest.mark.parametrize("source", ACCEPTED)
def test_at_most_one_success_is_accepted(source: str) -> None:
    assert check_space(parse(source), "affine", TOOLS) is None


@pytest.mark.parametrize(("source", "line"), REJECTED)
def test_a_possible_repeat_is_rejected_at_its_line(source: str, line: int | None) -> None:
    rejection = check_space(parse(source), "affine", TOOLS)
    if line is None:  # Its own function of that name is no tool, but a call of it could mean either.
        assert rejection is None or rejection.line == 1
        return
    assert rejection is not None
    assert rejection.line == line, str(rejection)
    assert str(rejection).startswith(f"line {line}: ")


def test_intricate_programs_are_rejected_soon() -> None:
    names = [f"v{i}" for i in range(24)]
    lines = [f"{' = '.join(names)} = reserve('a')"]
    for depth in range(20):
        lines.append("    " * depth + f"for r in options:  # {depth}"[:60])
        lines.append(
            "    " * (depth + 1)
            + f"if r:\n{'    ' * (depth + 2)}{names[depth % 24]} = {names[(depth + 7) % 24]} = r"
        )
    nest = "\n".join(lines) + "\nif not v3:\n    reserve('b')\n"
    chain = (
        "".join(f"def f{i}():\n    return f{i + 1}()\n" for i in range(600))
        + "def f600():\n    return reserve(1)\n"
    )
    started = time.perf_counter()
    for source in (nest, chain + "f0()\n"):
        rejection = check_space(parse(source, max_bytes=10**6), "affine", TOOLS)
        assert rejection is not None
        assert 1 <= rejection.line <= source.count("\n")
    assert time.perf_counter() - started < 5


def test_figure_1() -> None:
    functions = (
        "def ask_preference(u):\n    return message(u)\ndef identify_overlap(p):\n    return options\n"
    )
    first = functions + FIRST.replace("book_first", "book_table")
    assert check_space(parse(first + ALIGNED), "affine", TOOLS) is None
    assert check_space(parse(functions + BOOK + UNALIGNED), "affine", TOOLS) is not None


# A grammar of programs that book: enough of the language to hide a second booking in.

NAMES = st.sampled_from(["ok", "done", "r", "x"])
ATOMS = st.one_of(NAMES, st.sampled_from(["True", "False", "None", "'a'", "options", "[]"]))
CALLS = st.sampled_from(["reserve", "reserve", "book", "book", "first", "lie", "ask", "wipe"])
PREFIX = """\
ok = done = x = r = False
def ask(r):
    return message("Ana")
def wipe(x):
    if isinstance(x, list):
        x.clear()
    return x
"""


def _expressions() -> st.SearchStrategy[str]:
    calls = st.builds("{}({})".format, CALLS, ATOMS)
    return st.recursive(
        st.one_of(calls, NAMES, ATOMS),
        lambda inner: st.one_of(
            st.builds("not {}".format, inner).map(lambda text: f"({text})"),
            st.builds("({} and {})".format, inner, inner),
            st.builds("({} or {})".format, inner, inner),
            st.builds("({} if {} else {})".format, inner, inner, inner),
            st.builds("({} == {})".format, inner, st.sampled_from(["False", "True", "None", "0", "x"])),
            st.builds("bool({})".format, inner),
            st.builds("any({} for r in options)".format, inner),
            st.builds("all({} for r in options if {})".format, inner, inner),
            st.builds("[{} for r in options]".format, inner),
        ),
        max_leaves=4,
    )


EXPRESSIONS = _expressions()


def _indent(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _loop(body: list[str], guarded: list[str], after: list[str]) -> list[str]:
    return ["for r in options:", *_indent(body + guarded), *after]


def _guarded(test: str, body: list[str], leave: list[str]) -> list[str]:
    return [f"if {test}:", *_indent(body + leave)]


def _branch(test: str, body: list[str], other: list[str]) -> list[str]:
    return [f"if {test}:", *_indent(body), "else:", *_indent(other)]


def _one_line(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.builds(template.format, *parts).map(lambda line: [line])


def _blocks(returns: bool) -> st.SearchStrategy[list[str]]:
    others = ["ok = done", "x += 1", "x = wipe(ok)", "done = True", "x, ok = ok, x"]
    simple = [
        _one_line("{}", EXPRESSIONS),
        _one_line("{} = {}", NAMES, EXPRESSIONS),
        _one_line("{} = {} = {}", NAMES, NAMES, EXPRESSIONS),
        _one_line("{}", st.sampled_from(others)),
    ]
    if returns:
        simple.append(_one_line("return {}", EXPRESSIONS))

    def compound(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
        leave: st.SearchStrategy[list[str]] = st.sampled_from([[], [], ["break"], ["continue"]])
        nothing: st.SearchStrategy[list[str]] = st.just([])
        orelse = inner.map(lambda body: ["else:", *_indent(body)])
        guarded = st.builds(_guarded, EXPRESSIONS, inner, leave)
        return st.one_of(
            st.builds(_loop, inner, guarded, nothing | orelse),
            st.builds(_branch, EXPRESSIONS, inner, inner),
            st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        )

    return st.recursive(st.one_of(simple), compound, max_leaves=4)


@st.composite
def programs(draw: st.DrawFn) -> str:
    lines: list[str] = []
    for name in ("book", "first", "lie"):
        kind = draw(st.sampled_from(["faithful", "faithful", "loop", "any"]))
        lines.append(f"def {name}(r):")
        if kind == "faithful":
            lines += ["    return reserve(r)"]
        elif kind == "loop":
            lines += _indent(["for r in options:", "    if reserve(r):", "        return r or True"])
        else:
            lines += _indent(["ok = done = x = None", *draw(_blocks(returns=True))])
    lines += draw(_blocks(returns=False))
    return PREFIX + "\n".join(lines) + "\n"


def _repeats(trace: Sequence[Event]) -> bool:
    """Whether something irreversible came after a success of something irreversible."""
    results = [bool(event.result) for event in trace if event.effect is Effect.IRREVERSIBLE]
    return any(results[:-1])


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox, None, None]:
    with Sandbox() as shared:
        yield shared


COUNTS = {"generated": 0, "accepted and booking": 0, "attempts": 0}


def _search(sandbox: Sandbox, source: str) -> None:
    module = parse(source)
    COUNTS["generated"] += 1
    rejection = check_space(module, "affine", TOOLS)
    if rejection is not None:
        assert 1 <= rejection.line <= source.count("\n")
        return
    booked = 0
    for number in range(6):
        execution = sandbox.run(source, adversary(number), TOOLS)
        assert not _repeats(execution.trace), f"{source}\n{execution}"
        booked = max(booked, sum(event.tool == "reserve" for event in execution.trace))
    COUNTS["accepted and booking"] += booked > 0
    COUNTS["attempts"] += booked > 1


@pytest.mark.parametrize("examples", [80, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.long])])
def test_no_accepted_program_repeats_what_succeeded(sandbox: Sandbox, examples: int) -> None:
    COUNTS.update(dict.fromkeys(COUNTS, 0))
    unhurried = settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        database=None,
    )

    @seed(examples)
    @unhurried
    @given(programs())
    def search(source: str) -> None:
        _search(sandbox, source)

    search()
    # The search means something only where many accepted programs book, and some of them more than once.
    assert COUNTS["accepted and booking"] >= 0.05 * COUNTS["generated"], COUNTS
    assert COUNTS["attempts"] >= 0.02 * COUNTS["generated"], COUNTS
