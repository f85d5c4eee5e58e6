"""A page in a terminal, in Markdown and in HTML says the same; a terminal is spared long tables."""

import pytest

from partwise.report.html import page_html
from partwise.report.page import Comparison, Page, Side, Table, page_markdown, print_page


def table(heading: str, rows: int) -> Table:
    return Table(
        heading=heading,
        note="What it is.",
        columns=["row", "figure"],
        rows=[[f"{heading} {row}", "−.25"] for row in range(rows)],
    )


def test_a_long_table_is_named_in_a_terminal_and_whole_elsewhere(capsys: pytest.CaptureFixture[str]):
    page = Page(title="A study", sentences=["It says <this>."], tables=[table("few", 2), table("many", 90)])
    print_page(page)
    shown = capsys.readouterr().out
    assert "few 1" in shown and "-.25" in shown and "It says <this>." in shown
    assert "many 5" not in shown and "many: 90 rows, in the report" in shown
    assert "many 89" in page_markdown(page) and "many 89" in page_html(page)
    assert "It says &lt;this&gt;." in page_html(page)


def test_names_between_backticks_are_code_in_html_and_nothing_else_is_markup():
    page = Page(title="A study", sentences=["`a <b>` is a judge, `and this is not."])
    assert "<code>a &lt;b&gt;</code> is a judge, `and this is not." in page_html(page)
    assert "`a <b>` is a judge" in page_markdown(page)


def test_texts_that_are_compared_stand_side_by_side_as_what_they_are(capsys: pytest.CaptureFixture[str]):
    one = Side(caption="before: `harm`", text="for x in likes:\n    book(x) </code>\x1b[31m\n\n# end")
    page = Page(
        title="A study",
        sentences=[],
        comparisons=[
            Comparison(heading="First | of `two`", one=one, other=Side(caption="after: none", text=""))
        ],
    )
    html, text = page_html(page), page_markdown(page)
    assert "<h2" in html and html.count('<div class="columns">') == 1
    assert "before: <code>harm</code>" in html and "after: none" in html
    assert html.count("</code></pre>") == 2 and "\x1b" not in html
    assert "\n    for x in likes:\n        book(x) </code>\\x1b[31m\n    \n    # end\n" in text
    print_page(page)
    assert "likes" not in capsys.readouterr().out
