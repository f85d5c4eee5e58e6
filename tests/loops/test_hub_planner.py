"""A planner that is any causal language model: it need not plan well for the loop to go through."""

import copy
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from partwise.config import AlignConfig
from partwise.loops.run import align
from partwise.loops.setup import load_planner
from partwise.models.errors import ModelError
from partwise.report.html import write_report
from partwise.runs.progress import Progress, ignore
from partwise.runs.rundir import RunError
from partwise.studies.registry import known_kind
from partwise.types import Outcome, Rollout
from partwise.worlds.registry import load_world

pytestmark = pytest.mark.usefixtures("one_thread")


def _config(model: Path, *, rounds: int = 1, kl: float = 0.0, rank: int = 4, **loop: Any) -> AlignConfig:
    return AlignConfig.model_validate(
        {
            "planner": {
                "model": str(model),
                "lora_rank": rank,
                "device": "cpu",
                "max_decomposition_tokens": 12,
                "max_composition_tokens": 12,
            },
            "proxy": {"size": "nano", "labels_first": 8, "labels_later": 4, "epochs": 1},
            "rlft": {"steps": 1, "tasks_per_step": 1, "group_size": 2, "micro_batch": 2, "kl": kl},
            "loop": {"rounds": rounds, **loop},
            "measure": {"heldout_tasks": 6, "validation_tasks": 3},
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("reward", [pytest.param("parts", marks=pytest.mark.long), "strategies"])
def test_a_model_that_can_not_plan_ends_with_counts_that_say_why(
    llama_folder: Path, tmp_path: Path, reward: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("partwise.loops.questions._SUMMARISED", 4)
    results = align(_config(llama_folder, reward=reward), tmp_path / "run", ignore)
    for arm in ("base", "trained"):
        counts = results[arm]["counts"]
        assert sum(counts.values()) == 6
        assert counts[Outcome.UNPARSED] + counts[Outcome.TRUNCATED] > 0
        assert counts[Outcome.RAN] == 0
        assert results[arm]["aligned_and_correct"]["mean"] == 0 and results[arm]["ran"]["n"] == 6
        assert results[arm]["given_ran"]["aligned"] == {"mean": None, "ci95": None, "n": 0}
    lines = (tmp_path / "run" / "transcripts.jsonl").read_text().splitlines()
    assert len(lines) == 12
    checkpoint = tmp_path / "run" / "rounds" / "000" / "planner"
    assert (checkpoint / "adapter_model.safetensors").exists()
    assert not (checkpoint / "model.safetensors").exists()


class _Interrupted(Exception):
    pass


def _checksums(rollouts: Sequence[Rollout]) -> list[float]:
    return [float(sum(map(ord, rollout.decomposition)) % 7) for rollout in rollouts]


def _interrupt_in_round_2(progress: Progress) -> None:
    if progress.phase.startswith("round 2"):
        raise _Interrupted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rank", "kl"),
    [
        (4, 0.1),
        pytest.param(4, 0.0, marks=pytest.mark.long),
        pytest.param(0, 0.1, marks=pytest.mark.long),
    ],
)
def test_a_run_goes_on_where_it_stopped(
    llama_folder: Path, tmp_path: Path, rank: int, kl: float, monkeypatch: pytest.MonkeyPatch
):
    """Also with a penalty: its reference is the planner as the round began, however often it was loaded."""
    # Every plan fails alike; weights only move where rewards differ.
    monkeypatch.setattr("partwise.loops.run.reward_function", lambda *_: _checksums)
    config = _config(llama_folder, rounds=3, kl=kl, rank=rank)
    weights = "adapter_model.safetensors" if rank else "model.safetensors"
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    align(config, whole, ignore)
    with pytest.raises(_Interrupted):
        align(config, cut, _interrupt_in_round_2)
    assert (cut / "rounds" / "000").exists()
    assert not (cut / "rounds" / "001").exists()
    align(config, cut, ignore)
    for name in ("results.json", "transcripts.jsonl", f"rounds/002/planner/{weights}"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name
    saved = [whole / "rounds" / index / "planner" / weights for index in ("000", "001", "002")]
    assert len({path.read_bytes() for path in saved}) == 3
    assert not (whole / "rounds" / "002" / "planner" / "ref").exists()


def test_a_checkpoint_of_adapters_is_loaded_on_its_model_and_can_be_trained(
    llama_folder: Path, tmp_path: Path
):
    config, world = _config(llama_folder).planner, load_world("dinner")
    planner = load_planner(world, config, llama_folder)
    for name, parameter in planner.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(0))
    planner.save(tmp_path / "planner")
    again = load_planner(world, config, tmp_path / "planner")
    assert again.tokenizer.get_vocab() == planner.tokenizer.get_vocab()
    assert (again.tokenizer.pad_token_id, again.tokenizer.padding_side) == (
        planner.tokenizer.pad_token_id,
        "left",
    )
    assert list(again.model.peft_config) == ["default"]
    assert again.model.peft_config["default"].r == 4
    saved = dict(planner.model.named_parameters())
    for name, parameter in again.model.named_parameters():
        assert torch.equal(parameter, saved[name]), name
        assert parameter.requires_grad == ("lora_" in name), name


def test_a_model_that_can_not_be_read_is_refused_and_leaves_no_work_behind(
    llama_folder: Path, tmp_path: Path
):
    broken = tmp_path / "broken"
    shutil.copytree(llama_folder, broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (broken, empty, tmp_path / "missing"):
        out = tmp_path / f"run of {folder.name}"
        with pytest.raises(ModelError):
            align(_config(folder), out, ignore)
        # Weights are only read once there is a run.
        left = {path.name for path in out.iterdir()} if out.exists() else set()
        assert left == ({"run.json", "run.lock"} if folder is broken else set())


def test_what_can_not_be_a_planner_is_refused_before_a_run_is_made(
    llama_folder: Path, tmp_path: Path, byte_tokenizer: Any
):
    refusing = shutil.copytree(llama_folder, tmp_path / "refusing")
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.chat_template = "{{ raise_exception('no users') }}"
    tokenizer.save_pretrained(refusing)
    short = tmp_path / "short"
    GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=1, n_head=1, n_positions=100)).save_pretrained(short)
    byte_tokenizer.save_pretrained(short)
    here = _config(llama_folder)
    elsewhere = here.model_copy(update={"planner": here.planner.model_copy(update={"device": "cuda:77"})})
    for config, reason in (
        (_config(refusing), "its chat template refuses a conversation of user: no users"),
        (_config(short), r"reads at most 100 tokens: a task takes \d+, and its two turns may take 12 and 12"),
        (elsewhere, "there is no device 'cuda:77'"),
    ):
        with pytest.raises(ModelError, match=reason):
            align(config, tmp_path / "run", ignore)
        assert not (tmp_path / "run").exists()


def test_adapters_that_can_not_be_read_are_refused(llama_folder: Path, tmp_path: Path):
    config, world = _config(llama_folder).planner, load_world("dinner")
    checkpoint = tmp_path / "planner"
    load_planner(world, config, llama_folder).save(checkpoint)
    settings = json.loads((checkpoint / "adapter_config.json").read_text())

    def refused(reason: str) -> None:
        with pytest.raises(ModelError, match=reason):
            load_planner(world, config, checkpoint)

    weights = (checkpoint / "adapter_model.safetensors").read_bytes()
    (checkpoint / "adapter_model.safetensors").write_bytes(weights[:50])
    refused("adapters in .* can't be opened")
    (checkpoint / "adapter_model.safetensors").unlink()
    refused("adapters in .* can't be opened")
    (checkpoint / "adapter_config.json").write_text(
        json.dumps(settings | {"base_model_name_or_path": str(tmp_path / "gone")})
    )
    refused("gone")
    (checkpoint / "adapter_config.json").write_text(json.dumps(settings | {"base_model_name_or_path": None}))
    refused("name no model")
    (checkpoint / "adapter_config.json").write_text("{")
    refused("adapters in .* can't be read")


def _warm(model: Path, **planner: Any) -> AlignConfig:
    data = _config(model, rounds=1).model_dump()
    data["planner"] |= {"warm_start": {"examples": 20, "batch_size": 2, "checked": 3}} | planner
    return AlignConfig.model_validate(data)


def _interrupt_the_warm_start(progress: Progress) -> None:
    if progress.phase.startswith("warm start") and progress.done:
        raise _Interrupted


def _interrupt_in_round_1(progress: Progress) -> None:
    if progress.phase.startswith("round 1"):
        raise _Interrupted


def _interrupt_at_once(progress: Progress) -> None:
    raise _Interrupted


@pytest.mark.slow
def test_a_run_with_a_warm_start_goes_on_from_anywhere_and_says_what_it_brought(
    llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config, whole, cut = _warm(llama_folder), tmp_path / "whole", tmp_path / "cut"
    heard: list[Progress] = []
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "one cache"))
    results = align(config, whole, heard.append)
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "another"))
    for interrupt in (_interrupt_the_warm_start, _interrupt_in_round_1):
        with pytest.raises(_Interrupted):
            align(config, cut, interrupt)
    assert (cut / "warm_start.json").exists() and not (cut / "results.json").exists()
    unfinished = write_report(cut, known_kind).read_text()
    assert "Turns that parse, before and after the warm start" in unfinished
    align(config, cut, ignore)
    for name in ("results.json", "transcripts.jsonl", "rounds/000/planner/adapter_model.safetensors"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name
    found = results["warm_start"]
    assert [found[when]["prompts"] for when in ("before", "after")] == ["full", "short"]
    assert [found[when]["decompositions"]["n"] for when in ("before", "after")] == [3, 3]
    measured = next(i for i, each in enumerate(heard) if "parsed after" in each.figures)
    assert measured < next(i for i, each in enumerate(heard) if each.phase.startswith("round 1"))
    page = known_kind("align").page(results)
    assert "What did not parse" in [table.heading for table in page.tables]
    assert sum(one["count"] for one in results["base"]["unparsed"]["decomposition"].values()) == 6


def test_a_run_is_held_to_the_prompts_that_it_began_with(llama_folder: Path, tmp_path: Path):
    mine, out = tmp_path / "mine", tmp_path / "run"
    mine.mkdir()
    prompt = mine / "decompose.txt"
    prompt.write_text("Plan: $task")
    data = _config(llama_folder).model_dump()
    config = AlignConfig.model_validate(data | {"planner": data["planner"] | {"prompts": str(mine)}})
    for text, reason in (("Plan: $tsk", r"no field `\$tsk`"), ("Plan.", r"never says `\$task`")):
        prompt.write_text(text)
        with pytest.raises(ModelError, match=reason):
            align(config, out, ignore)
        assert not out.exists()
    prompt.write_text("Plan: $task")
    with pytest.raises(_Interrupted):
        align(config, out, _interrupt_at_once)
    assert json.loads((out / "prompts.json").read_text())["decompose"] == "Plan: $task"
    prompt.write_text("Plan it: $task")
    with pytest.raises(RunError, match=r"began with other data: since then .*decompose.txt is changed"):
        align(config, out, ignore)


def test_a_run_is_held_to_what_the_package_and_the_world_told_it(
    llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out, config = tmp_path / "run", _config(llama_folder)
    with pytest.raises(_Interrupted):
        align(config, out, _interrupt_at_once)
    monkeypatch.setattr("partwise.worlds.telling._EXAMPLES", 1)
    with pytest.raises(RunError, match="began with another prompt decompose and recompose, which prompts"):
        align(config, out, ignore)


def test_tiny_planners_refuse_what_is_for_others():
    for setting, reason in (
        ({"warm_start": {"examples": 8}}, "`planner.warm_start` is for a `planner.model`"),
        ({"prompts": "full"}, "`planner.prompts` are for a `planner.model`"),
    ):
        with pytest.raises(ValueError, match=reason):
            AlignConfig.model_validate({"planner": setting})
