"""Models of the laboratory: made once, the same anywhere, and larger ones know more of the rule book."""

import random
from itertools import islice
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from partwise.config import DataConfig, LadderConfig
from partwise.data.plans import RuleBook, corpus, vocabulary
from partwise.loops.weak_to_strong import plans_setting
from partwise.models.tokenizer import build_tokenizer
from partwise.studies.noise.settings import NoiseConfig
from partwise.studies.self_enhancement.settings import SelfEnhancementConfig
from partwise.studies.self_enhancement.study import judged_plans, lessons
from partwise.studies.signal_diversity.settings import SignalDiversityConfig
from partwise.studies.w2s.settings import WeakToStrongStudyConfig
from partwise.training.ladder import pretrained_rung, reading, rows, rule_book
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


def asked_later(seed: int) -> dict[str, set[str]]:
    """The keys of all that models of the default ladder are asked or learn from, by study and split."""
    settings = {
        **{f"w2s {overlap:g}": DataConfig(overlap=overlap) for overlap in WeakToStrongStudyConfig().overlaps},
        "noise": NoiseConfig().data,
        "signal diversity": SignalDiversityConfig().data,
    }
    found = {study: plans_setting(data, LadderConfig(), seed) for study, data in settings.items()}
    return {
        f"{study}, {split}": {example.key for example in getattr(setting, split)}
        for study, setting in found.items()
        for split in ("teacher", "student", "test")
    }


@pytest.mark.parametrize("seed", [200, 201, 202])
def test_no_plan_that_anybody_is_asked_stands_in_what_models_read_first(seed: int):
    # The corpus of any seed and of any peer: what one seed is tested on no other has read either.
    read = {
        text
        for ladder_seed, peer in ((seed, 0), (seed + 1, 1))
        for document in reading(LadderConfig(), ladder_seed, peer)
        for text, learned in document
        if not learned
    }
    assert len(read) > 10_000
    assert {split: len(read & keys) for split, keys in asked_later(seed).items() if read & keys} == {}

    config = SelfEnhancementConfig()
    book = rule_book(config.ladder, seed)
    read = {
        text for peer in (0, 1) for document in reading(config.ladder, seed, peer) for text, _ in document
    }
    judged = {plan.source for plan in judged_plans(book, seed)}
    taught = [{plan.source for plan in lessons(config, book, seed, member)} for member in (0, 1)]
    assert len(judged) == 1000 and len(taught[0]) == config.teach.plans
    assert not read & judged and not any(each & judged or each & read for each in taught)


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
