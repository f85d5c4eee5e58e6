"""A grid of cells: each is worked out once, whatever happens to the study in between."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from partwise.runs.progress import Listener, Progress, ignore
from partwise.runs.rundir import RunDir
from partwise.studies.grid.cells import Cell, run_cells
from partwise.studies.part_to_complete.settings import PartToCompleteConfig
from partwise.training.divergence import Diverged


def squared(listen: Listener, *, number: int, marks: str) -> dict[str, Any]:
    """Work that leaves a mark each time it is done; of 13 nothing comes."""
    listen(Progress("whatever it calls itself", "squaring", 1, 2))
    if number == 13:
        raise ValueError("13 is not to be squared")
    with open(marks, "a") as file:
        file.write(f"{number} by {os.getpid()}\n")
    return {"square": number**2}


def cells(numbers: list[int], marks: Path) -> list[Cell]:
    return [
        Cell(name=f"group/{n}", work=squared, arguments={"number": n, "marks": str(marks)}) for n in numbers
    ]


@pytest.fixture
def directory(tmp_path: Path) -> RunDir:
    return RunDir.create(tmp_path / "study", "squares", PartToCompleteConfig())


def test_each_cell_is_worked_out_once(directory: RunDir, tmp_path: Path):
    marks, heard = tmp_path / "marks", list[Progress]()
    found = run_cells(cells([1, 2, 3], marks), directory, heard.append, processes=2)
    assert found == {f"group/{n}": {"square": n**2} for n in (1, 2, 3)}
    (directory.path / "cells" / "group" / "2.json").unlink()
    assert run_cells(cells([1, 2, 3], marks), directory, ignore, processes=2) == found
    assert sorted(line[0] for line in marks.read_text().splitlines()) == ["1", "2", "2", "3"]
    # One line for the study and one for each process, however many cells there are.
    assert {progress.run for progress in heard} <= {"study", "process 1", "process 2"}
    assert [(p.done, p.total) for p in heard if p.run == "study"] == [(n, 3) for n in range(4)]
    # What a process shows of one cell is not taken for the next one's.
    assert [p.afresh for p in heard if p.run != "study"] == [
        p.phase.endswith("starting") for p in heard if p.run != "study"
    ]


def test_what_is_done_is_kept_where_a_cell_fails(directory: RunDir, tmp_path: Path):
    with pytest.raises(ValueError, match="13 is not to be squared"):
        run_cells(cells([1, 13], tmp_path / "marks"), directory, ignore, processes=1)
    assert [path.name for path in (directory.path / "cells" / "group").iterdir()] == ["1.json"]


def diverging(listen: Listener) -> dict[str, Any]:
    raise Diverged("Training diverged.")


def test_what_diverged_is_named_by_its_cell(directory: RunDir):
    with pytest.raises(Diverged, match=r"^seed-0/judge: Training diverged\.$"):
        run_cells([Cell(name="seed-0/judge", work=diverging)], directory, ignore, processes=1)


def test_results_are_json(directory: RunDir):
    with pytest.raises(ValueError, match="JSON"):
        run_cells([Cell(name="nan", work=not_json)], directory, ignore, processes=1)
    assert not (directory.path / "cells" / "nan.json").exists()


def not_json(listen: Listener) -> dict[str, Any]:
    """What is undefined is None, never NaN."""
    return json.loads('{"mean": NaN}')
