"""Every figure in the README and on the pages of docs/results follows from the committed JSON."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from partwise.studies.registry import STUDIES

ROOT = Path(__file__).parents[1]
FIGURE = re.compile(r"(?<![\w.])[−-]?1?\.\d\d\d?(?!\w|\.\d)")
"""A share as it is written here: `.42`, `−.05`, `1.00`."""
PAGES = ("README.md", "docs/results/README.md", "docs/start.md", "docs/limits.md", "docs/index.md")
"""Those that tell of results without being made as a whole."""


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", ROOT / "docs" / "results" / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_committed_is_what_the_json_says(build: ModuleType):
    for path, text in build.written().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: make results"


@pytest.mark.parametrize("name", PAGES)
def test_no_figure_stands_outside_what_is_made(name: str):
    page = (ROOT / name).read_text(encoding="utf-8")
    by_hand = re.sub(r"<!-- results: .*?<!-- end -->", "", page, flags=re.DOTALL)
    # What a command is said to print is compared by tests/test_docs.py.
    by_hand = re.sub(r"<!-- output of: .*?\n```\n", "", by_hand, flags=re.DOTALL)
    assert not FIGURE.findall(by_hand)
    assert FIGURE.findall("fell by .05 [−.07, 1.00] of")


def test_the_overview_has_every_study_and_the_readme_says_what_is_pending(build: ModuleType):
    overview, readme = build.OVERVIEW.read_text(), build.README.read_text()
    assert sorted(re.findall(r"<!-- results: (\w+) -->", overview)) == sorted(STUDIES)
    found = dict(build.pages())
    for name in STUDIES.keys() - found.keys():
        assert re.search(rf"<!-- results: {name} -->\n\*Pending: ", overview)
        assert re.search(rf"Results of [^.]*`{name}`[^.]* are pending", readme)


def test_the_readme_shows_the_primary_contrast_before_any_other_figure(build: ModuleType):
    readme = build.README.read_text()
    primary = dict(build.pages())[build.HEADLINE].sentences[0]
    assert primary.startswith("Primary contrast, named before the runs: `parts - floor` is")
    first = FIGURE.search(readme)
    assert first and readme.index(primary) < first.start() < readme.index(primary) + len(primary)


def test_no_page_stands_without_the_results_that_it_is_made_from(build: ModuleType):
    made = {path.stem for path in build.written()}
    pages = {page.stem for page in (ROOT / "docs" / "results").glob("*.md")}
    assert pages <= made | {"README", "seeds", "bench"}
