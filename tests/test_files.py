"""Files are written whole or not at all, and what can't be replaced is written into."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from partwise.files import digests, is_stream, write_whole


@pytest.mark.parametrize("length", [1, 2])
def test_links_are_followed(tmp_path: Path, length: int) -> None:
    target, link = tmp_path / "deep" / "target", tmp_path / "link"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to("deep/target")
    if length == 2:
        (tmp_path / "link2").symlink_to("link")
        link = tmp_path / "link2"
    write_whole(link, ["new"])
    assert link.is_symlink() and target.read_text() == "new" and not target.is_symlink()


def test_a_link_to_nothing_makes_its_target(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "new" / "target")
    write_whole(tmp_path / "link", ["x"])
    assert (tmp_path / "link").is_symlink() and (tmp_path / "new" / "target").read_text() == "x"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_modes(tmp_path: Path, mode: int) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    old.chmod(mode)
    before = os.umask(0o777 & ~mode)
    try:
        write_whole(old, ["x"])
        write_whole(new, ["x"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(old.stat().st_mode) == stat.S_IMODE(new.stat().st_mode) == mode


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    assert is_stream(pipe)
    write_whole(pipe, ["a\n", "b\n"])
    reader.join(30)
    assert got == ["a\nb\n"] and stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_keeps_what_stood_there(tmp_path: Path, name: str) -> None:
    code = (
        "from pathlib import Path; from partwise.files import write_whole\n"
        f"print('first'); write_whole(Path({name!r}), ['second\\n']); print('third')"
    )
    with (tmp_path / "out").open("w") as out:
        out.write("zeroth\n")
        out.flush()
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "zeroth\nfirst\nsecond\nthird\n"


def test_what_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")

    def pieces():
        yield "half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_whole(tmp_path / "file", pieces())
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, ["x"])
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("file", "old")]


def test_the_longest_name_and_half_a_pair(tmp_path: Path) -> None:
    write_whole(tmp_path / ("n" * 255), ["\ud800"])
    assert (tmp_path / ("n" * 255)).read_text() == "\\ud800"


def test_digests_tell_content_and_pass_over_what_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    before = digests(tmp_path)
    assert before.keys() == {str(tmp_path / "a.csv")}
    for name in (".hidden", "README.md"):
        (tmp_path / name).write_text("x")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").touch()
    (tmp_path / "run" / "results.csv").touch()
    assert digests(tmp_path) == before
    os.utime(tmp_path / "a.csv", (1, 1))
    assert digests(tmp_path) == before == digests(tmp_path / "a.csv")
    stamp = (tmp_path / "a.csv").stat()
    (tmp_path / "a.csv").write_text("2")
    os.utime(tmp_path / "a.csv", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert digests(tmp_path) != before
