"""One step of RLFT against its matrix products alone: what the rest of the step costs.

Run: OMP_NUM_THREADS=1 PYTHONPATH=src python bench/step.py [--against OTHER/src]   (some four minutes a side;
needs no network)

A planner is trained from its base for `--rounds` rounds of 8 steps, by the verifier's word and the parts, as
`rlft` does it: 8 tasks times 16 copies, one thread. Of each round one step is looked at: how long it took in
processor time, how much of that was rollouts and how much loss and backward, and how long its matrix products
take by themselves, with the same shapes, one after the other. Planners settle as they learn, so that rounds
differ. With `--against`, another checkout's `src` is measured in turn, in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIZES = ("small", "large")
STEPS = 8


def products_alone(shapes: Counter[tuple[Any, ...]]) -> float:
    """Seconds that the products of these shapes take, each timed alone and counted as often as it came."""
    import torch

    took = 0.0
    for (first, second), count in shapes.items():
        a, b = torch.randn(first), torch.randn(second)
        torch.matmul(a, b)
        start = time.process_time()
        repeats = max(1, min(count, 20))
        for _ in range(repeats):
            torch.matmul(a, b)
        took += (time.process_time() - start) / repeats * count
    return took


def measure(size: str, rounds: int) -> list[dict[str, float]]:
    """One step of each round."""
    import torch
    from accelerate import Accelerator
    from rlft import fitted_proxy
    from torch.utils._python_dispatch import TorchDispatchMode

    from partwise.composition.sandbox import Sandbox
    from partwise.config import AlignConfig
    from partwise.loops.setup import base_planner, load_planner
    from partwise.training import rlft as training
    from partwise.training.rollout import RolloutEngine
    from partwise.types import Rollout, Split
    from partwise.worlds.registry import load_world

    torch.set_num_threads(1)
    aten = torch.ops.aten

    class Products(TorchDispatchMode):
        """Counts matrix products by their shapes."""

        def __init__(self) -> None:
            super().__init__()
            self.shapes: Counter[tuple[Any, ...]] = Counter()

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            packet = func.overloadpacket
            if packet in (aten.mm, aten.bmm):
                self.shapes[tuple(args[0].shape), tuple(args[1].shape)] += 1
            elif packet in (aten.addmm, aten.addmm_, aten.baddbmm):
                self.shapes[tuple(args[1].shape), tuple(args[2].shape)] += 1
            elif packet is aten.linear:
                self.shapes[(args[0].numel() // args[0].shape[-1], args[0].shape[-1]), args[1].T.shape] += 1
            return func(*args, **(kwargs or {}))

    config = AlignConfig.model_validate({"seed": 200, "planner": {"device": "cpu", "size": size}})
    world = load_world(config.world)
    planner = load_planner(world, config.planner, base_planner(world, config.base))
    proxy = fitted_proxy(world, config, 200)
    spent: Counter[str] = Counter()

    def timed(owner: Any, name: str, into: str) -> None:
        inner = getattr(owner, name)

        def outer(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            try:
                return inner(*args, **kwargs)
            finally:
                spent[into] += time.process_time() - start

        setattr(owner, name, outer)

    timed(RolloutEngine, "roll_out", "rollouts")
    timed(training._Trainer, "_compute_loss", "loss and backward")
    timed(Accelerator, "backward", "loss and backward")

    def reward(rollouts: Sequence[Rollout]) -> list[float]:
        return [float(row.correct or 0) + sum(row.partial_rewards) for row in rollouts]

    def step(steps: int, offset: int, seed: int) -> float:
        tasks = [world.task(Split.TRAIN, offset + at) for at in range(steps * config.rlft.tasks_per_step)]
        start = time.process_time()
        training.rlft(
            engine,
            tasks,
            reward,
            config.rlft.model_copy(update={"steps": steps}),
            seed=seed,
            listen=lambda _: None,
        )
        return time.process_time() - start

    rows: list[dict[str, float]] = []
    with Sandbox() as sandbox:
        engine = RolloutEngine(world, planner, proxy, sandbox, space="affine")
        for number in range(rounds):
            step(STEPS - 1, 1000 * number, number)
            kept = {name: weight.clone() for name, weight in planner.model.state_dict().items()}
            with Products() as products:
                step(1, 1000 * number + 900, number)
            planner.model.load_state_dict(kept)
            engine = RolloutEngine(
                world, planner, proxy, sandbox, space="affine"
            )  # forgets what programs did
            spent.clear()
            step(1, 1000 * number + 900, number)
            alone = products_alone(products.shapes)
            rows.append({"round": number, **spent, "products": alone})
    return rows


def main() -> None:
    """Print a markdown table, and the ratios of each side."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--sizes", nargs="*", default=SIZES)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.rounds)))
        return
    here = Path(__file__).resolve().parents[1] / "src"
    sides = {"here": here, **({"against": given.against.resolve()} if given.against else {})}
    print("| planner | side | round | step (s) | rollouts | loss and backward | products | times products |")
    print("|---|---|---|---|---|---|---|---|")
    for size in given.sizes:
        for side, source in sides.items():
            command = [sys.executable, __file__, "--measure", size, "--rounds", str(given.rounds)]
            environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            for row in json.loads(done.stdout.splitlines()[-1]):
                whole = row["rollouts"] + row["loss and backward"]
                figures = (whole, row["rollouts"], row["loss and backward"], row["products"])
                cells = " | ".join(f"{seconds:.2f}" for seconds in figures)
                print(f"| {size} | {side} | {row['round'] + 1} | {cells} | {whole / row['products']:.1f} |")


if __name__ == "__main__":
    main()
