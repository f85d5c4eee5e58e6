"""The arithmetic in docs/how-to/scale.md is what the estimate says.

`python tests/estimate/test_scale_docs.py` writes its table.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from partwise.cli.common import split_settings
from partwise.config import AlignConfig
from partwise.estimate.estimate import estimate
from partwise.estimate.tokens import Role
from partwise.runs.config import load_config

DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "scale.md"
MODELS = ("qwen2-7b", "llama-8b", "qwen2-32b", "llama-70b")
DEVICE = "h100-80gb"


def _config(model: str) -> AlignConfig:
    (line,) = re.findall(r"^partwise estimate --model llama-70b (.*loop.rounds=.*)$", DOCS.read_text(), re.M)
    path, overrides = split_settings([*shlex.split(line), f"planner.model={model}"])
    return load_config(AlignConfig, path, overrides)


def row(name: str) -> str:
    """A model's line."""
    found = estimate(_config(name), model=name)
    cost, tokens = found.costs[DEVICE], found.work.whole
    return (
        f"| {name} | {found.size.parameters / 1e9:.1f}B | {tokens[Role.SAMPLED] / 1e9:.1f}B tokens "
        f"| {tokens[Role.TRAINED] / 1e9:.1f}B tokens | {cost.memory / 1e9:,.0f} | {cost.devices} "
        f"| {cost.hours:,.0f} | {cost.dollars:,.0f} |"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_arithmetic_is_what_the_estimate_says(name: str):
    assert row(name) in DOCS.read_text().splitlines()


def test_a_million_tasks_are_a_million():
    config = _config(MODELS[0])
    assert config.loop.rounds * config.rlft.steps * config.rlft.tasks_per_step == 10**6


if __name__ == "__main__":
    lines = "".join(row(name) + "\n" for name in MODELS)
    text = DOCS.read_text()
    text = re.sub(r"(\| model \|.*\n\|.*\n)(?:\|.*\n)*", lambda found: found[1] + lines, text)
    DOCS.write_text(text)
