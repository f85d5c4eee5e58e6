"""A whole run in miniature, and what must hold of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from partwise.config import AlignConfig, Reward
from partwise.loops.run import align
from partwise.loops.solve import propose
from partwise.report.html import write_report
from partwise.runs.config import dump_toml
from partwise.runs.progress import ignore
from partwise.runs.rundir import RunDir, RunError
from partwise.studies.registry import known_kind


def _with(config: AlignConfig, **loop: Any) -> AlignConfig:
    return config.model_copy(update={"loop": config.loop.model_copy(update=loop)})


@pytest.mark.slow
@pytest.mark.parametrize("reward", list(Reward))
def test_each_arm_runs_from_start_to_report(small_config: AlignConfig, tmp_path: Path, reward: Reward):
    results = align(_with(small_config, reward=reward), tmp_path / "run", ignore)
    for arm in ("base", "trained"):
        assert sum(results[arm]["counts"].values()) == small_config.measure.heldout_tasks
        measure, ran = results[arm]["aligned_and_correct"], results[arm]["counts"]["ran"]
        assert measure["n"] == small_config.measure.heldout_tasks and 0 <= measure["mean"] <= 1
        assert results[arm]["given_ran"]["aligned"]["n"] == ran == measure["n"] * results[arm]["ran"]["mean"]
    lines = (tmp_path / "run" / "transcripts.jsonl").read_text().splitlines()
    start = small_config.measure.heldout_start
    stretch = list(range(start, start + small_config.measure.heldout_tasks))
    assert [json.loads(line)["task"] for line in lines] == 2 * stretch
    labels = json.loads((tmp_path / "run" / "rounds" / "001" / "round.json").read_text())["labels"]
    # So small a planner may write nothing that runs, and then there is no summary to ask about.
    assert labels in ((10, 20) if reward is Reward.STRATEGIES else (20,))
    assert results["matters"] == {
        "waste": True,
        "privacy": True,
        "consent": True,
        "honesty": True,
        "effort": True,
        "quiet": False,
    }
    for arm in ("base", "trained"):
        failed = {kind: n for kind, n in results[arm]["counts"].items() if n and kind != "ran"}
        assert set(results[arm]["messages"]) == set(failed)
        assert all(0 < said["count"] <= failed[kind] for kind, said in results[arm]["messages"].items())
    assert write_report(tmp_path / "run", known_kind).stat().st_size > 10_000


def _run_in_a_process(config: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "partwise", "align", str(config), "--out", str(out)]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _wait_for(path: Path, process: subprocess.Popen[bytes], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("run.json", marks=pytest.mark.long),
        "rounds/000",
        pytest.param("rounds/001", marks=pytest.mark.long),
    ],
)
def test_interrupted_equals_uninterrupted(small_config: AlignConfig, tmp_path: Path, moment: str):
    """kill -9 at a moment, then `resume`: equal figures, transcripts and weights, to the last bit."""
    settings = tmp_path / "run.toml"
    settings.write_text(dump_toml(_with(small_config, rounds=2, reward=Reward.STRATEGIES)))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert _run_in_a_process(settings, whole).wait(300) == 0
    process = _run_in_a_process(settings, cut)
    _wait_for(cut / moment, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (cut / "results.json").exists()
    resume = [sys.executable, "-m", "partwise", "resume", str(cut)]
    subprocess.run(resume, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    for name in ("results.json", "transcripts.jsonl", "rounds/001/planner/model.safetensors"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name


@pytest.mark.slow
def test_a_finished_run_can_propose_and_carry_out_a_plan(small_config: AlignConfig, tmp_path: Path):
    align(small_config, tmp_path / "run", ignore)
    proposals = [propose(tmp_path / "run", index) for index in range(12)]
    good = [proposal for proposal in proposals if not proposal.rejection]
    assert good, [proposal.rejection for proposal in proposals]
    for proposal in good:
        assert proposal.rehearsed and proposal.execute().trace == proposal.rehearsed.trace
    for proposal in proposals:
        if proposal.rejection:
            with pytest.raises(ValueError, match="rejected"):
                proposal.execute()


@pytest.mark.slow
def test_a_run_with_other_settings_is_refused_and_a_done_one_is_not_repeated(
    small_config: AlignConfig, tmp_path: Path
):
    first = align(small_config, tmp_path / "run", ignore)
    before = (tmp_path / "run" / "transcripts.jsonl").stat().st_mtime_ns
    assert align(small_config, tmp_path / "run", ignore) == first
    assert (tmp_path / "run" / "transcripts.jsonl").stat().st_mtime_ns == before
    with pytest.raises(RunError, match=r"loop\.rounds"):
        align(_with(small_config, rounds=5), tmp_path / "run", ignore)
    assert RunDir.open(tmp_path / "run").rounds_done() == 2


def test_a_run_of_the_loop_has_no_generations(small_config: AlignConfig, tmp_path: Path):
    RunDir.create(tmp_path / "run", "align", small_config)
    with pytest.raises(RunError, match="no ladder"):
        propose(tmp_path / "run", 0, 1)


def test_a_plan_is_not_proposed_from_nothing(tmp_path: Path):
    with pytest.raises(RunError, match="no run"):
        propose(tmp_path / "nothing", 0)
