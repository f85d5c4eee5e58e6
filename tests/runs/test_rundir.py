from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from partwise.config import AlignConfig, LoopConfig, WeakToStrongConfig
from partwise.runs.rundir import RunDir, RunError

CONFIG = AlignConfig()


def create(path: Path) -> RunDir:
    return RunDir.create(path, "align", CONFIG)


def child(code: str, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *args], stdout=subprocess.PIPE, text=True)


def test_create_writes_its_record_and_opens(tmp_path: Path) -> None:
    create(tmp_path / "a" / "b")
    run = RunDir.open(tmp_path / "a" / "b")
    assert run.kind == "align"
    assert AlignConfig.model_validate(run.config_data) == CONFIG
    record = json.loads((run.path / "run.json").read_text())
    assert set(record) == {"schema", "kind", "id", "version", "begun", "machine", "config"}
    assert record["machine"]["cores"] >= 1 and record["begun"].endswith(" UTC")
    assert run.id == record["id"] != create(tmp_path / "c").id
    assert os.listdir(run.path) == ["run.json"]


def test_create_again_with_equal_settings_opens(tmp_path: Path) -> None:
    create(tmp_path).write_text("x", "kept")
    assert (create(tmp_path).path / "x").read_text() == "kept"


def test_create_with_other_settings_names_them(tmp_path: Path) -> None:
    create(tmp_path).write_text("x", "kept")
    with pytest.raises(RunError, match=r"`loop.rounds` \(\d+ there, 99 now\).*partwise resume") as error:
        RunDir.create(tmp_path, "align", AlignConfig(loop=LoopConfig(rounds=99)))
    assert "planner" not in str(error.value)
    with pytest.raises(RunError, match="a run of align, not of other"):
        RunDir.create(tmp_path, "other", CONFIG)


def test_a_run_that_got_nowhere_makes_way(tmp_path: Path) -> None:
    with create(tmp_path).locked(), pytest.raises(RunError, match="another process"):
        RunDir.create(tmp_path, "align", AlignConfig(seed=1))
    RunDir.create(tmp_path, "align", AlignConfig(seed=1))
    assert RunDir.open(tmp_path).config_data["seed"] == 1


def test_what_is_no_run_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="is not empty and holds no run"):
        create(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.txt"]
    with pytest.raises(RunError, match="is a file"):
        create(tmp_path / "thesis.txt")
    with pytest.raises(RunError, match="can't be written"):
        create(tmp_path / "thesis.txt" / "below")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"kind": 3}', "[" * 100_000])
def test_a_damaged_record_is_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunError):
        RunDir.open(tmp_path)


def test_open_says_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="There is no run directory"):
        RunDir.open(tmp_path / "none")
    with pytest.raises(RunError, match="holds no run"):
        RunDir.open(tmp_path)
    create(tmp_path / "a")
    with pytest.raises(RunError, match=r"There is no .*results\.json"):
        RunDir.open(tmp_path / "a").read_json("results.json")


def test_a_later_schema_is_refused(tmp_path: Path) -> None:
    create(tmp_path)
    record = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**record, "schema": 2, "version": "9.9"}))
    with pytest.raises(RunError, match=r"another version of Partwise \(9\.9\)"):
        RunDir.open(tmp_path)


def test_json_round_trips_and_refuses_nan(tmp_path: Path) -> None:
    run = create(tmp_path)
    run.write_json("a.json", {"x": [1, None, "ä"]})
    with pytest.raises(RunError, match="JSON"):
        run.write_json("a.json", {"x": float("nan")})
    assert run.read_json("a.json") == {"x": [1, None, "ä"]}


def test_a_round_is_promoted_whole(tmp_path: Path) -> None:
    run = create(tmp_path)
    (tmp_path / "rounds" / "000.tmp").mkdir(parents=True)
    (tmp_path / "rounds" / "000.tmp" / "leftover").write_text("x")
    with run.round_dir(0) as working:
        assert not list(working.iterdir())
        (working / "deep").mkdir()
        (working / "deep" / "file").write_text("1")
        assert run.rounds_done() == 0
    assert run.rounds_done() == 1
    assert (run.round_path(0) / "deep" / "file").read_text() == "1"
    with pytest.raises(RunError, match="done already"), run.round_dir(0):
        pass


def test_a_failed_round_leaves_nothing(tmp_path: Path) -> None:
    run = create(tmp_path)
    with pytest.raises(ZeroDivisionError), run.round_dir(0) as working:
        (working / "file").write_text("1")
        raise ZeroDivisionError
    assert run.rounds_done() == 0
    assert not list((tmp_path / "rounds").iterdir())


def test_rounds_count_up_to_the_first_gap(tmp_path: Path) -> None:
    run = create(tmp_path)
    for index in (0, 1, 3):
        with run.round_dir(index):
            pass
    assert run.rounds_done() == 2


ROUNDS = """
import sys
from pathlib import Path
from partwise.runs.rundir import RunDir
run = RunDir.open(Path(sys.argv[1]))
with run.locked():
    print("started", flush=True)
    while True:
        index = run.rounds_done()
        with run.round_dir(index) as working:
            for i in range(8):
                (working / f"{i}.txt").write_text(f"{index}-{i} " * 2000)
        run.write_json("latest.json", {"rounds": index + 1, "pad": "x" * 50_000})
"""


def test_kill_minus_nine_leaves_only_whole_rounds(tmp_path: Path) -> None:
    run = create(tmp_path)
    rng, told = random.Random(0), 0
    for _ in range(6):
        process = child(ROUNDS, str(tmp_path))
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n", "the killed process before it still held the lock"
        time.sleep(rng.uniform(0.005, 0.12))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done = run.rounds_done()
        names = {p.name for p in (tmp_path / "rounds").iterdir()} if (tmp_path / "rounds").exists() else set()
        assert names <= {f"{i:03d}" for i in range(done)} | {f"{done:03d}.tmp"}
        for i in range(done):
            files = {p.name: p.read_text() for p in run.round_path(i).iterdir()}
            assert files == {f"{k}.txt": f"{i}-{k} " * 2000 for k in range(8)}
        if (tmp_path / "latest.json").exists():
            # Every kill may fall between a round and its record: that may be several behind.
            now = run.read_json("latest.json")["rounds"]
            assert told <= now <= done
            told = now
    assert run.rounds_done() > 0


def test_kill_in_the_middle_of_a_round_writes_it_anew(tmp_path: Path) -> None:
    run = create(tmp_path)
    process = child(
        "import sys, time\nfrom pathlib import Path\nfrom partwise.runs.rundir import RunDir\n"
        "with RunDir.open(Path(sys.argv[1])).round_dir(0) as w:\n"
        " (w / 'half').write_text('x'); print('half', flush=True); time.sleep(60)",
        str(tmp_path),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.kill()
    process.communicate()
    assert (tmp_path / "rounds" / "000.tmp" / "half").exists()
    assert run.rounds_done() == 0
    with run.round_dir(0) as working:
        assert not list(working.iterdir())
    assert run.rounds_done() == 1


def test_two_processes_cannot_hold_one_run(tmp_path: Path) -> None:
    run = create(tmp_path)
    process = child(
        "import sys, time\nfrom pathlib import Path\nfrom partwise.runs.rundir import RunDir\n"
        "with RunDir.open(Path(sys.argv[1])).locked():\n print('held', flush=True); time.sleep(60)",
        str(tmp_path),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(RunError, match=rf"another process \(pid {process.pid}\); wait"), run.locked():
        pass
    process.kill()
    process.communicate()
    with run.locked():
        pass
    with run.locked():
        assert create(tmp_path).kind == "align"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not permitted")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_a_sentence_and_nothing_is_half_written(small_disk: Path) -> None:
    run = create(small_disk / "run")
    run.write_text("a.txt", "old")
    with pytest.raises(RunError, match=r"The disk is full: .*free space and `partwise resume .*run`"):
        run.write_text("a.txt", "x" * 200_000)
    assert (run.path / "a.txt").read_text() == "old"
    with pytest.raises(RunError, match="The disk is full"), run.round_dir(0) as working:
        (working / "weights").write_bytes(b"x" * 200_000)
    assert run.rounds_done() == 0
    assert sorted(p.name for p in run.path.rglob("*")) == ["a.txt", "rounds", "run.json"]
    with run.round_dir(0) as working:
        (working / "weights").write_bytes(b"x" * 2_000)
    assert run.rounds_done() == 1


def test_weights_that_fill_the_disk_are_the_same_sentence(small_disk: Path) -> None:
    import torch
    from safetensors.torch import save_file

    run = create(small_disk / "run")
    with pytest.raises(RunError, match="The disk is full"), run.round_dir(0) as working:
        save_file({"w": torch.zeros(100_000)}, working / "model.safetensors")
    with pytest.raises(RunError, match="The disk is full"), run.round_dir(0) as working:
        torch.save({"w": torch.zeros(100_000)}, working / "state.pt")
    assert run.rounds_done() == 0


def test_a_write_that_the_system_refuses_is_a_sentence(tmp_path: Path) -> None:
    create(tmp_path).write_text("a.txt", "old")
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom partwise.runs.rundir import RunDir, RunError\n"
        "run = RunDir.open(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n run.write_text('a.txt', 'x' * 50_000)\nexcept RunError as e:\n print(e)"
    )
    out = child(code, str(tmp_path)).communicate()[0]
    assert "can't be written: File too large" in out
    assert (tmp_path / "a.txt").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "run.json"]


def test_many_at_once_make_one_run(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom partwise.config import AlignConfig\n"
        "from partwise.runs.rundir import RunDir, RunError\nsys.stdin.readline()\n"
        "try:\n print(RunDir.create(Path(sys.argv[1]), 'align', AlignConfig()).id)\n"
        "except RunError as error:\n print(error)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(4)]
    said = {process.communicate("go\n")[0].strip() for process in processes}
    assert said == {RunDir.open(tmp_path / "run").id}
    assert os.listdir(tmp_path / "run") == ["run.json"]


@pytest.fixture
def on_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[WeakToStrongConfig, Path]:
    """Settings that name a folder of data and a model by relative paths."""
    monkeypatch.chdir(tmp_path)
    for file in ("data/train.csv", "data/test.csv", "lm/config.json"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(f"of {file}")
    data = {"name": "sciq", "source": "data"}
    return WeakToStrongConfig.model_validate({"student": "./lm", "data": data}), tmp_path / "run"


def test_a_run_goes_on_from_anywhere(on_data: tuple[WeakToStrongConfig, Path], monkeypatch) -> None:
    config, path = on_data
    made = RunDir.create(path, "weak_to_strong", config)
    monkeypatch.chdir("/")
    recorded = WeakToStrongConfig.model_validate(RunDir.open(path).config_data)
    assert recorded.data.source == str(path.parent / "data")
    again = RunDir.create(path, "weak_to_strong", recorded)
    assert again.id == made.id and again.as_given(recorded.student) == "./lm"
    assert again.as_given("nano") == "nano"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda here: (here / "data/test.csv").write_text("OF data/test.csv"), "test.csv is changed"),
        (lambda here: (here / "data/test.csv").unlink(), "test.csv is gone"),
        (lambda here: (here / "data/more.csv").write_text("x"), "more.csv is new"),
        (lambda here: (here / "lm/config.json").write_text("x"), "config.json is changed"),
    ],
)
def test_a_run_does_not_go_on_with_other_data(
    on_data: tuple[WeakToStrongConfig, Path], change: Callable[[Path], object], words: str
) -> None:
    config, path = on_data
    run = RunDir.create(path, "weak_to_strong", config)
    run.write_text("answers.jsonl", "kept")
    (path.parent / "data" / ".cache").write_text("x")
    RunDir.create(path, "weak_to_strong", config)
    change(path.parent)
    with pytest.raises(RunError, match=rf"began with other data: since then .*{words}; put it back"):
        RunDir.create(path, "weak_to_strong", config)
    with pytest.raises(RunError, match="began with other data"):
        RunDir.open(path).refuse_other_data(config)
    assert (path / "answers.jsonl").read_text() == "kept"


def test_a_password_is_not_told_where_settings_differ(tmp_path: Path) -> None:
    def settings(host: str) -> AlignConfig:
        return AlignConfig.model_validate({"human": {"store": f"postgresql://u:hush@{host}/db"}})

    RunDir.create(tmp_path, "align", settings("a")).write_text("x", "kept")
    with pytest.raises(RunError, match=r"postgresql://a/db.*postgresql://b/db") as refused:
        RunDir.create(tmp_path, "align", settings("b"))
    assert "hush" not in str(refused.value)
