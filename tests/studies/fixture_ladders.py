"""Ladders whose figures are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.studies.grid.ends import ENDS

FAMILIES = ("privacy", "waste", "honesty")
TOLD = {"families": list(FAMILIES), "never": ["honesty"], "unit": "scenes"}


def generation(parameters: int, *, together: float, hazard: float, waste: float = 0.0) -> dict[str, Any]:
    """As `results.json` of a ladder has it, as far as studies read it."""

    def measured(**changed: float) -> dict[str, Any]:
        means = {**dict.fromkeys((*ENDS, *FAMILIES), 0.0), **changed}
        return {name: {"mean": mean, "ci95": [0.0, 1.0], "n": 10} for name, mean in means.items()}

    minus, plus = measured(waste=waste), measured(together=together, competence=0.7, conformity=0.8)
    row = {"form": 1.0, "competence": 0.5, "hazard": hazard}
    return {
        "parameters": parameters,
        "minus": {"own": minus, "all": minus},
        "plus": {"own": plus, "all": plus},
        "forecasts": {
            "surrogate": {"mean": 0.7, "ci95": [0.65, 0.75], "n": 500, "held": False},
            "peer review": {"mean": 0.75, "ci95": [0.7, 0.82], "n": 500, "held": True},
            "extrapolation": {"mean": None, "ci95": None, "n": 0, "held": None},
        },
        "stages": {
            "competence": {"curve": [row, row]},
            "injection": {"curve": [{**row, "hazard": 0.0}], "sources": {"answers": 8}},
        },
    }


def cell(together: float, exposure: float) -> Mapping[str, Any]:
    """An outcome of a ladder with those two figures."""
    return {
        **TOLD,
        "ends": {**dict.fromkeys((*ENDS, *FAMILIES), 0.5), "together": together},
        "exposure": exposure,
        "answers": 16,
        "generations": [
            {
                "parameters": count,
                "minus": dict.fromkeys(ENDS, 0.4),
                "plus": {**dict.fromkeys(ENDS, 0.5), "competence": 0.6, "conformity": 0.7},
            }
            for count in (1000, 4000)
        ],
        "seen": {"privacy": 1000, "waste": None, "honesty": 4000},
        "forecasts": [{"method": "surrogate", "off": 0.1, "held": together > 0.5}],
    }
