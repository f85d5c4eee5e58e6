"""No text of a user's is markup, control or mathematics, wherever it is shown."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.report.drawing import drawing, svg_of
from partwise.report.html import page_html
from partwise.report.page import Page, Table, page_markdown, print_page
from partwise.runs.progress import LiveDisplay, Progress
from partwise.runs.text import shown, terminal

NAMES = [
    "./lm[v2]",
    "x[/y]",
    "[bold red]x[/]",
    "a\\[b]",
    "end\\",
    ":smile: :warning:",
    "{task.completed}",
    "$x^2$ $",
    "<b>&amp;</b>",
    "50%",
    "李雷 \U0001f469\u200d\U0001f52c",
]
STEERING = {"a\nb": "a\\nb", "\x1b[31mred": "\\x1b[31mred", "a\u202eb": "a\\u202eb", "\x00\x9b": "\\x00\\x9b"}
ALL = [*((name, name) for name in NAMES), *STEERING.items()]


@given(st.text())
def test_shown_text_is_one_line_and_steers_nothing(text: str) -> None:
    found = shown(text)
    assert len(found.splitlines()) <= 1 and not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", found)
    assert shown(found) == found
    if text.isprintable():
        assert found == text


def page(name: str) -> Page:
    table = Table(heading=f"of {name}", note="", columns=["model", name], rows=[[name, "1"]])
    long = Table(heading=f"long {name}", note="", columns=["model"], rows=[[name]] * 40)
    return Page(title=name, sentences=[f"{name} is shown."], tables=[table, long])


@pytest.mark.parametrize(("name", "expected"), ALL)
def test_pages(name: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_page(page(name))
    said = capsys.readouterr().out
    assert said.count(expected) >= 5 and "\x1b" not in said
    markdown = page_markdown(page(name))
    assert f"# {expected}\n" in markdown and "\x1b" not in markdown
    html = page_html(page(name))
    assert "<b>&amp;" not in html and "\x1b" not in html


def test_a_bar_within_a_cell_divides_no_cell() -> None:
    row = next(line for line in page_markdown(page("a|b")).splitlines() if line.startswith("| **"))
    assert row == "| **a\\|b** | 1 |"


@pytest.mark.parametrize(("name", "expected"), ALL)
def test_progress(name: str, expected: str) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream in (io.StringIO(), Screen()):
        with LiveDisplay(stream) as display:
            display.start(name)
            display.listen(Progress(name, f"learns from {name}", 1, 2))
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
        assert expected in plain


@pytest.mark.parametrize("columns", ["1", "5", "80"])
@pytest.mark.parametrize("term", ["dumb", "unknown", "", "no-such-terminal"])
def test_any_terminal(columns: str, term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", term)
    print_page(page("[x]"))
    with LiveDisplay() as display:
        display.listen(Progress("[x]", "y", 1, 2))
    assert terminal().width >= 1


def test_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    for name in (*NAMES, "$\\frac{"):
        with drawing():
            canvas = Figure()
            canvas.subplots().set_title(name)
            svg = svg_of(canvas)
        ElementTree.fromstring(svg)


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_progress_goes_on_without_whoever_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    for display in (LiveDisplay(Gone()), LiveDisplay()):
        with display:
            display.start("loading")
            for done in range(3):
                display.listen(Progress("a", f"phase {done}", done, 3))
