"""Work side by side: a process a core, one progress display.

The processes are spawned, not forked, so that neither torch nor the sandbox inherits threads or locks.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunError

Work = Callable[[Listener], Any]
"""A function of a module, or a `functools.partial` of one; what it returns must cross to another process."""

_reports: Any = None
"""In a worker: the queue that takes its progress to the parent."""


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
        futures = [self.pool.submit(_work, work, threads) for work in works]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            _cancel(futures)
            raise
        return [future.result() for future in futures]


@contextmanager
def workers(listen: Listener, count: int) -> Generator[Workers]:
    """Workers whose progress goes to `listen`. They end with this process, whatever ends it.

    Raises:
        RunError: one of them was killed.
    """
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    relay = threading.Thread(target=_relay, args=(reports, listen), daemon=True)
    relay.start()
    try:
        with ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(reports,)) as pool:
            yield Workers(pool)
    except BrokenProcessPool:
        raise RunError(
            "A worker process was killed, perhaps for want of memory; "
            "what was done is kept: resume the study."
        ) from None
    finally:
        reports.put(None)
        relay.join()


def _cancel(futures: Sequence[Future[Any]]) -> None:
    for future in futures:
        future.cancel()


def _relay(reports: Any, listen: Listener) -> None:
    while (progress := reports.get()) is not None:
        listen(progress)


def _start(reports: Any) -> None:
    global _reports
    _reports = reports
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose study was killed would go on with what waits, and hold the runs that a resume needs."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _tell(progress: Progress) -> None:
    # A plain dict: the default, a read-only view, can't be sent to another process.
    _reports.put(replace(progress, figures=dict(progress.figures)))


def _work(work: Work, threads: int) -> Any:
    import torch

    torch.set_num_threads(threads)
    return work(_tell)
