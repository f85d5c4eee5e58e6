"""Settings for runs of the whole loop that take seconds, and a model from somewhere else."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from partwise.config import AlignConfig

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# No test asserts how long anything takes.
settings.register_profile("partwise", deadline=None)
settings.load_profile("partwise")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of pretrained planners that the tests of one process share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """What is compared to the byte, or is faster so."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small_config(cache: Path, monkeypatch: pytest.MonkeyPatch) -> AlignConfig:
    """A real run in miniature: every stage, on the least that it can be done with."""
    monkeypatch.setenv("PARTWISE_CACHE", str(cache))
    return AlignConfig.model_validate(SMALL)


SMALL = {
    "planner": {"size": "micro", "pretrain": {"examples": 6000}},
    "proxy": {"size": "micro", "labels_first": 60, "labels_later": 20, "epochs": 1},
    "rlft": {"steps": 2, "tasks_per_step": 2, "group_size": 4},
    "loop": {"rounds": 2},
    "measure": {"heldout_tasks": 20, "heldout_start": 40, "validation_tasks": 10},
}


@pytest.fixture(scope="session")
def byte_tokenizer() -> "PreTrainedTokenizerFast":
    """256 bytes and an end: no padding, no chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bare = Tokenizer(models.WordLevel({byte: i for i, byte in enumerate(alphabet)}, unk_token="!"))
    bare.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            pre_tokenizers.Split("", behavior="isolated"),
        ]
    )
    bare.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="</s>")


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory: pytest.TempPathFactory, byte_tokenizer: "PreTrainedTokenizerFast") -> Path:
    """A random Llama with a byte-level tokenizer, saved."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("llama")
    config = LlamaConfig(
        vocab_size=len(byte_tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    byte_tokenizer.save_pretrained(folder)
    return folder
