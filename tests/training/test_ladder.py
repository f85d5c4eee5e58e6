"""Models of the laboratory: made once, the same anywhere, and larger ones know more of the rule book."""

import random
from itertools import islice
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from partwise.config import LadderConfig
from partwise.data.plans import RuleBook, corpus, vocabulary
from partwise.models.tokenizer import build_tokenizer
from partwise.training.ladder import pretrained_rung, rows, rule_book
from partwise.training.language import IGNORED

SMALL = LadderConfig(rules=60, documents=640, recited=16)


def test_what_is_to_be_learned_has_labels_and_nothing_else():
    book = RuleBook.drawn(40, 0)
    tokenizer = build_tokenizer(vocabulary(random.Random(0), book))
    documents = list(islice(corpus(random.Random(0), book, plans=0.5, recited=5), 50))
    for row, document in zip(rows(tokenizer, documents), documents, strict=True):
        assert tokenizer.decode(row["input_ids"]) == "".join(text for text, _ in document)
        learned = [label for label in row["labels"] if label != IGNORED]
        assert tokenizer.decode(learned) == "".join(text for text, learn in document if learn)
        assert all(
            label in (IGNORED, token) for label, token in zip(row["labels"], row["input_ids"], strict=True)
        )


def recall(folder: Path, book: RuleBook) -> float:
    """The share of the rules that a model knows."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    true, false = (tokenizer(f" {said}")["input_ids"][0] for said in (True, False))
    ids = torch.tensor([tokenizer(f" {one}{two}")["input_ids"] for one, two in book.says])
    with torch.inference_mode():
        logits_RV = model(ids).logits[:, -1]
    known = (logits_RV[:, true] > logits_RV[:, false]).tolist()
    return sum(k == said for k, said in zip(known, book.says.values(), strict=True)) / len(known)


@pytest.mark.slow
def test_a_rung_is_made_once_the_same_anywhere_and_capacity_counts(tmp_path: Path):
    config = LadderConfig(rules=300, documents=3600, plans=0.2)
    before = torch.get_rng_state().tolist(), random.getstate()
    folders = {size: pretrained_rung(config, size, 0, tmp_path / "a") for size in ("nano", "mini")}
    assert (torch.get_rng_state().tolist(), random.getstate()) == before
    again = pretrained_rung(config, "nano", 0, tmp_path / "b")
    weights = [(folder / "model.safetensors").read_bytes() for folder in (folders["nano"], again)]
    assert weights[0] == weights[1]
    assert (
        pretrained_rung(
            config, "nano", 0, tmp_path / "a", lambda _done, _total, _loss: pytest.fail("made twice")
        )
        == folders["nano"]
    )
    book = rule_book(config, 0)
    assert recall(folders["mini"], book) > recall(folders["nano"], book) + 0.1


def test_the_folders_name_says_what_shaped_the_model(tmp_path: Path):
    names = {
        pretrained_rung(SMALL.model_copy(update=change), "nano", seed, tmp_path).name
        for change, seed in (({}, 0), ({}, 1), ({"rules": 62}, 0), ({"sizes": ("nano", "mini")}, 0))
    }
    assert len(names) == 3  # which other sizes there are does not matter
