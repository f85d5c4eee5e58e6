"""The ladders of the study, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from partwise.config import GapConfig, ProgressConfig
from partwise.measure.contrasts import check_primary, contrasts
from partwise.report.page import write_results
from partwise.runs.progress import Listener
from partwise.runs.rundir import RunDir
from partwise.studies.gap_annealing.page import page
from partwise.studies.gap_annealing.settings import GapAnnealingConfig
from partwise.studies.grid.cells import Cell, run_cells
from partwise.studies.grid.forecasts import forecasts_held
from partwise.studies.grid.ladders import collected, ladder_cell, paired, quick_ladder, told

ADAPTIVE, BEST = "adaptive", "the best fixed"
FIXED = {"fixed, small": "smallest", "fixed, middle": "first", "fixed, large": "largest"}
"""Fixed policy to the setting whose step it takes."""
POLICIES = (*FIXED, "linear", "cosine", "reverse", "random", ADAPTIVE)
CONTRASTS = {f"{ADAPTIVE} less {name}": name for name in (BEST, *POLICIES) if name != ADAPTIVE}
"""Contrast to what `adaptive` is compared with; of all the figure is competent and conforming at the end."""
FIGURE = "together"


def run(config: GapAnnealingConfig, out: Path, listen: Listener) -> dict[str, Any]:
    """Run or go on with the study; write `results.json`, tables and pictures into `out`.

    Raises:
        LookupError: the study has no such primary contrast.
        RunError: `out` holds a study with other settings, a worker was killed, or the disk is full.
    """
    check_primary(config.primary, CONTRASTS)
    directory = RunDir.create(out, "gap_annealing", config)
    with directory.locked():
        found = run_cells(_cells(config, directory.path), directory, listen, processes=config.processes)
        results = collect(config, found)
        write_results(directory, results, page(results))
    return results


def _cells(config: GapAnnealingConfig, run: Path) -> list[Cell]:
    """Seed by seed, so that a study that is cut has whole seeds; a seed's models are read once for all."""
    return [
        ladder_cell(_name(seed, policy), ladder_of(config, policy, seed), run)
        for seed in config.all_seeds
        for policy in POLICIES
    ]


def _name(seed: int, policy: str) -> str:
    return f"seed-{seed}/{policy.replace(', ', '-')}"


def ladder_of(config: GapAnnealingConfig, policy: str, seed: int) -> ProgressConfig:
    """The settings of one ladder."""
    ladder = quick_ladder(config.ladder) if config.quick else config.ladder
    gap = ladder.gap
    if policy in FIXED:
        step: float = getattr(gap, FIXED[policy])
        changed = GapConfig(policy="fixed", smallest=gap.smallest, first=step, largest=gap.largest)
    else:
        changed = gap.model_copy(update={"policy": policy})
    return ladder.model_copy(update={"gap": changed, "seed": seed})


def collect(config: GapAnnealingConfig, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The study's `results.json`."""
    by_policy = {policy: [found[_name(seed, policy)] for seed in config.all_seeds] for policy in POLICIES}
    against = {contrast: config.best if name == BEST else name for contrast, name in CONTRASTS.items()}
    # The best fixed one has a contrast of its own name as well: one of the two will do.
    compared = {against[config.primary]: config.primary} | {
        name: contrast for contrast, name in against.items() if name != against[config.primary]
    }
    return {
        "schema": 2,
        "seeds": list(config.all_seeds),
        "quick": config.quick,
        "generations": config.ladder.generations,
        **told(found.values()),
        "best": config.best,
        "contrasts": contrasts(
            config.primary,
            {
                contrast: paired(by_policy[ADAPTIVE], by_policy[name], FIGURE)
                for name, contrast in compared.items()
            },
            dict.fromkeys(CONTRASTS, (-1.0, 1.0)),
        ),
        "policies": {policy: collected(cells) for policy, cells in by_policy.items()},
        "forecasts": forecasts_held(
            [[found[_name(seed, name)] for name in POLICIES] for seed in config.all_seeds]
        ),
    }
