"""A run that two processes make together."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from partwise.config import AlignConfig
from partwise.runs.config import dump_toml

_LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "partwise")


def _launched(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *_LAUNCH, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.long
def test_killed_and_resumed_it_ends_as_if_it_had_not_been(small_config: AlignConfig, tmp_path: Path):
    settings = tmp_path / "run.toml"
    settings.write_text(dump_toml(small_config))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run = _launched("align", settings, "--out", whole)
    said, _ = run.communicate(timeout=400)
    assert run.returncode == 0, said
    assert said.count("Report: ") == 1  # one of them says what came out
    results = json.loads((whole / "results.json").read_text())
    assert results["trained"]["ran"]["n"] == small_config.measure.heldout_tasks
    rows = [json.loads(line) for line in (whole / "transcripts.jsonl").read_text().splitlines()]
    first = small_config.measure.heldout_start
    tasks = list(range(first, first + small_config.measure.heldout_tasks))
    assert [row["task"] for row in rows] == 2 * tasks
    log = [json.loads(line) for line in (whole / "rounds/000/log.jsonl").read_text().splitlines()]
    rollouts = small_config.rlft.tasks_per_step * small_config.rlft.group_size
    assert [sum(step["counts"].values()) for step in log] == [rollouts] * small_config.rlft.steps

    run = _launched("align", settings, "--out", cut)
    deadline = time.monotonic() + 300
    while not (cut / "rounds/000").exists():
        assert run.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    launcher = psutil.Process(run.pid)
    for process in [launcher, *launcher.children(recursive=True)]:  # which have sessions of their own
        process.kill()
    run.communicate()
    assert not (cut / "results.json").exists()
    again = _launched("resume", cut)
    said, _ = again.communicate(timeout=400)
    assert again.returncode == 0, said
    for name in ("results.json", "transcripts.jsonl", "rounds/001/planner/model.safetensors"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("align",), "say which with --out"),
        (("study", "noise", "--quick", "--out", "OUT"), "Only `align` is shared out"),
        (("align", "rlft.tasks_per_step=7", "--out", "OUT"), "set it to a multiple of 2"),
    ],
)
def test_what_several_processes_can_not_do_is_one_sentence(words: tuple[str, ...], said: str, tmp_path: Path):
    """As the first of two sees it, before it waits for the other."""
    launched = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}
    done = subprocess.run(
        [sys.executable, "-m", "partwise", *(word.replace("OUT", str(tmp_path / "out")) for word in words)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **launched, "OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and said in done.stderr
    assert not any(tmp_path.iterdir())
