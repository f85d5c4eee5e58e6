"""Each claim of the sandbox's docstring, against the real one."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import time
from collections.abc import Generator
from typing import Any

import pytest
from fixture_dinner import ALIGNED, TOOLS, UNALIGNED, Dinner

from partwise.composition.sandbox import Limits, Sandbox
from partwise.types import Effect, Execution, Outcome, Tool

FUNCTIONS = """\
def ask_preference(user):
    return message(user)
def identify_overlap(prefs):
    return [r for r in prefs[users[0]] if all(r in p for p in prefs.values())]
def book_table(restaurants):
    for r in restaurants:
        if reserve(r):
            return r
"""


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox, None, None]:
    with Sandbox() as shared:
        yield shared


def run(sandbox: Sandbox, source: str, episode: Dinner | None = None, **limits: Any) -> Execution:
    return sandbox.run(source, episode or Dinner(), TOOLS, Limits(**limits))


def test_figure_1_aligned(sandbox: Sandbox) -> None:
    execution = run(sandbox, FUNCTIONS + ALIGNED, Dinner(outcomes=[False]))
    assert execution == Execution(outcome=Outcome.RAN, trace=execution.trace)
    assert [str(event) for event in execution.trace] == [
        "line 2, ask_preference: message('Ana') -> ['Luna', 'Sol']",
        "line 2, ask_preference: message('Bo') -> ['Luna', 'Sol']",
        "line 7, book_table: reserve('Luna') -> False",
        "line 7, book_table: reserve('Sol') -> True",
    ]
    assert execution.trace[2].effect is Effect.IRREVERSIBLE


def test_figure_1_unaligned(sandbox: Sandbox) -> None:
    functions = FUNCTIONS.replace("for r in restaurants", "for r in [restaurants]")
    execution = run(sandbox, functions + UNALIGNED)
    assert execution.outcome is Outcome.RAISED  # `prefs` is a list at its end, as in the paper's figure.
    assert [event.tool for event in execution.trace].count("reserve") == 4


def test_events_at_the_top_level_and_keywords(sandbox: Sandbox) -> None:
    execution = run(sandbox, "x = 'é'\nx = [\n    search(limit=3, word=x),\n]\nsearch(x, limit=[1, (2,)])")
    assert [str(event) for event in execution.trace] == [
        "line 3: search('é', 3) -> {'word': 'é', 'found': [1, 2, 3]}",
        "line 5: search([{'word': 'é', 'found': [1, 2, 3]}], [1, (2,)]) -> {'word': ["
        "{'word': 'é', 'found': [1, 2, 3]}], 'found': [1, 2, 3]}",
    ]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = {}\nx['Ana']", "line 2: KeyError: 'Ana'"),
        ("x = 1\n\nx = 1 / 0", "line 3: ZeroDivisionError: division by zero"),
        ("def f(u):\n    return message(u)\nf('Zoe')", "line 2: ValueError: no guest is called 'Zoe'"),
        ("x = nothing", "line 1: NameError: name 'nothing' is not defined"),
        ("nothing(1)", "line 1: NameError: name 'nothing' is not defined"),
        ("f(1)\ndef f(x):\n    return x", "line 1: NameError: name 'f' is not defined"),
        ("message(1)\ndef message(x):\n    return x", "line 1: NameError: name 'message' is not defined"),
        ("message('Ana', 'Bo')", "line 1: TypeError: message() takes exactly: user"),
        ("message(who='Ana')", "line 1: TypeError: message() takes exactly: user"),
        ("message()", "line 1: TypeError: message() takes exactly: user"),
        ("search('a', word='b')", "line 1: TypeError: search() takes exactly: word, limit"),
        ("x = list(map(message, ['Zoe']))", "line 1: ValueError: no guest is called 'Zoe'"),
        ("message(len)", "line 1: TypeError: message() takes and returns plain data, and not a function"),
        ("note('a' * 20000)", "line 1: TypeError: note() takes less at once"),
        ("note([0] * 20000)", "line 1: TypeError: note() takes less at once"),
        ("note(10 ** 4000)", "line 1: TypeError: note() takes no number of that size"),
        ("x = 2\nx += 'a'", "line 2: TypeError: unsupported operand type(s) for +"),
        ("x = [1]\nfor i, y in enumerate(x,\n    'a'):\n    pass", "line 2: TypeError: 'str' object"),
        ("x = any(y for y in\n    5)", "line 1: TypeError: 'int' object is not iterable"),
        ("x = 1\nx = any(y\n    for y in users if\n    nothing)", "line 4: NameError: name 'nothing'"),
    ],
)
def test_what_goes_wrong_is_raised_at_its_line(sandbox: Sandbox, source: str, message: str) -> None:
    execution = run(sandbox, source)
    assert execution.outcome is Outcome.RAISED
    assert execution.message.startswith(message)
    assert execution.trace == ()


def test_the_trace_before_an_error_is_kept(sandbox: Sandbox) -> None:
    execution = run(sandbox, "message('Ana')\nmessage('Zoe')")
    assert (execution.outcome, len(execution.trace)) == (Outcome.RAISED, 1)


@pytest.mark.parametrize(
    "source",
    [
        "x = ().__class__.__bases__",
        "x = users.__class__()",
        "x = '{0.__class__}'.format(users)",
        "x = '{u.__class__}'.format_map({'u': users})",
        "eval('1')",
        "exec('x = 1')",
        "open('/etc/passwd')",
        "import os",
        "x = __builtins__",
        "x = getattr(users, 'clear')",
        "x = globals()",
        "[" * 10_000_000,
        "while True:\n    pass",
        "\x00",
        "x = '" + "a" * 20_000 + "'",
    ],
    ids=lambda source: source[:20],
)
def test_what_is_no_program_never_runs(sandbox: Sandbox, source: str) -> None:
    execution = run(sandbox, source)
    assert (execution.outcome, execution.trace) == (Outcome.UNPARSED, ())
    assert "column" in execution.message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("for i in range(10 ** 12):\n    pass", "it ran longer than 0.2 s"),
        ("x = sum(range(10 ** 12))", "it ran longer than 0.2 s"),
        ("x = sum(1 for i in range(10 ** 12))", "it "),
        ("x = any(i < 0 for i in range(10 ** 12))", "it ran longer than 0.2 s"),
        ("x = [0] * 10 ** 9", "memory"),
        ("x = 'a' * 10 ** 9", "memory"),
        ("x = 9 ** 9 ** 9", "memory"),
        ("x = f'{1:>999999999}'", "it "),
        ("x = '%999999999d' % 1", "it "),
        ("x = 'a'.replace('', 'b' * 10 ** 7).replace('b', 'c' * 10 ** 7)", "it "),
        ("x = [1]\nfor i in range(100):\n    x = x + x", "it "),
        ("x = [1]\nfor i in x:\n    x.append(i)", "it "),
        ("def f(n):\n    return f(n + 1)\nf(0)", "its calls nested more than 100 deep"),
        (
            "def f(n):\n    return g(n)\ndef g(n):\n    return [f(n)]\nf(0)",
            "its calls nested more than 100 deep",
        ),
        ("for i in range(1000):\n    message('Ana')", "line 2: it made more than 200 tool calls"),
    ],
)
def test_every_limit_holds(sandbox: Sandbox, source: str, message: str) -> None:
    started = time.perf_counter()
    execution = run(sandbox, source, seconds=0.2)
    assert (execution.outcome, message in execution.message) == (Outcome.TIMED_OUT, True), execution.message
    assert time.perf_counter() - started < 5
    assert len(execution.trace) <= 200
    assert run(sandbox, "message('Ana')").ran


@pytest.mark.parametrize(
    "source",
    [
        "x = '0' * 10 ** 6\nx = int(x)",
        "x = [[]]\nfor i in range(9999):\n    x = [x]\nnote(x)",
        "x = []\nx.append(x)\nnote(x)",
    ],
)
def test_odd_values_end_in_some_outcome(sandbox: Sandbox, source: str) -> None:
    assert run(sandbox, source, seconds=0.5).outcome in (Outcome.RAN, Outcome.RAISED, Outcome.TIMED_OUT)
    assert run(sandbox, "message('Ana')").ran


def test_the_number_of_calls_is_exact(sandbox: Sandbox) -> None:
    source = "for i in range(7):\n    message('Ana')"
    assert run(sandbox, source, calls=7).ran
    stopped = run(sandbox, source, calls=6)
    assert (stopped.outcome, len(stopped.trace)) == (Outcome.TIMED_OUT, 6)


def test_time_in_the_tools_does_not_count(sandbox: Sandbox) -> None:
    class Slow(Dinner):
        def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
            time.sleep(0.15)
            return super().call(tool, arguments)

    assert run(sandbox, "message('Ana')\nmessage('Bo')", Slow(), seconds=0.2).ran


def test_a_program_changes_neither_the_host_nor_the_trace(sandbox: Sandbox) -> None:
    episode = Dinner()
    source = "x = message('Ana')\nx.clear()\nusers.clear()\noptions.append(x)\ny = [1]\nnote(y)\ny.append(2)"
    execution = run(sandbox, source, episode)
    assert execution.ran
    assert (episode.users, episode.likes, execution.trace[0].result) == (
        ["Ana", "Bo"],
        ["Luna", "Sol"],
        ["Luna", "Sol"],
    )
    assert execution.trace[1].arguments == ([1],)
    episode.likes.clear()
    assert execution.trace[0].result == ["Luna", "Sol"]


def test_an_episode_changes_no_trace_through_its_arguments(sandbox: Sandbox) -> None:
    class Greedy(Dinner):
        def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
            arguments[0].clear()

    assert run(sandbox, "note([1])", Greedy()).trace[0].arguments == ([1],)


@pytest.mark.parametrize(
    "first", ["secret = 1\ndef f():\n    return 1", "secret = 1\nfor i in range(10**12):\n    pass"]
)
def test_nothing_is_left_for_the_next_run(sandbox: Sandbox, first: str) -> None:
    run(sandbox, first, seconds=0.1)
    assert run(sandbox, "x = secret").message == "line 1: NameError: name 'secret' is not defined"
    assert run(sandbox, "f()").message == "line 1: NameError: name 'f' is not defined"


def test_functions_and_tools_can_be_handed_over(sandbox: Sandbox) -> None:
    source = """\
def rate(r):
    return len(search(r, 1))
note(list(map(message, users)))
note([h(u)[0] for h in [message] for u in users])
options.sort(key=rate)
for r in filter(reserve, options):
    break
"""
    execution = run(sandbox, source, Dinner(outcomes=[False, True]))
    assert execution.message == ""
    assert [(event.tool, event.line, event.caller) for event in execution.trace] == [
        *[("message", 3, "")] * 2,
        ("note", 3, ""),
        *[("message", 4, "")] * 2,
        ("note", 4, ""),
        *[("search", 2, "rate")] * 3,
        *[("reserve", 6, "")] * 2,
    ]


def test_a_byte_order_mark_is_taken_off(sandbox: Sandbox) -> None:
    execution = run(sandbox, "\ufeffx = 'é'\nnote(x)\nnote(any(y for y in x))")
    assert [event.line for event in execution.trace] == [2, 3]
    assert run(sandbox, "x = 1\n\ufeff").outcome is Outcome.UNPARSED


def test_any_and_all_stop_early_as_in_python(sandbox: Sandbox) -> None:
    source = """\
def first(options, wanted):
    return any(reserve(r) for r in options if r in wanted)
x = first(options, ["Sol", "Mar"])
if x == True:
    y = all(not reserve(r) and r
            for r in options)
z = [any(a == b and note([a, b]) == None for a in users for b in users) for c in "xy"]
if y == False and z == [True, True] and any(u == "Bo" for u in users):
    note(f"{any(u for u in users)}")
"""
    execution = run(sandbox, source)
    assert execution.message == ""
    assert [(event.tool, event.arguments[0], event.line, event.caller) for event in execution.trace] == [
        ("reserve", "Sol", 2, "first"),
        ("reserve", "Luna", 5, ""),
        ("note", ["Ana", "Ana"], 7, ""),
        ("note", ["Ana", "Ana"], 7, ""),
        ("note", "True", 9, ""),
    ]


def test_a_dead_worker_is_replaced() -> None:
    with Sandbox() as sandbox:
        before = set(_children())
        assert run(sandbox, "x = 1").ran
        mine = set(_children()) - before

        class Killer(Dinner):
            def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
                for worker in mine:
                    os.kill(worker, signal.SIGKILL)
                return True

        execution = run(sandbox, "message('Ana')", Killer())
        assert (execution.outcome, "its process ended" in execution.message) == (Outcome.TIMED_OUT, True)
        assert run(sandbox, "message('Ana')").ran


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(child) for child in file.read().split()]


def _spawned(sandbox: Sandbox) -> bool:
    with sandbox:
        return run(sandbox, "message('Ana')").ran


def test_a_sandbox_goes_to_a_spawned_process_but_not_a_forked_one(sandbox: Sandbox) -> None:
    assert run(sandbox, "x = 1").ran
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_spawned, (sandbox,))
    sandbox._process, mine = -1, sandbox._process  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(RuntimeError, match="spawn"):
        run(sandbox, "x = 1")
    sandbox._process = mine  # pyright: ignore[reportPrivateUsage]


def test_a_closed_sandbox_starts_again_and_leaves_the_cores_alone() -> None:
    cores = os.sched_getaffinity(0)
    for pin in (True, False):
        sandbox = pickle.loads(pickle.dumps(Sandbox(pin=pin)))
        for _ in range(2):
            assert run(sandbox, "message('Ana')").ran
            sandbox.close()
    assert os.sched_getaffinity(0) == cores


def test_tools_and_limits_are_checked(sandbox: Sandbox) -> None:
    tool = Tool(name="sum", parameters=(), effect=Effect.PURE, doc="Adds.")
    with pytest.raises(ValueError, match="`sum` has the name of a builtin"):
        sandbox.run("x = 1", Dinner(), {"sum": tool})
    with pytest.raises(ValueError, match="`seconds` must be above 0"):
        Limits(seconds=0)
