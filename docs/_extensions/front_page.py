"""The front page is a list of all pages; the navigation and llms.txt are made from it.

A line `- [Title](page.md): what it is` below a heading becomes an entry of the navigation under that heading,
and a line of `llms.txt` (https://llmstxt.org). A comment `<!-- pages: folder/* -->` stands for all pages of a
folder; where there are none, its section is left out. Sphinx itself warns of a page that the list forgets.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

_LINE = re.compile(r"^- \[(?P<title>[^\]]+)\]\((?P<page>[^)]+)\.md\): .+$", re.MULTILINE)
_FOLDER = re.compile(r"^<!-- pages: (?P<pattern>\S+) -->$", re.MULTILINE)


def _sections(text: str, pages: set[str]) -> list[str]:
    """The page up to its first heading, then each section; none whose folder is empty."""
    return [
        section
        for section in re.split(r"(?m)^(?=## )", text)
        if not (folder := _FOLDER.search(section)) or _matching(folder["pattern"], pages)
    ]


def _matching(pattern: str, pages: set[str]) -> list[str]:
    return sorted(page for page in pages if fnmatch(page, pattern))


def _add_navigation(app: Sphinx, page: str, source: list[str]) -> None:
    if page != app.config.root_doc:
        return
    grown: list[str] = []
    for section in _sections(source[0], app.env.found_docs):
        caption = section.split("\n", 1)[0].removeprefix("## ")
        entries = [f"{line['title']} <{line['page']}>" for line in _LINE.finditer(section)]
        if folder := _FOLDER.search(section):
            shown = f"```{{toctree}}\n:caption: {caption}\n:glob:\n:maxdepth: 1\n\n{folder['pattern']}\n```\n"
            section = _FOLDER.sub(lambda _, shown=shown: shown, section)
        elif entries:
            listed = "\n".join(entries)
            section += f"\n```{{toctree}}\n:caption: {caption}\n:hidden:\n:maxdepth: 1\n\n{listed}\n```\n\n"
        grown.append(section)
    source[0] = "".join(grown)


def _line(app: Sphinx, page: str) -> str:
    """What `llms.txt` says of a page that is found by its folder: its title and its first sentence."""
    text = next((each.astext() for each in app.env.get_doctree(page).findall(nodes.paragraph)), "")
    first = re.split(r"(?<=[.:])\s", " ".join(text.split()))[0]
    return f"- [{app.env.titles[page].astext()}]({page}.html): {first}"


def _write_llms(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.name != "html":
        return
    pages = app.env.found_docs
    text = "".join(_sections(Path(app.env.doc2path(app.config.root_doc)).read_text(encoding="utf-8"), pages))
    text = _FOLDER.sub(
        lambda folder: "\n".join(_line(app, page) for page in _matching(folder["pattern"], pages)), text
    )
    text = _LINE.sub(lambda line: line[0].replace(f"{line['page']}.md)", f"{line['page']}.html)", 1), text)
    Path(app.outdir, "llms.txt").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls it."""
    app.connect("source-read", _add_navigation)
    app.connect("build-finished", _write_llms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
