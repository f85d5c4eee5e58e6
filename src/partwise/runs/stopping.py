"""Ending by a signal as tidily as by an exception."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_STOPPING = (signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """The process was told to end: everybody lets it through, as they let Ctrl+C through."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        """Of the signal."""


def stop_by_exception(
    grace: float, *, busy: Callable[[], bool] = lambda: True, leave: Callable[[int], NoReturn] = os._exit
) -> None:
    """Let SIGTERM and SIGHUP raise `Stopped` in the main thread, from which this must be called.

    Whoever has scratch files or processes is so given the time to clear them away. `grace` seconds later the
    system ends the process, whatever it is doing. A process that is not `busy` just ends, by `leave` with its
    exit code. A signal that is ignored, as under nohup, stays so.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        if not busy():
            leave(128 + number)
        for each in _STOPPING:
            signal.signal(each, signal.SIG_IGN)  # once is enough: tidying up is not to be cut short
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, grace)
        raise Stopped(number)

    for each in _STOPPING:
        if signal.getsignal(each) is signal.SIG_DFL:
            signal.signal(each, stop)
