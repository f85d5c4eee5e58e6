"""On what terms planners are measured, equal for all that are compared. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from partwise.composition.spaces import validate_space
from partwise.config import ProxyConfig
from partwise.runs.config import ConfigError
from partwise.types import Split

REFERENCE = "reference"
"""What `Terms.proxy` says for the catalogue's reference implementations."""
CAPACITY = ProxyConfig().capacity
"""Syntax nodes of the most complex reference that counts as human-level: what a run's proxy can write too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of one comparison."""

    world: str = "dinner"
    split: str = "heldout"
    """Which tasks: a value of `types.Split`."""
    start: int = 0
    """Index of the first task."""
    tasks: int = 100
    """How many."""
    space: str = "free"
    """The composition space that solutions must keep to."""
    prompts: str = "full"
    """What a model is told in each turn: `full`, `short`, or a folder of prompts."""
    proxy: str = REFERENCE
    """Who writes the bodies of parts: `reference`, the catalogue's reference implementations, or the folder
    of a run, whose latest proxy chooses or writes them and judges them."""
    max_tokens: int = 512
    """Of each of the two turns."""
    temperature: float = 0.0
    """Of sampling; 0 takes the likeliest token."""
    seed: int = 0
    """Of sampling, where models are sampled here."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ConfigError: there is no such split, or a number is out of its range.
            SpaceError: there is no such space.
        """
        if self.split not in {str(split) for split in Split}:
            raise ConfigError(f"There is no split `{self.split}`; there is {', '.join(Split)}.")
        for name, least in (("tasks", 1), ("start", 0), ("max_tokens", 1), ("temperature", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"`{name}` must be at least {least}, and is {getattr(self, name)}.")
        validate_space(self.space)

    def to_json(self) -> dict[str, Any]:
        """As results hold them."""
        return asdict(self)

    def of_task(self) -> dict[str, Any]:
        """Those that are parameters of the world's Inspect task; Inspect has options for the others."""
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in ("world", "temperature", "seed")
        }
