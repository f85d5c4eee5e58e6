"""A run on disk. What is written is written whole or not at all, and one process runs it at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shlex
import shutil
import uuid
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from partwise.config.places import with_absolute_paths
from partwise.files import is_full, nearest, sync, write_whole
from partwise.runs.record import (
    RECORD,
    SCHEMA,
    as_written_now,
    changed_inputs,
    differing_settings,
    inputs_of,
    new_record,
    texts_by_text,
)

RESULTS = "results.json"
_LOCK = "run.lock"
_NEARLY_FULL = 256 * 1024
"""Bytes free below which a failed write is put down to a full disk, whatever the library that wrote says."""


class RunError(Exception):
    """A run's directory can't be used as asked; the message is one sentence for a reader."""


class NoRunError(RunError):
    """There is no run where one was named."""


class RunDir:
    """A run's directory: `run.json` (what it is), `rounds/NNN` (what it did), and files beside them."""

    def __init__(
        self, path: Path, kind: str, config_data: Mapping[str, Any], record: Mapping[str, Any] | None = None
    ) -> None:
        self.path = path
        self.kind = kind
        """What runs here: `align`, or the name of a study."""
        self.config_data = config_data
        """The settings as plain JSON data, paths absolute; `config_from_data` makes the model of them."""
        record = record or {}
        self.id = str(record.get("id", ""))
        """Tells it from every other run, wherever its directory is moved to."""
        self._inputs = texts_by_text(record.get("inputs"))
        """SHA-256 of each file that the settings name, by its path, as the run began."""
        self._given = texts_by_text(record.get("given"))
        """How the settings' paths had been written."""

    @classmethod
    def create(cls, path: Path, kind: str, config: BaseModel) -> RunDir:
        """Make the directory, or open it where it holds the same kind of run with equal settings and data.

        A run that never got anywhere (its model could not be loaded, say) makes way for another.

        Raises:
            RunError: it holds another run or something that is no run, or can't be written.
        """
        absolute, given = with_absolute_paths(config)
        data, inputs = absolute.model_dump(mode="json"), inputs_of(absolute)
        if path.exists() and not path.is_dir():
            raise RunError(f"{path} is a file, not a directory; give another --out.")
        with plain_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            if not (path / RECORD).exists():
                if any(not _is_ours(entry.name) for entry in path.iterdir()):
                    raise RunError(f"{path} is not empty and holds no run; give another --out.")
                record = new_record(kind, data, inputs, given)
                if _write_first(path / RECORD, _as_json(record)):
                    return cls(path, kind, data, record)
        run = cls.open(path)
        if run.kind == kind and as_written_now(run.config_data, config) == data:
            run._refuse_other_inputs(inputs)
            return run
        if not run.is_blank():
            run._refuse_other(kind, data)
        with run.locked():
            record = new_record(kind, data, inputs, given)
            run.write_json(RECORD, record)
        return cls(path, kind, data, record)

    def is_blank(self) -> bool:
        """Whether nothing but records was ever written, here or in the runs that a study is made of."""
        files = (Path(where) / name for where, _, names in os.walk(self.path) for name in names)
        return all(_is_ours(file.name) or file.name == RECORD for file in files)

    def is_finished(self) -> bool:
        """Whether its results are there: they are written last."""
        return (self.path / RESULTS).exists()

    def as_given(self, text: str) -> str:
        """What the settings said in place of an absolute path; any other text as it is."""
        return self._given.get(text, text)

    @classmethod
    def open(cls, path: Path) -> RunDir:
        """Open a run that is there.

        Raises:
            NoRunError: there is none.
            RunError: its record can't be read.
        """
        refuse_missing(path)
        if not (path / RECORD).exists():
            raise NoRunError(f"{path} holds no run (it has no {RECORD}).")
        data = cls(path, "", {}).read_json(RECORD)
        record = cast(dict[str, Any], data) if isinstance(data, dict) else {}
        kind, config = record.get("kind"), record.get("config")
        if not isinstance(kind, str) or not isinstance(config, dict):
            raise RunError(f"{path / RECORD} is no record of a run.")
        if record.get("schema") != SCHEMA:
            raise RunError(f"{path} was made by another version of Partwise ({record.get('version')}).")
        return cls(path, kind, cast(dict[str, Any], config), record)

    def refuse_other_data(self, config: BaseModel) -> None:
        """Go on only with the files that the run began with.

        Raises:
            RunError: data or a model that the settings name has changed since.
        """
        self._refuse_other_inputs(inputs_of(config))

    def _refuse_other_inputs(self, now: Mapping[str, str]) -> None:
        if self._inputs and (changed := changed_inputs(self._inputs, now)):
            raise RunError(
                f"{self.path} began with other data: since then {changed}; put it back as it was to go on, "
                "or start another run with another --out."
            )

    def _refuse_other(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind != self.kind:
            raise RunError(f"{self.path} holds a run of {self.kind}, not of {kind}; give another --out.")
        if differing := differing_settings(self.config_data, data):
            raise RunError(
                f"{self.path} holds a run with other settings: {differing}; give another --out, "
                f"or continue it as it is by `{resume_command(self.path)}`."
            )

    @contextlib.contextmanager
    def locked(self) -> Generator[None, None, None]:
        """Hold the run for this process. The system lets go of it when the process ends, however it ends.

        Raises:
            RunError: another process holds it.
        """
        with plain_errors(self.path):
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
            text = _as_json(obj)
        except ValueError as error:
            raise RunError(f"{self.path / name} can't be written as JSON: {error}.") from error
        return self.write_text(name, text)

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
        with self.whole_dir(final) as working:
            yield working

    @contextlib.contextmanager
    def whole_dir(self, final: Path) -> Generator[Path, None, None]:
        """An empty directory that becomes `final`, a folder of the run, when the block ends well, and else
        is gone.

        Raises:
            RunError: the disk is full.
        """
        working = final.with_name(f"{final.name}.tmp")
        try:
            with plain_errors(self.path):
                shutil.rmtree(working, ignore_errors=True)
                working.mkdir(parents=True)
                yield working
                _sync_tree(working)
                working.rename(final)
                sync(final.parent)
        except BaseException:
            shutil.rmtree(working, ignore_errors=True)
            raise


def refuse_missing(path: Path) -> None:
    """Refuse what is no directory, with the run whose name is nearest.

    Raises:
        NoRunError: it is none.
    """
    if not path.is_dir():
        near = nearest(path, lambda there: (there / RECORD).exists())
        raise NoRunError(f"There is no run directory {path}{near}")


def write_atomically(path: Path, text: str, *, run: Path | None = None) -> Path:
    """Write a UTF-8 file as `files.write_whole` does, and return its path.

    Raises:
        RunError: it can't be written; what was there before still is.
    """
    with plain_errors(run or path.parent):
        write_whole(path, [text])
    return path


def resume_command(path: Path) -> str:
    """What goes on with the run in a directory, as it is typed."""
    return f"partwise resume {shlex.quote(str(path))}"


@contextlib.contextmanager
def plain_errors(where: Path, *, then: str = "") -> Generator[None, None, None]:
    """Turn what a failed write raises, in whatever library, into one sentence.

    Args:
        where: the folder that is written in.
        then: what to do about a full disk once there is room; to resume the run in `where`, if not given.

    Raises:
        RunError: something could not be written.
    """
    try:
        yield
    except RunError:
        raise
    except Exception as error:
        if _is_full(error, where):
            full = getattr(error, "filename", None) or where
            raise RunError(
                f"The disk is full: {_nearest(Path(str(full)))} has no room left; nothing was half-written; "
                f"free space and {then or f'`{resume_command(where)}`'}."
            ) from error
        if isinstance(error, OSError):
            named = error.filename2 or error.filename or where
            raise RunError(f"{named} can't be written: {error.strerror or error}.") from error
        raise


def _is_full(error: Exception, run: Path) -> bool:
    if is_full(error):
        return True
    if isinstance(error, OSError) and error.errno is not None:
        return False
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


def _sync_tree(root: Path) -> None:
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            sync(Path(folder) / name)
        sync(Path(folder))


def _write_first(path: Path, text: str) -> bool:
    """Write a file whole, unless somebody else was faster; whether it was written."""
    working = path.with_name(f".{uuid.uuid4().hex[:16]}.tmp")
    try:
        write_whole(working, [text])
        try:
            os.link(working, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            os.replace(working, path)
        sync(path.parent)
        return True
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(working)


def _as_json(obj: Any) -> str:
    return json.dumps(obj, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
