"""Runs programs that nobody trusts, each against one episode of a world.

What the sandbox covers, each tested in `tests/composition/test_sandbox.py`:

- A program is parsed as the language of `language.py` first; what isn't in it never runs.
- It runs in another process (pydantic-monty), which has no files, no network, no imports, no clock and
  no objects of the host. It reaches the host only by calling tools, with plain data that is copied.
- Time, memory, recursion, the number of tool calls and the size of what they are given and return are
  bounded (`Limits`); a worker that dies or hangs is replaced.
- What it does is what Python 3.11 does, or it is refused; `docs/concepts/composition-spaces.md` lists what
  differs still.
- Whatever a program does, and whatever goes wrong in a tool, ends as the outcome of that run; what a tool
  raises that is no `Exception`, such as `KeyboardInterrupt`, goes on to the caller.
- Nothing is left over: each run has a fresh session, and neither what it defines nor what it does to a
  value it was given can be seen by the next run, by the episode or in the trace.

More than a hundred attempts to get out are in `tests/composition/fixture_escapes.py`, and
`docs/concepts/containment.md` says which promise each test holds.

What it doesn't cover: what the episode itself does, in the host's process, while a tool is called, and the
memory and time that takes; a flaw in Monty that lets a program out into its process, which
has the rights of the user. The limits of time are wall clock, so a busy machine can stop a slow program
that would else have ended; only the number of calls is deterministic.
"""

from __future__ import annotations

import functools
import os
import threading
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from partwise.composition.answer import kind_of
from partwise.composition.episode import Episode, ToolError
from partwise.composition.language import MAX_BYTES, CompositionError
from partwise.composition.plain import Copier, Unsuited
from partwise.composition.program import Program, prepare
from partwise.composition.streams import BUILTINS
from partwise.types import Effect, Event, Execution, Outcome, Tool, Unparsed

if TYPE_CHECKING:
    from pydantic_monty import (
        ExternalResult,
        FunctionSnapshot,
        Monty,
        MontyRuntimeError,
        MontySession,
        ResourceLimits,
    )

_MESSAGE_CHARACTERS = 300
"""Longest message; a program can put text of its own into an error."""
_HELPER_CALLS = 6
"""Calls of helpers that may lie between two calls of a program, which only its own count for."""
_GRACE_SECONDS = 1.0
"""How long past its time a worker may take to stop itself before it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use. Every limit is above 0."""

    seconds: float = 1.0
    """Wall clock, while the program itself runs; time spent in the world's tools does not count."""
    memory_bytes: int = 32 * 2**20
    """Heap of the program."""
    recursion: int = 100
    """Depth of function calls; up to six times as deep where a program hands functions over."""
    calls: int = 200
    """Tool calls. The one limit that is the same on every machine."""
    source_bytes: int = MAX_BYTES
    """Length of the program in bytes of UTF-8."""
    argument_size: int = 10_000
    """Values and characters in the arguments of one tool call together; a large integer counts its bytes."""
    data_size: int = 200_000
    """The same, in the arguments and results of all calls together; also in the inputs."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"`{name}` must be above 0, and is {getattr(self, name)!r}")


class Sandbox:
    """A pool of one worker process, started by the first run; one sandbox a process is the norm.

    Leave it by `with` or `close`, which end the worker. It may be pickled (the copy starts a worker of its
    own), so that it can be handed to a spawned process; in a forked process it refuses to run.
    """

    def __init__(self, *, pin: bool = True) -> None:
        """Start nothing yet.

        Args:
            pin: keep the worker, and the calling thread while a program runs, on one core (Linux only).
                The two take turns, and waking another core is what costs most of a short run.
        """
        self._pin = pin
        self._pool: Monty | None = None
        self._cpu: int | None = None
        self._process = 0
        self._lock = threading.Lock()
        self._running = set[int]()  # Threads that are in `run`.

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"pin": self._pin}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Sandbox.__init__(self, pin=state["pin"])

    def close(self) -> None:
        """End the worker process. A later run starts another one."""
        with self._lock:
            if self._pool is not None and self._process == os.getpid():
                self._pool.__exit__(None, None, None)
            self._pool = None

    def run(
        self, source: str, episode: Episode, tools: Mapping[str, Tool], limits: Limits | None = None
    ) -> Execution:
        """Run one program to its end, or to what stops it. Whatever the program does is in the result.

        Args:
            source: a solution's text; its names are the episode's inputs, the tools and what it defines.
            episode: a fresh start of the task's world; `ToolError` from it is a `ValueError` of the program.
                Any other error, and inputs or a result that are no plain data, are the world's fault: the
                program ends as `raised`, with a message that says so, and a RuntimeWarning says it too.
            tools: the world's tools by name. None may have the name of a builtin of the language.
            limits: `Limits()` where none are given.

        Raises:
            ValueError: a tool has the name of a builtin, which would be called in its place.
            RuntimeError: the process was forked after the sandbox had started, or a tool runs a program in
                the sandbox that called it.
        """
        limits = limits or Limits()
        if not BUILTINS.isdisjoint(tools):
            raise ValueError(
                f"the tool `{min(BUILTINS & tools.keys())}` has the name of a builtin; give it another one"
            )
        inputs = dict(episode.inputs)
        try:
            program = prepare(source, limits.source_bytes, frozenset([*tools, *inputs]))
        except CompositionError as error:
            kind = kind_of(error, source)
            return Execution(outcome=Outcome.UNPARSED, trace=(), message=_line(str(error)), unparsed=kind)
        thread = threading.get_ident()
        if thread in self._running:  # It would wait for its own worker, for good.
            raise RuntimeError("a tool can't run a program in the sandbox that called it")
        run = _Run(program, episode, tools, limits)
        self._running.add(thread)
        try:
            pool = self._started()
            with self._on_one_core():
                return run.execute(pool, inputs)
        finally:
            self._running.discard(thread)

    def _started(self) -> Monty:
        with self._lock:
            if self._pool is None:
                from pydantic_monty import Monty  # Takes a tenth of a second; only who runs anything waits.

                self._cpu = _current_cpu() if self._pin else None
                pool = Monty(max_processes=1, feed_duration_limit_grace=_GRACE_SECONDS)
                with self._on_one_core():  # The worker inherits the core.
                    self._pool = pool.__enter__()
                self._process = os.getpid()
            elif self._process != os.getpid():
                raise RuntimeError("the sandbox was forked with its worker; use the `spawn` start method")
            return self._pool

    @contextmanager
    def _on_one_core(self) -> Generator[None, None, None]:
        if self._cpu is None:
            yield
            return
        before = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {self._cpu})
        except OSError:  # Someone took the core away from this process.
            self._cpu = None
            yield
            return
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


def _current_cpu() -> int | None:
    """The core that this process last ran on; None where that can't be told or chosen."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    try:
        with open("/proc/thread-self/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[36])
    except (OSError, ValueError, IndexError):
        return None


@dataclass(slots=True)
class _Run:
    """One run of one program."""

    program: Program
    episode: Episode
    tools: Mapping[str, Tool]
    limits: Limits
    trace: list[Event] = field(default_factory=list[Event])
    calls: int = 0
    size: int = 0

    def execute(self, pool: Monty, inputs: dict[str, Any]) -> Execution:
        from pydantic_monty import MontyCrashedError, MontyRuntimeError, MontySyntaxError

        try:
            inputs = Copier(self.limits.data_size, shown=False).copy(inputs)
        except Exception as error:  # An object may do anything when it is looked at.
            what = "it" if isinstance(error, Unsuited) else f"{type(error).__name__}:"
            message = _line(f"the world's inputs are refused: {what} {_text(error)}")
            warnings.warn(message, RuntimeWarning, stacklevel=3)
            return self._end(Outcome.RAISED, message)
        resources: ResourceLimits = {
            "max_feed_duration_secs": self.limits.seconds,
            "max_memory": self.limits.memory_bytes,
            "max_recursion_depth": self.limits.recursion
            * (_HELPER_CALLS if self.program.helper_lines else 1),
            # The call too many is refused by us; each tool may be looked up once, to be handed over.
            "max_suspensions": self.limits.calls + 1 + len(self.tools),
        }
        try:
            with pool.checkout(limits=resources) as session:
                return self._drive(session, inputs)
        except MontyRuntimeError as error:
            return self._failed(error)
        except MontySyntaxError as error:
            ended = self._end(Outcome.UNPARSED, f"the sandbox can't run this program ({error})")
            return replace(ended, unparsed=Unparsed.LANGUAGE)
        except MontyCrashedError as error:
            return self._end(Outcome.TIMED_OUT, f"its process ended ({error})")

    def _drive(self, session: MontySession, inputs: dict[str, Any]) -> Execution:
        from pydantic_monty import FunctionSnapshot, MontyComplete, NameLookupSnapshot

        # A session that is left in the middle is thrown away with all that is in it.
        snapshot = session.feed_start(self.program.text, inputs=inputs)
        while not isinstance(snapshot, MontyComplete):
            line = self.program.line(snapshot.position.start)
            if isinstance(snapshot, FunctionSnapshot):
                self.calls += 1
                if self.calls > self.limits.calls:
                    message = f"line {line}: it made more than {self.limits.calls} tool calls"
                    return self._end(Outcome.TIMED_OUT, message)
                answer = self._answer(snapshot, line)
                if self.size > self.limits.data_size:
                    message = f"line {line}: its tool calls took more than {self.limits.data_size} values"
                    return self._end(Outcome.TIMED_OUT, message)
                snapshot = snapshot.resume(answer)
            elif isinstance(snapshot, NameLookupSnapshot):
                name = snapshot.variable_name
                if name not in self.tools or name in self.program.functions:
                    message = f"line {line}: NameError: name '{name}' is not defined"
                    return self._end(Outcome.RAISED, message)
                snapshot = snapshot.resume(value=_stand_in(name))
            else:
                return self._end(Outcome.RAISED, f"line {line}: it waits for something that can't happen")
        return self._end(Outcome.RAN, "")

    def _answer(self, snapshot: FunctionSnapshot, line: int) -> ExternalResult:
        """Perform a call in the world; what goes wrong is raised in the program, at the line of the call."""
        name = snapshot.function_name.removeprefix("<tool ").removesuffix(">")
        tool = self.tools.get(name)
        if snapshot.is_os_function or tool is None or name in self.program.functions:
            return {"exc_type": "NameError", "message": f"name '{name}' is not defined"}
        try:
            arguments = _bind(tool, snapshot.args, snapshot.kwargs)
            recorded = self._copied(arguments, self.limits.argument_size, shown=True)
        except Unsuited as error:
            return {"exc_type": "TypeError", "message": f"{name}() {error}"}
        try:
            result = self.episode.call(name, arguments)
            kept = self._copied(result, self.limits.data_size, shown=False)
        except ToolError as error:
            return {"exc_type": "ValueError", "message": _text(error)}
        except Unsuited as error:
            if self.size > self.limits.data_size:  # Which ends the run, and is no fault of the world.
                return {"return_value": None}
            return self._broken(tool, arguments, f"what it returned is refused: it {_text(error)}")
        except Exception as error:
            return self._broken(tool, arguments, f"{type(error).__name__}: {_text(error)}")
        event = Event(
            tool=name,
            effect=tool.effect,
            arguments=recorded,
            result=kept,
            line=line,
            caller=self.program.caller(line),
        )
        self.trace.append(event)
        if kept and tool.effect is Effect.IRREVERSIBLE and not (tool.takes_falsy or all(arguments[:1])):
            return self._broken(tool, arguments, "it succeeded, and says that it never does (`takes_falsy`)")
        return {"return_value": kept}  # What the trace shows, whatever has become of the world's own object.

    def _copied(self, value: Any, most: int, *, shown: bool) -> Any:
        """A copy of plain data; its size counts for the run."""
        copier = Copier(min(most, self.limits.data_size - self.size + 1), shown)
        try:
            return copier.copy(value)
        finally:
            self.size += copier.size

    def _broken(self, tool: Tool, arguments: tuple[Any, ...], what: str) -> ExternalResult:
        """The world's own fault ends this run and no other, but not without a word."""
        given = ", ".join(type(argument).__name__ for argument in arguments)
        message = _line(f"the world's tool `{tool.name}` failed when given ({given}): {what}")
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return {"exc_type": "RuntimeError", "message": message}

    def _failed(self, error: MontyRuntimeError) -> Execution:
        raised = error.exception()
        if isinstance(raised, TimeoutError):
            return self._end(Outcome.TIMED_OUT, f"it ran longer than {self.limits.seconds:g} s")
        if isinstance(raised, MemoryError):
            return self._end(
                Outcome.TIMED_OUT, f"it used more than {self.limits.memory_bytes} bytes of memory"
            )
        if isinstance(raised, RecursionError):
            return self._end(Outcome.TIMED_OUT, f"its calls nested more than {self.limits.recursion} deep")
        places = (self.program.frame_line(frame.line, frame.column) for frame in reversed(error.traceback()))
        line = next((place for place in places if place is not None), 1)
        if isinstance(raised, NotImplementedError) and "cannot suspend" in str(raised):
            message = "a tool can't be called from within `map`, `filter` or `key=`; use a comprehension"
            return self._end(Outcome.RAISED, f"line {line}: {message}")
        return self._end(Outcome.RAISED, f"line {line}: {type(raised).__name__}: {_text(raised)}")

    def _end(self, outcome: Outcome, message: str) -> Execution:
        return Execution(outcome=outcome, trace=tuple(self.trace), message=_line(message))


def _text(error: BaseException) -> str:
    """An error's message, as Monty can take it; not every error can be printed, nor wants to be."""
    try:
        return str(error)[:_MESSAGE_CHARACTERS].encode(errors="replace").decode()
    except Exception:
        return "(a value that can't be printed)"


def _line(message: str) -> str:
    """One line of printable text, so that no program writes lines or terminal codes into logs."""
    message = message[:_MESSAGE_CHARACTERS]
    if not message.isprintable():
        message = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in message)
    return message[:_MESSAGE_CHARACTERS]


@functools.cache
def _stand_in(name: str) -> Callable[[], None]:
    """What a program gets for a tool that it hands over: a function of that name, which Monty never runs."""

    def function() -> None:
        raise AssertionError

    function.__name__ = f"<tool {name}>"  # Monty hands it over as this text.
    return function


def _bind(tool: Tool, given: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
    """The arguments in the order of the tool's parameters."""
    values = dict(zip(tool.parameters, given, strict=False))
    if len(given) > len(tool.parameters) or values.keys() & named.keys():
        raise Unsuited(_wants(tool))
    values.update(named)
    if values.keys() != set(tool.parameters):
        raise Unsuited(_wants(tool))
    return tuple(values[parameter] for parameter in tool.parameters)


def _wants(tool: Tool) -> str:
    if not tool.parameters:
        return "takes no arguments"
    return f"takes exactly: {', '.join(tool.parameters)}"
