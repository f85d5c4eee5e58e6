"""Figures are reported on seeds that nobody looked at: `docs/results/seeds.md` is the record."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from partwise.runs.config import load_config
from partwise.studies.registry import STUDIES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"


class Row(NamedTuple):
    """One row of the table."""

    study: str
    seeds: frozenset[int]
    tasks: frozenset[int]
    use: str


def _numbers(cell: str) -> frozenset[int]:
    first, _, last = cell.partition("-")
    return frozenset(range(int(first), int(last or first) + 1)) if cell else frozenset()


def record() -> list[Row]:
    rows = re.findall(
        r"^\| (\w+) \| ([\d-]+) \| ([\d-]*) ?\| (development|superseded|reported)",
        (RESULTS / "seeds.md").read_text(),
        re.MULTILINE,
    )
    return [Row(study, _numbers(seeds), _numbers(tasks), use) for study, seeds, tasks, use in rows]


def reported(study: str) -> Row:
    (row,) = (row for row in record() if row.study == study and row.use == "reported")
    return row


def test_the_record_is_read_whole():
    lines = [
        line for line in (RESULTS / "seeds.md").read_text().splitlines() if re.match(r"\| \w+ \| \d", line)
    ]
    assert len(record()) == len(lines) and {row.study for row in record()} == STUDIES.keys()


def test_no_seed_is_reported_that_was_looked_at_before():
    for study in STUDIES:
        row = reported(study)
        before = [other for other in record() if other.study == study and other.use != "reported"]
        assert not any(row.seeds & other.seeds for other in before), study
        assert not any(row.tasks & other.tasks for other in before), study
        assert max(row.seeds) < 200, "seeds from 200 up are for development"


def _planned(settings: Mapping[str, Any]) -> tuple[frozenset[int], frozenset[int]]:
    align = settings.get("align", {})
    first, measure = settings.get("first", align.get("seed")), align.get("measure", {})
    start = measure.get("heldout_start", 0)
    count = measure.get("validation_tasks" if measure.get("curve") == "heldout" else "heldout_tasks", 0)
    return frozenset(range(first, first + settings["seeds"])), frozenset(range(start, start + count))


@pytest.mark.parametrize("study", STUDIES)
def test_recipes_run_what_is_to_be_reported(study: str):
    settings = load_config(STUDIES[study].config, ROOT / "recipes" / f"{study}.toml").model_dump(mode="json")
    assert _planned(settings) == (reported(study).seeds, reported(study).tasks)
    assert settings["primary"]


@pytest.mark.parametrize("study", STUDIES)
def test_committed_results_are_of_the_seeds_that_are_reported(study: str):
    file = RESULTS / f"{study}.json"
    if not file.exists():
        pytest.skip("not run yet")
    results = json.loads(file.read_text())
    if results["schema"] == 1:
        pytest.skip("of an earlier design, to be run again")
    seeds = results["seeds"]  # by name, or how many from the first
    ran = range(results["first"], results["first"] + seeds) if isinstance(seeds, int) else seeds
    assert frozenset(ran) == reported(study).seeds
