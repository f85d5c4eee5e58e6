"""The site that `make docs` makes: built without a warning, with every page and setting, and no dead link."""

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from sphinx.util.inventory import InventoryFile

import partwise
from partwise.config import AlignConfig
from partwise.runs.reference import settings
from partwise.studies.registry import RUNS, STUDIES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXTENSIONS = DOCS / "_extensions"


def pages() -> set[str]:
    found = [*DOCS.rglob("*.md"), *(DOCS / "tutorials").glob("*.ipynb")]
    names = [str(page.relative_to(DOCS).with_suffix("")) for page in found]
    return {name for name in names if not name.startswith(("_build", "tutorials/runs"))}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, made by the Makefile's own options."""
    (options,) = re.findall(
        r"-m sphinx (.*) docs/_build/html$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    out = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, "-m", "sphinx", *options.split(), str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return out


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    return __import__


def test_the_front_page_lists_every_page_once():
    listed = re.findall(r"^- \[[^\]]+\]\(([^)]+)\.md\): .*\.$", (DOCS / "index.md").read_text(), re.MULTILINE)
    found = {page for page in pages() if not page.startswith("tutorials/")} - {"index"}
    assert set(listed) == found and len(listed) == len(found)


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, extension):
    inner_links: ModuleType = extension("inner_links")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "index.html").write_text('<p id="here">x</p><a href="../a.html#gone">a</a>')
    (tmp_path / "a.html").write_text(
        '<a href="b/">b</a><a href="b/index.html#here">b</a><a href="#top" id="top">a</a><a href="https://x.org/#y">x</a>'
        '<img src="missing%20one.svg"><a href="b/index.html#there">b</a>'
    )
    assert [(str(page), link) for page, link in inner_links.broken(tmp_path)] == [
        ("a.html", "b/index.html#there"),
        ("a.html", "missing%20one.svg"),
        ("b/index.html", "../a.html#gone"),
    ]


@pytest.mark.slow
def test_the_site_is_made_without_a_warning_and_is_whole(site: Path):
    """One test, since it takes half a minute to make it."""
    assert all((site / f"{page}.html").exists() for page in pages())
    lines = (site / "llms.txt").read_text().splitlines()
    assert lines[0] == "# Partwise" and lines[2].startswith("> ")
    linked = re.findall(r"^- \[[^\]]+\]\(([^)]+)\.html\): .+$", "\n".join(lines), re.MULTILINE)
    assert set(linked) == pages() - {"index"} and len(linked) == len(set(linked))

    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda *parts: "/".join(parts))
    names = {name for kind in inventory.values() for name in kind}
    assert {f"partwise.{name}" for name in partwise.__all__} - {"partwise.AlignConfig"} <= names
    assert {"partwise.worlds.base.World.verify", "partwise.types.Task.statement"} <= names
    assert {"partwise.studies.registry.Study.runs", "partwise.config.align.AlignConfig"} <= names

    settings_page = (site / "reference" / "settings.html").read_text()
    usual = {f"align.{each.key}": each.default for each in settings(AlignConfig)}
    for name, study in {"align": RUNS["align"], "w2s": RUNS["weak_to_strong"], **STUDIES}.items():
        command = f"study-{name}" if name in STUDIES else name
        for each in settings(study.config):
            anchor = re.sub(r"[^a-z0-9]+", "-", f"{command}-{each.key}".lower())
            shared = name in STUDIES and usual.get(each.key) == each.default
            assert (f'id="{anchor}"' in settings_page) != shared, each.key

    for file in site.rglob("*.html"):  # nothing is loaded from elsewhere
        assert not re.findall(
            r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="(\w+:)?//', file.read_text()
        ), file
