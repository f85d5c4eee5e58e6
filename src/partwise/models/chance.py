"""What a model does at random beside sampling, and how it is taken out."""

from __future__ import annotations

import re

from torch import nn
from transformers import PreTrainedConfig

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_CHANCE = re.compile("drop|jitter")
"""In the names of settings that are probabilities of doing otherwise in training."""


def without_chance(model: nn.Module) -> None:
    """Take dropout and the jitter of routers out of a model, in place.

    They are off in sampling, and what is trained would otherwise be another model than the one that sampled.
    """
    for module in model.modules():
        if isinstance(module, _DROPOUTS):
            module.p = 0.0
        for name, value in vars(module).items():
            if isinstance(value, float) and _CHANCE.search(name):
                setattr(module, name, 0.0)
        config = getattr(module, "config", None)
        if isinstance(config, PreTrainedConfig):
            _take_chance(config)


def _take_chance(config: PreTrainedConfig) -> None:
    for name, value in list(vars(config).items()):
        if isinstance(value, float) and _CHANCE.search(name):
            setattr(config, name, 0.0)
        elif isinstance(value, PreTrainedConfig):
            _take_chance(value)
