"""Planners of this process side by side: what each name means, what is refused, what is written."""

import json
import shutil
from pathlib import Path

import pytest
from tests.runs.fixture_runs import write_study
from typer.testing import CliRunner

import partwise
from partwise.cli import app
from partwise.config import AlignConfig
from partwise.evals.contestants import contestants, is_provided
from partwise.evals.terms import Terms
from partwise.models.errors import ModelError
from partwise.runs.rundir import RunDir, RunError


def run_of(folder: Path, model: Path) -> Path:
    """A run of the loop, one round of which is done, whose planner learned nothing."""
    config = AlignConfig.model_validate(
        {
            "planner": {
                "model": str(model),
                "prompts": "short",
                "lora_rank": 0,
                "device": "cpu",
                "max_decomposition_tokens": 6,
                "max_composition_tokens": 6,
            }
        }
    )
    run = RunDir.create(folder, "align", config)
    with run.round_dir(0) as done:
        shutil.copytree(model, done / "planner")
    return run.path


def test_runs_and_folders_are_measured_and_failures_counted(llama_folder: Path, tmp_path: Path):
    run, out = run_of(tmp_path / "run", llama_folder), tmp_path / "out"
    command = ["eval", str(run), str(llama_folder), "--floor", "--tasks", "3", "--max-tokens", "6"]
    command += ["--prompts", "short"]
    done = CliRunner().invoke(app, [*command, "--out", str(out)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    names = [str(run), f"{run}, before any reward", str(llama_folder)]
    results = json.loads((out / "results.json").read_text())
    assert list(results["models"]) == names
    for found in results["models"].values():
        assert sum(found["counts"].values()) == 3 == found["ran"]["n"] and found["ran"]["mean"] == 0
        assert found["counts"]["truncated"] + found["counts"]["unparsed"] == 3
        assert found["hacking_rate"] == {"mean": None, "ci95": None, "n": 0} and found["refused"] == 0
    lines = [json.loads(line) for line in (out / "transcripts.jsonl").read_text().splitlines()]
    assert [line["model"] for line in lines] == [name for name in names for _ in range(3)]
    assert results["terms"]["tasks"] == 3 and results["versions"]["proxy"] == "reference implementations"
    assert done.stdout.splitlines()[-1] == f"Leaderboard: {out / 'leaderboard.html'}"
    page = (out / "leaderboard.html").read_text()
    assert "Planners on dinner" in page and "before any reward" in page and "src=" not in page
    with pytest.raises(RunError, match="there already and not empty"):
        partwise.compare([str(llama_folder)], out=out)


def test_what_can_not_be_compared_is_one_sentence(llama_folder: Path, tmp_path: Path):
    def refused(*models: object, **terms: object) -> str:
        with pytest.raises((RunError, ModelError)) as found:
            contestants([str(model) for model in models], Terms(**terms), floor=False)
        return str(found.value)

    begun = RunDir.create(tmp_path / "begun", "align", AlignConfig())
    assert "No round of" in refused(begun.path)
    assert "is no single run" in refused(write_study(tmp_path / "study", seeds=1, n=4))
    assert "is of the world dinner, not of lunch" in refused(begun.path, world="lunch")
    assert "is named twice" in refused(llama_folder, llama_folder)
    out = tmp_path / "out"
    for command in (
        ["eval", str(tmp_path / "gone"), "--tasks", "2"],
        ["eval", str(llama_folder), "--world", "lunch"],
        ["eval", str(llama_folder), "--split", "test"],
        ["eval", str(llama_folder), "--space", "loops"],
        ["eval", str(llama_folder), "--proxy", str(tmp_path / "gone")],
    ):
        done = CliRunner().invoke(app, [*command, "--out", str(out)])
        assert done.exit_code == 2 and not out.exists(), done.output


def test_a_provider_is_told_from_a_name_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert is_provided("openai/gpt-4o") and is_provided("openai-api/local/tiny")
    assert not is_provided("Qwen/Qwen2.5-7B-Instruct") and not is_provided("hub:google/gemma-3-1b-it")
    assert not is_provided("package:smollm2") and not is_provided("openai")
    (tmp_path / "openai" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not is_provided("openai/mine")
