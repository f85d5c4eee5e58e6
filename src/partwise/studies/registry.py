"""The studies by name. Nothing heavy is imported until one runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.config import PropagationConfig, Section, StudyConfig
from partwise.runs.progress import Listener


@dataclass(frozen=True, slots=True)
class Study:
    """A study: its configuration, what runs it, and what shows its results in a terminal."""

    config: type[Section]
    run: Callable[[Any, Path, Listener], dict[str, Any]]
    show: Callable[[dict[str, Any]], None]


def _part_to_complete(config: StudyConfig, out: Path, listen: Listener) -> dict[str, Any]:
    from partwise.studies import part_to_complete

    return part_to_complete.run(config, out, listen)


def _show_part_to_complete(results: dict[str, Any]) -> None:
    from partwise.runs.terminal import print_study

    print_study(results)


def _propagation(config: PropagationConfig, out: Path, listen: Listener) -> dict[str, Any]:
    from partwise.studies import propagation

    return propagation.run(config, out, listen)


def _show_propagation(results: dict[str, Any]) -> None:
    from partwise.runs.page import print_page
    from partwise.runs.propagation_page import propagation_page

    print_page(propagation_page(results))


STUDIES: Mapping[str, Study] = {
    "part_to_complete": Study(StudyConfig, _part_to_complete, _show_part_to_complete),
    "propagation": Study(PropagationConfig, _propagation, _show_propagation),
}
