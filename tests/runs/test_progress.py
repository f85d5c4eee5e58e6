from __future__ import annotations

import io
import threading

import pytest

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


def test_a_log_gets_a_line_a_phase_and_one_in_ten_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    with LiveDisplay(stream, clock=clock) as display:
        for second in range(25):
            clock.now = float(second)
            display.listen(Progress("a", "train", second, 100, {"reward": second / 10}))
        clock.now = 25.5
        display.listen(Progress("a", "measure", 0, 0))
        display.listen(Progress("b", "train", 0, 5))
    lines = stream.getvalue().splitlines()
    assert lines == [
        "a: train  0/100  reward .00",
        "a: train  10/100  1.0/s  90 s left  reward 1.00",
        "a: train  20/100  1.0/s  80 s left  reward 2.00",
        "a: measure  reward 2.40",
        "b: train  0/5",
    ]


def test_figures_stay_until_a_bar_passes_on_to_something_else() -> None:
    stream = io.StringIO()
    with LiveDisplay(stream) as display:
        display.listen(Progress("a", "first: learns", 1, 2, {"test": 0.9}))
        display.listen(Progress("a", "first: done", 2, 2))
        display.listen(Progress("a", "second: starting", 0, 0, afresh=True))
        display.listen(Progress("a", "second: learns", 0, 2))
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
