"""The ladders of the study, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from partwise.config import Models, ProgressConfig
from partwise.measure.contrasts import check_primary, contrasts
from partwise.report.page import write_results
from partwise.runs.progress import Listener
from partwise.runs.rundir import RunDir
from partwise.studies.ablation_progressive.page import page
from partwise.studies.ablation_progressive.settings import AblationProgressiveConfig
from partwise.studies.grid.cells import Cell, run_cells
from partwise.studies.grid.forecasts import forecasts_held
from partwise.studies.grid.ladders import changed, collected, ladder_cell, paired, quick_ladder, told

WHOLE = "alternating"
_ORDERS: Mapping[str, Mapping[str, Any]] = {
    WHOLE: {},
    "in sequence": {"order": "in-sequence"},
    "simultaneous": {"order": "simultaneous"},
    "competence only": {"order": "competence-only"},
    "conformity first": {"order": "conformity-first"},
}
_PIECES: Mapping[Models, Mapping[str, Mapping[str, Any]]] = {
    Models.WRITERS: {
        # Injection in scenes as they come, and not in those that were found.
        "without discovery": {"inject": {"discovered": False}},
        # What monitors see is kept out of what the next generation is taught, and nothing else is done.
        "without injection": {"order": "competence-only", "compete": {"screened": True}},
        "one source": {"inject": {"sources": ("predecessors",), "predecessors": 1}},
    },
    Models.PLANNERS: {
        "without discovery": {"planners": {"discovered": False}},
        "without injection": {"order": "competence-only", "planners": {"screened": True}},
        "one source": {"planners": {"predecessors": 1}},
    },
}
VARIANTS = (*_ORDERS, *_PIECES[Models.WRITERS])
"""Of the ladder, by what each changes."""
FIGURES = ("exposure", "together")
CONTRASTS: Mapping[str, tuple[str, str]] = {
    f"{figure}: {WHOLE} less {name}": (figure, name)
    for figure in FIGURES
    for name in VARIANTS
    if name != WHOLE
}
"""Contrast to its figure and what the whole is compared with."""


def run(config: AblationProgressiveConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study; write `results.json`, tables and pictures into `out`.

    Raises:
        LookupError: the study has no such primary contrast.
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
    """
    check_primary(config.primary, CONTRASTS)
    directory = RunDir.create(out, "ablation_progressive", config)
    with directory.locked():
        found = run_cells(_cells(config, directory.path), directory, listen, processes=config.processes)
        results = collect(config, found)
        write_results(directory, results, page(results))
    return results


def _cells(config: AblationProgressiveConfig, run: Path) -> list[Cell]:
    """Seed by seed, so that a study that is cut has whole seeds; a seed's models are read once for all."""
    return [
        ladder_cell(_name(seed, name), variant(config, name, seed), run)
        for seed in config.all_seeds
        for name in VARIANTS
    ]


def _name(seed: int, name: str) -> str:
    return f"seed-{seed}/{name.replace(' ', '-')}"


def variant(config: AblationProgressiveConfig, name: str, seed: int) -> ProgressConfig:
    """The settings of one ladder."""
    ladder = quick_ladder(config.ladder) if config.quick else config.ladder
    settings = {**_ORDERS, **_PIECES[ladder.models]}[name]
    return changed(ladder, {**settings, "seed": seed})


def collect(config: AblationProgressiveConfig, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The study's `results.json`."""
    by_variant = {name: [found[_name(seed, name)] for seed in config.all_seeds] for name in VARIANTS}
    return {
        "schema": 2,
        "seeds": list(config.all_seeds),
        "quick": config.quick,
        "generations": config.ladder.generations,
        **told(found.values()),
        "contrasts": contrasts(
            config.primary,
            {
                contrast: paired(by_variant[WHOLE], by_variant[name], figure)
                for contrast, (figure, name) in CONTRASTS.items()
            },
            dict.fromkeys(CONTRASTS, (-1.0, 1.0)),
        ),
        "variants": {name: collected(cells) for name, cells in by_variant.items()},
        "forecasts": forecasts_held(
            [[found[_name(seed, name)] for name in VARIANTS] for seed in config.all_seeds]
        ),
    }
