"""Transcripts as tables: pandas and DuckDB read the same rows, types and missing values from every form."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from tests.runs.fixture_runs import write_run, write_study
from tests.test_docs import ROOT, blocks
from typer.testing import CliRunner

import partwise
from partwise.cli import app

FORMS = ("parquet", "csv", "jsonl")
LISTS = ("partial_rewards", "trace")


def plain(value: Any) -> Any:
    """A cell as plain Python: what is missing in whatever way is None."""
    if isinstance(value, list) or (hasattr(value, "tolist") and getattr(value, "ndim", 0)):
        return [plain(each) for each in value]
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.item() if hasattr(value, "item") else value


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{name: plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def by_pandas(form: str, file: Path) -> list[dict[str, Any]]:
    if form == "parquet":
        return rows(pd.read_parquet(file))
    if form == "csv":
        return rows(pd.read_csv(file, dtype_backend="numpy_nullable"))
    return rows(pd.read_json(file, lines=True, dtype_backend="numpy_nullable"))


def by_duckdb(form: str, file: Path) -> list[dict[str, Any]]:
    read = f"read_json('{file}')" if form == "jsonl" else f"'{file}'"
    found = duckdb.sql(f"SELECT * FROM {read}")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def as_exported(form: str, row: dict[str, Any]) -> dict[str, Any]:
    """What a form can say of a row: CSV has no lists, and no difference between empty and missing texts."""
    if form != "csv":
        return row
    row = row | {name: json.loads(row[name]) for name in LISTS if isinstance(row[name], str)}
    return {name: None if value == "" else value for name, value in row.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A study of two seeds and a run, in which some solutions did not run."""
    folder = tmp_path_factory.mktemp("runs")
    return [write_study(folder / "study", seeds=2, n=30), write_run(folder / "run", "parts", n=30, seed=7)]


@pytest.mark.parametrize("form", FORMS)
def test_pandas_and_duckdb_read_what_was_exported(form: str, runs: list[Path], tmp_path: Path):
    file = tmp_path / f"table.{form}"
    done = CliRunner().invoke(app, ["export", *map(str, runs), "--out", str(file), "--format", form])
    assert done.exit_code == 0, done.output
    expected = [as_exported(form, row) for row in rows(partwise.table(runs))]
    assert len(expected) == 2 * 4 * 60 + 60 and {row["seed"] for row in expected} == {0, 1, 7}
    for read in (by_pandas, by_duckdb):
        found = [as_exported(form, row) for row in read(form, file)]
        assert len(found) == len(expected)
        for there, wanted in zip(found, expected, strict=True):
            assert there.keys() == wanted.keys()
            for name, value in wanted.items():
                _assert_same(there[name], value, f"{read.__name__}, {name}")


def _assert_same(found: Any, wanted: Any, where: str) -> None:
    """Equal, and of one type: None is not False, and True is not 1."""
    if isinstance(wanted, list):
        assert isinstance(found, list) and len(found) == len(wanted), where
        for one, other in zip(found, wanted, strict=True):
            _assert_same(one, other, where)
    elif isinstance(wanted, float):
        assert isinstance(found, int | float) and not isinstance(found, bool), where
        assert found == pytest.approx(wanted, rel=1e-9), where
    else:
        assert type(found) is type(wanted) and found == wanted, where


def test_what_did_not_run_is_missing_and_not_no(runs: list[Path]):
    frame = partwise.table(runs)
    assert str(frame.correct.dtype) == str(frame.aligned.dtype) == "boolean"
    failed = frame.outcome != "ran"
    assert failed.any() and (frame.correct.isna() == failed).all() and (frame.aligned.isna() == failed).all()
    assert len(frame[frame.aligned]) + len(frame[~frame.aligned]) == (~failed).sum()
    assert frame.violates_waste[failed].isna().all() and not frame.hacked[failed].any()


def test_no_transcripts_have_the_same_columns(runs: list[Path]):
    some = partwise.Run.open(runs[1]).transcripts()
    none = some[:0].to_pandas()
    assert len(none) == 0 and str(none.aligned.dtype) == "boolean"
    whole = some.to_pandas()
    assert list(none.columns) == list(whole.columns)
    flags = ["correct", "aligned", "hacked", *(name for name in whole if name.startswith("violates_"))]
    assert list(none[flags].dtypes) == list(whole[flags].dtypes)


@pytest.mark.parametrize("form", FORMS)
def test_what_could_be_violated_is_said_also_where_nothing_ran(form: str, runs: list[Path], tmp_path: Path):
    """Of a run of another world, say, or of a planner that writes no program at all."""
    silent = write_run(tmp_path / "silent", "parts", n=6)
    file, record = silent / "transcripts.jsonl", json.loads((silent / "results.json").read_text())
    failed = {"outcome": "unparsed", "correct": None, "aligned": None, "violations": {}, "trace": []}
    rows = [json.loads(line) | failed for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    names = [f"violates_{name}" for name in record["matters"]]
    alone = partwise.Run.open(silent).transcripts().to_pandas()
    assert [name for name in alone if name.startswith("violates_")] == names
    record["matters"] = {"haste": True}
    (silent / "results.json").write_text(json.dumps(record))
    frame = partwise.table([silent, runs[1]])
    assert {"violates_haste", *names} <= set(frame)
    for name in ("violates_haste", *names):
        assert str(frame[name].dtype) == "boolean" and frame[name][frame.path == str(silent)].isna().all()
    assert frame.violates_haste.isna().all() and frame.violates_waste[frame.path == str(runs[1])].any()
    partwise.export([silent, runs[1]], tmp_path / f"table.{form}")
    for read in (by_pandas, by_duckdb):
        found = read(form, tmp_path / f"table.{form}")
        assert set(found[0]) == set(frame) and found[0]["violates_waste"] is None


def test_the_query_of_the_how_to_says_what_the_runs_say(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    partwise.export(runs, "transcripts.parquet")
    ((query),) = [
        text for _, kind, text in blocks(ROOT / "docs" / "how-to" / "transcripts.md") if kind == "sql"
    ]
    found = {row[0]: row[1:] for row in duckdb.sql(query).fetchall()}
    frame = partwise.table(runs)
    assert set(found) == set(frame.run)
    for run, (tasks, good, failed, hacked) in found.items():
        rows = [row for path in runs for row in partwise.Run.open(path).transcripts() if row.run == run]
        rows = [row for row in rows if row.arm == "trained"]
        assert tasks == len(rows) == 30
        assert good == pytest.approx(sum(bool(row.correct and row.aligned) for row in rows) / 30)
        assert failed == sum(row.aligned is None for row in rows)
        assert hacked == sum(row.hacked for row in rows)


def test_the_how_to_names_every_column(runs: list[Path]):
    text = (ROOT / "docs" / "how-to" / "transcripts.md").read_text()
    for name in partwise.table(runs).columns:
        assert f"`{'violates_NAME' if name.startswith('violates_') else name}`" in text, name
