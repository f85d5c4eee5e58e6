"""Files that are written whole or not at all, and what tells one file's content from another's."""

from __future__ import annotations

import contextlib
import difflib
import errno
import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

_FULL = re.compile(r"no space left|os error 28|code: 28\b|disk quota|disk is full", re.IGNORECASE)
_DESCRIPTOR = re.compile(r"/dev/(?P<name>stdout|stderr)|/(?:dev|proc/self)/fd/(?P<number>\d{1,6})")
_STANDARD = {"stdout": 1, "stderr": 2}
_NOTES = frozenset({".md", ".lock"})
_WEIGHTS = frozenset({".safetensors", ".bin", ".pt"})
_WHOLE = 64 * 2**20
"""Bytes up to which weights are read whole for their digest; of larger ones, `_PIECES` pieces are."""
_SHOWN = 3
"""Names that an answer lists."""
_PIECES, _PIECE = 256, 64 * 2**10


def write_whole(path: Path, pieces: Iterable[str]) -> None:
    """Write a UTF-8 file that holds all the pieces, or leave what was there as it was.

    A link is followed: what it points to is replaced, the link stays. An existing file keeps its mode, a new
    one gets what the umask leaves. Of a file with several hard links this name alone gets the new content.
    What is no regular file (a pipe, a terminal, `/dev/stdout`) can't be replaced: it is written into.

    Raises:
        OSError: it can't be written.
    """
    descriptor = _descriptor(path)
    if descriptor is not None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()  # what was printed before stands before
        return _write(os.dup(descriptor), pieces, sync=False)
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        there = os.stat(target)
    except FileNotFoundError:
        return _replace(target, pieces, None)
    if stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(there.st_mode):
        return _write(os.open(target, os.O_WRONLY), pieces, sync=False)
    return _replace(target, pieces, there)


def made_whole(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made on the first call and found afterwards.

    It appears under its name complete or not at all, also where several processes make it at once.

    Args:
        folder: named by all that shapes what is in it.
        make: writes that into the folder that it is given, which is not there yet.

    Raises:
        OSError: it can't be written.
    """
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        make(scratch / "made")
        try:
            os.rename(scratch / "made", folder)
        except OSError:
            # Someone else was faster: theirs has the same name, and so the same content.
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def nearest(path: Path, fits: Callable[[Path], bool] = lambda there: True) -> str:
    """The end of the sentence that something is not there: what lies in its place that has nearly its name.

    `; did you mean `runs/noise`?`, else what there is of the kind, else a full stop.

    Args:
        path: which is not there.
        fits: whether something that is there is of the kind that is looked for.
    """
    folder, missing = path.parent, path.name
    while not folder.exists() and folder != folder.parent:
        folder, missing = folder.parent, folder.name
    rest = path.relative_to(folder / missing)
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return "."
    whole = {name: there for name in names if (there := folder / name / rest).exists() and fits(there)}
    near = difflib.get_close_matches(missing, whole, n=1)
    if near:
        return f"; did you mean `{whole[near[0]]}`?"
    shown = ", ".join(f"`{there}`" for there in list(whole.values())[:_SHOWN])
    more = f" and {len(whole) - _SHOWN} more" if len(whole) > _SHOWN else ""
    return f"; there is {shown}{more}." if shown else "."


def is_stream(path: Path) -> bool:
    """Whether `write_whole` would write into it, rather than make or replace a file."""
    with contextlib.suppress(OSError):
        return _descriptor(path) is not None or not stat.S_ISREG(os.stat(path).st_mode)
    return False


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_full(error: BaseException) -> bool:
    """Whether it says that there is no room left: some libraries say so in errors of their own."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return _FULL.search(str(error)) is not None


def digests(path: Path) -> dict[str, str]:
    """SHA-256 of a file, or of each file below a folder, by its absolute path.

    What is hidden, notes (`.md`) and folders that hold a run are passed over. Of a model's weights above
    64 MiB, 256 pieces that lie evenly in the file are read: training moves weights everywhere.

    Raises:
        OSError: it can't be read.
    """
    files = sorted(_below(path)) if path.is_dir() else [path]
    return {os.path.abspath(file): _digest(file) for file in files}


def _below(folder: Path) -> Iterable[Path]:
    for where, folders, names in os.walk(folder):
        if "run.json" in names:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        kept = (Path(where) / name for name in names if not name.startswith("."))
        yield from (file for file in kept if file.suffix not in _NOTES and file.is_file())


def _digest(file: Path) -> str:
    size = file.stat().st_size
    found = hashlib.sha256(f"{size}\n".encode())
    with file.open("rb") as opened:
        if size <= _WHOLE or file.suffix not in _WEIGHTS:
            while piece := opened.read(2**20):
                found.update(piece)
        else:
            for index in range(_PIECES):
                opened.seek((size - _PIECE) * index // (_PIECES - 1))
                found.update(opened.read(_PIECE))
    return found.hexdigest()


def _descriptor(path: Path) -> int | None:
    """The open descriptor of this process that a path stands for: opened anew, it would be cut to nothing."""
    found = _DESCRIPTOR.fullmatch(os.path.abspath(path))
    if found is None:
        return None
    return int(found["number"]) if found["number"] else _STANDARD[found["name"]]


def _replace(target: Path, pieces: Iterable[str], there: os.stat_result | None) -> None:
    working = target.with_name(f".{uuid.uuid4().hex[:16]}.tmp")
    try:
        descriptor = os.open(working, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        if there is not None:
            with contextlib.suppress(
                OSError
            ):  # somebody else's file becomes ours, unless we may give it back
                os.fchown(descriptor, there.st_uid, there.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(there.st_mode))
        _write(descriptor, pieces, sync=True)
        os.replace(working, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(working)
        raise
    sync(target.parent)


def _write(descriptor: int, pieces: Iterable[str], *, sync: bool) -> None:
    # Half of a surrogate pair has no UTF-8; written with a backslash it is JSON for itself.
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        if sync:
            os.fsync(file.fileno())
