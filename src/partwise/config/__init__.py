"""The configuration of a run: one set of pydantic models behind TOML files, dotted overrides and Python.

It imports neither torch nor transformers, so that the command line answers at once.
"""

from partwise.config.align import (
    AlignConfig,
    LoopConfig,
    MeasureConfig,
    ProxyConfig,
    RealignConfig,
    Reward,
    RlftConfig,
    SummaryErrors,
)
from partwise.config.asked import AskedConfig, ChatConfig, PriceConfig
from partwise.config.human import (
    DriftConfig,
    GroupConfig,
    HumanConfig,
    PlayedConfig,
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
from partwise.config.planner import PlannerConfig, PretrainConfig, WarmStartConfig
from partwise.config.progress import (
    CompeteConfig,
    DiscoverConfig,
    Fidelity,
    GapConfig,
    GateConfig,
    InjectConfig,
    Models,
    Order,
    PlannersConfig,
    ProgressConfig,
    ReadConfig,
)
from partwise.config.reward import RewardModelConfig
from partwise.config.section import LARGEST_SEED, PositiveInt, Section, Seed, UnitFloat, derived_seed
from partwise.config.writer import WriterConfig, WriterStartConfig

__all__ = [
    "LARGEST_SEED",
    "AlignConfig",
    "AskedConfig",
    "ChatConfig",
    "CompeteConfig",
    "DataConfig",
    "DiscoverConfig",
    "DriftConfig",
    "Fidelity",
    "FitConfig",
    "GapConfig",
    "GateConfig",
    "GroupConfig",
    "HumanConfig",
    "InjectConfig",
    "LadderConfig",
    "LoopConfig",
    "Loss",
    "MeasureConfig",
    "Models",
    "Order",
    "PlannerConfig",
    "PlannersConfig",
    "PlayedConfig",
    "PositiveInt",
    "PreferConfig",
    "PretrainConfig",
    "PriceConfig",
    "ProgressConfig",
    "ProxyConfig",
    "ReadConfig",
    "RealignConfig",
    "Reward",
    "RewardModelConfig",
    "RlftConfig",
    "Section",
    "Seed",
    "SummaryErrors",
    "TeachConfig",
    "Trained",
    "UnitFloat",
    "WarmStartConfig",
    "WeakToStrongConfig",
    "Weights",
    "WriterConfig",
    "WriterStartConfig",
    "derived_seed",
    "panel_members",
]
