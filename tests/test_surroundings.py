"""The command among closed streams, full disks, other processes and signals: real processes, real files."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.data.fixture_public import sciq

PARTWISE = [sys.executable, "-m", "partwise"]
SMALL = ["ladder.documents=200", "data.train=60", "data.test=40", "device=cpu"]
PAIR = ["w2s", "teachers=nano", "student=nano", *SMALL]
LONG = ["ladder.documents=20000", "data.train=60", "data.test=40"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in, beside a cache and a folder for temporary files of its own."""
    for name in ("here", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "src"))
    monkeypatch.delenv("PARTWISE_DEBUG", raising=False)
    return tmp_path / "here"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    line = command.replace("partwise", " ".join(PARTWISE), 1)
    return subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("streams", "code", "said"),
    [
        (">&-", 0, ""),
        ("2>&- >&-", 0, ""),
        ("<&-", 0, ""),
        ("> /dev/full", 1, "Standard output can't be written: No space left on device.\n"),
        ("2> /dev/full", 0, ""),
        ("> /dev/full 2> /dev/full", 1, ""),
        ("| head -n 1", 0, ""),
        ("| true", 0, ""),
    ],
)
@pytest.mark.parametrize("command", ["tasks", "--help", "--version"])
def test_output_that_goes_nowhere(here: Path, command: str, streams: str, code: int, said: str) -> None:
    done = shell(f"partwise {command} {streams}")
    assert (done.returncode, done.stderr) == (code, said)


def test_what_an_encoding_has_not_is_written_otherwise(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    done = shell("partwise study '李\x1b[31m'")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("There is no study `\\u674e\\x1b[31m`")


@pytest.mark.parametrize(
    "arguments",
    [
        ["align", "planner.device=cuda:77"],
        ["study", "part_to_complete", "align.planner.device=cuda:77"],
        ["w2s", "device=cuda:77"],
        ["w2s", "seed=4294967296"],
        ["w2s", "seed=4294966500", "teachers=nano,micro"],
        ["align", "seed=18446744073709551616"],
        ["w2s", "teachers=small", "student=nano"],
        ["study", "noise", "mine.toml"],
        ["align", "human=console", "human.store=postgresql:/u:hush@h/db"],
        ["feedback", "export", "out.jsonl", "--store", "host=h password=hush"],
        ["feedback", "import", "none.jsonl", "--run", "r", "--store", "new.db"],
        ["feedback", "import", "mine.toml", "--run", "r", "--store", "new.db"],
        ["console", "--store", "postgresql://u:ge@hush@127.0.0.1:1/db"],
    ],
)
def test_what_can_not_be_is_one_sentence_and_leaves_nothing(here: Path, arguments: list[str]) -> None:
    (here / "mine.toml").write_text('command = "study w2s"\n')
    done = subprocess.run([*PARTWISE, *arguments], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1 and "hush" not in done.stderr
    assert [path.name for path in here.iterdir()] == ["mine.toml"]


@pytest.mark.slow
@pytest.mark.long
def test_a_pair_ends_whole_without_anybody_who_looks(here: Path) -> None:
    pair = " ".join(PAIR)
    for number, streams in enumerate((">&- 2>&-", "| head -n 1", "> /dev/full"), 1):
        done = shell(f"partwise {pair} {streams}")
        assert done.stderr.count("\n") == ("full" in streams)
        assert (here / "runs" / f"w2s-{number}" / "report.html").exists()
    results = {(here / "runs" / f"w2s-{n}" / "results.json").read_text() for n in (1, 2, 3)}
    assert len(results) == 1


@pytest.mark.slow
def test_runs_that_begin_at_once_have_directories_of_their_own(here: Path) -> None:
    both = [subprocess.Popen([*PARTWISE, *PAIR], stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert {path.name for path in (here / "runs").iterdir()} == {"w2s-1", "w2s-2"}


@pytest.mark.slow
@pytest.mark.long
def test_names_in_brackets_changed_data_and_another_directory(here: Path, llama_folder: Path) -> None:
    shutil.copytree(llama_folder, here / "lm[v2]")
    rows = "".join(json.dumps(row) + "\n" for row in sciq(60))
    (here / "rows.jsonl").write_text(rows)
    settings = ["data.name=sciq", "data.source=rows.jsonl", "device=cpu", "fit.epochs=1", "fit.longest=48"]
    models = ["teachers=./lm[v2]", "student=./lm[v2]"]
    command = [*PARTWISE, "w2s", *settings, *models, "--out", "run"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "student, ./lm[v2]" in done.stdout, done.stderr
    whole = (here / "run" / "results.json").read_bytes()

    def resume() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PARTWISE, "resume", str(here / "run")], capture_output=True, text=True, cwd="/"
        )

    (here / "rows.jsonl").write_text(rows.replace("e", "E"))
    done = resume()
    assert (done.returncode, done.stderr) == (0, "") and "is finished: nothing is done again" in done.stdout
    assert (here / "run" / "results.json").read_bytes() == whole
    for name in ("results.json", "answers.jsonl"):
        (here / "run" / name).unlink()
    done = resume()
    assert done.returncode == 1 and "rows.jsonl is changed" in done.stderr and done.stderr.count("\n") == 1
    (here / "rows.jsonl").write_text(rows)
    assert resume().returncode == 0
    assert (here / "run" / "results.json").read_bytes() == whole


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not permitted")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.slow
def test_a_cache_without_room_or_that_may_not_be_written(
    here: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTWISE_CACHE", str(small_disk))
    done = subprocess.run([*PARTWISE, *PAIR], capture_output=True, text=True)
    assert done.returncode == 1 and re.fullmatch(r"The disk is full: .*\n", done.stderr)
    assert not [path for path in small_disk.rglob("*") if path.is_file()]
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = subprocess.run([*PARTWISE, *PAIR], capture_output=True, text=True)
    assert done.returncode == 1 and re.fullmatch(
        r".* can't be written: Read-only file system.\n", done.stderr
    )
    assert not (here / "runs").exists()


def heed_signals() -> None:
    """What is started in the background, or by `nohup`, ignores these, and so would what it starts."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def processes_of(session: int) -> list[str]:
    """Command lines of what still runs in a session."""
    listed = subprocess.run(["ps", "-eo", "sid=,stat=,args="], capture_output=True, text=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return [row[2] for row in rows if row[0] == str(session) and not row[1].startswith("Z")]


ENDED = {
    "pretraining": (["w2s", "teachers=nano", "student=nano", *LONG, "device=cpu"], "pretraining nano +[1-9]"),
    "cells": (["study", "noise", "processes=2", "quick=true", *LONG], "process 2.*pretraining .* +[1-9]"),
    "runs": (
        [
            *("study", "part_to_complete", "processes=2", "seeds=1", "align.planner.pretrain.examples=600"),
            *("align.planner.size=nano", "align.proxy.size=nano"),
        ],
        "round [1-9] of",  # a log has a line every ten seconds, which a round may fall between
    ),
    "people": (
        ["align", "human=console", "planner.size=nano", "planner.pretrain.examples=600", "proxy.size=nano"],
        "waiting for people",
    ),
    "console": (["console", "--port", "0", "--store", "f.db"], "Stop it"),
}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ps") is None, reason="lists processes by ps")
@pytest.mark.parametrize(
    ("what", "number", "group"),
    [
        *((what, signal.SIGTERM, False) for what in ENDED if what != "runs"),
        pytest.param("runs", signal.SIGTERM, False, marks=pytest.mark.long),
        pytest.param("cells", signal.SIGINT, True, marks=pytest.mark.long),
        pytest.param("cells", signal.SIGTERM, True, marks=pytest.mark.long),
        pytest.param("cells", signal.SIGKILL, False, marks=pytest.mark.long),
        ("runs", signal.SIGKILL, False),
        pytest.param("pretraining", signal.SIGHUP, False, marks=pytest.mark.long),
    ],
)
def test_a_signal_ends_all_and_leaves_no_scratch(
    here: Path, what: str, number: signal.Signals, group: bool
) -> None:
    arguments, ready = ENDED[what]
    process = subprocess.Popen(
        [*PARTWISE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=heed_signals,
    )
    assert process.stdout is not None
    seen = list[str]()
    while not (seen and re.search(ready, seen[-1])):
        seen.append(process.stdout.readline())
        assert seen[-1], "".join(seen)
    (os.killpg if group else os.kill)(process.pid, number)
    said = process.communicate()[0]
    codes = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 1, signal.SIGKILL: -9}
    # A server that serves already ends in good order; one that is about to is stopped.
    assert process.returncode in ({0, 143} if what == "console" else {codes[number]}), said
    assert "Traceback" not in said and "Error" not in said
    deadline = time.monotonic() + 60
    while left := processes_of(process.pid):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    if what != "console" and number != signal.SIGKILL:
        assert "resume with: partwise resume runs/" in said
    base = here.parent
    scratch = [*base.rglob(".*"), *(base / "tmp").iterdir(), *base.rglob("*.tmp")]
    if number != signal.SIGKILL:
        assert not scratch
    else:  # what a process was killed at is not tidied up, but its workers tidy up what is theirs
        assert not [path for path in scratch if path.is_dir()]
