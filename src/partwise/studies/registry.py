"""The studies by name. Nothing heavy is imported until one runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.config import Section, StudyConfig
from partwise.runs.progress import Listener


@dataclass(frozen=True, slots=True)
class Study:
    """A study: its configuration, and what runs it."""

    config: type[Section]
    run: Callable[[Any, Path, Listener], dict[str, Any]]


def _part_to_complete(config: StudyConfig, out: Path, listen: Listener) -> dict[str, Any]:
    from partwise.studies import part_to_complete

    return part_to_complete.run(config, out, listen)


STUDIES: Mapping[str, Study] = {"part_to_complete": Study(StudyConfig, _part_to_complete)}
