"""`partwise w2s` at the command line: bad data is one sentence with file, row and column; nothing is left."""

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.data.fixture_public import sciq
from typer.testing import CliRunner

from partwise.cli import app
from partwise.training.divergence import Diverged

Spoil = Callable[[list[dict[str, Any]], list[dict[str, Any]]], None]


def _lose_a_column(train: list[dict[str, Any]], test: list[dict[str, Any]]) -> None:
    for row in train:
        del row["distractor2"]


def _empty(train: list[dict[str, Any]], test: list[dict[str, Any]]) -> None:
    test.clear()


def _share(train: list[dict[str, Any]], test: list[dict[str, Any]]) -> None:
    train[2] = dict(test[0])


def _blank(train: list[dict[str, Any]], test: list[dict[str, Any]]) -> None:
    train[3]["question"] = " "


def _refused(source: Path, out: Path, *more: str, name: str = "sciq") -> str:
    arguments = [f"data.name={name}", f"data.source={source}", "device=cpu", *more, "--out", str(out)]
    result = CliRunner().invoke(app, ["w2s", *arguments])
    assert result.exit_code == 2, result.output
    *before, said = result.stderr.splitlines()
    assert "Traceback" not in result.output and all("loading" in line for line in before)
    assert not out.exists()
    return said


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_lose_a_column, ("train.jsonl", "distractor2")),
        (_empty, ("test", "empty")),
        (_share, ("train.jsonl", "row 3", "test.jsonl", "row 1")),
        (_blank, ("train.jsonl", "row 4", "question")),
    ],
)
def test_bad_rows(spoil: Spoil, words: tuple[str, ...], tmp_path: Path):
    splits = {"train": sciq(20), "test": sciq(10, 50)}
    spoil(splits["train"], splits["test"])
    for name, rows in splits.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = _refused(tmp_path, tmp_path / "out")
    for word in words:
        assert word in said


def test_a_corrupt_file_a_label_out_of_range_and_a_data_set_that_is_not(tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(os.urandom(300))
    assert "rows.jsonl" in _refused(file, tmp_path / "out")
    assert "sciq" in _refused(file, tmp_path / "out", name="sciqq")


def test_bad_rows_can_be_left_out(tmp_path: Path, llama_folder: Path):
    rows = sciq(60)
    rows[3]["question"] = " "
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = str(llama_folder)
    arguments = [
        "w2s",
        "data.name=sciq",
        f"data.source={tmp_path / 'rows.jsonl'}",
        "data.drop=true",
        f"teachers={model}",
        f"student={model}",
        "fit.epochs=1",
        "fit.longest=48",
        "device=cpu",
        "--out",
        str(tmp_path / "out"),
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["student"]["accuracy"]["n"] >= 10
    assert (tmp_path / "out" / "report.html").exists()


def _learn(folder: Path, model: Path, *more: str) -> tuple[int, str]:
    """What comes of a run on the rows in a folder: its exit code and the last line that it says."""
    arguments = ["w2s", "data.name=sciq", f"data.source={folder / 'rows.jsonl'}", f"teachers={model}"]
    arguments += [f"student={model}", "device=cpu", "fit.warmup=0", "--out", str(folder / "out"), *more]
    result = CliRunner().invoke(app, arguments)
    assert "Traceback" not in result.output
    return result.exit_code, result.stderr.strip().rpartition("\n")[2]


def test_a_teacher_that_diverges_is_one_sentence(tmp_path: Path, llama_folder: Path):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in sciq(60)))
    code, said = _learn(tmp_path, llama_folder, "fit.learning_rate=1e30", "fit.epochs=6", "fit.longest=48")
    assert code == 2
    assert said.startswith(f"teacher {llama_folder}, learning from true labels: Training diverged: ")
    assert said.endswith("lower fit.learning_rate.")
    for value in ("inf", "nan"):
        more = (f"fit.learning_rate={value}", "--out", str(tmp_path / value))
        code, said = _learn(tmp_path, llama_folder, *more)
        assert code == 2 and "must be a finite number" in said and not (tmp_path / value).exists()


@pytest.mark.parametrize(("at", "role"), [(0, "teacher"), (1, "between"), (2, "student"), (3, "ceiling")])
def test_what_diverged_is_named_by_its_role(
    at: int, role: str, tmp_path: Path, llama_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in sciq(60)))
    begun = itertools.count()

    def fit(*_: Any, **__: Any) -> None:
        if next(begun) == at:
            raise Diverged("Training diverged: it did.")

    monkeypatch.setattr("partwise.loops.weak_to_strong.fit", fit)
    code, said = _learn(tmp_path, llama_folder, f"through={llama_folder}", "fit.longest=48")
    assert code == 2 and said.startswith(f"{role} {llama_folder}, learning from ")
    assert said.endswith(": Training diverged: it did.")


def test_a_text_too_long_for_a_model_is_said_before_it_learns(tmp_path: Path, llama_folder: Path):
    rows = sciq(40)
    rows[7]["question"] = "word " * 5000
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, said = _learn(tmp_path, llama_folder, "fit.longest=none")
    assert code == 2 and "can't read the text that begins 'Question: word word" in said
    assert "by fit.longest" in said
