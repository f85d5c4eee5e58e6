"""Work side by side: a process a core, one progress display.

The processes are spawned, not forked, so that neither torch nor the sandbox inherits threads or locks.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunError
from partwise.runs.stopping import Stopped, stop_by_exception

Work = Callable[[Listener], Any]
"""A function of a module, or a `functools.partial` of one; what it returns must cross to another process."""

_GRACE = 5.0
"""Seconds that a worker has to tidy up once its study ends before its time."""
_reports: Any = None
"""In a worker: the queue that takes its progress to the parent."""
_working = threading.Event()
"""In a worker: set while it works."""


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Workers:
    """Processes that are ready to work."""

    pool: ProcessPoolExecutor

    def run(self, works: Sequence[Work], *, threads: int = 1) -> list[Any]:
        """What each work returns, in order. What has not begun when one of them fails is left undone.

        Raises:
            Exception: whatever a work raised.
        """
        # A single-threaded process a core beats threads for models this small.
        with _without_interrupts():
            futures = [self.pool.submit(_work, work, threads) for work in works]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            # Not by `Future.cancel`: a pool that breaks then trips over those that were cancelled.
            self.pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


@contextmanager
def workers(listen: Listener, count: int) -> Generator[Workers]:
    """Workers whose progress goes to `listen`. They end with this process, whatever ends it.

    Where this process is told to end they are stopped in the midst of what they do, as if by a signal. Their
    temporary files lie in one folder that goes with them, since a worker that is stopped may be anywhere:
    between making a file and remembering it, or in code that lets no exception through.

    Raises:
        RunError: one of them was killed.
    """
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    relay = threading.Thread(target=_relay, args=(reports, listen), daemon=True)
    relay.start()
    # Nothing is ever sent: that the other end is closed, by us or by our end, is what workers wait for.
    watched, held = context.Pipe(duplex=False)
    scratch = tempfile.mkdtemp(prefix="partwise-")
    pool = ProcessPoolExecutor(
        count, mp_context=context, initializer=_start, initargs=(reports, watched, scratch)
    )
    try:
        try:
            with pool:
                try:
                    yield Workers(pool)
                except Exception:
                    raise  # what others are in the midst of is finished, and kept
                except BaseException:
                    held.close()
                    raise
        except BrokenProcessPool:
            raise RunError(
                "A worker process was killed, perhaps for want of memory; "
                "what was done is kept: resume the study."
            ) from None
    finally:
        held.close()
        watched.close()
        shutil.rmtree(scratch, ignore_errors=True)
        # A worker that was killed may hold the queue for ever: nobody waits for it.
        reports.cancel_join_thread()
        reports.put(None)
        relay.join(_GRACE)


@contextmanager
def _without_interrupts() -> Generator[None]:
    """Processes that are started within begin without Ctrl+C, until they have said what they make of it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _relay(reports: Any, listen: Listener) -> None:
    while (progress := reports.get()) is not None:
        listen(progress)


def _start(reports: Any, watched: Connection, scratch: str) -> None:
    global _reports
    _reports = reports
    own = Path(scratch, str(os.getpid()))
    try:
        own.mkdir()
    except FileNotFoundError:
        os._exit(0)  # while this began its study has ended, and taken the folder with it
    tempfile.tempdir = str(own)
    # Ctrl+C in a terminal reaches every process; whether to end is for the study to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # Later than its study's end would end it, since the system clears nothing away.
    stop_by_exception(2 * _GRACE, busy=_working.is_set, leave=_leave)
    threading.Thread(target=_end_with_study, args=(watched,), daemon=True).start()


def _end_with_study(watched: Connection) -> None:
    """A worker whose study has ended would go on with what waits, and hold the runs that a resume needs."""
    with suppress(EOFError, OSError):
        watched.recv_bytes()
    thread = threading.main_thread().ident
    if thread is not None:
        signal.pthread_kill(thread, signal.SIGTERM)
    time.sleep(_GRACE)
    _leave(1)


def _leave(code: int) -> NoReturn:
    """End this worker and its temporary files: there may be no study any more that would see to them."""
    if tempfile.tempdir is not None:
        shutil.rmtree(tempfile.tempdir, ignore_errors=True)
        with suppress(OSError):
            Path(tempfile.tempdir).parent.rmdir()  # by who is last
    os._exit(code)


def _tell(progress: Progress) -> None:
    # A plain dict: the default, a read-only view, can't be sent to another process.
    _reports.put(replace(progress, figures=dict(progress.figures)))


def _work(work: Work, threads: int) -> Any:
    _working.set()
    try:
        import torch

        torch.set_num_threads(threads)
        return work(_tell)
    except Stopped as stopped:
        _leave(128 + stopped.number)  # or the worker would begin what waits
    finally:
        _working.clear()
