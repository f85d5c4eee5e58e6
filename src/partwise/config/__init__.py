"""The configuration of a run: one set of pydantic models behind TOML files, dotted overrides and Python.

It imports neither torch nor transformers, so that the command line answers at once.
"""

from partwise.config.align import (
    AlignConfig,
    DriftConfig,
    GroupConfig,
    HumanConfig,
    LoopConfig,
    MeasureConfig,
    PlannerConfig,
    PretrainConfig,
    ProxyConfig,
    RealignConfig,
    Reward,
    RlftConfig,
    SummaryErrors,
    Weights,
    panel_members,
)
from partwise.config.laboratory import (
    DataConfig,
    FitConfig,
    LadderConfig,
    Loss,
    PreferConfig,
    TeachConfig,
    Trained,
    WeakToStrongConfig,
)
from partwise.config.section import LARGEST_SEED, PositiveInt, Section, Seed, UnitFloat, derived_seed

__all__ = [
    "LARGEST_SEED",
    "AlignConfig",
    "DataConfig",
    "DriftConfig",
    "FitConfig",
    "GroupConfig",
    "HumanConfig",
    "LadderConfig",
    "LoopConfig",
    "Loss",
    "MeasureConfig",
    "PlannerConfig",
    "PositiveInt",
    "PreferConfig",
    "PretrainConfig",
    "ProxyConfig",
    "RealignConfig",
    "Reward",
    "RlftConfig",
    "Section",
    "Seed",
    "SummaryErrors",
    "TeachConfig",
    "Trained",
    "UnitFloat",
    "WeakToStrongConfig",
    "Weights",
    "derived_seed",
    "panel_members",
]
