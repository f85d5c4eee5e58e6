"""A small corpus and tokenizers for the tests of the models."""

import pytest
from transformers import PreTrainedTokenizerFast

from partwise.models.tokenizer import build_tokenizer


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """All of them."""


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
