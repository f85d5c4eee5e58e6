"""Runs as logs of Inspect: read by Inspect itself, and listed by its viewer's server."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.evals.fixture_plans import PLANS, write_real_run
from tests.runs.fixture_runs import write_study
from typer.testing import CliRunner

import partwise
from partwise.cli import app
from partwise.runs.rundir import RunDir

pytest.importorskip("inspect_ai")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_real_run(tmp_path_factory.mktemp("logged") / "mine", *PLANS)


@pytest.fixture(scope="module")
def logs(run: Path) -> Path:
    out = run.parent / "logs"
    done = CliRunner().invoke(app, ["export", str(run), "--out", str(out), "--format", "inspect"])
    assert done.exit_code == 0 and f"{2 * len(PLANS)} rollouts in" in done.stdout, done.output
    return out


def test_inspect_reads_what_the_run_keeps(run: Path, logs: Path):
    from inspect_ai.log import list_eval_logs, read_eval_log

    assert sorted(Path(each.name).name for each in list_eval_logs(str(logs))) == [
        "mine_base.eval",
        "mine_trained.eval",
    ]
    log = read_eval_log(str(logs / "mine_trained.eval"))
    rows = [row for row in partwise.Run.open(run).transcripts() if row.arm == "trained"]
    assert (log.status, log.eval.task, log.eval.model) == (
        "success",
        "partwise/dinner",
        "partwise/mine/trained",
    )
    assert log.samples is not None and len(log.samples) == len(rows) == len(PLANS)
    for sample, row in zip(log.samples, rows, strict=True):
        assert sample.id == row.task and sample.metadata["trace"] == list(row.trace)
        score = sample.scores["verified"]
        assert score.value["correct"] == int(bool(row.correct)) and score.value["ran"] == (
            row.outcome == "ran"
        )
        assert score.metadata["correct"] is row.correct and score.metadata["violations"] == row.violations
        assert score.reason == (None if row.outcome == "ran" else row.outcome)
    whole = log.samples[list(PLANS).index("careful")]
    assert [message.role for message in whole.messages] == ["user", "assistant"] * 2
    assert [message.text for message in whole.messages[1::2]] == [turn.text for turn in PLANS["careful"][:2]]
    assert "def ask_preference" in whole.messages[2].text and "prefs[0]" not in whole.messages[2].text
    assert len(log.samples[list(PLANS).index("prose")].messages) == 2


def test_the_shares_are_those_of_the_results(run: Path, logs: Path):
    from inspect_ai.log import read_eval_log

    log = read_eval_log(str(logs / "mine_base.eval"), header_only=True)
    found = json.loads((run / "results.json").read_text())["base"]
    shares = {score.name: score.metrics for score in log.results.scores}
    for name in ("ran", "correct", "aligned_and_correct"):
        named = {key.removeprefix("partwise/"): metric.value for key, metric in shares[name].items()}
        low, high = found[name]["ci95"]
        assert named == pytest.approx({"share": found[name]["mean"], "ci95_low": low, "ci95_high": high})


def test_a_prompt_stands_as_the_planner_was_told_it(tmp_path: Path):
    from inspect_ai.log import read_eval_log

    run = write_real_run(tmp_path / "told", "careful")
    RunDir.open(run).write_json("prompts.json", {"decompose": "Plan: $task", "recompose": "Parts:\n$parts"})
    assert partwise.export([run], tmp_path / "logs", "inspect") == 2
    (sample,) = read_eval_log(str(tmp_path / "logs" / "told_base.eval")).samples
    assert sample.messages[0].text.startswith("Plan: Dinner for")
    assert sample.messages[2].text.startswith("Parts:\ndef ask_preference")


def test_a_study_has_a_log_for_each_arm_of_its_runs(tmp_path: Path):
    study = write_study(tmp_path / "study", seeds=1, n=6)
    partwise.export([study], tmp_path / "logs", "inspect")
    names = {file.name for file in (tmp_path / "logs").iterdir()}
    assert {"study-seed-0-parts_base.eval", "study-seed-0-parts_trained.eval"} <= names


def test_without_inspect_one_sentence_names_the_extra(run: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("partwise.evals.extras.find_spec", lambda name: None)
    for command in (
        ["export", str(run), "--out", str(tmp_path / "logs"), "--format", "inspect"],
        ["eval", "openai/gpt-4o", "--out", str(tmp_path / "compared")],
    ):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 2 and done.stderr.count("\n") == 1
        assert "pip install 'partwise[inspect]'" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_inspects_viewer_lists_and_opens_them(logs: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["view", "start", "--log-dir", str(logs), "--host", "127.0.0.1", "--port", str(port)]
    served = subprocess.Popen(
        [sys.executable, "-m", "inspect_ai", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        listed = json.loads(_fetched(served, f"http://127.0.0.1:{port}/api/logs"))
        names = sorted(Path(file["name"]).name for file in listed["files"])
        assert names == ["mine_base.eval", "mine_trained.eval"]
        file = urllib.request.quote(listed["files"][0]["name"], safe="")
        header = json.loads(_fetched(served, f"http://127.0.0.1:{port}/api/logs/{file}?header-only=1"))
        assert header["eval"]["task"] == "partwise/dinner" and header["results"]["scores"]
        assert b"<html" in _fetched(served, f"http://127.0.0.1:{port}/")
    finally:
        served.terminate()
        served.wait(timeout=30)


def _fetched(server: "subprocess.Popen[bytes]", url: str) -> bytes:
    """The page, once the server is there."""
    for _ in range(600):
        assert server.poll() is None, "the viewer has ended"
        try:
            with urllib.request.urlopen(url) as page:
                return page.read()
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the viewer never came up")
