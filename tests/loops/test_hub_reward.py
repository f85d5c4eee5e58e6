"""A model of Hugging Face's as the proxy's reward model: it learns from people, is saved, and goes on."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.loops.fixture_families import FAMILIES, save_family
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
)

from partwise.config import AlignConfig, Models, ProgressConfig, ProxyConfig
from partwise.evals.judges import open_judge
from partwise.loops.progress_run import progress
from partwise.loops.reward_models import check_reward_model
from partwise.loops.run import align
from partwise.loops.setup import load_proxy, new_proxy
from partwise.models.errors import ModelError
from partwise.runs.progress import Progress, ignore
from partwise.types import PartialSolution
from partwise.worlds.registry import load_world

WORLD = load_world("dinner")
PARTS = [part for entry in WORLD.catalogue.values() for part in entry.implementations]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family") / "qwen"
    save_family(FAMILIES["Qwen3"], folder)
    return folder


def run_config(model: Path, **more: Any) -> AlignConfig:
    reward = {"model": str(model), "lora_rank": 4, **more}
    labels = {"labels_first": 140, "labels_later": 40, "epochs": 1}
    return AlignConfig.model_validate(
        {
            "planner": {"size": "nano", "pretrain": {"examples": 400}, "device": "cpu"},
            "proxy": {"reward": reward, "learning_rate": 1e-2, **labels},
            "rlft": {"steps": 1, "tasks_per_step": 2, "group_size": 4},
            "loop": {"rounds": 2, "reward": "strategies"},
            "measure": {"heldout_tasks": 10, "validation_tasks": 4},
        }
    )


class _Interrupted(Exception):
    pass


def _interrupt_in_round_2(progress: Progress) -> None:
    if progress.phase.startswith("round 2"):
        raise _Interrupted


@pytest.mark.slow
@pytest.mark.parametrize("rank", [4, pytest.param(0, marks=pytest.mark.long)])
def test_a_run_goes_on_where_it_stopped_and_its_judge_is_opened_again(
    qwen: Path, tmp_path: Path, rank: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("partwise.loops.questions._SUMMARISED", 16)
    config, whole, cut = run_config(qwen, lora_rank=rank), tmp_path / "whole", tmp_path / "cut"
    align(config, whole, ignore)
    with pytest.raises(_Interrupted):
        align(config, cut, _interrupt_in_round_2)
    assert (cut / "rounds" / "000").exists() and not (cut / "rounds" / "001").exists()
    align(config, cut, ignore)
    weights = "adapter_model.safetensors" if rank else "model.safetensors"
    for name in ("results.json", "transcripts.jsonl", f"rounds/001/proxy/{weights}"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name
    folders = [whole / "rounds" / index / "proxy" for index in ("000", "001")]
    assert len({(folder / weights).read_bytes() for folder in folders}) == 2
    assert [file.name for file in folders[0].glob("*.safetensors")] == [weights]
    first, last = (load_proxy(WORLD, config, folder).judge(PARTS) for folder in folders)
    assert first != last and open_judge(WORLD, str(cut)).proxy.judge(PARTS) == last


def test_what_it_reads_at_once_is_bounded_and_judged_the_same(qwen: Path):
    few, many = (
        new_proxy(WORLD, run_config(qwen, micro_batch=rows).proxy, "cpu", seed=0) for rows in (2, 64)
    )
    rows: list[int] = []
    few.model.get_base_model().register_forward_pre_hook(
        lambda _, __, named: rows.append(len(named["input_ids"])), with_kwargs=True
    )
    assert few.judge(PARTS) == pytest.approx(many.judge(PARTS), abs=1e-4)
    assert max(rows) == 4 and len({*few.score([part.source for part in PARTS])}) > 10


def test_seeds_decide_the_head_and_a_text_without_tokens_has_a_figure(qwen: Path):
    one, again, other = (new_proxy(WORLD, run_config(qwen).proxy, "cpu", seed=seed) for seed in (0, 0, 1))
    texts = ["", "message: a few calls.", "x"]
    assert one.tokenizer("")["input_ids"] == []
    assert one.score(texts) == again.score(texts) != other.score(texts)
    assert one.score([""])[0] == one.score(texts)[0]


def test_what_is_longer_than_it_reads_is_judged_by_its_beginning(
    llama_folder: Path, byte_tokenizer: Any, tmp_path: Path
):
    config = AutoConfig.for_model("gpt2", vocab_size=257, n_embd=8, n_layer=1, n_head=1, n_positions=600)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)
    check_reward_model(WORLD, run_config(tmp_path))
    proxy = new_proxy(WORLD, run_config(tmp_path).proxy, "cpu", seed=0)
    longest = PartialSolution(subtask=PARTS[0].subtask, body="pass\n" * 200)
    assert proxy.score([longest.source]) == pytest.approx(proxy.score([longest.source[:600]]))


def _named(model: str) -> AlignConfig:
    return AlignConfig.model_validate({"proxy": {"reward": {"model": model}}})


def _saved(folder: Path, model: Any, tokenizer: Any) -> str:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


_SMALL = {
    "vocab_size": 257,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}


def _written(folder: Path, name: str, settings: Any) -> str:
    (folder / name).write_text(json.dumps(settings))
    return str(folder)


def test_what_can_not_judge_and_learn_is_refused_before_a_run_is_made(
    llama_folder: Path, tmp_path: Path, byte_tokenizer: Any
):
    def saved(name: str, model: Any) -> Path:
        return Path(_saved(tmp_path / name, model, byte_tokenizer))

    def lm(kind: str, **sizes: Any) -> Any:
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, vocab_size=257, **sizes))

    short = saved("short", lm("gpt2", n_embd=8, n_layer=1, n_head=1, n_positions=100))
    mamba = saved("mamba", lm("mamba", hidden_size=16, num_hidden_layers=1, state_size=4))
    labels = saved("labels", LlamaForSequenceClassification(LlamaConfig(**_SMALL, num_labels=3)))
    fewer = saved("fewer", LlamaForCausalLM(LlamaConfig(**{**_SMALL, "vocab_size": 60})))
    own = saved("own", lm("gpt2", n_embd=8, n_layer=1, n_head=1))
    _written(own, "config.json", {"model_type": "my_own", "auto_map": {"AutoConfig": "own.C"}})
    writes = tmp_path / "writes"
    writes.mkdir()
    base = {"task_type": "CAUSAL_LM", "base_model_name_or_path": str(llama_folder)}
    _written(writes, "adapter_config.json", base)
    for name, reason in (
        ("openai/gpt-5", "weights can't be trained: let its word judge .*proxy.model=openai/gpt-5"),
        (str(tmp_path / "none"), "there is no folder"),
        (str(own), "brings its own code, which is not run here: take a model of an architecture"),
        (str(writes), "are for CAUSAL_LM and score no text"),
        (str(short), r"reads at most 100 tokens, and what is judged here takes up to \d+"),
        (str(mamba), "no sequence classifier for mamba; take a model of another architecture"),
        (str(labels), "a classifier of 3 labels, and a reward model has one: .*num_labels=1"),
        (str(fewer), "is not the model's: .* knows 60; save them together anew"),
    ):
        config = _named(name)
        align_too = {"proxy": config.proxy.model_dump()}
        ladder = ProgressConfig.model_validate({"models": Models.PLANNERS, "align": align_too})
        for begin in (partial(align, config), partial(progress, ladder)):
            with pytest.raises(ModelError, match=reason):
                begin(tmp_path / "run", ignore)
            assert not (tmp_path / "run").exists()
    for name in (str(llama_folder), f"hub:{llama_folder}"):
        check_reward_model(WORLD, _named(name))


def test_without_a_model_the_judge_is_the_tiny_one():
    tiny, named = (
        new_proxy(WORLD, ProxyConfig.model_validate(more), "cpu", seed=0)
        for more in ({"size": "nano"}, {"size": "nano", "reward": {"lora_rank": 0, "micro_batch": 1}})
    )
    for one, other in zip(tiny.model.parameters(), named.model.parameters(), strict=True):
        assert torch.equal(one, other)
    rows: list[int] = []
    named.model.register_forward_pre_hook(
        lambda _, __, given: rows.append(len(given["input_ids"])), with_kwargs=True
    )
    named.score([part.source for part in PARTS])
    assert max(rows) == min(128, len({part.source for part in PARTS}))
