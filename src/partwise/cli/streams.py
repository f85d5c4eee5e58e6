"""Standard streams that can't stop a command: closed, full, or with nobody left who reads them."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys
from collections.abc import Generator
from typing import Any, TextIO, cast


class Patient:
    """A text stream that drops what it can't write and remembers why; in all else, what it stands for."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None
        """What became of the first write that failed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, if it can be."""
        if self.failure is None:
            with self._noting():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if it can be."""
        if self.failure is None:
            with self._noting():
                self._stream.flush()

    @contextlib.contextmanager
    def _noting(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            self.failure = error
            # What is still in the buffer would fail again when Python ends.
            with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())
                self._stream.flush()


@contextlib.contextmanager
def patient_streams() -> Generator[Patient]:
    """Within it commands run to their end whatever becomes of their output; yields standard output.

    Characters that the terminal's encoding has not are written with a backslash.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Left closed, its number would go to the next file that is opened, and prints into it.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    before = sys.stdin, sys.stdout, sys.stderr
    streams: list[TextIO] = []
    for stream, mode in zip(cast(tuple[TextIO | None, ...], before), "rww", strict=True):
        if stream is None:
            stream = cast(TextIO, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - Python's to close
        elif mode == "w" and hasattr(stream, "reconfigure"):
            # A system that was told nothing says ASCII; click would write UTF-8 all the same, past us.
            ascii = codecs.lookup(stream.encoding or "ascii").name == "ascii"
            cast(Any, stream).reconfigure(encoding="utf-8" if ascii else None, errors="backslashreplace")
        streams.append(stream)
    out, err = Patient(streams[1]), Patient(streams[2])
    sys.stdin, sys.stdout, sys.stderr = streams[0], cast(TextIO, out), cast(TextIO, err)
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdin, sys.stdout, sys.stderr = before


def lost(out: Patient) -> str:
    """One sentence, where output was lost that somebody wanted; a reader who has gone wants no more."""
    if out.failure is None or out.failure.errno == errno.EPIPE:
        return ""
    return f"Standard output can't be written: {out.failure.strerror}."
