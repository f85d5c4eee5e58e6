"""Which of several processes this is, where a launcher (`accelerate launch`, `torchrun`) has started them.

The launcher says so in the environment. There it is seen by every trainer of transformers and TRL as well,
which would then wait for its like in the other processes. Here one training alone is shared out
(`training/rlft.py`); so what the launcher says is taken out of the environment as soon as it is read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

_WORLD = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")


@dataclass(frozen=True, slots=True)
class Launched:
    """A process among those of one run."""

    rank: int = 0
    """From 0; the first one writes, asks people and says what goes on."""
    local_rank: int = 0
    """Among those of the same machine, each of which has a GPU to itself where there are any."""
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes."""
        return self.rank == 0


@cache
def launched() -> Launched:
    """What the launcher said; one process alone where there was none.

    Raises:
        ValueError: it was told to shard models, which is not done here.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Launched()
    for kind in ("FSDP", "DEEPSPEED"):
        if os.environ.get(f"ACCELERATE_USE_{kind}", "false").lower() == "true":
            raise ValueError(
                f"Every process holds the whole planner here: {kind} can't be used; launch without it."
            )
    rank, local_rank, count = (int(os.environ.get(name, "0")) for name in _WORLD[:3])
    for name in (*_WORLD, *(name for name in os.environ if name.startswith("ACCELERATE_"))):
        os.environ.pop(name, None)
    return Launched(rank, local_rank, count)
