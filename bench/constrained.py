"""Constrained decoding: what it takes, what it lets through, and what it puts in.

Run: OMP_NUM_THREADS=1 PYTHONPATH=src python bench/constrained.py   (two minutes; needs no network)
     ... bench/constrained.py --rollouts 100000 --alone   (about ten minutes a space)
     ... bench/constrained.py --model package:smollm2 --rollouts 1024 --tasks 2 --alone

The pretrained `small` planner writes two turns of 8 tasks times 16 copies at temperature 1, with and without
`planner.constrained`, in turn, on one thread; drafts are kept, as `rlft` keeps them. Between the turns each
subtask of the catalogue gets its first body, and any other one `return None`. The time is that of both turns:
parsing, proxy and sandbox are outside. Each text is then judged by `parse_decomposition` and `check_solution`
anew. `--alone` leaves out the other side, for large counts; `--model` takes one that is no tiny one, after a
warm start.

- *ratio*: processor time of the constrained planner over that of the plain one, over all batches and per
  sampled token; *first* is the first batch, with nothing remembered.
- *put in*: share of the constrained planner's tokens that were not drawn.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from partwise.composition.acceptor import Compositions, Decompositions, compositions
from partwise.composition.language import CompositionError, parse_decomposition
from partwise.composition.spaces import check_solution
from partwise.config import AlignConfig
from partwise.loops.setup import base_planner, load_planner
from partwise.models.drafts import Drafts
from partwise.models.planner import Planner
from partwise.training.rollout import decompositions
from partwise.types import PartialSolution, Solution, Split
from partwise.worlds.base import World
from partwise.worlds.registry import load_world

COPIES = 16
LIMITS = {"max_decomposition_tokens": 160, "max_composition_tokens": 160}
"""Of a `--model`: what the plans of its warm start take, and more."""
Parts = tuple[PartialSolution, ...]


@dataclass
class Side:
    """One planner, and what it did."""

    planner: Planner
    drafts: Drafts = field(default_factory=Drafts)
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))
    decompositions: Decompositions = field(default_factory=Decompositions)
    seconds: list[float] = field(default_factory=list)
    tokens: int = 0
    drawn: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    languages: dict[Parts, Compositions | None] = field(default_factory=dict)
    distinct: set[tuple[Parts, str]] = field(default_factory=set)


def parts_of(world: World, text: str) -> Parts | None:
    """The bodies of a decomposition's subtasks; None where it is none."""
    try:
        subtasks = parse_decomposition(text)
    except CompositionError:
        return None
    return tuple(
        world.catalogue[task.name].implementations[0]
        if task.name in world.catalogue and world.catalogue[task.name].subtask == task
        else PartialSolution(subtask=task, body="return None")
        for task in subtasks
    )


def batch(side: Side, world: World, space: str, numbers: range) -> None:
    """One batch of rollouts, of so many tasks, timed and judged."""
    start = time.process_time()
    tasks = [world.task(Split.TRAIN, number) for number in numbers]
    conversation = side.planner.open(tasks, COPIES, side.drafts)
    decompositions = conversation.decompose(1.0, side.generator, side.decompositions)
    spent = time.process_time() - start
    solved = [parts_of(world, text) for text in decompositions.texts]
    start = time.process_time()
    languages: list[Compositions | None] | None = None
    if side.planner.constrained:
        for parts in solved:
            if parts is not None and parts not in side.languages:
                side.languages[parts] = compositions(parts, space, world.tools)
        languages = [None if parts is None else side.languages[parts] for parts in solved]
    sources = [None if parts is None else "\n".join(part.source for part in parts) for parts in solved]
    _, written = conversation.recompose(sources, 1.0, side.generator, languages)
    side.seconds.append(spent + time.process_time() - start)
    for turn in (decompositions, written):
        side.tokens += sum(map(len, turn.ids))
        side.drawn += sum(map(sum, turn.drawn))
    for row, parts in enumerate(solved):
        side.ended[judged(side, world, space, parts, written.texts[row])] += 1
        side.ended["cut"] += not (decompositions.finished[row] and (parts is None or written.finished[row]))


def judged(side: Side, world: World, space: str, parts: Parts | None, composition: str) -> str:
    """How a rollout's texts are found by the parser and the check of the space."""
    if parts is None:
        return "no decomposition"
    side.distinct.add((parts, composition))
    try:
        solution = Solution(partial_solutions=parts, composition=composition)
        return "outside" if check_solution(solution, space, world.tools) else "within"
    except CompositionError:
        return "no program"


def row(name: str, side: Side) -> str:
    """A row of the table."""
    rollouts = sum(side.ended.values()) - side.ended["cut"]  # That is a kind beside the others.
    kinds = ("no decomposition", "no program", "outside", "cut", "within")
    counts = " | ".join(f"{side.ended[kind]:,}" for kind in kinds)
    put_in = 1 - side.drawn / side.tokens
    rate = f"{rollouts / sum(side.seconds):,.1f}"
    return f"| {name} | {rollouts:,} | {counts} | {len(side.distinct):,} | {put_in:.1%} | {rate} |"


def ratios(sides: Sequence[Side]) -> str:
    """The second side's time over the first one's."""
    plain, held = sides
    total = sum(held.seconds) / sum(plain.seconds)
    later = sum(held.seconds[1:]) / max(sum(plain.seconds[1:]), 1e-9)
    first = held.seconds[0] / plain.seconds[0]
    by_token = total * plain.tokens / held.tokens
    return f"{total:.2f} times the time; first batch {first:.2f}, later {later:.2f}; per token {by_token:.2f}"


def main() -> None:
    """Print a markdown table for each space, and the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rollouts", type=int, default=8192, help="on each side")
    parser.add_argument("--spaces", nargs="*", default=["free", "affine"])
    parser.add_argument("--alone", action="store_true", help="the constrained planner only")
    parser.add_argument("--tasks", type=int, default=8, help=f"of a batch, {COPIES} rollouts each")
    parser.add_argument("--model", help="a causal language model, after a warm start of 240 plans")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warm = {"model": given.model, "warm_start": {"examples": 240}, **LIMITS}
    planner = warm if given.model else {"size": "small"}
    config = AlignConfig.model_validate({"seed": 200, "planner": {"device": "cpu", **planner}})
    world = load_world(config.world)
    base = base_planner(world, config.base)
    held = config.planner.model_copy(update={"constrained": True})
    for space in given.spaces:
        sides = {
            "plain": Side(load_planner(world, config.planner, base)),
            "constrained": Side(load_planner(world, held, base)),
        }
        if given.alone:
            del sides["plain"]
        for side in sides.values():
            side.decompositions = decompositions(world, space)
        batches = -(-given.rollouts // (given.tasks * COPIES))
        for number in range(batches):
            for side in sides.values():
                batch(side, world, space, range(number * given.tasks, (number + 1) * given.tasks))
            if given.model:
                so_far = ", ".join(f"{name} {dict(side.ended)}" for name, side in sides.items())
                print(f"{space}: {number + 1} of {batches} batches: {so_far}", file=sys.stderr, flush=True)
        print(f"\n{space}\n")
        print("| planner | rollouts | no decomposition | no program | outside | cut | within", end="")
        print(" | distinct programs | put in | rollouts/s |")
        print("|---" * 10 + "|")
        print("\n".join(row(name, side) for name, side in sides.items()), flush=True)
        if not given.alone:
            print("\n" + ratios(list(sides.values())), flush=True)


if __name__ == "__main__":
    main()
