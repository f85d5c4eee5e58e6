"""The studies by name. Nothing heavy is imported until one runs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.config import DebateConfig, PropagationConfig, Section, StudyConfig, WeakToStrongStudyConfig
from partwise.runs.progress import Listener


@dataclass(frozen=True, slots=True)
class Study:
    """A study: its configuration, and the module of this package whose `run` runs it."""

    config: type[Section]
    module: str

    def run(self, config: Section, out: Path, listen: Listener) -> dict[str, Any]:
        """Run it or go on with it; its `results.json`."""
        return importlib.import_module(f"partwise.studies.{self.module}").run(config, out, listen)


STUDIES: Mapping[str, Study] = {
    "part_to_complete": Study(StudyConfig, "part_to_complete"),
    "propagation": Study(PropagationConfig, "propagation"),
    "debate": Study(DebateConfig, "debate"),
    "w2s": Study(WeakToStrongStudyConfig, "weak_to_strong"),
}


def show(name: str, results: dict[str, Any]) -> None:
    """A finished study in the terminal."""
    from partwise.runs.page import print_page
    from partwise.runs.pages import PAGES
    from partwise.runs.terminal import print_study

    if name in PAGES:
        print_page(PAGES[name](results))
    else:
        print_study(results)
