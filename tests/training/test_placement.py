"""Trainers stay on the device of their model. There is no GPU here: what torch says of GPUs is made up."""

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

from partwise.training.placement import keep_on


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    yield chosen
    AcceleratorState._reset_state(reset_partial_state=True)


def _arguments(folder: Path, **options: Any) -> TrainingArguments:
    return TrainingArguments(output_dir=str(folder), report_to=[], bf16=False, **options)


def test_left_to_itself_a_trainer_takes_all_gpus(two_gpus: Any, tmp_path: Path):
    """What `keep_on` is for: where this fails, it may go."""
    assert _arguments(tmp_path).n_gpu == 2


@pytest.mark.parametrize(("asked", "found"), [("cuda:0", 0), ("cuda:1", 1), ("cuda", 1)])
def test_one_gpu_is_kept_to(two_gpus: Any, tmp_path: Path, asked: str, found: int):
    arguments = keep_on(_arguments(tmp_path, use_cpu=False), torch.device(asked))
    device = torch.device("cuda", found)
    assert arguments.n_gpu == 1
    assert arguments.device == device
    assert arguments.distributed_state is not None
    assert arguments.distributed_state.device == device
    assert two_gpus == [device]
    assert arguments.train_batch_size == arguments.per_device_train_batch_size


def test_a_model_on_the_cpu_stays_there(two_gpus: Any, tmp_path: Path):
    config = LlamaConfig(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    model = LlamaForCausalLM(config)
    arguments = keep_on(_arguments(tmp_path, use_cpu=True), model.device)
    trainer = Trainer(model=model, args=arguments)
    assert arguments.n_gpu == 0
    assert trainer.accelerator.device == arguments.device == model.device == torch.device("cpu")
    assert two_gpus == []
