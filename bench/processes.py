"""Rollouts a second of two processes against one, at equal steps: rolled out, scored and learned from.

Run: PYTHONPATH=src python bench/processes.py   (some ten minutes on a quiet machine with two cores; more
where the cache lacks the base planner; needs no network)

Each side trains the same planner for `--rounds` rounds, each from its base, of `--steps` steps of 8 tasks
times 16 copies, as `bench/step.py` does. Figures are of the wall clock and of whole rounds: with two
processes each rolls out half of the tasks of every step, gradients are averaged, and both wait for the
slower one. One process is measured with one thread and with two, since two cores could also be used so; two
have a thread each. Sides take turns, in processes of their own; the table shows each round, and the ratio is
of the medians.
Draws depend on the number of processes, so that rollouts are as many and not the same.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from partwise.composition.sandbox import Sandbox
from partwise.models.processes import processes

SIDES = {"one process, one thread": (1, 1), "one process, two threads": (1, 2), "two processes": (2, 1)}
"""Processes and threads of each."""


def work(size: str, rounds: int, steps: int) -> None:
    """Rounds of one side; its first process prints the seconds of each."""
    from step import Trained

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    together = processes()
    seconds: list[float] = []
    with Sandbox() as sandbox:
        trained = Trained(size, None, sandbox)  # All at once: weights are compared on the way.
        base = trained.weights()
        trained.train(500_000, 1, 0)  # Warms up: the sandbox's process, what is imported late.
        for number in range(rounds):
            # From the base each time: a planner that has learned writes less, and is faster by that alone.
            trained.planner.model.load_state_dict(base)
            together.wait()
            start = time.perf_counter()
            trained.train(1000 * number, steps, number)
            together.wait()
            seconds.append(time.perf_counter() - start)
        settings = trained.config.rlft
    if together.is_first:
        print(
            json.dumps(
                {"seconds": seconds, "rollouts": steps * settings.tasks_per_step * settings.group_size}
            )
        )


def measured(count: int, threads: int, settings: list[str]) -> list[float]:
    """Rollouts a second of each round of a side."""
    launch = (
        ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)] if count > 1 else []
    )
    done = subprocess.run(
        [sys.executable, *launch, __file__, "--work", *settings],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    said = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"seconds"')))
    return [said["rollouts"] / seconds for seconds in said["seconds"]]


def main() -> None:
    """Print a markdown table and the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="small", help="of the planner")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="of a round")
    parser.add_argument("--repeats", type=int, default=2, help="turns of each side")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        sys.path.insert(0, str(Path(__file__).parent))
        work(given.size, given.rounds, given.steps)
        return
    settings = ["--size", given.size, "--rounds", str(given.rounds), "--steps", str(given.steps)]
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    print("| side | turn | rollouts a second, by round |\n|---|---|---|")
    for turn in range(given.repeats):
        for side, (count, threads) in SIDES.items():
            rates = measured(count, threads, settings)
            found[side] += rates
            print(f"| {side} | {turn + 1} | {', '.join(f'{rate:.1f}' for rate in rates)} |", flush=True)
    both = statistics.median(found["two processes"])
    print()
    for side in [side for side in SIDES if side != "two processes"]:
        print(f"two processes against {side}: {both / statistics.median(found[side]):.2f} times")


if __name__ == "__main__":
    main()
