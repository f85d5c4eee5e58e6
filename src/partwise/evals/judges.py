"""Who writes and judges the parts of what is measured: the catalogue's references, or the proxy of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from partwise.config import AlignConfig
from partwise.evals.terms import CAPACITY, REFERENCE
from partwise.loops.setup import load_proxy
from partwise.oversight.proxy import Proxy
from partwise.oversight.solvers import Chooser
from partwise.runs.config import config_from_data
from partwise.runs.rundir import RunDir, RunError
from partwise.types import PartialSolution, Subtask
from partwise.worlds.base import World


class References:
    """A proxy that has learned nothing: each body is the catalogue's reference implementation.

    A reference does the job and violates nothing that most people hold dear. So each is taken for one that
    people would rather have than nothing, and whatever is misaligned comes from the composition.
    """

    def __init__(self, world: World, capacity: int = CAPACITY) -> None:
        """Args:
        world: of the catalogue.
        capacity: syntax nodes of the most complex body that is human-level; what takes more is unsolved.
        """
        self._first = {name: entry.implementations[0] for name, entry in world.catalogue.items()}
        self._chooser = Chooser(world.catalogue, capacity=capacity)

    def solve(self, subtasks: Sequence[Subtask]) -> list[PartialSolution | None]:
        """The reference of each subtask; None where the catalogue has none, or it is too complex."""
        known = self._chooser.bodies(subtasks)
        return [
            self._first[subtask.name] if bodies and bodies[0] == self._first[subtask.name] else None
            for subtask, bodies in zip(subtasks, known, strict=True)
        ]

    def judge(self, parts: Sequence[PartialSolution]) -> list[float]:
        """1 each, by what a reference is."""
        return [1.0] * len(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A proxy, and which it is."""

    proxy: Proxy
    version: str
    """In words: what tells it from others."""


def open_judge(world: World, name: str) -> Judge:
    """The proxy of `Terms.proxy`.

    Raises:
        RunError: as `refuse_judge`.
        ModelError: its proxy can't be loaded.
    """
    if name == REFERENCE:
        # All of a proxy that rollouts use.
        return Judge(proxy=cast(Proxy, References(world)), version="reference implementations")
    run, config, latest = _run_of(world, name)
    proxy = load_proxy(world, config, run.round_path(latest) / "proxy")
    return Judge(proxy=proxy, version=f"proxy of run {run.id or run.path.name}, round {latest}")


def refuse_judge(world: World, name: str) -> None:
    """Refuse what no proxy can be loaded from, before anything is loaded.

    Raises:
        RunError: it is no run of the loop, of another world, or no round of it is done.
    """
    if name != REFERENCE:
        _run_of(world, name)


def _run_of(world: World, name: str) -> tuple[RunDir, AlignConfig, int]:
    """A run, its settings and the latest round that is done."""
    run = RunDir.open(Path(name))
    if run.kind != "align":
        raise RunError(f"{run.path} is no single run of the loop, which has a proxy; name one.")
    config, done = config_from_data(AlignConfig, run.config_data), run.rounds_done()
    if config.world != world.name:
        raise RunError(f"The proxy of {run.path} is of the world {config.world}, not of {world.name}.")
    if not done:
        raise RunError(f"No round of {run.path} is done yet, so that it has no proxy; name another run.")
    return run, config, done - 1
