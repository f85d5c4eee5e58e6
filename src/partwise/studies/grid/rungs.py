"""The laboratory's ladder as cells of a study: each model is pretrained once, before others learn from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from partwise.config import LadderConfig
from partwise.config.places import cache_folder
from partwise.loops.weak_to_strong import Models
from partwise.models.tiny import count_parameters
from partwise.runs.progress import Listener
from partwise.studies.grid.cells import Cell


def ladder_models(ladder: LadderConfig, seed: int) -> Models:
    """The models of one seed."""
    return Models(ladder, seed, cache_folder() / "ladder")


def rung_cells(ladder: LadderConfig, seeds: Iterable[int], sizes: Iterable[str]) -> list[Cell]:
    """A cell for each model, in the order of `sizes`; it costs nothing where the model is at hand."""
    chosen = list(sizes)
    return [
        Cell(name=rung_name(seed, size), work=rung, arguments={"ladder": ladder, "seed": seed, "size": size})
        for seed in seeds
        for size in chosen
    ]


def rung_name(seed: int, size: str) -> str:
    """Of a model's cell."""
    return f"seed-{seed}/rung-{size}"


def rung(listen: Listener, *, ladder: LadderConfig, seed: int, size: str) -> dict[str, Any]:
    """Pretrain one model, where it is not cached; its number of parameters."""
    model, _ = ladder_models(ladder, seed).open(size, classes=2, head=seed, listen=listen)
    return {"parameters": count_parameters(model)}
