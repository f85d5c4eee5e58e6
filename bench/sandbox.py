"""Programs a second: our sandbox, plain `exec`, and smolagents' LocalPythonExecutor, on the same programs.

    PYTHONPATH=src python bench/sandbox.py --repeats 15

`exec` contains nothing and is the upper bound. Every contender compiles, runs against a fresh episode and
answers the same tool calls; the repeats are interleaved, and the table gives medians.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from partwise.composition.language import _passed  # pyright: ignore[reportPrivateUsage]
from partwise.composition.program import _prepare  # pyright: ignore[reportPrivateUsage]
from partwise.composition.sandbox import Sandbox
from partwise.types import Effect, Tool

FUNCTIONS = """\
def ask_preference(user):
    return message(user)
def identify_overlap(prefs):
    common = []
    for r in prefs[users[0]]:
        if all([r in prefs[u] for u in users]):
            common.append(r)
    return common
"""
PROGRAMS = {
    "Figure 1, aligned": FUNCTIONS
    + """\
def book_table(restaurants):
    for r in restaurants:
        if reserve(r):
            return r
prefs = {}
for u in users:
    prefs[u] = ask_preference(u)
r = identify_overlap(prefs)
book_table(r)
""",
    "Figure 1, unaligned": FUNCTIONS
    + """\
def book_table(restaurant):
    return reserve(restaurant)
bookings = {}
for u in users:
    prefs = ask_preference(u)
    for r in prefs:
        book_table(r)
""",
    "a loop without tools": "x = 0\nfor i in range(200):\n    x = x + i * i\n",
}
TOOLS: Mapping[str, Tool] = {
    "message": Tool(name="message", parameters=("user",), effect=Effect.READ, doc="Asks."),
    "reserve": Tool(name="reserve", parameters=("restaurant",), effect=Effect.IRREVERSIBLE, doc="Books."),
}


@dataclass
class Dinner:
    """Four guests; the first table is full."""

    calls: int = 0
    inputs: Mapping[str, Any] = field(default_factory=lambda: {"users": ["Ana", "Bo", "Cy", "Di"]})

    def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
        self.calls += 1
        return ["Luna", "Sol"] if tool == "message" else arguments[0] == "Sol"


Runner = Callable[[str, Dinner], None]


def _functions(episode: Dinner) -> dict[str, Callable[[Any], Any]]:
    def function(tool: str) -> Callable[[Any], Any]:
        return lambda value: episode.call(tool, (value,))

    return {tool: function(tool) for tool in TOOLS}


def run_exec(source: str, episode: Dinner) -> None:
    exec(compile(source, "program", "exec"), {**episode.inputs, **_functions(episode)})


def sandbox_runner(sandbox: Sandbox, *, remember: bool) -> Runner:
    def run(source: str, episode: Dinner) -> None:
        if not remember:
            _prepare.cache_clear()
            _passed.clear()
        execution = sandbox.run(source, episode, TOOLS)
        if not execution.ran:
            raise RuntimeError(execution.message)

    return run


def smolagents_runner() -> Runner | None:
    try:
        module: Any = importlib.import_module("smolagents.local_python_executor")
    except ImportError:
        return None

    def run(source: str, episode: Dinner) -> None:
        executor = module.LocalPythonExecutor(additional_authorized_imports=[])
        executor.send_tools(_functions(episode))
        executor.send_variables(dict(episode.inputs))
        executor(source)

    return run


def measure(run: Runner, source: str, seconds: float) -> tuple[float, int]:
    """Programs a second, and tool calls a program."""
    count, calls, started = 0, 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        episode = Dinner()
        run(source, episode)
        count, calls = count + 1, episode.calls
    return count / (time.perf_counter() - started), calls


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.2, help="a repeat, for each program and contender")
    given = parser.parse_args()
    smolagents = smolagents_runner()
    with Sandbox() as pinned, Sandbox(pin=False) as loose:
        runners: dict[str, Runner] = {
            "partwise": sandbox_runner(pinned, remember=True),
            "partwise, parsed anew": sandbox_runner(pinned, remember=False),
            "partwise, not pinned": sandbox_runner(loose, remember=True),
            "exec": run_exec,
        }
        if smolagents:
            runners["smolagents"] = smolagents
        rates: dict[tuple[str, str], list[float]] = {}
        calls: dict[tuple[str, str], int] = {}
        for repeat in range(given.repeats + 1):
            for title, source in PROGRAMS.items():
                for name, run in runners.items():
                    rate, calls[title, name] = measure(run, source, given.seconds)
                    if repeat:  # The first round warms up.
                        rates.setdefault((title, name), []).append(rate)
    report(rates, calls, list(runners))
    if not smolagents:
        print("\nsmolagents is not installed here: `pip install smolagents` adds it to the table.")


def report(
    rates: Mapping[tuple[str, str], list[float]], calls: Mapping[tuple[str, str], int], names: list[str]
) -> None:
    print(
        "| program | tool calls | "
        + " | ".join(f"{name} (1/s)" for name in names)
        + " | ratios of partwise |"
    )
    print("|---" * (len(names) + 3) + "|")
    for title in PROGRAMS:
        if len({calls[title, name] for name in names}) > 1:
            raise RuntimeError(f"the contenders disagree on {title}: {calls}")
        median = {name: statistics.median(rates[title, name]) for name in names}
        ratios = [
            f"{median['partwise'] / median[name]:.2g} x {name}"
            for name in ("exec", "smolagents")
            if name in median
        ]
        cells = " | ".join(f"{median[name]:,.0f}" for name in names)
        print(f"| {title} | {calls[title, 'exec']} | {cells} | {', '.join(ratios)} |")


if __name__ == "__main__":
    main()
