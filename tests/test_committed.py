"""Beside a study too small to judge stands what many seeds came to, where the docs are there."""

import json
from pathlib import Path

import pytest

from partwise.cli.committed import print_committed

RESULTS = Path(__file__).parents[1] / "docs" / "results"
ONE = {"seeds": [0]}


def test_one_seed_stands_beside_the_committed_ten(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")
    print_committed("part_to_complete", ONE)
    said = capsys.readouterr().out
    assert "Beside it, what 10 seeds came to (docs/results/part_to_complete.md):" in said
    arms = json.loads((RESULTS / "part_to_complete.json").read_text())["arms"]
    for arm, found in arms.items():
        (row,) = [line for line in said.splitlines() if line.strip().startswith(f"{arm} ")]
        assert f"{found['aligned_and_correct']['mean']:.2f}".lstrip("0") in row


@pytest.mark.parametrize(
    ("kind", "results", "folder"),
    [
        ("part_to_complete", {"seeds": [0, 1, 2]}, RESULTS),
        ("part_to_complete", ONE, Path("/nowhere")),
        ("align", {}, RESULTS),
        ("somebody's", ONE, RESULTS),
    ],
)
def test_nothing_stands_beside_what_is_judged_or_not_there(
    kind: str, results: dict[str, object], folder: Path, capsys: pytest.CaptureFixture[str]
):
    print_committed(kind, results, folder)
    assert capsys.readouterr().out == ""


def test_results_of_an_earlier_schema_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "noise.json").write_text(json.dumps({"schema": 1, "seeds": 5}))
    print_committed("noise", ONE, tmp_path)
    assert capsys.readouterr().out == ""
