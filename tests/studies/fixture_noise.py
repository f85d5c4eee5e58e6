"""Cells of the study of noise whose figures are known."""

from __future__ import annotations

from typing import Any

from partwise.studies.noise.settings import NoiseConfig


def noise_cells(config: NoiseConfig, memorised: dict[str, float]) -> dict[str, dict[str, Any]]:
    """Cells of a study in which each size memorises so much, a little more with each seed."""
    cells: dict[str, dict[str, Any]] = {}
    for seed in range(config.seeds):
        for position, size in enumerate(config.ladder.sizes):
            cells[f"seed-{seed}/rung-{size}"] = {"parameters": 10 ** (4 + position)}
            for flips in config.flips:
                back = memorised[size] + 0.01 * seed * (-1) ** position
                end = {"train": 1 - flips + flips * back, "memorised": back if flips else None, "kept": 1.0}
                cells[f"seed-{seed}/{size}-flips-{flips:g}"] = {
                    "curve": [
                        {
                            "epoch": 1,
                            "train": 0.6,
                            "memorised": 0.0 if flips else None,
                            "kept": 1.0,
                            "test": 0.9,
                        },
                        {"epoch": 2, **end, "test": 0.9 - flips * back},
                    ]
                }
    return cells
