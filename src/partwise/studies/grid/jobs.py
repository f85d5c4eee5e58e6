"""Runs of the loop side by side, resumable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from partwise.config import AlignConfig
from partwise.runs.progress import Listener, Progress
from partwise.runs.rundir import RESULTS
from partwise.studies.grid.processes import available_cores, workers
from partwise.training.divergence import divergence_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of the loop."""

    name: str
    config: AlignConfig
    out: Path


def run_jobs(jobs: Sequence[Job], listen: Listener, *, processes: int | None = None) -> None:
    """Run every job to its end; those that are done already return at once.

    The base planners of the others are made first, each once, so that no two processes make the same one.

    Raises:
        RunError: a worker was killed.
        Exception: whatever a job raised; the other jobs' finished rounds are kept.
    """
    bases = {(job.config.world, job.config.base): job for job in jobs if not (job.out / RESULTS).exists()}
    with workers(listen, min(processes or available_cores(), len(jobs))) as ready:
        # Where there are fewer than cores, with all cores: nothing else runs yet.
        threads = max(1, available_cores() // max(1, len(bases)))
        ready.run([partial(_prepare, job) for job in bases.values()], threads=threads)
        ready.run([partial(_run, job) for job in jobs])


def _prepare(job: Job, listen: Listener) -> None:
    """Make the base planner."""
    from partwise.loops.setup import base_planner
    from partwise.worlds.registry import load_world

    name = f"base {job.config.base.pretrain.seed}"
    listen(Progress(name, "pretraining", 0, 0))
    base_planner(
        load_world(job.config.world),
        job.config.base,
        lambda done, total, loss: listen(Progress(name, "pretraining", done, total, {"loss": loss})),
    )
    listen(Progress(name, "done", 1, 1))


def _run(job: Job, listen: Listener) -> None:
    from partwise.loops.run import align

    with divergence_of(job.name):
        align(job.config, job.out, listen, name=job.name)
