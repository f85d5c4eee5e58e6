"""A round of RLFT against its matrix products alone: what the rest of a step costs.

Run: OMP_NUM_THREADS=1 PYTHONPATH=src python bench/step.py [--against OTHER/src]   (some four minutes a side
on a quiet machine; more where the cache lacks a base planner; needs no network)

A planner is trained from its base for `--rounds` rounds of `--steps` steps, by the verifier's word and the
parts, as `rlft` does it: 8 tasks times 16 copies, one thread. Planners settle as they learn, so that rounds
differ. All figures are of whole rounds, so that what one step learns for the next (drafts, what programs
did) counts, in processor time of this process:

- *step*: the trainer's `train`, over the number of steps: rollouts, rewards, loss, backward, optimizer, and
  what lies between. *Rollouts* and *loss and backward* are parts of it.
- *products*: how long the matrix products of the same round take by themselves, with the same shapes, one
  after the other, over the number of steps. The round is done a second time to count them, from the same
  weights and with the same seed: counting is slow. Those within attention's kernel are not among them.

With `--against`, another checkout's `src` is measured in turn, from the same base planner and with the proxy
of its own `bench/rlft.py`, each side in a process of its own. It may be an older one.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch.utils._python_dispatch import TorchDispatchMode
from trl import GRPOTrainer

import partwise
from partwise.composition.sandbox import Sandbox
from partwise.config import AlignConfig
from partwise.loops.setup import base_planner, load_planner
from partwise.training import rlft as training
from partwise.training.rollout import RolloutEngine
from partwise.types import Rollout, Split
from partwise.worlds.registry import load_world

SIZES = ("small", "large")
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

    def seconds(self) -> float:
        """What they take, each shape timed alone and counted as often as it came."""
        took = 0.0
        for (first, second), count in self.shapes.items():
            a, b = torch.randn(first), torch.randn(second)
            torch.matmul(a, b)
            repeats = max(1, min(count, 20))
            start = time.process_time()
            for _ in range(repeats):
                torch.matmul(a, b)
            took += (time.process_time() - start) / repeats * count
        return took


def timed(owner: Any, name: str, spent: Counter[str], into: str) -> None:
    """Have a method's processor time added up."""
    inner = getattr(owner, name)

    def outer(*args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return inner(*args, **kwargs)
        finally:
            spent[into] += time.process_time() - start

    setattr(owner, name, outer)


def reward(rollouts: Sequence[Rollout]) -> list[float]:
    """The verifier's word and the parts."""
    return [float(row.correct or 0) + sum(row.partial_rewards) for row in rollouts]


def bench_beside(source: Path) -> Any:
    """`bench/rlft.py` of the checkout that `source` belongs to: it fits a proxy as that checkout can."""
    loader = SourceFileLoader("bench_rlft", str(source.parent / "bench" / "rlft.py"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = sys.modules[loader.name] = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Trained:
    """A planner on its way through rounds."""

    def __init__(self, size: str, base: str | None, sandbox: Sandbox) -> None:
        """At `base`, a folder; made or found in the cache where it is None."""
        given = {"seed": 200, "planner": {"device": "cpu", "size": size}}
        self.config = AlignConfig.model_validate(given)
        self.world = load_world(self.config.world)
        # Before runs seeded their pretraining, the planner's settings were the base planner's.
        self.base = base or base_planner(self.world, getattr(self.config, "base", self.config.planner))
        self.planner = load_planner(self.world, self.config.planner, self.base)
        source = Path(str(partwise.__file__)).resolve().parents[1]
        self.proxy = bench_beside(source).fitted_proxy(self.world, self.config, 200)
        self.sandbox = sandbox

    def train(self, first: int, steps: int, seed: int) -> None:
        """Steps over the tasks from `first` on. Nothing is known of what programs did before."""
        self.proxy.forget_scores()
        engine = RolloutEngine(self.world, self.planner, self.proxy, self.sandbox, space="affine")
        count = steps * self.config.rlft.tasks_per_step
        tasks = [self.world.task(Split.TRAIN, first + at) for at in range(count)]
        settings = self.config.rlft.model_copy(update={"steps": steps})
        training.rlft(engine, tasks, reward, settings, seed=seed, listen=lambda _: None)

    def weights(self) -> dict[str, torch.Tensor]:
        """A copy of the planner's."""
        return {name: weight.clone() for name, weight in self.planner.model.state_dict().items()}


def measure(size: str, rounds: int, steps: int, base: str | None) -> dict[str, Any]:
    """The base planner's folder, and seconds a step of each round."""
    torch.set_num_threads(1)
    spent: Counter[str] = Counter()
    timed(RolloutEngine, "roll_out", spent, "rollouts")
    timed(getattr(training, "_Trainer", GRPOTrainer), "_compute_loss", spent, "loss and backward")
    timed(Accelerator, "backward", spent, "loss and backward")
    timed(GRPOTrainer, "train", spent, "step")
    rows: list[dict[str, float]] = []
    with Sandbox() as sandbox:
        trained = Trained(size, base, sandbox)
        start = trained.weights()
        trained.train(500_000, 1, 0)  # Warms up: the sandbox's process, what is imported late.
        trained.planner.model.load_state_dict(start)
        for number in range(rounds):
            before = trained.weights()
            spent.clear()
            trained.train(1000 * number, steps, number)
            row = {name: seconds / steps for name, seconds in spent.items()}
            # Counted afterwards: a round that has been done is remembered in part, by text.
            after = trained.weights()
            trained.planner.model.load_state_dict(before)
            with Products() as products:
                trained.train(1000 * number, steps, number)
            trained.planner.model.load_state_dict(after)
            rows.append({**row, "products": products.seconds() / steps})
    return {"base": trained.base, "rows": rows}


def measured(source: Path, size: str, settings: Sequence[str], base: str | None) -> dict[str, Any]:
    """What `measure` finds in a process that sees another source."""
    command = [sys.executable, __file__, "--measure", size, *settings]
    command += ["--base", base] if base else []
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    if not Path(found["source"]).is_relative_to(source):
        sys.exit(f"{found['source']} was measured, not {source}")
    return found


def main() -> None:
    """Print a markdown table, and each side's ratio over all rounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8, help="of a round")
    parser.add_argument("--against", type=Path, help="the `src` of another checkout")
    parser.add_argument("--sizes", nargs="*", default=SIZES)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--base", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        found = measure(given.measure, given.rounds, given.steps, given.base)
        print(json.dumps({**found, "source": str(Path(str(partwise.__file__)).resolve())}))
        return
    here = Path(__file__).resolve().parents[1] / "src"
    sides = {"here": here, **({"against": given.against.resolve()} if given.against else {})}
    settings = ("--rounds", str(given.rounds), "--steps", str(given.steps))
    columns = ("step", "rollouts", "loss and backward", "products")
    print(f"| side | planner | round | {' (s) | '.join(columns)} (s) | times products |")
    print("|---|---|---|---|---|---|---|---|")
    ratios: list[str] = []
    for size in given.sizes:
        base: str | None = None
        for side, source in sides.items():
            found = measured(source, size, settings, base)
            base = found["base"]
            for number, row in enumerate(found["rows"], 1):
                cells = " | ".join(f"{row[column]:.3f}" for column in columns)
                times = row["step"] / row["products"]
                print(f"| {side} | {size} | {number} | {cells} | {times:.1f} |", flush=True)
            step, products = (statistics.mean(row[c] for row in found["rows"]) for c in ("step", "products"))
            ratios.append(f"{size}, {side}: {step / products:.2f} times its products")
    print("", *ratios, sep="\n")


if __name__ == "__main__":
    main()
