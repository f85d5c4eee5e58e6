"""A study's results as one page: the same sentences and tables in a terminal, in Markdown and in HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

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
class Page:
    """What a study found."""

    title: str
    sentences: Sequence[str]
    """What it says, most important first."""
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = field(default_factory=tuple)


def page_markdown(page: Page) -> str:
    """The page for `docs/results`, its pictures as files beside it."""
    lines = [f"# {page.title}", "", *(f"- {sentence}" for sentence in page.sentences), ""]
    for picture in page.pictures:
        lines += [f"![{picture.caption}]({picture.name}.svg)", "", f"*{picture.caption}*", ""]
    for table in page.tables:
        lines += [f"## {table.heading}", "", table.note, ""]
        lines.append(f"| {' | '.join(table.columns)} |")
        lines.append(f"|{'---|' * len(table.columns)}")
        lines += [f"| **{row[0]}** | {' | '.join(row[1:])} |" for row in table.rows]
        lines.append("")
    return "\n".join(lines)


def page_html(page: Page) -> str:
    """The page as one HTML file that needs no network."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    def coded(text: str) -> Markup:
        """Names between backticks, which Markdown has too, as code."""
        return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))

    environment = Environment(
        loader=PackageLoader("partwise.runs"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    # Our own drawings are the only text that goes in unescaped.
    environment.filters["drawing"] = lambda svg: Markup(svg[svg.index("<svg") :])  # pyright: ignore
    environment.filters["coded"] = coded
    return environment.get_template("page.html.j2").render(page=page)


def print_page(page: Page) -> None:
    """The page in a terminal or a log, without its pictures and the rows of its longest tables."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console(highlight=False)
    if console.width < 100 and not console.is_terminal:
        # A log has no width of its own; 80 columns would fold the intervals.
        console.width = 120
    for table in page.tables:
        if len(table.rows) > _SHOWN:
            console.print(f"[italic]{table.heading}[/italic]: {len(table.rows)} rows, in the report\n")
            continue
        shown = RichTable(title=table.heading, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for position, column in enumerate(table.columns):
            shown.add_column(column, style="bold" if not position else "")
        for row in table.rows:
            shown.add_row(*(cell.replace("−", "-") for cell in row))
        console.print(shown)
    for sentence in page.sentences:
        console.print(f"- {sentence.replace('−', '-')}", markup=False)
