"""Warm start: what is learned is what a rollout of that plan would be; a folder is whole or not there."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.fixture_styles import STYLES
from tests.training.test_pretrain import EchoWorld
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from partwise.config import PlannerConfig
from partwise.models import chat
from partwise.models.hub import load_causal_lm
from partwise.models.planner import Planner
from partwise.models.prompts import Prompts, make_prompts, read_prompts
from partwise.training import warm_start
from partwise.training.language import IGNORED
from partwise.training.warm_start import examples, warm_started_planner
from partwise.types import Split, Task

WORLD: Any = EchoWorld()
PLANS = list(islice(WORLD.demonstrations(random.Random(0)), 6))
SHORT = make_prompts(read_prompts("short", "short"), {"decompose": {}, "recompose": {}})
_TEMPLATE = (
    "{% for m in messages %}{{ '>' if m.role == 'user' else '<' }}{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<{% endif %}"
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, byte_tokenizer: Any) -> Path:
    """Wide enough that adapters on random weights can learn something."""
    folder = tmp_path_factory.mktemp("wide")
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(LlamaConfig(vocab_size=len(byte_tokenizer), **shape)).save_pretrained(folder)
    byte_tokenizer.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = _TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


def config(model: Path, rank: int = 8, **changes: Any) -> PlannerConfig:
    settings = {"examples": 96, "epochs": 2, "batch_size": 8, "learning_rate": 1e-2, "seed": 0} | changes
    return PlannerConfig.model_validate(
        {"model": str(model), "device": "cpu", "lora_rank": rank, "warm_start": settings}
    )


@pytest.mark.parametrize("name", STYLES)
def test_ids_are_those_of_a_rollout_and_labels_the_planners_turns(name: str):
    tokenizer = STYLES[name].make()
    for row, plan in zip(examples(tokenizer, PLANS, SHORT), PLANS, strict=True):
        labelled = [label != IGNORED for label in row["labels"]]
        first, between = (
            chat.first_prompt(tokenizer, plan.statement),
            chat.between_turns(tokenizer, plan.partial_solutions),
        )
        assert row["input_ids"][: len(first)] == first and not any(labelled[: len(first)])
        ended = labelled.index(False, labelled.index(True))
        second = ended + len(between)
        assert row["input_ids"][ended:second] == between and not any(labelled[ended:second])
        turns = row["labels"][len(first) : ended], row["labels"][second:]
        assert turns == (row["input_ids"][len(first) : ended], row["input_ids"][second:])
        for turn, text in zip(turns, (plan.decomposition, plan.composition), strict=True):
            assert turn[-1] in chat.end_ids(tokenizer)
            assert tokenizer.decode(turn[:-1]).strip() == text


def planner_of(folder: Path) -> Planner:
    model, tokenizer = load_causal_lm(folder, lora_rank=0, device="cpu")
    return Planner(model, tokenizer, prompts=SHORT, max_decomposition_tokens=40, max_composition_tokens=40)


@pytest.mark.parametrize("rank", [0, 8])
def test_it_learns_and_is_found_again_by_what_shapes_it(
    model: Path, tmp_path: Path, rank: int, monkeypatch: pytest.MonkeyPatch
):
    heard: list[tuple[int, int, float]] = []
    state = torch.random.get_rng_state()
    asked = config(model, rank)
    folder = warm_started_planner(WORLD, asked, SHORT, tmp_path, lambda *step: heard.append(step))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [total for _, total, _ in heard] == [24] * len(heard) and heard[-1][2] < heard[0][2]
    assert (folder / "adapter_config.json").exists() == bool(rank)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    monkeypatch.setattr(warm_start, "_train", lambda *_: pytest.fail("made twice"))
    assert warm_started_planner(WORLD, asked, SHORT, tmp_path) == folder

    def named(config: PlannerConfig, prompts: Prompts) -> str:
        return warm_start._digest(str(config.model), warm_start._shaping(WORLD, config, prompts))

    told = make_prompts(SHORT.texts | {"decompose": "Task: $task"}, SHORT.fields)
    names = {
        named(changed, prompts)
        for changed, prompts in (
            (asked, SHORT),
            (asked, told),
            (config(model, rank, seed=1), SHORT),
            (config(model, rank + 1), SHORT),
            (config(model, rank, learning_rate=1e-3), SHORT),
        )
    }
    assert len(names) == 5
    # How many tasks it is measured on shapes no weight.
    assert named(config(model, rank, checked=3), SHORT) in names
    task = Task(world="echo", split=Split.TRAIN, index=0, seed=0, difficulty=0.0, statement="Please book.")
    assert len(planner_of(folder).open([task], 1).decompose(0.0, None).ids[0]) > 0


class _Killed(BaseException):
    pass


def test_one_that_is_stopped_leaves_nothing_and_comes_out_the_same(model: Path, tmp_path: Path):
    def stop(done: int, total: int, loss: float) -> None:
        raise _Killed

    asked = config(model, examples=80, epochs=1)
    with pytest.raises(_Killed):
        warm_started_planner(WORLD, asked, SHORT, tmp_path / "cut", stop)
    assert list((tmp_path / "cut").iterdir()) == []
    folders = [warm_started_planner(WORLD, asked, SHORT, tmp_path / name) for name in ("cut", "whole")]
    weights = [(folder / "adapter_model.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1]
