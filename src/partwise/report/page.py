"""A study's results as one page: the same in a terminal, in Markdown and, by `html`, in HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from partwise.runs.rundir import RESULTS, RunDir
from partwise.runs.text import shown, terminal

_SHOWN = 30
"""Rows of a table that a terminal is given; whoever wants more looks at the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text under headings; the first column names the row."""

    heading: str
    note: str
    """What the figures are, for a reader who has not read the study's docs."""
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A drawing that stands alone."""

    name: str
    """Its file's name, without `.svg`."""
    caption: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two texts that are compared."""

    caption: str
    text: str
    """Code as a rule, on lines of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two texts beside each other."""

    heading: str
    one: Side
    other: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a study found."""

    title: str
    sentences: Sequence[str]
    """What it says, most important first."""
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = field(default_factory=tuple)
    comparisons: Sequence[Comparison] = ()
    """Not shown in a terminal."""


def plain_page(page: Page) -> Page:
    """The page with all its text on single lines, without characters that steer a reader."""
    return replace(
        page,
        title=shown(page.title),
        sentences=[shown(sentence) for sentence in page.sentences],
        tables=[_plain_table(table) for table in page.tables],
        comparisons=[
            replace(
                each,
                heading=shown(each.heading),
                one=_plain_side(each.one),
                other=_plain_side(each.other),
            )
            for each in page.comparisons
        ],
    )


def _plain_side(side: Side) -> Side:
    lines = side.text.splitlines()
    return Side(caption=shown(side.caption), text="\n".join(shown(line) for line in lines))


def _plain_table(table: Table) -> Table:
    return replace(
        table,
        heading=shown(table.heading),
        columns=[shown(column) for column in table.columns],
        rows=[[shown(cell) for cell in row] for row in table.rows],
    )


def page_markdown(page: Page) -> str:
    """The page for `docs/results`, its pictures as files beside it."""
    page = plain_page(page)
    lines = [f"# {page.title}", "", *(f"- {sentence}" for sentence in page.sentences), ""]
    for picture in page.pictures:
        lines += [f"![{picture.caption}]({picture.name}.svg)", "", f"*{picture.caption}*", ""]
    for table in page.tables:
        lines += [f"## {table.heading}", "", table.note, ""]
        rows = [[cell.replace("|", "\\|") for cell in row] for row in (table.columns, *table.rows)]
        lines.append(f"| {' | '.join(rows[0])} |")
        lines.append(f"|{'---|' * len(rows[0])}")
        lines += [f"| **{row[0]}** | {' | '.join(row[1:])} |" for row in rows[1:]]
        lines.append("")
    for each in page.comparisons:
        lines += [f"## {each.heading}", ""]
        for side in (each.one, each.other):
            lines += [f"{side.caption}:", "", *(f"    {line}" for line in side.text.splitlines()), ""]
    return "\n".join(lines)


def write_results(directory: RunDir, results: Mapping[str, Any], page: Page) -> None:
    """What a study found: `results.json`, and its page as a table and pictures.

    Raises:
        RunError: the disk is full.
    """
    directory.write_text("table.md", page_markdown(page))
    for picture in page.pictures:
        directory.write_text(f"{picture.name}.svg", picture.svg)
    directory.write_json(RESULTS, results)  # last: a study that has it is finished


def print_page(page: Page) -> None:
    """The page in a terminal or a log, without its pictures and the rows of its longest tables."""
    for table in page.tables:
        print_table(table)
    console = terminal(log_width=120)
    for sentence in plain_page(page).sentences:
        console.print(f"- {sentence.replace('−', '-')}")


def print_table(table: Table) -> None:
    """A table in a terminal or a log; of a long one that it is there."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    table, console = _plain_table(table), terminal(log_width=120)
    if len(table.rows) > _SHOWN:
        heading = Text(table.heading, style="italic")
        console.print(heading.append(f": {len(table.rows)} rows, in the report\n", style="not italic"))
        return
    drawn = RichTable(title=table.heading, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for position, column in enumerate(table.columns):
        drawn.add_column(column, style="bold" if not position else "")
    for row in table.rows:
        drawn.add_row(*(cell.replace("−", "-") for cell in row))
    console.print(drawn)
