"""Expected errors are one sentence and an exit code; the others keep their traceback."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import NoReturn

import typer

from partwise.files import is_full
from partwise.runs.stopping import Stopped
from partwise.runs.text import shown


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong, a line a sentence, and end with an exit code."""
    for line in message.split("\n"):
        typer.echo(shown(line), err=True)
    raise typer.Exit(code)


@contextlib.contextmanager
def plain_errors(directory: Path | None = None) -> Generator[None, None, None]:
    """Answer an expected error with one sentence and an exit code: 2 for the request, 1 for the rest.

    What is not expected keeps its traceback, which is what a bug report needs.
    """
    try:
        yield
    except (KeyboardInterrupt, Exception) as error:
        answer = _sentence(error, directory)
        if answer is None or os.environ.get("PARTWISE_DEBUG") == "1":
            raise
        fail(*answer)


def _sentence(error: BaseException, directory: Path | None) -> tuple[str, int] | None:
    """The sentence and exit code of an expected error; None for one that is not expected."""
    if isinstance(error, KeyboardInterrupt):
        said, code = ("Stopped", 128 + error.number) if isinstance(error, Stopped) else ("Interrupted", 1)
        resume = _resume_command(directory)
        return (f"{said}; resume with: {resume}" if resume else f"{said}."), code
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "There is not enough memory; try a smaller planner.size, rlft.tasks_per_step or model.", 1
    text = _one_line(error)
    if isinstance(error, LookupError):
        # A registry answers with a sentence; a bare key or "list index out of range" is a bug.
        return (text, 2) if " " in text and not isinstance(error, IndexError) else None
    if isinstance(error, BrokenPipeError):
        return None  # typer ends quietly: the reader of our output has gone
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"There is no {error.filename}.", 2
    if isinstance(error, OSError) and is_full(error):
        return _full(error, text), 1
    if isinstance(error, OSError):
        named = error.filename is not None and error.strerror
        if named and error.errno == errno.EROFS:
            return f"{error.filename} can't be written: {error.strerror}.", 1
        return (f"{error.filename}: {error.strerror}." if named else text), 1
    # The classes are ours; where a module was never loaded, nothing of its was raised.
    if _is_of(error, "partwise.runs.config", "ConfigError"):
        return str(error), 2
    if _is_of(error, "partwise.runs.rundir", "NoRunError"):
        return text, 2
    if _is_of(error, "partwise.runs.rundir", "RunError"):
        return text, 1
    if _is_of(error, "partwise.composition.spaces", "SpaceError"):
        return text, 2
    if _is_of(error, "partwise.models.errors", "ModelError"):
        return text, 2
    if _is_of(error, "partwise.models.errors", "Unanswered"):
        resume = _resume_command(directory)
        return (f"{text}; resume with: {resume}" if resume else f"{text}."), 1
    if _is_of(error, "partwise.models.classifier", "TextError"):
        return f"{text}.", 2
    if _is_of(error, "partwise.training.divergence", "Diverged"):
        return text, 2
    if _is_of(error, "partwise.data.checks", "DataError"):
        return text, 2
    if _is_of(error, "partwise.config.addresses", "AddressError"):
        return text, 2
    if _is_of(error, "partwise.oversight.feedback", "FeedbackError"):
        return text, 2 if _is_of(error.__cause__, "partwise.config.addresses", "AddressError") else 1
    if _is_of(error, "partwise.console.serve", "ConsoleError"):
        return text, 2
    if _is_of(error, "partwise.console.auth", "SignInError"):
        return text, 2
    # Some libraries have errors of their own for it.
    return (_full(error, text), 1) if is_full(error) else None


def _resume_command(directory: Path | None) -> str | None:
    """What goes on with the run in a directory; None where there is none."""
    if directory is None or not (directory / "run.json").exists():
        return None
    from partwise.runs.rundir import resume_command

    return resume_command(directory)


def _full(error: BaseException, text: str) -> str:
    where = getattr(error, "filename", None)
    return f"The disk is full: {f'{where} has no room left' if where else text.rstrip('.')}."


def _is_of(error: BaseException | None, module: str, name: str) -> bool:
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, getattr(loaded, name))


def _one_line(error: BaseException) -> str:
    first = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return " ".join(first.split())
