"""The command as a process: its streams, the signals that end it, and its exit code."""

from __future__ import annotations

import sys
from typing import Any

import typer

from partwise.cli.streams import lost, patient_streams
from partwise.runs.stopping import stop_by_exception

_GRACE = 20.0
"""Seconds that tidying up may take after a signal."""


class Application(typer.Typer):
    """A typer application that nothing of its surroundings makes fail halfway."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command and leave Python with its exit code."""
        stop_by_exception(_GRACE)
        code: object = 0
        with patient_streams() as out:
            try:
                super().__call__(*args, **kwargs)
            except SystemExit as end:
                code = end.code
            out.flush()
            if sentence := lost(out):
                print(sentence, file=sys.stderr)
                code = code or 1
        sys.exit(code)  # pyright: ignore[reportArgumentType] - as it was raised
