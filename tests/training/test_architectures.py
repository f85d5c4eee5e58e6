"""What any causal language model of transformers is trained on is what it sampled.

`python tests/training/test_architectures.py` writes the table of docs/how-to/own-model.md.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from tests.training.fixture_architectures import NAMES, NOT_MADE, TOKENIZER, tiny_config, tiny_lm
from tests.training.fixture_two_turns import Seen, step_of_training

from partwise.models.architectures import refusal
from partwise.models.chance import without_chance
from partwise.models.hub import with_new_adapters

DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "own-model.md"
QUICK = ("llama", "gpt2", "opt", "mistral", "mpt", "gemma2", "phimoe", "mamba2")
"""One of each kind: fast path, learned places, dropout without a layer of its own, windows, no cache, ..."""
SAMPLED_BY = {
    "FastContext": "fast path",
    "CachedContext": "cache",
    "ReplayContext": "cache, read anew after each turn",
    "WholeContext": "without a cache",
}
MOST_APART = 1e-3
"""Nats, in float32."""


pytestmark = pytest.mark.usefixtures("one_thread")


def _refused(name: str) -> str:
    return "" if name in NOT_MADE else refusal(tiny_config(name))


def _bound(nats: float) -> str:
    return "< 0.001" if nats < MOST_APART else f"{nats:.3g}"


def _step(name: str, rank: int) -> Seen:
    model = tiny_lm(name)
    if rank:
        model = with_new_adapters(model, rank)
        for parameter_name, parameter in model.named_parameters():
            if "lora_B" in parameter_name:
                # Otherwise adapters do nothing at first, and none would be missed.
                torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(0))
    without_chance(model)
    seen = step_of_training(model, TOKENIZER)
    assert seen.rows == 6
    assert seen.moved > 0
    assert not rank or all("lora_" in trained for trained in seen.trained)
    return seen


def row(name: str) -> str:
    """The architecture's line in the docs."""
    if name in NOT_MADE:
        return f"| {name} | not tested: {NOT_MADE[name]} | | | |"
    if reason := _refused(name):
        return f"| {name} | refused: {reason.rpartition('since ')[2]} | | | |"
    plain, adapted = (_step(name, rank) for rank in (0, 4))
    nats = [_bound(max(seen.from_sampling, seen.from_alone)) for seen in (plain, adapted)]
    masks = "what it wrote" if plain.masks and adapted.masks else "WRONG"
    return f"| {name} | {SAMPLED_BY[plain.sampled_by]} | {nats[0]} | {nats[1]} | {masks} |"


def _documented() -> dict[str, str]:
    table = DOCS.read_text(encoding="utf-8").partition("| architecture |")[2].partition("\n\n")[0]
    return {line.split("|")[1].strip(): line for line in table.splitlines()[2:]}


def test_the_docs_have_a_line_for_every_architecture():
    documented = _documented()
    assert set(documented) == NAMES
    assert NOT_MADE.keys() <= NAMES
    for name, line in documented.items():
        cells = [cell.strip() for cell in line.split("|")[2:-1]]
        if cells[0].startswith(("refused: ", "not tested: ")):
            assert cells[1:] == ["", "", ""]
        else:
            assert cells[0] in SAMPLED_BY.values()
            assert cells[1:] == ["< 0.001", "< 0.001", "what it wrote"], name


@pytest.mark.parametrize("name", QUICK)
def test_training_sees_what_was_sampled(name: str):
    assert row(name) == _documented()[name]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", sorted(NAMES.difference(QUICK)))
def test_training_sees_what_was_sampled_of_every_architecture(name: str):
    assert row(name) == _documented()[name]


if __name__ == "__main__":
    torch.set_num_threads(1)
    lines = "".join(row(name) + "\n" for name in sorted(NAMES))
    text = DOCS.read_text(encoding="utf-8")
    text = re.sub(r"(\| architecture \|.*\n\|.*\n)(?:\|.*\n)*", lambda found: found[1] + lines, text)
    DOCS.write_text(text, encoding="utf-8")
