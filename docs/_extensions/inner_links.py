"""Warns of every link within the built site that leads nowhere: no such file, or no such place in it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

_log = logging.getLogger(__name__)


class _Page(HTMLParser):
    """The places of a page, and where it points to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Of each element."""
        found = {name: value for name, value in attrs if value}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        self.links |= {found[name] for name in ("href", "src", "data") if name in found}


def broken(site: Path) -> Iterator[tuple[Path, str]]:
    """(page, link) of each link within a site that leads nowhere. Links to other sites are left alone."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    for path, page in sorted(pages.items()):
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            place = unquote(parts.fragment)
            if not target.exists() or (place and target in pages and place not in pages[target].places):
                yield path.relative_to(site), link


def _check(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.name != "html":
        return
    for page, link in broken(Path(app.outdir).resolve()):
        _log.warning("%s links to %s, which is not there", page, link, type="inner_links")


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls it."""
    app.connect("build-finished", _check, priority=900)  # once all has been written
    return {"parallel_read_safe": True, "parallel_write_safe": True}
