"""A run on disk. What is written is written whole or not at all, and one process runs it at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from partwise import __version__
from partwise.runs.config import flatten

SCHEMA = 1
_RECORD = "run.json"
_LOCK = "run.lock"
_MISSING = object()
_FULL_MESSAGE = re.compile(r"no space left|os error 28|code: 28\b|disk quota", re.IGNORECASE)
_NEARLY_FULL = 256 * 1024
"""Bytes free below which a failed write is put down to a full disk, whatever the library that wrote says."""


class RunError(Exception):
    """A run's directory can't be used as asked; the message is one sentence for a reader."""


class RunDir:
    """A run's directory: `run.json` (what it is), `rounds/NNN` (what it did), and files beside them."""

    def __init__(self, path: Path, kind: str, config_data: Mapping[str, Any], id: str = "") -> None:
        self.path = path
        self.id = id
        """Tells it from every other run, wherever its directory is moved to."""
        self.kind = kind
        """What runs here: `align`, or the name of a study."""
        self.config_data = config_data
        """The settings as plain JSON data; `config_from_data` makes the model of them."""

    @classmethod
    def create(cls, path: Path, kind: str, config: BaseModel) -> RunDir:
        """Make the directory, or open it where it holds the same kind of run with equal settings.

        A run that never got anywhere (its model could not be loaded, say) makes way for another.

        Raises:
            RunError: it holds another run or something that is no run, or can't be written.
        """
        data = config.model_dump(mode="json")
        if path.exists() and not path.is_dir():
            raise RunError(f"{path} is a file, not a directory; give another --out.")
        if (path / _RECORD).exists():
            run = cls.open(path)
            if run.kind == kind and run.config_data == data:
                return run
            if not run._is_blank():
                run._refuse_other(kind, data)
            with run.locked():
                return cls._write_record(path, kind, data)
        with _plain_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            if any(not _is_ours(entry.name) for entry in path.iterdir()):
                raise RunError(f"{path} is not empty and holds no run; give another --out.")
        return cls._write_record(path, kind, data)

    @classmethod
    def _write_record(cls, path: Path, kind: str, data: dict[str, Any]) -> RunDir:
        run = cls(path, kind, data, uuid.uuid4().hex[:12])
        record = {"schema": SCHEMA, "kind": kind, "id": run.id, "version": __version__, "config": data}
        run.write_json(_RECORD, record)
        return run

    def _is_blank(self) -> bool:
        """Whether nothing but the record was ever written."""
        return all(_is_ours(entry.name) or entry.name == _RECORD for entry in self.path.iterdir())

    @classmethod
    def open(cls, path: Path) -> RunDir:
        """Open a run that is there.

        Raises:
            RunError: there is none, or its record can't be read.
        """
        if not path.is_dir():
            raise RunError(f"There is no run directory {path}.")
        if not (path / _RECORD).exists():
            raise RunError(f"{path} holds no run (it has no {_RECORD}).")
        data = cls(path, "", {}).read_json(_RECORD)
        record = cast(dict[str, Any], data) if isinstance(data, dict) else {}
        kind, config = record.get("kind"), record.get("config")
        if not isinstance(kind, str) or not isinstance(config, dict):
            raise RunError(f"{path / _RECORD} is no record of a run.")
        if record.get("schema") != SCHEMA:
            raise RunError(f"{path} was made by another version of Partwise ({record.get('version')}).")
        return cls(path, kind, cast(dict[str, Any], config), str(record.get("id", "")))

    def _refuse_other(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind != self.kind:
            raise RunError(f"{self.path} holds a run of {self.kind}, not of {kind}; give another --out.")
        here, asked = flatten(self.config_data), flatten(data)
        differing = sorted(
            k for k in here.keys() | asked.keys() if here.get(k, _MISSING) != asked.get(k, _MISSING)
        )
        if differing:
            named = ", ".join(
                f"`{k}` ({_shown(here.get(k, _MISSING))} there, {_shown(asked.get(k, _MISSING))} now)"
                for k in differing[:6]
            )
            more = f" and {len(differing) - 6} more" if len(differing) > 6 else ""
            raise RunError(
                f"{self.path} holds a run with other settings: {named}{more}; give another --out, "
                f"or continue it as it is by `partwise resume {self.path}`."
            )

    @contextlib.contextmanager
    def locked(self) -> Generator[None, None, None]:
        """Hold the run for this process. The system lets go of it when the process ends, however it ends.

        Raises:
            RunError: another process holds it.
        """
        with _plain_errors(self.path):
            handle = open(self.path / _LOCK, "a+", encoding="utf-8")  # noqa: SIM115 - closed below
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise RunError(f"{self.path} can't be locked: {error.strerror}.") from error
                handle.seek(0)
                holder = handle.read(32).strip()
                raise RunError(
                    f"{self.path} is being run by another process{f' ({holder})' if holder else ''}; "
                    "wait for it to end, or stop it and try again."
                ) from None
            # Who holds it is a courtesy to the reader of the error: on a full disk we go without.
            with contextlib.suppress(OSError):
                handle.truncate(0)
                handle.write(f"pid {os.getpid()}")
                handle.flush()
            yield

    def write_text(self, name: str, text: str) -> Path:
        """Write a UTF-8 file, whole or not at all; `name` is relative to the run.

        Raises:
            RunError: it can't be written, e.g. the disk is full; what was there before still is.
        """
        return write_atomically(self.path / name, text, run=self.path)

    def write_json(self, name: str, obj: Any) -> Path:
        """Write plain data as JSON, whole or not at all.

        Raises:
            RunError: it can't be written, or holds NaN or infinity, which JSON has not.
        """
        try:
            text = json.dumps(obj, indent=1, ensure_ascii=False, allow_nan=False)
        except ValueError as error:
            raise RunError(f"{self.path / name} can't be written as JSON: {error}.") from error
        return self.write_text(name, text + "\n")

    def read_json(self, name: str) -> Any:
        """The data of a JSON file.

        Raises:
            RunError: it is not there, or is no JSON.
        """
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(f"There is no {path}.") from None
        except (ValueError, RecursionError):
            raise RunError(f"{path} is damaged: it is no JSON.") from None
        except OSError as error:
            raise RunError(f"{path} can't be read: {error.strerror}.") from None

    def round_path(self, index: int) -> Path:
        """Where round `index` (from 0) is once it is done."""
        return self.path / "rounds" / f"{index:03d}"

    def rounds_done(self) -> int:
        """How many rounds are done, counted from 0 without a gap."""
        done = 0
        while self.round_path(done).is_dir():
            done += 1
        return done

    @contextlib.contextmanager
    def round_dir(self, index: int) -> Generator[Path, None, None]:
        """An empty directory to write round `index` in, which becomes `rounds/NNN` when the block ends well.

        Raises:
            RunError: the round is done already, or the disk is full.
        """
        final = self.round_path(index)
        if final.exists():
            raise RunError(f"Round {index} of {self.path} is done already.")
        working = final.with_name(f"{final.name}.tmp")
        try:
            with _plain_errors(self.path):
                shutil.rmtree(working, ignore_errors=True)
                working.mkdir(parents=True)
                yield working
                _sync_tree(working)
                working.rename(final)
                _sync(final.parent)
        except BaseException:
            shutil.rmtree(working, ignore_errors=True)
            raise


def write_atomically(path: Path, text: str, *, run: Path | None = None) -> Path:
    """Write a UTF-8 file, whole or not at all, and return its path.

    Raises:
        RunError: it can't be written; what was there before still is.
    """
    working: str | None = None
    try:
        with _plain_errors(run or path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, working = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
            with open(descriptor, "w", encoding="utf-8") as handle:
                handle.write(text)
                handle.flush()
                os.fsync(handle.fileno())
            os.chmod(working, 0o644)
            os.replace(working, path)
            _sync(path.parent)
    except BaseException:
        if working is not None:
            with contextlib.suppress(OSError):
                os.unlink(working)
        raise
    return path


@contextlib.contextmanager
def _plain_errors(run: Path) -> Generator[None, None, None]:
    """Turn what a failed write raises, in whatever library, into one sentence."""
    try:
        yield
    except RunError:
        raise
    except Exception as error:
        if _is_full(error, run):
            raise RunError(
                f"The disk is full: {_nearest(run)} has no room left; nothing was half-written; "
                f"free space and `partwise resume {run}`."
            ) from error
        if isinstance(error, OSError):
            where = error.filename2 or error.filename or run
            raise RunError(f"{where} can't be written: {error.strerror or error}.") from error
        raise


def _is_full(error: Exception, run: Path) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    if _FULL_MESSAGE.search(str(error)):
        return True
    # torch and safetensors raise errors of their own that don't always say why.
    writer_failed = (
        re.search(r"writ|serializ|unexpected pos|short read", str(error), re.IGNORECASE) is not None
    )
    with contextlib.suppress(OSError):
        return writer_failed and shutil.disk_usage(_nearest(run)).free < _NEARLY_FULL
    return False


def _nearest(path: Path) -> Path:
    return next((p for p in (path, *path.parents) if p.exists()), Path("/"))


def _is_ours(name: str) -> bool:
    return name == _LOCK or (name.startswith(".") and name.endswith(".tmp"))


def _shown(value: Any) -> str:
    return "unset" if value is _MISSING or value is None else json.dumps(value)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(root: Path) -> None:
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            _sync(Path(folder) / name)
        _sync(Path(folder))
