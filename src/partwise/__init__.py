"""Partwise: align the parts, measure the whole.

The names below are the library; nothing heavy is imported before one of them is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from partwise.api import (
        Run,
        Transcript,
        Transcripts,
        Verdict,
        align,
        check,
        compare,
        export,
        list_spaces,
        list_studies,
        rescore,
        study,
        table,
    )
    from partwise.config import AlignConfig
    from partwise.worlds.registry import list_worlds, load_world

_ELSEWHERE = {
    "AlignConfig": "partwise.config",
    "list_worlds": "partwise.worlds.registry",
    "load_world": "partwise.worlds.registry",
}
"""Where a name is that `partwise.api` does not define."""

# What is public is said here alone. Lint holds to it the imports above, which type checkers and editors read:
# ruff finds one that is not in this list, pyright a name in it that is not imported.
__all__ = [
    "AlignConfig",
    "Run",
    "Transcript",
    "Transcripts",
    "Verdict",
    "align",
    "check",
    "compare",
    "export",
    "list_spaces",
    "list_studies",
    "list_worlds",
    "load_world",
    "rescore",
    "study",
    "table",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"partwise has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_ELSEWHERE.get(name, "partwise.api")), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
