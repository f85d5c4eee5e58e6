"""Runs side by side: what is left of them when their study is killed."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from partwise.runs.progress import Listener, ignore
from partwise.studies.grid.processes import workers


def _stays(file: Path, listen: Listener) -> None:
    """Work that says who does it, and takes longer than any test."""
    file.write_text(str(os.getpid()))
    time.sleep(600)


def _study(folder: Path) -> None:
    with workers(ignore, 2) as ready:
        ready.run([partial(_stays, folder / f"{n}.pid") for n in range(4)])


def clings(listen: Listener) -> None:
    """Work that lets no exception through, and cleans nothing up."""
    Path(tempfile.mkdtemp(), "left").touch()
    while True:
        with suppress(BaseException):
            time.sleep(600)


CLINGING = """
import os, signal, tempfile, threading, time
from pathlib import Path
from tests.studies.test_processes import clings
from partwise.runs.progress import ignore
from partwise.runs.stopping import stop_by_exception
from partwise.studies.grid.processes import workers

def end():
    while len(list(Path(tempfile.gettempdir()).glob("*/*/*/left"))) < 2:
        time.sleep(.1)
    os.kill(os.getpid(), signal.{signal})

if __name__ == "__main__":
    stop_by_exception(10)
    threading.Thread(target=end, daemon=True).start()
    with workers(ignore, 2) as ready:
        ready.run([clings] * 2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [pytest.param("SIGTERM", marks=pytest.mark.long), "SIGKILL"])
def test_no_temporary_file_outlives_workers_that_cling(
    tmp_path: Path, number: str, monkeypatch: pytest.MonkeyPatch
):
    script, scratch = tmp_path / "clinging.py", tmp_path / "tmp"
    scratch.mkdir()
    script.write_text(CLINGING.format(signal=number))
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    deadline = time.monotonic() + 45
    while left := list(scratch.iterdir()):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Nobody may have waited for it yet.
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_workers_end_with_their_study(tmp_path: Path):
    study = multiprocessing.get_context("spawn").Process(target=_study, args=(tmp_path,))
    study.start()
    deadline = time.monotonic() + 45
    while len(found := [p.read_text() for p in tmp_path.glob("*.pid")]) < 2 or not all(found):
        assert study.is_alive() and time.monotonic() < deadline
        time.sleep(0.1)
    assert study.pid
    os.kill(study.pid, signal.SIGKILL)
    study.join(10)
    while any(_runs(int(pid)) for pid in found):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(list(tmp_path.glob("*.pid"))) == 2  # what waited was not begun


STOPPED = """
import os, signal, threading, time
from partwise.runs.progress import ignore
from partwise.runs.stopping import stop_by_exception
from partwise.studies.grid.processes import workers

def stays(listen):
    time.sleep(600)

if __name__ == "__main__":
    stop_by_exception(10)
    threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    with workers(ignore, 2) as ready:
        ready.run([stays] * 12)
"""


@pytest.mark.slow
def test_a_study_that_is_told_to_end_says_nothing_of_what_waits(tmp_path: Path):
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED)
    for _ in range(5):  # it takes a race to go wrong
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
        assert done.stderr.strip().splitlines()[-1].endswith("Stopped: SIGTERM"), done.stderr
        assert "InvalidStateError" not in done.stderr
