"""Progress from Python: a callback wins, a notebook and a terminal get bars, anybody else nothing."""

from __future__ import annotations

import io
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from partwise.runs.progress import LiveDisplay, Progress
from partwise.runs.watched import NotebookBars, in_notebook, watched


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Handle:
    """What IPython's `display` returns."""

    def __init__(self) -> None:
        self.drawn: list[tuple[str, str]] = []

    def update(self, shown: Any) -> None:
        self.drawn.append((repr(shown), shown._repr_html_()))

    def display(self, shown: Any) -> Handle:
        self.update(shown)
        return self


def tell(listen: Any) -> None:
    listen(Progress("align", "round 1 of 2", 3, 10, {"reward": 1.5}))


def test_a_callback_is_told_and_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    told: list[Progress] = []
    with watched(told.append) as listen:
        tell(listen)
    assert [progress.done for progress in told] == [3] and sys.stderr.getvalue() == ""  # type: ignore


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_a_script_that_nobody_watches_is_silent(
    stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with watched(None) as listen:
        tell(listen)
    assert capsys.readouterr().out == "" and (stream is None or stream.getvalue() == "")


def test_a_terminal_gets_bars_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with watched(None) as listen:
        tell(listen)
    assert "round 1 of 2" in stream.getvalue() and capsys.readouterr().out == ""


@pytest.mark.parametrize(("shell", "kernel"), [(None, False), (SimpleNamespace(), False), ("kernel", True)])
def test_a_notebook_is_told_by_its_kernel(shell: Any, kernel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    ipython = ModuleType("IPython")
    shell = SimpleNamespace(kernel=object()) if shell == "kernel" else shell
    vars(ipython)["get_ipython"] = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert in_notebook() is kernel
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()


def test_a_notebooks_bars_are_one_output_that_is_drawn_again() -> None:
    handle, now = Handle(), [0.0]
    with LiveDisplay(view=NotebookBars(handle.display), clock=lambda: now[0], beat=None) as display:
        display.start("loading")
        assert handle.drawn == []
        for step in range(100):
            now[0] = step / 100
            display.listen(Progress("seed-0/<b>", "round 1 of 2", step, 100, {"reward": 1.5}))
        display.listen(Progress("seed-1", "loading", 0, 0))
    assert len(handle.drawn) == 3, "at once, after half a second, and at the end"
    text, drawn = handle.drawn[-1]
    assert text.splitlines() == [
        "seed-0/<b>  round 1 of 2  99/100  100.0/s  0 s left  reward 1.50",
        "seed-1  loading",
    ]
    assert "seed-0/&lt;b&gt;" in drawn and '<progress max="100" value="99">' in drawn
    assert drawn.count("<progress") == 1 and drawn.count("<tr>") == 2


def test_a_notebook_whose_run_was_finished_is_shown_nothing() -> None:
    handle = Handle()
    with LiveDisplay(view=NotebookBars(handle.display), beat=None):
        pass
    assert handle.drawn == []
