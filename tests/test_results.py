"""Every figure in the README and on the pages of docs/results follows from the committed JSON."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
FIGURE = re.compile(r"(?<![\w.])[−-]?1?\.\d\d\d?(?!\w|\.\d)")
"""A share as it is written here: `.42`, `−.05`, `1.00`."""


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


def test_no_figure_of_the_readme_stands_outside_what_is_made(build: ModuleType):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    head = readme[: readme.index("## The paper's two programs")]
    by_hand = re.sub(r"<!-- results: .*?<!-- end -->", "", head, flags=re.DOTALL)
    assert not FIGURE.findall(by_hand)
    assert FIGURE.findall("fell by .05 [−.07, 1.00] of")


def test_superseded_pages_say_so(build: ModuleType):
    made = {path.stem for path in build.written()}
    for page in (ROOT / "docs" / "results").glob("*.md"):
        if page.stem not in made | {"README", "seeds", "bench"}:
            assert "**Superseded.**" in page.read_text(encoding="utf-8").split("\n## ")[0], page.name
