"""No attempt of `fixture_escapes` and `fixture_escapes_world` succeeds, and the host is unharmed."""

from __future__ import annotations

import copy
import gc
import json
import os
import re
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from fixture_dinner import TOOLS, Dinner
from fixture_escapes import BY_PROGRAM, CANARY, CONTROLS, SECRET, VARIABLE, Attempt
from fixture_escapes_world import BY_INPUT, BY_RESULT

from partwise.composition import program, sandbox
from partwise.composition.language import CompositionError
from partwise.composition.program import Program
from partwise.composition.sandbox import Limits, Sandbox
from partwise.types import Effect, Event, Execution, Outcome, Tool

ATTEMPTS = [*BY_PROGRAM, *BY_RESULT, *BY_INPUT]
_PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "containment.md"
_HOST_MEMORY, _WORKER_MEMORY = 150 * 2**20, 400 * 2**20
"""How much one attempt may take for a moment, in bytes."""
_KEPT_MEMORY = 30 * 2**20
"""How much of it may still be taken afterwards."""
_GOOD = "x = message('Ana')\nfor r in x:\n    if reserve(r):\n        break\nnote([users, x, r])"
_GOOD_TRACE = [
    "line 1: message('Ana') -> ['Luna', 'Sol']",
    "line 3: reserve('Luna') -> True",
    "line 5: note([['Ana', 'Bo'], ['Luna', 'Sol'], 'Luna']) -> None",
]


@dataclass
class Watched(Dinner):
    """A dinner that hides something, and keeps a record of its own of all that it is asked."""

    attempt: Attempt | None = None
    path: str = ""
    hidden: str = SECRET
    notes: list[Any] = field(default_factory=list[Any])
    booked: list[Any] = field(default_factory=list[Any])
    asked: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list[tuple[str, tuple[Any, ...]]])

    @property
    def inputs(self) -> Mapping[str, Any]:
        given: Mapping[str, Any] = self.attempt.inputs() if self.attempt and self.attempt.inputs else {}
        return {**super().inputs, "path": self.path, **given}

    def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
        self.asked.append((tool, copy.deepcopy(arguments)))
        if self.attempt and self.attempt.result:
            return self.attempt.result()
        result = super().call(tool, arguments)
        if tool == "note":
            self.notes.append(copy.deepcopy(arguments[0]))
        if tool == "reserve":
            self.booked.append(arguments[0])
        return result


@dataclass
class Host:
    """What must be as it was after any attempt."""

    folder: Path

    def __post_init__(self) -> None:
        self.file.write_text(SECRET)
        self.before = self._state()

    @property
    def file(self) -> Path:
        return self.folder / "canary.txt"

    def _state(self) -> object:
        files = {path.name: path.read_text() for path in self.folder.iterdir()}
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        process = os.getcwd(), sys.getrecursionlimit(), threading.active_count(), len(_children())
        return files, variables, copy.deepcopy(CANARY), process

    def unharmed(self) -> bool:
        return self.before == self._state()


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(child) for child in file.read().split()]


def _memory(key: str, process: int | str = "self") -> int:
    """`VmRSS`, the memory that a process has, or `VmHWM`, the most that it had; in bytes."""
    found = re.search(rf"^{key}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _forget_peak(process: int | str = "self") -> None:
    Path(f"/proc/{process}/clear_refs").write_text("5")


@pytest.fixture(scope="module")
def shared() -> Generator[Sandbox, None, None]:
    with Sandbox() as one:
        assert one.run("x = 1", Dinner(), TOOLS).ran
        yield one


@pytest.fixture
def host(shared: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv(VARIABLE, SECRET)
    return Host(tmp_path)


def _plain(value: object) -> bool:
    """Whether it is plain data, of exactly these types."""
    if value is None or any(type(value) is kind for kind in (bool, int, float, str)):
        return True
    if any(type(value) is kind for kind in (list, tuple, set, frozenset)):
        return all(map(_plain, cast(list[object], value)))
    return type(value) is dict and all(map(_plain, [*value, *value.values()]))  # pyright: ignore


def _as_rows(execution: Execution) -> str:
    """An execution as a run's directory keeps it; raises where that can't be."""
    shown = [str(event) for event in execution.trace]
    assert all(line.isprintable() for line in (*shown, execution.message)), "codes or lines of its own"
    row = {"outcome": execution.outcome, "message": execution.message, "trace": shown}
    text = json.dumps(row, ensure_ascii=False)
    assert len(text.encode().decode().splitlines()) == 1 and json.loads(text) == row
    return text


def _is_what_was_asked(trace: tuple[Event, ...], world: Watched) -> None:
    """The trace is the world's own record, and nothing else has happened to the world."""
    remaining = iter(world.asked)
    for event in trace:
        assert _plain(event.arguments) and _plain(event.result)
        assert type(event) is Event and event.effect is TOOLS[event.tool].effect
        asked = repr((event.tool, event.arguments))
        assert any(repr(one) == asked for one in remaining), f"{event} is not in the world's record"
    if world.attempt and world.attempt.result:
        return  # What it refused to return is in its record alone.
    failed = [1 for tool, arguments in world.asked if tool == "message" and arguments[0] not in world.users]
    assert len(trace) == len(world.asked) - len(failed)
    assert repr(world.notes) == repr([event.arguments[0] for event in trace if event.tool == "note"])
    assert world.booked == [
        event.arguments[0] for event in trace if event.effect is Effect.IRREVERSIBLE and event.result
    ]


def _is_contained(
    attempt: Attempt, run: Callable[[Watched], Execution | None], host: Host, box: Sandbox
) -> Execution | None:
    """Make an attempt, and look at all that it must not have done."""
    world = Watched(attempt=attempt, path=str(host.file))
    untouched = copy.deepcopy((world.users, world.likes, world.outcomes, world.hidden))
    processes: list[int | str] = ["self", *_children()]
    for process in processes:
        _forget_peak(process)
    before, started = [_memory("VmRSS", process) for process in processes], time.process_time()
    execution = run(world)
    assert time.process_time() - started < 5, "it kept the host's processor busy"
    peaks = [_memory("VmHWM", process) for process in processes if Path(f"/proc/{process}").exists()]
    assert peaks[0] - before[0] < _HOST_MEMORY and max([0, *peaks[1:]]) < _WORKER_MEMORY
    assert _memory("VmRSS") - before[0] < _KEPT_MEMORY
    good = Watched(path=str(host.file))
    after = box.run(_GOOD, good, TOOLS, Limits(seconds=20))
    assert (after.outcome, [str(event) for event in after.trace]) == (Outcome.RAN, _GOOD_TRACE), after.message
    assert host.unharmed()
    assert untouched == (world.users, world.likes, world.outcomes, world.hidden)
    if execution is not None:
        assert SECRET not in _as_rows(execution)
        assert len(execution.message) <= 300
        _is_what_was_asked(execution.trace, world)
    return execution


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: f"{attempt.kind}: {attempt.id}")
def test_no_attempt_succeeds(
    attempt: Attempt, host: Host, shared: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(world: Watched) -> Execution | None:
        limits = Limits(**{"seconds": 20, **attempt.limits})
        if attempt.passes:
            with pytest.raises(attempt.passes):
                shared.run(attempt.source, world, TOOLS, limits)
            return None
        return shared.run(attempt.source, world, TOOLS, limits)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        execution = _is_contained(attempt, run, host, shared)
    assert [warning.category for warning in said] == [RuntimeWarning] * attempt.warns
    assert all(str(warning.message).isprintable() and SECRET not in str(warning.message) for warning in said)
    printed, errors = capfd.readouterr()
    assert printed == "" and SECRET not in errors
    if execution is None:
        return
    assert execution.outcome in attempt.ends, execution.message
    assert attempt.says in execution.message
    if execution.outcome is Outcome.UNPARSED:
        assert re.match(r"line \d+, column \d+: ", execution.message)
        assert execution.trace == ()
    if attempt.trace is not None:
        assert tuple(str(event) for event in execution.trace) == attempt.trace


@pytest.mark.parametrize(
    "attempt",
    [
        attempt
        for attempt in BY_PROGRAM
        if attempt.ends == (Outcome.UNPARSED,) and len(attempt.source) < 20_000
    ],
    ids=lambda attempt: f"{attempt.kind}: {attempt.id}",
)
def test_the_interpreter_alone_contains_it(
    attempt: Attempt, host: Host, shared: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, where the check of the language is taken away, so that all of it reaches Monty."""

    def unchecked(source: str, max_bytes: int, given: frozenset[str] | None = None) -> Program:
        source = source.encode(errors="replace").decode()
        starts = [0, *(found.end() for found in re.finditer(b"\n", source.encode()))]
        return Program(source, {}, starts, starts, range(1, len(starts) + 1), 0)

    def run(world: Watched) -> Execution:
        with monkeypatch.context() as patch:
            patch.setattr(sandbox, "prepare", unchecked)
            return shared.run(attempt.source, world, TOOLS, Limits(seconds=0.2))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _is_contained(attempt, run, host, shared)


_BY_EXEC = """
import contextlib, io, json, os, sys
import fixture_escapes
file, sources = sys.argv[1], json.load(sys.stdin)
reached = {}
for name, source in sources.items():
    said = []
    CANARY = dict(secret=fixture_escapes.SECRET)
    fixture_escapes.CANARY["secret"] = fixture_escapes.SECRET
    open(file, "w").write(fixture_escapes.SECRET)
    def note(text):
        said.append(str(text))
    def message(user):
        return ["Luna", "Sol"]
    scope = dict(note=note, message=message, reserve=note, users=["Ana"], options=["Luna"], path=file)
    with contextlib.suppress(Exception):
        exec(source, scope)
    reached[name] = fixture_escapes.SECRET in "".join(said) or open(file).read() != fixture_escapes.SECRET
print(json.dumps(reached))
"""


def test_the_attempts_are_real(tmp_path: Path) -> None:
    """Run by `exec` in a process that has the canaries, the harmless ones among them do reach one."""
    sources = {attempt.id: attempt.source for attempt in BY_PROGRAM if attempt.id in CONTROLS}
    assert sources.keys() == CONTROLS
    done = subprocess.run(
        [sys.executable, "-c", _BY_EXEC, str(tmp_path / "canary.txt")],
        input=json.dumps(sources),
        env={**os.environ, VARIABLE: SECRET, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    reached = json.loads(done.stdout)
    assert [name for name in sources if not reached[name]] == []


class _Leaking(Watched):
    """A world whose episodes are no more contained than it is itself."""

    def __init__(self, act: Callable[[Watched], Any], path: str) -> None:
        super().__init__(path=path)
        self.act = act

    def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
        result = super().call(tool, arguments)
        self.act(self)
        return result


_HARMS: list[Callable[[Watched], Any]] = [
    lambda world: Path(world.path).write_text("gone"),
    lambda world: Path(world.path + ".more").write_text("x"),
    lambda world: os.environ.update({VARIABLE: "gone"}),
    lambda world: CANARY["kept"].append(4),
    lambda world: world.users.append("Zoe"),
    lambda world: world.notes.append("x"),
    lambda world: world.booked.append("x"),
    lambda world: world.asked.pop(),
    lambda world: world.asked.append(("note", (1,))),
    lambda world: world.likes.append(SECRET),
]


@pytest.mark.parametrize("act", _HARMS)
def test_the_watch_sees_harm(act: Callable[[Watched], Any], host: Host, shared: Sandbox) -> None:
    """What `test_no_attempt_succeeds` asserts fails where a tool of the world itself does harm."""
    kept = list(CANARY["kept"])
    attempt = Attempt(id="", kind="", aim="", source="note(message('Ana'))", ends=())

    def run(world: Watched) -> Execution:
        harmful = _Leaking(act, world.path)
        execution = shared.run(attempt.source, harmful, TOOLS)
        for name in ("users", "likes", "notes", "booked", "asked"):
            setattr(world, name, getattr(harmful, name))
        return execution

    with pytest.raises(AssertionError):
        _is_contained(attempt, run, host, shared)
    CANARY["kept"][:] = kept


def test_a_tool_that_runs_a_program_where_it_was_called_from_is_told_so(shared: Sandbox) -> None:
    class Nested(Dinner):
        def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
            return shared.run("x = 1", Dinner(), TOOLS).outcome.value

    with pytest.warns(RuntimeWarning, match="in the sandbox that called it"):
        assert shared.run("message('Ana')", Nested(), TOOLS).outcome is Outcome.RAISED
    assert shared.run(_GOOD, Watched(), TOOLS).ran


class _Moving:
    """A tool whose world changes a result after it was recorded and before it is handed over."""

    name, parameters, takes_falsy = "message", ("user",), True

    def __init__(self, result: list[Any]) -> None:
        self.result = result

    @property
    def effect(self) -> Effect:
        self.result[:] = ["other"]
        return Effect.READ


def test_a_program_sees_what_the_trace_shows(shared: Sandbox) -> None:
    world = Dinner()
    tools = {**TOOLS, "message": cast(Tool, _Moving(world.likes))}
    execution = shared.run("note(message('Ana'))", world, tools)
    assert [str(event) for event in execution.trace] == [
        "line 1: message('Ana') -> ['Luna', 'Sol']",
        "line 1: note(['Luna', 'Sol']) -> None",
    ]


@pytest.mark.parametrize("end", ["z.q", "z += y", ""], ids=["refused", "rewritten", "as it is"])
@pytest.mark.parametrize(
    ("lines", "most"),
    [(480, 400 * 2**20), pytest.param(4000, 100 * 2**20, marks=pytest.mark.slow)],
    ids=["short", "long"],
)
def test_what_is_remembered_of_programs_is_bounded(lines: int, most: int, end: str) -> None:
    remembered = program._prepare if lines == 480 else program._prepare_long  # pyright: ignore
    remembered.cache_clear()
    kept: list[int] = []
    tracemalloc.start()
    try:
        for n in range(3):
            try:
                program.prepare(f"x{n} = 1\n" + "y=1\n" * lines + end, 20_000, frozenset())
            except CompositionError:
                assert end == "z.q"
            gc.collect()
            kept.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert remembered.cache_info().currsize == 3
    assert (kept[-1] - kept[0]) / 2 * (remembered.cache_info().maxsize or 0) < most


def test_the_page_counts_the_attempts() -> None:
    rows = re.findall(r"^\| ([a-z][^|]*?) \| (\d+) \|", _PAGE.read_text(), re.MULTILINE)
    counts = Counter(attempt.kind for attempt in ATTEMPTS)
    assert {kind: int(count) for kind, count in rows} == counts
    assert f"**{len(ATTEMPTS)} attempts**" in _PAGE.read_text()


def test_the_page_names_tests_that_are_there() -> None:
    text = _PAGE.read_text()
    for file, name in re.findall(r"`(test_\w+\.py)::(\w+)`", text):
        assert f"def {name}(" in (Path(__file__).parent / file).read_text(), f"{file} has no {name}"


def test_attempts_are_distinct() -> None:
    assert len({(attempt.kind, attempt.id) for attempt in ATTEMPTS}) == len(ATTEMPTS) >= 100
    programs = [attempt.source for attempt in BY_PROGRAM]
    assert len(set(programs)) == len(programs)
