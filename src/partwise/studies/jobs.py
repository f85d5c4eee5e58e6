"""Runs of the loop side by side: a process a core, one progress display, resumable.

The processes are spawned, not forked, so that neither torch nor the sandbox inherits threads or locks.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from partwise.config import AlignConfig
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RunError

_reports: Any = None
"""In a worker: the queue that takes its progress to the parent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of the loop, or other work of a study."""

    name: str
    config: AlignConfig
    out: Path
    work: Callable[[Job, Listener], None] | None = None
    """A function of a module, which returns at once where its work is done already; None for `align`."""


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def run_jobs(jobs: Sequence[Job], listen: Listener, *, processes: int | None = None) -> None:
    """Run every job to its end; those that are done already return at once.

    The base planners are made first, one after the other, so that no two processes make the same one.

    Raises:
        RunError: a worker was killed.
        Exception: whatever a job raised; the other jobs' finished rounds are kept.
    """
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    relay = threading.Thread(target=_relay, args=(reports, listen), daemon=True)
    relay.start()
    count = min(processes or available_cores(), len(jobs))
    try:
        with ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(reports,)) as pool:
            bases = {(job.config.world, job.config.planner): job for job in jobs}
            _wait([pool.submit(_prepare, job, available_cores()) for job in bases.values()])
            _wait([pool.submit(_run, job) for job in jobs])
    except BrokenProcessPool:
        raise RunError(
            "A worker process was killed, perhaps for want of memory; "
            "what was done is kept: resume the study."
        ) from None
    finally:
        reports.put(None)
        relay.join()


def _relay(reports: Any, listen: Listener) -> None:
    while (progress := reports.get()) is not None:
        listen(progress)


def _wait(futures: Sequence[Future[None]]) -> None:
    try:
        for future in as_completed(futures):
            future.result()
    except BaseException:
        for future in futures:
            future.cancel()
        raise


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


def _prepare(job: Job, threads: int) -> None:
    """Make the base planner, with all cores: nothing else runs yet."""
    import torch

    from partwise.loops.setup import base_planner
    from partwise.worlds.registry import load_world

    torch.set_num_threads(threads)
    name = "base"
    _tell(Progress(name, "pretraining", 0, 0))
    base_planner(
        load_world(job.config.world),
        job.config.planner,
        lambda done, total, loss: _tell(Progress(name, "pretraining", done, total, {"loss": loss})),
    )
    _tell(Progress(name, "done", 1, 1))


def _run(job: Job) -> None:
    import torch

    from partwise.loops.run import align

    # A single-threaded process a core beats threads for models this small.
    torch.set_num_threads(1)
    if job.work:
        job.work(job, _tell)
    else:
        align(job.config, job.out, _tell, name=job.name)
