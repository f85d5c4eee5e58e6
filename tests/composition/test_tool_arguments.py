"""Nothing that a program hands to a tool crashes the host, in the sandbox or in what reads the trace."""

from __future__ import annotations

import random
import re
import resource
import sys
import time
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from fixture_dinner import TOOLS, Dinner

from partwise.composition.episode import ToolError
from partwise.composition.sandbox import Limits, Sandbox
from partwise.composition.summary import summarise
from partwise.measure.oracle import ValueOracle
from partwise.types import Execution, Outcome, Split
from partwise.worlds.base import World
from partwise.worlds.registry import load_world

_OWN_WORLD = Path(__file__).parents[2] / "docs" / "how-to" / "own-world.md"
_SIMPLE = (
    *("None", "True", "False", "0", "-1", "7", "2.5", "-0.0", "float('nan')", "float('-inf')", "2 ** 4095"),
    *(
        "2 ** 63",
        "2 ** 4096",
        "10 ** 3000",
        "-(2 ** 5000)",
        "''",
        "'Ana'",
        "'é\\u200b\\U0001f600'",
        "'\\0\\n'",
        "'a' * 5000",
    ),
    *(
        "'a' * 20000",
        "[]",
        "()",
        "{}",
        "set()",
        "frozenset()",
        "users",
        "items",
        "friend",
        "users[0]",
        "f",
        "len",
    ),
    *(
        "str",
        "range(3)",
        "range(0)",
        "{1: 2}.keys()",
        "{1: 2}.items()",
        "{}.values()",
        "reserve",
        "ask",
        "'...'",
    ),
    *(
        "list(range(9000))",
        "[[]] * 9000",
        "[2 ** 4095] * 9000",
        "[2 ** 4000 + i for i in range(50)]",
        "'Luna'",
    ),
    *(
        "[c for c in 'abcdefghijklmnopqrstuvwxyz' * 190]",
        "deep",
        "deeper",
        "shared",
        "itself",
        "[itself]",
        "loop",
    ),
)
_START = """\
def f(x):
    return x
deep, deeper, shared, itself, loop = [], {}, [1], [], {}
itself.append(itself)
loop['a'] = (1, loop)
for i in range(40):
    deep = [deep]
    shared = [shared, shared]
for i in range(150):
    deeper = {'a': (deeper,)}
"""


def expression(rng: random.Random, depth: int = 0) -> str:
    """An expression of any type, nested at most a few times."""
    if depth > 3 or rng.random() < 0.4:
        return rng.choice(_SIMPLE)
    one, two = expression(rng, depth + 1), expression(rng, depth + 1)
    key = rng.choice(("'a'", "1", "(1, 'b')", "None", "2.5", "frozenset({1})", one))
    forms = (
        "[{0}, {1}]",
        "({0}, {1})",
        "({0},)",
        "{{{2}: {0}, 'z': {1}}}",
        "[{0}]",
        "{{{2}}}",
        "frozenset([{2}])",
    )
    return rng.choice(forms).format(one, two, key)


def calls(world: World, seed: int) -> str:
    """A program that calls tools of the world with anything."""
    rng = random.Random(seed)
    lines: list[str] = []
    for _ in range(rng.choice((1, 1, 2, 5))):
        tool = rng.choice(list(world.tools.values()))
        lines.append(f"{tool.name}({', '.join(expression(rng) for _ in tool.parameters)})\n")
        if "items" in lines[-1] or "friend" in lines[-1] or "users" in lines[-1]:
            missing = {"items", "friend", "users"} - world.task(Split.TRAIN, 0).inputs.keys()
            lines[-1] = re.sub(rf"\b({'|'.join(missing)})\b(?!\()", "None", lines[-1])
    return _START + "".join(lines)


def gone_through(sandbox: Sandbox, world: World, source: str) -> Execution:
    """Run a program, and let everything that reads a trace read it."""
    task = world.task(Split.TRAIN, 0)
    execution = sandbox.run(source, world.episode(task), world.tools)
    text = summarise(execution.trace, world.tools, task.inputs)
    world.verify(task, execution.trace)
    world.summary_option(task, execution.trace, text)
    oracle = ValueOracle(world, world.values)
    oracle.aligned(task, execution.trace)
    assert all(str(event) for event in execution.trace)
    return execution


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox, None, None]:
    with Sandbox() as shared:
        yield shared


@pytest.fixture(scope="module")
def gift(tmp_path_factory: pytest.TempPathFactory) -> Generator[World, None, None]:
    """The world that the documentation shows."""
    folder = tmp_path_factory.mktemp("worlds")
    pattern = r"^<!-- file: (gift_world/\S+) -->\n```python\n(.*?)^```"
    for name, text in re.findall(pattern, _OWN_WORLD.read_text(), re.MULTILINE | re.DOTALL):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    sys.path.insert(0, str(folder))
    for name in [name for name in sys.modules if name.startswith("gift_world")]:
        del sys.modules[name]  # Another test's copy.
    from gift_world import GiftWorld  # pyright: ignore

    yield GiftWorld()  # pyright: ignore
    sys.path.remove(str(folder))


def fuzz(sandbox: Sandbox, world: World, seeds: range) -> dict[Outcome, int]:
    found = dict.fromkeys(Outcome, 0)
    made, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # An error of the world itself would be one.
        for seed in seeds:
            source, started = calls(world, seed), time.process_time()
            execution = gone_through(sandbox, world, source)
            assert time.process_time() - started < 2, source
            found[execution.outcome] += 1
            made += source.count("\n") - _START.count("\n")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 2**10  # In KiB.
    assert made >= len(seeds)
    return found


@pytest.mark.parametrize("name", ["dinner", "gift"])
def test_any_argument_ends_in_an_outcome(name: str, sandbox: Sandbox, request: pytest.FixtureRequest) -> None:
    world = load_world(name) if name == "dinner" else request.getfixturevalue("gift")
    found = fuzz(sandbox, world, range(200))
    assert found[Outcome.RAN] > 1
    assert found[Outcome.RAISED] > 100


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", ["dinner", "gift"])
def test_many_arguments_end_in_an_outcome(
    name: str, sandbox: Sandbox, request: pytest.FixtureRequest
) -> None:
    world = load_world(name) if name == "dinner" else request.getfixturevalue("gift")
    found = fuzz(sandbox, world, range(10_000, 20_000))
    assert set(found) == {*Outcome}
    assert found[Outcome.RAN] > 50


@pytest.mark.parametrize(
    ("argument", "what"),
    [
        ("f", "takes and returns plain data, and not a function"),
        ("[len]", "takes and returns plain data, and not a function"),
        ("message", "takes and returns plain data, and not a function"),
        ("str", "takes and returns plain data, and not a type"),
        ("range(3)", "takes and returns plain data, and not a range"),
        ("(range(2, 9, -1),)", "takes and returns plain data, and not a range"),
        ("{1: 'a)'}.keys()", "takes and returns plain data, and not a view of a dict"),
        ("{'x': {1: 2}.items()}", "takes and returns plain data, and not a view of a dict"),
        ("itself", "takes and returns plain data, and not data that contains itself"),
        ("loop", "takes and returns plain data, and not data that contains itself"),
        ("deeper", "takes and returns plain data, and not data nested more than 50 deep"),
        ("shared", "takes less at once"),
        ("2 ** 4096", "takes no number of that size"),
        ("[2 ** 4095] * 20", "takes less at once"),
        ("'a' * 10000", "takes less at once"),
    ],
)
def test_what_is_no_plain_data_is_refused(sandbox: Sandbox, argument: str, what: str) -> None:
    execution = sandbox.run(f"{_START}note({argument})", Dinner(), TOOLS)
    line = _START.count("\n") + 1
    assert execution.message == f"line {line}: TypeError: note() {what}"
    assert (execution.outcome, execution.trace) == (Outcome.RAISED, ())


def test_plain_data_arrives_as_it_is(sandbox: Sandbox) -> None:
    values = [
        None,
        True,
        -1,
        2**4095,
        2.5,
        "é\0…",
        "range",
        "...",
        "(...",
        [1, (2,)],
        {"a": {1: 2}},
        {1, 2},
        frozenset({3}),
    ]
    execution = sandbox.run("for v in given:\n    note(v)", _With(values), TOOLS)
    assert [event.arguments[0] for event in execution.trace] == values
    assert [type(event.arguments[0]) for event in execution.trace] == [type(value) for value in values]


class _With(Dinner):
    """A dinner with another input."""

    def __init__(self, given: Any) -> None:
        super().__init__()
        self.given = given

    @property
    def inputs(self) -> dict[str, Any]:
        return {"given": self.given}


def test_what_tools_are_given_and_return_is_bounded_for_the_whole_run(sandbox: Sandbox) -> None:
    source = "x = 'a' * 9000\nfor i in range(100):\n    note(x)"
    execution = sandbox.run(source, Dinner(), TOOLS)
    assert (execution.outcome, len(execution.trace)) == (Outcome.TIMED_OUT, 22)
    assert execution.message == "line 3: its tool calls took more than 200000 values"

    class Generous(Dinner):
        def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
            return ["Luna"] * 1000

    execution = sandbox.run("for i in range(100):\n    note(i)", Generous(), TOOLS, Limits(data_size=20_000))
    assert (execution.outcome, len(execution.trace)) == (Outcome.TIMED_OUT, 3)


@pytest.mark.parametrize(
    ("result", "what"),
    [
        (ZeroDivisionError("oops"), "ZeroDivisionError: oops"),
        (RecursionError(), "RecursionError: "),
        (ValueError("\ud800"), "ValueError: ?"),
        (KeyError(10**5000), "KeyError: (a value that can't be printed)"),
        (object(), "what it returned is refused: it takes and returns plain data, and not object"),
        (range(3), "what it returned is refused: it takes and returns plain data, and not range"),
        ([b"x"], "what it returned is refused: it takes and returns plain data, and not bytes"),
        (2**5000, "what it returned is refused: it takes no number of that size"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_of_the_world_ends_one_run_and_is_said_aloud(
    sandbox: Sandbox, result: Any, what: str
) -> None:
    class Broken(Dinner):
        def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
            if isinstance(result, Exception):
                raise result
            return result

    with pytest.warns(RuntimeWarning, match="the world's tool `search` failed when given"):
        execution = sandbox.run("x = 1\nsearch('a', [2])", Broken(), TOOLS)
    said = f"line 2: RuntimeError: the world's tool `search` failed when given (str, list): {what}"
    assert (execution.outcome, execution.message, execution.trace) == (Outcome.RAISED, said, ())
    assert sandbox.run("message('Ana')", Dinner(), TOOLS).ran


def test_what_a_tool_says_need_not_be_short_or_valid_text(sandbox: Sandbox) -> None:
    class Loud(Dinner):
        def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
            raise ToolError("\ud800" + "x" * 10**6)

    execution = sandbox.run("message('Ana')", Loud(), TOOLS)
    assert execution.message.startswith("line 1: ValueError: ?xxx")
    assert len(execution.message) == 300


def test_a_tool_may_return_any_text(sandbox: Sandbox) -> None:
    class Texts(Dinner):
        def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
            return "[...]" if tool == "message" else None

    assert sandbox.run("x = message('Ana')\nnote([x + '.'])", Texts(), TOOLS).ran


def test_an_interrupt_in_a_tool_is_no_error_of_the_world(sandbox: Sandbox) -> None:
    class Interrupted(Dinner):
        def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sandbox.run("message('Ana')", Interrupted(), TOOLS)
    assert sandbox.run("message('Ana')", Dinner(), TOOLS).ran


@pytest.mark.parametrize(
    "source",
    [
        "x = {}\nx[10 ** 4400]",
        "x = int('9' * 5000)",
        "x = str(2 ** 20000)",
        "x = f'{2 ** 20000}'",
        "x = '%d' % 2 ** 20000",
        "x = 10 ** 10 ** 10",
        "x = 1 << 10 ** 9",
        "x = f\"{'a':>{10 ** 9}}\"",
        "x = 'ab' * 10 ** 12",
        "x = sorted(range(10 ** 8), key=str)",
        "x = list(map(str, range(10 ** 9)))",
        "x = any(map(str, range(10 ** 9))) and all(zip(range(10 ** 12), range(10 ** 12)))",
        "x = [1]\nx.extend(map(str, x))",
        "x = [1]\nx.extend(zip(x))",
        "def f(n):\n    return [f(n) for i in [1]]\nsorted([2, 1], key=f)",
        "x = []\nx.append(x)\nx = f'{x}'\nnote(x)",
        "x = []\nx.append(x)\ny = []\ny.append(y)\nnote(x == y)",
        "x = []\nfor i in range(9999):\n    x = [x]\nnote(x == x)\nnote(str(x))",
        "x = {}\nx['a' * 10 ** 6]",
        "x = [0]\nx[10 ** 30]",
    ],
)
def test_what_costs_much_ends_in_an_outcome(sandbox: Sandbox, source: str) -> None:
    started = time.process_time()
    execution = sandbox.run(source, Dinner(), TOOLS, Limits(seconds=0.3))
    assert execution.outcome in (Outcome.RAN, Outcome.RAISED, Outcome.TIMED_OUT)
    assert len(execution.message) <= 300
    assert time.process_time() - started < 2
    assert sandbox.run("message('Ana')", Dinner(), TOOLS).ran
