"""What a run will take: counts by hand, sizes against models, and runs that were measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from typer.testing import CliRunner

from partwise.cli import app
from partwise.config import AlignConfig
from partwise.estimate.estimate import Estimate, estimate
from partwise.estimate.size import config_of, size_of
from partwise.estimate.table import read_table, shipped_table
from partwise.estimate.texts import Judged, Plan
from partwise.estimate.tokens import Lengths, Role, schedule
from partwise.models.errors import ModelError
from partwise.models.hub import load_causal_lm
from partwise.models.scoring import new_reward_model
from partwise.runs.config import ConfigError

ROOT = Path(__file__).parents[2]
LENGTHS = Lengths(
    plan=Plan(prompt=10, decomposition=3, between=5, composition=7),
    cold=100,
    judged=Judged(catalogue=1000, asked=1000, option=20, summaries=0, summary=0, whole=50, longest=60),
    function=30,
    subtasks=12,
)
ROLLED = Plan(prompt=10, decomposition=3, between=4.25, composition=5.95)
"""Of which some never come to their second turn."""
SMALL: dict[str, Any] = {
    "planner": {"pretrain": {"examples": 100}},
    "proxy": {"labels_first": 40, "labels_later": 10, "epochs": 3, "replay": 15},
    "rlft": {"steps": 2, "tasks_per_step": 3, "group_size": 4},
    "loop": {"rounds": 3},
    "measure": {"validation_tasks": 6, "heldout_tasks": 9},
}


def _config(**more: dict[str, Any]) -> AlignConfig:
    return AlignConfig.model_validate({key: SMALL.get(key, {}) | more.get(key, {}) for key in SMALL | more})


def test_tokens_are_those_of_the_settings():
    found = schedule(_config(), LENGTHS)
    first, second, third = found.rounds
    assert found.before == {Role.PRETRAINING: 100 * 25}
    assert LENGTHS.rollout == ROLLED and ROLLED.written == 8.95 and ROLLED.whole == 23.2
    assert first[Role.READ] == 6 * 10 + 24 * 4.25 and first[Role.SAMPLED] == round(24 * 8.95)
    assert first[Role.TRAINED] == round(24 * 23.2) and first[Role.EVALUATED] == round(6 * 23.2)
    assert first[Role.LEARNED] == 2 * 40 * 3 * 20
    assert second[Role.LEARNED] == third[Role.LEARNED] == 2 * (10 + 15) * 20
    assert found.after[Role.EVALUATED] == round(2 * 9 * 23.2)
    assert found.whole[Role.SAMPLED] == 3 * first[Role.SAMPLED]


def test_a_model_is_warm_started_and_measured_before_and_after():
    warm = {"model": "x", "max_decomposition_tokens": 50, "warm_start": {"examples": 8, "checked": 4}}
    found = schedule(_config(planner=warm), LENGTHS)
    assert found.before == {Role.WARM_START: 8 * 25, Role.EVALUATED: round(4 * (100 + 50) + 4 * 23.2)}


def test_rounds_that_ask_about_summaries_make_rollouts_for_it():
    found = schedule(_config(loop={"reward": "strategies"}), LENGTHS)
    # 64 for the questions, beside 24 to train on; 256 for what proxy and people are compared on.
    assert found.rounds[0][Role.SAMPLED] == round((24 + 6 * 20) * 8.95)
    assert found.rounds[1][Role.SAMPLED] == round((24 + 64) * 8.95)
    assert found.rounds[0][Role.EVALUATED] == round((6 + 256) * 23.2)


def test_rounds_without_realignment_teach_the_proxy_nothing():
    realign = {"control": 5, "when": "every", "every": 2}
    rounds = schedule(_config(realign=realign), LENGTHS).rounds
    assert rounds[1][Role.LEARNED] == 0
    assert rounds[2][Role.LEARNED] == 2 * (10 + 5 + 15) * 20


@cache
def _shapes() -> dict[str, dict[str, Any]]:
    return read_table()[1]


@pytest.mark.parametrize(("name", "billions"), [("llama-8b", 8.03), ("llama-70b", 70.55), ("qwen2-7b", 7.62)])
def test_models_of_the_table_are_as_large_as_they_are_called(name: str, billions: float):
    shape = {key: value for key, value in _shapes()[name].items() if key != "letters"}
    found = size_of(config_of(shape), lora_rank=16, weight_bytes=2)
    assert found.parameters / 1e9 == pytest.approx(billions, rel=0.01)
    assert found.trained < found.parameters / 100
    assert found.active == found.parameters - found.vocabulary * found.width


@pytest.mark.parametrize("rank", [0, 4])
def test_sizes_are_those_of_the_models_that_are_loaded(llama_folder: Path, rank: int):
    model, _ = load_causal_lm(llama_folder, lora_rank=rank, device="cpu")
    base = model.get_base_model() if rank else model
    found = size_of(base.config, lora_rank=rank, weight_bytes=4)
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert found.trained == trained
    assert found.parameters == sum(weight.numel() for weight in model.parameters()) - (trained if rank else 0)


@pytest.mark.parametrize("rank", [0, 4])
def test_a_reward_model_is_as_large_as_the_one_that_is_made(llama_folder: Path, rank: int):
    model, _ = new_reward_model(llama_folder, lora_rank=rank, seed=0, device="cpu")
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    reward = {"model": str(llama_folder), "lora_rank": rank}
    found, tiny = (estimate(_config(proxy={"reward": one})) for one in (reward, {}))
    assert found.proxy.trained == trained < tiny.proxy.parameters
    whole = sum(weight.numel() for weight in model.parameters())
    assert found.proxy.parameters == whole - (trained if rank else 0)
    # Bytes are more tokens than words, and fewer of them are read at once.
    assert found.work.whole[Role.LEARNED] > 2 * tiny.work.whole[Role.LEARNED]
    fewer = estimate(_config(proxy={"reward": reward | {"micro_batch": 1}}))
    assert fewer.memory.aligning < found.memory.aligning
    assert found.memory.sampling == fewer.memory.sampling


def test_four_bits_are_as_large_as_what_is_loaded(llama_folder: Path):
    model, _ = load_causal_lm(llama_folder, lora_rank=4, device="cpu", dtype="nf4")
    base = model.get_base_model()
    packed = sum(weight.numel() for weight in model.parameters() if weight.dtype == torch.uint8)
    found = size_of(base.config, lora_rank=4, weight_bytes=4, packed=True)
    whole = size_of(base.config, lora_rank=4, weight_bytes=4)
    assert found.packed == 2 * packed > 0
    assert found.trained == whole.trained
    # Two weights a byte, and some for the factors of blocks.
    assert 0 < found.weights - (whole.weights - found.packed * 4) - packed < 0.05 * packed


@pytest.mark.parametrize("seat", ["planner", "reward"])
def test_four_bits_take_less_memory(llama_folder: Path, seat: str):
    def of(dtype: str) -> Any:
        held = {"model": str(llama_folder), "lora_rank": 4, "dtype": dtype}
        settings = {"planner": held} if seat == "planner" else {"proxy": {"reward": held}}
        found = estimate(_config(**settings))
        return found.size if seat == "planner" else found.proxy

    packed, half = (of(dtype).weights for dtype in ("nf4", "bfloat16"))
    assert packed < 2 * half


def test_experts_that_are_left_out_are_not_computed():
    shape = {
        "model_type": "mixtral",
        **{"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 100},
        **{"num_attention_heads": 4, "num_key_value_heads": 2},
    }
    few, all_of_them = (
        size_of(config_of({**shape, "num_experts_per_tok": taken}), lora_rank=0, weight_bytes=2)
        for taken in (2, 8)
    )
    assert few.parameters == all_of_them.parameters
    assert all_of_them.active - few.active == 2 * 8 * 3 * 32 * 48 * 3 // 4


def test_a_folder_without_weights_is_enough(byte_tokenizer: PreTrainedTokenizerFast, tmp_path: Path):
    config = config_of({**_shapes()["llama-8b"], "vocab_size": len(byte_tokenizer)})
    config.save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)
    found = estimate(_config(planner={"model": str(tmp_path), "dtype": "bfloat16"}))
    assert found.size.parameters > 6e9 and found.size.weight_bytes == 2
    assert found.costs["l4-24gb"].devices > 1
    assert any("may go on to its limits" in said for said in found.assumed)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert found.size.parameters == sum(weight.numel() for weight in model.parameters())


def _estimated(planner: dict[str, Any], rlft: dict[str, Any]) -> Estimate:
    return estimate(_config(planner={"model": "qwen2-7b", **planner}, rlft=rlft), model="qwen2-7b")


def test_less_memory_is_asked_for_where_less_is_kept():
    plain = _estimated({}, {"micro_batch": 4}).memory
    anew = _estimated({"checkpointing": True}, {"micro_batch": 4}).memory
    fewer = _estimated({}, {"micro_batch": 1}).memory
    assert anew.training < fewer.training < plain.training
    assert anew.sampling == plain.sampling


def test_the_command_prints_tables_or_json(tmp_path: Path):
    done = CliRunner().invoke(app, ["estimate", "--model", "llama-8b", "loop.rounds=2", "--json"])
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["planner"]["parameters"] == 8030261248 and len(found["rounds"]) == 2
    assert found["tokens"]["sampled"] == sum(row["sampled"] for row in found["rounds"])
    table = tmp_path / "mine.toml"
    table.write_text(
        "[devices.mine]\nflops = 1e15\nused = 0.5\nbandwidth = 1e12\nmemory = 1e15\ndollars = 2.0\n"
    )
    shown = CliRunner().invoke(app, ["estimate", "planner.size=nano", "--table", str(table)])
    assert shown.exit_code == 0
    assert "planner trained on" in shown.stdout and "mine" in shown.stdout and "h100" not in shown.stdout


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[devices.x]\nflops = 1", "`devices.x.used` can't be so: Field required"),
        ("[device.x]\n", "has `device`; there is `devices` and `models`"),
        ("devices", "is no table in TOML"),
    ],
)
def test_tables_that_make_no_sense_are_refused(text: str, reason: str, tmp_path: Path):
    table = tmp_path / "table.toml"
    table.write_text(text)
    with pytest.raises(ConfigError, match=reason):
        read_table(table)
    with pytest.raises(ConfigError, match="There is no table"):
        read_table(tmp_path / "none.toml")


def test_what_is_not_there_is_answered_in_a_sentence():
    with pytest.raises(LookupError, match=r"the table has no model 'gpt'; there is qwen2-7b"):
        estimate(_config(), model="gpt")
    with pytest.raises(ModelError, match=r"must say what config\.json does"):
        config_of({"model_type": "no_such"})
    shown = CliRunner().invoke(app, ["estimate", "--show-table"])
    assert shown.stdout.strip() == shipped_table().read_text().strip()


@pytest.mark.slow
@pytest.mark.long
def test_what_a_run_took_is_near_what_was_said():
    """Tokens by 20%, peak memory by 30%; `bench/estimate.py smollm2` asks the same of SmolLM2."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "estimate.py"), "tiny", "--json"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        check=True,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert 0.8 <= found["all tokens"]["ratio"] <= 1.2
    for role in (Role.SAMPLED, Role.TRAINED, Role.EVALUATED, Role.LEARNED):
        assert 0.8 <= found[role]["ratio"] <= 1.2, role
    assert 0.7 <= found["peak memory"]["ratio"] <= 1.3
