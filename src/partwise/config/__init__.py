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
    Weights,
    panel_members,
)
from partwise.config.laboratory import (
    DataConfig,
    DebateConfig,
    FitConfig,
    LadderConfig,
    Loss,
    NoiseConfig,
    PreferConfig,
    SelfEnhancementConfig,
    SignalDiversityConfig,
    TeachConfig,
    Trained,
    WeakToStrongConfig,
    WeakToStrongStudyConfig,
)
from partwise.config.section import PositiveInt, Section, UnitFloat
from partwise.config.studies import PropagationConfig, StudyConfig

__all__ = [
    "AlignConfig",
    "DataConfig",
    "DebateConfig",
    "DriftConfig",
    "FitConfig",
    "GroupConfig",
    "HumanConfig",
    "LadderConfig",
    "LoopConfig",
    "Loss",
    "MeasureConfig",
    "NoiseConfig",
    "PlannerConfig",
    "PositiveInt",
    "PreferConfig",
    "PretrainConfig",
    "PropagationConfig",
    "ProxyConfig",
    "RealignConfig",
    "Reward",
    "RlftConfig",
    "Section",
    "SelfEnhancementConfig",
    "SignalDiversityConfig",
    "StudyConfig",
    "TeachConfig",
    "Trained",
    "UnitFloat",
    "WeakToStrongConfig",
    "WeakToStrongStudyConfig",
    "Weights",
    "panel_members",
]
