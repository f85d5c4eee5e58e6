"""Several processes that make one run: what they tell each other, by torch.distributed.

Each holds planner and proxy and does everything that is small for itself, so that all draw and learn the
same. They share out what takes the time, rollouts and what is learned from them, and the tasks of a
measurement; and what can't be done twice, asking people and writing, is the first one's. With one process
each of these is the plain thing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from partwise.config.launched import launched
from partwise.models.errors import ModelError

T = TypeVar("T")

_APART = 1_000_003
"""Between the seeds of two processes: more than there are rounds in runs of neighbouring seeds."""
_PATIENCE = timedelta(days=7)
"""How long the others wait for the first, which may wait for people."""


class Processes:
    """The processes of this run, as this one sees them."""

    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def seed(self, seed: int) -> int:
        """Of what this one draws, where each draws something else; the first one's is the seed itself."""
        return seed + self.rank * _APART

    def share(self, rows: Sequence[T]) -> Sequence[T]:
        """What of rows that every process has is this one's: nearly equal parts, in order of the ranks."""
        start, end = (len(rows) * rank // self.count for rank in (self.rank, self.rank + 1))
        return rows[start:end]

    def gather(self, rows: Sequence[T]) -> list[T]:
        """The rows of every process, in order of the ranks."""
        if self.count == 1:
            return list(rows)
        found: list[list[T]] = [[] for _ in range(self.count)]
        dist.all_gather_object(found, list(rows))
        return [row for part in found for row in part]

    def told(self, make: Callable[[], T]) -> T:
        """What the first makes, in all of them."""
        if self.count == 1:
            return make()
        found = [make() if self.is_first else None]
        dist.broadcast_object_list(found, src=0)
        return cast(T, found[0])

    def in_turn(self, make: Callable[[], T]) -> T:
        """What each makes, the others once the first has: it finds what that one has left on the disk."""
        if self.is_first:
            made = make()
            self.wait()
            return made
        self.wait()
        return make()

    def wait(self) -> None:
        """For all the others."""
        if self.count > 1:
            dist.barrier()

    def same_weights(self, model: Any) -> None:
        """Give every process the first one's weights, those that are trained."""
        if self.count > 1:
            with torch.no_grad():
                for tensor in _trained(model):
                    dist.broadcast(tensor, src=0)

    def mean_gradients(self, model: Any) -> None:
        """Put the mean over all processes in the place of each gradient; none counts as 0."""
        if self.count == 1:
            return
        weights = list(_trained(model))
        flat = torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for w in weights])
        dist.all_reduce(flat)
        means = flat.div_(self.count).split([weight.numel() for weight in weights])
        for weight, mean in zip(weights, means, strict=True):
            weight.grad = mean.view_as(weight)


def _trained(model: Any) -> Iterable[Tensor]:
    return (weight for weight in model.parameters() if weight.requires_grad)


ALONE = Processes(0, 1)
"""One process, which nothing is shared out from."""


@cache
def processes() -> Processes:
    """The processes of this run, which meet on the first call.

    Raises:
        ModelError: they were launched to shard models, see `config.launched`.
    """
    try:
        place = launched()
    except ValueError as error:
        raise ModelError(str(error)) from None
    if place.count == 1:
        return ALONE
    if torch.cuda.is_available():
        torch.cuda.set_device(place.local_rank)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    names = {"RANK": place.rank, "LOCAL_RANK": place.local_rank, "WORLD_SIZE": place.count}
    os.environ.update({name: str(value) for name, value in names.items()})
    try:
        dist.init_process_group(backend, timeout=_PATIENCE)
    finally:
        for name in names:
            os.environ.pop(name, None)
    return Processes(place.rank, place.count)
