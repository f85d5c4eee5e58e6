"""The studies by name. Nothing heavy is imported until one runs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.config import (
    DebateConfig,
    NoiseConfig,
    PropagationConfig,
    Section,
    SelfEnhancementConfig,
    SignalDiversityConfig,
    StrategiesConfig,
    StudyConfig,
    WeakToStrongStudyConfig,
)
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
    "noise": Study(NoiseConfig, "noise"),
    "part_to_complete": Study(StudyConfig, "part_to_complete"),
    "propagation": Study(PropagationConfig, "propagation"),
    "debate": Study(DebateConfig, "debate"),
    "self_enhancement": Study(SelfEnhancementConfig, "self_enhancement"),
    "strategies": Study(StrategiesConfig, "strategies"),
    "signal_diversity": Study(SignalDiversityConfig, "signal_diversity"),
    "w2s": Study(WeakToStrongStudyConfig, "weak_to_strong"),
}
