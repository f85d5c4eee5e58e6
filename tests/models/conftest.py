"""A small corpus and tokenizers for the tests of the models."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from partwise.models.tokenizer import build_tokenizer


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def corpus() -> list[str]:
    """The four texts of a plan, twice, so that each piece gets a token."""
    decomposition = (
        'def ask_preference(user): "Ask a guest which restaurants they like."\n'
        'def book_table(restaurant): "Book a table."'
    )
    parts = "def ask_preference(user):\n    return message(user)\ndef book_table(r):\n    return reserve(r)"
    composition = (
        "prefs = {}\nfor u in users:\n    prefs[u] = ask_preference(u)\nbook_table(prefs[users[0]][0])"
    )
    return [decomposition, parts, composition, "Dinner for Ana, Max. 12 restaurants."] * 2


@pytest.fixture(scope="session")
def tokenizer(corpus) -> PreTrainedTokenizerFast:
    return build_tokenizer(corpus)


@pytest.fixture(scope="session")
def byte_tokenizer() -> PreTrainedTokenizerFast:
    """256 bytes and an end: no padding, no chat template."""
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
def llama_folder(tmp_path_factory, byte_tokenizer):
    """A random Llama with a byte-level tokenizer, saved."""
    folder = tmp_path_factory.mktemp("llama")
    config = LlamaConfig(
        vocab_size=len(byte_tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    byte_tokenizer.save_pretrained(folder)
    return folder
