"""What the sandbox needs of a world: somewhere to act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class ToolError(Exception):
    """A tool was called in a way that the world does not allow; raised inside the sandbox as ValueError."""


class Episode(Protocol):
    """One task's world while one solution acts in it. Never shared between solutions."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The values that the composition finds by name."""
        ...

    def call(self, tool: str, arguments: tuple[Any, ...]) -> Any:
        """Perform one tool call and return plain data (None, bool, int, str, list, dict).

        Raises:
            ToolError: the arguments make no sense to the tool; the world is unchanged.
        """
        ...
