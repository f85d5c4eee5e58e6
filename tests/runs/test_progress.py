from __future__ import annotations

import io
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.runs.progress import LiveDisplay, Progress, format_figures, ignore, short_number


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.42, ".42"),
        (1.31, "1.31"),
        (-0.05, "-.05"),
        (0, ".00"),
        (-0.001, ".00"),
        (10.0, "10.00"),
        (0.999, "1.00"),
    ],
)
def test_short_number(value: float, text: str) -> None:
    assert short_number(value) == text


def test_figures() -> None:
    text = format_figures({"aligned-and-correct": 0.42, "reward": 1.31})
    assert text == "aligned-and-correct .42  reward 1.31"


def test_a_log_gets_the_first_line_at_once_then_one_in_ten_seconds_and_the_last_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    with LiveDisplay(stream, clock=clock, beat=None) as display:
        for second in range(25):
            clock.now = float(second)
            display.listen(Progress("a", "train", second, 100, {"reward": second / 10}))
            display.listen(Progress("c", f"phase {second}", 1, 2))
        clock.now = 25.5
        display.listen(Progress("a", "measure", 0, 0))
        display.listen(Progress("b", "train", 0, 5))
    lines = stream.getvalue().splitlines()
    assert lines == [
        "a: train  0/100  reward .00",
        "c: phase 9  1/2  1.0/s  1 s left; a: train  10/100  1.0/s  90 s left  reward 1.00",
        "c: phase 19  1/2  1.0/s  1 s left; a: train  20/100  1.0/s  80 s left  reward 2.00",
        "c: phase 24  1/2  0.7/s  2 s left; a: measure  reward 2.40; b: train  0/5",
    ]


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=60))
def test_lines_of_a_log_are_ten_seconds_apart_however_much_goes_on(events: list[tuple[float, int, int]]):
    """Up to the last one, which is said when all is over, and says where every run has come to."""

    class Stamped(io.StringIO):
        def write(self, text: str) -> int:
            if text.strip():
                said.append((clock.now, text))
            return len(text)

    said, clock, last = list[tuple[float, str]](), Clock(), dict[str, str]()
    with LiveDisplay(Stamped(), clock=clock, beat=None) as display:
        for after, run, phase in events:
            clock.now += after
            display.listen(Progress(f"run {run}", f"phase {phase}", 0, 0))
            last[f"run {run}"] = f"phase {phase}"
    times = [at for at, _ in said]
    assert times[0] == events[0][0] and times[-1] <= clock.now
    assert all(b - a >= 10 for a, b in pairwise(times[:-1]))
    if len(last) <= 8:
        run = f"run {events[-1][1]}"
        assert f"{run}: {last[run]}" in said[-1][1].split("; ")


def test_what_is_told_last_before_a_silence_is_said_as_well() -> None:
    stream, clock = io.StringIO(), Clock()
    with LiveDisplay(stream, clock=clock, beat=None) as display:
        display.start("loading")
        for clock.now in (1.0, 4.0):
            display.listen(Progress("a", "waiting for people", 0, 20))
        for clock.now in (9.9, 10.0, 30.0):
            display.tick()
        assert stream.getvalue().splitlines() == ["loading ...", "a: waiting for people  0/20"]
    assert stream.getvalue().count("\n") == 2, "what was said is not said again at the end"


def test_a_thread_looks_whether_a_line_is_due() -> None:
    said, clock = threading.Event(), Clock()

    class Waited(io.StringIO):
        def write(self, text: str) -> int:
            if "waiting" in text:
                said.set()
            return len(text)

    with LiveDisplay(Waited(), clock=clock, beat=0.001) as display:
        display.start("loading")
        display.listen(Progress("a", "waiting for people", 0, 20))
        assert not said.is_set()
        clock.now = 10.0
        assert said.wait(60)


def test_what_is_said_ahead_waits_for_the_first_progress() -> None:
    stream = io.StringIO()
    with LiveDisplay(stream, beat=None) as display:
        display.start("loading")
        display.say_ahead("The plan: [a] - b.")
        assert stream.getvalue() == "loading ...\n"
        for done in (0, 1):
            display.listen(Progress("a", "train", done, 2))
    assert stream.getvalue().startswith("loading ...\nThe plan: [a] - b.\na: train  1/2")


def test_figures_stay_until_a_bar_passes_on_to_something_else() -> None:
    stream, clock = io.StringIO(), Clock()
    with LiveDisplay(stream, clock=clock, beat=None) as display:
        for progress in (
            Progress("a", "first: learns", 1, 2, {"test": 0.9}),
            Progress("a", "first: done", 2, 2),
            Progress("a", "second: starting", 0, 0, afresh=True),
            Progress("a", "second: learns", 0, 2),
        ):
            display.listen(progress)
            clock.now += 10
    assert [line.endswith("test .90") for line in stream.getvalue().splitlines()] == [
        True,
        True,
        False,
        False,
    ]


def test_a_terminal_gets_bars() -> None:
    stream = Terminal()
    with LiveDisplay(stream) as display:
        display.start("loading")
        display.listen(Progress("seed-0/[parts]", "round 1 of 8", 3, 10, {"aligned-and-correct": 0.42}))
        display.listen(Progress("seed-0/[parts]", "round 2 of 8", 0, 10, {"reward": 1.31}))
        display.listen(Progress("seed-0/floor", "pretraining", 4, 0))
    text = stream.getvalue()
    assert "seed-0/[parts]" in text
    assert "round 2 of 8" in text
    assert "aligned-and-correct .42" in text
    assert "loading" in text


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_many_threads_may_listen(stream: io.StringIO) -> None:
    failures: list[BaseException] = []

    def work(name: str, display: LiveDisplay) -> None:
        try:
            for i in range(100):
                display.listen(Progress(name, f"phase {i % 3}", i, 100, {"x": float(i)}))
        except BaseException as error:
            failures.append(error)

    with LiveDisplay(stream) as display:
        threads = [threading.Thread(target=work, args=(f"run-{k}", display)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    assert "run-5" in stream.getvalue()


def test_ignore() -> None:
    ignore(Progress("a", "b", 0, 0))
