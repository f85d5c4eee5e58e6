"""Where a run goes: a directory that is ours alone from the start, and gone again if nothing came of it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from partwise.cli.errors import fail, plain_errors
from partwise.config.launched import launched


@contextlib.contextmanager
def run_directory(name: str, out: Path | None) -> Generator[Path]:
    """The directory of a run: `out`, or else the next of runs/NAME-1, runs/NAME-2, ... that nobody has.

    Errors are answered in one sentence, and leave no directory behind that was not there before and in which
    nothing was done. What was interrupted stays, to be resumed.
    """
    if out is None and launched().count > 1:
        fail("Several processes can't choose a directory together; say which with --out.", 2)
    existing = _deepest(Path("runs") if out is None else out)
    fresh = out is None or not out.exists()
    with plain_errors(out):
        directory = _claimed(name) if out is None else out
    with plain_errors(directory):
        try:
            yield directory
        except Exception:
            if fresh:
                _remove_blank(directory, existing)
            raise


def refuse_missing_devices(config: BaseModel, prefix: str = "") -> None:
    """Look before anything is done whether each `device` in the settings is there.

    Raises:
        ConfigError: one is not.
    """
    for name in type(config).model_fields:
        value: Any = getattr(config, name)
        if isinstance(value, BaseModel):
            refuse_missing_devices(value, f"{prefix}{name}.")
        elif name == "device":
            refuse_missing_device(f"{prefix}{name}", value)


def refuse_missing_device(name: str, device: str) -> None:
    """The same of one device; `name` is that of the setting or option.

    Raises:
        ConfigError: it is not there.
    """
    if device in ("auto", "cpu"):
        return
    from partwise.models.devices import why_missing
    from partwise.runs.config import ConfigError

    if reason := why_missing(device):
        raise ConfigError(f"`{name}` can't be {device!r}: {reason}")
    from partwise.models.errors import ModelError
    from partwise.models.hub import resolve_device

    try:
        resolve_device(device)
    except ModelError as error:
        raise ConfigError(f"`{name}` can't be {device!r}: {error}.") from error


def _claimed(name: str) -> Path:
    """A new directory; to make it is to have it, also where several look for one at once."""
    for number in itertools.count(1):
        directory = Path("runs") / f"{name}-{number}"
        with contextlib.suppress(FileExistsError):
            directory.parent.mkdir(parents=True, exist_ok=True)
            directory.mkdir()
            return directory
    raise AssertionError


def _deepest(path: Path) -> Path:
    """The path as far as it is there."""
    return next(each for each in (path, *path.parents) if each.exists())


def _remove_blank(directory: Path, existing: Path) -> None:
    from partwise.runs.rundir import RunDir

    with contextlib.suppress(OSError):
        if directory.is_dir() and RunDir(directory, "", {}).is_blank():
            shutil.rmtree(directory)
    for folder in directory.parents:
        if folder == existing:
            return
        try:
            os.rmdir(folder)
        except OSError:  # others have put something there
            return
