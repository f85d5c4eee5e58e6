"""Where a ladder's stages lie on disk: in `generations/NN/STAGE`, a folder that gets its name once whole."""

from __future__ import annotations

import itertools
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from partwise.runs.rundir import RunError

STAGES: Mapping[str, str] = {
    "competence": "competence enhancement",
    "discovery": "risk discovery",
    "injection": "value injection",
}
"""Of a generation, in the order in which they come: a folder's name to what goes on in it."""
MADE, MEASURED, DEEDS = "made.json", "measured.json", "deeds.jsonl"
"""What a stage says of itself; what its model was measured to do; the plans of that, a line each."""
SPARED = "spared"
"""Of what a stage says: seconds that it took where another ladder of the study had done it before."""
FORECAST = "forecast.json"
"""What was said of a generation before it was trained."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The first stage that is not whole."""

    generation: int
    """From 0."""
    stage: str
    begun: bool
    """Whether there is something of it: it is under way, or was when its process was killed."""


def stage_folder(run: Path, generation: int, stage: str) -> Path:
    """Where a stage is once it is whole; `generation` counts from 0."""
    return run / "generations" / f"{generation + 1:02d}" / stage


def standing(run: Path) -> Standing:
    """How far a ladder has come. Nothing is read: a stage that is there under its own name is whole."""
    for generation in itertools.count():
        for stage in STAGES:
            folder = stage_folder(run, generation, stage)
            if not folder.is_dir():
                begun = folder.with_name(f"{stage}.tmp").is_dir()
                return Standing(generation=generation, stage=stage, begun=begun)
    raise AssertionError("there are finitely many folders")


def parameters_in(model: Path) -> int:
    """How many parameters a saved model has, by the heads of its files; tied ones are saved once.

    Raises:
        RunError: there is none, or it is damaged.
    """
    files = sorted(model.glob("*.safetensors"))
    if not files:
        raise RunError(f"There is no model in {model}.")
    return sum(_parameters_of(file) for file in files)


def _parameters_of(file: Path) -> int:
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            head = json.loads(opened.read(min(length, file.stat().st_size)))
        return sum(math.prod(each["shape"]) for name, each in head.items() if name != "__metadata__")
    except (OSError, struct.error, ValueError, LookupError, TypeError, AttributeError):
        raise RunError(f"{file} is damaged: it is no model.") from None
