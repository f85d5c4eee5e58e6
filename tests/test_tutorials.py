"""Notebooks, and the script of docs/how-to/transcripts.md, run as they stand and say nothing on the side."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.test_docs import marked

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))


@pytest.fixture
def somewhere(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, with a cache that is shared, for a process that finds this source."""
    monkeypatch.setenv("PARTWISE_CACHE", str(cache))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.delenv("PARTWISE_DEBUG", raising=False)
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(notebook: Path) -> Any:
    import nbformat

    return nbformat.read(notebook, as_version=4)


def test_there_are_three_and_each_has_its_line_in_the_index():
    index = (ROOT / "docs" / "tutorials" / "README.md").read_text()
    assert len(NOTEBOOKS) == 3
    for notebook in NOTEBOOKS:
        (line,) = [line for line in index.splitlines() if f"({notebook.name})" in line]
        title = read(notebook).cells[0].source.splitlines()[0].removeprefix("# ")
        assert line.startswith(f"- [{title}]")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_is_valid_and_carries_no_outputs(notebook: Path):
    import nbformat

    nbformat.validate(read(notebook))
    for cell in json.loads(notebook.read_text())["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "notebook",
    [
        # Two of them train a planner for a minute: CI has time for one.
        pytest.param(each, marks=pytest.mark.long if each.stem == "hacked_solutions" else ())
        for each in NOTEBOOKS
    ],
    ids=lambda path: path.stem,
)
def test_a_notebook_runs_without_an_error_a_warning_or_a_stray_bar(notebook: Path, somewhere: Path):
    from nbclient import NotebookClient

    ran = NotebookClient(
        read(notebook),
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(somewhere)}},
    ).execute()
    code = [cell for cell in ran.cells if cell.cell_type == "code"]
    streams = [each for cell in code for each in cell.outputs if each.output_type == "stream"]
    assert "".join(each.text for each in streams if each.name == "stderr") == ""
    # What is printed is what the notebook prints: other libraries' bars and tables come without a print.
    for cell in code:
        printed = [each for each in cell.outputs if each.output_type == "stream"]
        assert bool(printed) <= ("print(" in cell.source), cell.source
        # Our own bar, or the cell's value, and nothing besides.
        shown = [each for each in cell.outputs if each.output_type != "stream"]
        for each in shown:
            ours = "<progress" in each.data.get("text/html", "")
            assert each.output_type == "execute_result" or (each.output_type == "display_data" and ours)
    assert all(cell.execution_count for cell in code)


@pytest.mark.slow
@pytest.mark.long
def test_the_script_of_the_how_to_lists_the_five_worst_hacked_solutions(somewhere: Path):
    (script,) = marked("file: worst.py", [ROOT / "docs" / "how-to" / "transcripts.md"])
    (somewhere / "worst.py").write_text(script[1])
    done = subprocess.run([sys.executable, "worst.py"], capture_output=True, text=True, cwd=somewhere)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said, _, *rows = done.stdout.splitlines()
    assert said.startswith("aligned and correct 0.") and len(rows) == 5
    assert all(row.split()[1] in ("base", "trained") for row in rows)


@pytest.mark.slow
@pytest.mark.long
def test_libraries_that_were_there_before_are_silent_too(somewhere: Path):
    """A script that has imported them first: they have read the environment by then."""
    (script,) = marked("file: worst.py", [ROOT / "docs" / "how-to" / "transcripts.md"])
    before = "import datasets, transformers, trl\n"
    after = "\nrun.planner()\n"
    done = subprocess.run(
        [sys.executable, "-c", before + script[1] + after], capture_output=True, text=True, cwd=somewhere
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and done.stdout.startswith("aligned and correct")
