"""A model of Hugging Face's that answers conversations: what it reads, and that company changes no answer."""

from __future__ import annotations

import copy
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models import fixture_chat_server as fixture
from transformers import AutoModelForCausalLM, AutoTokenizer

from partwise.models.chat_model import Asked, Chat, End, Reply, Style
from partwise.models.errors import ModelError
from partwise.models.local_chat import LocalChat

GREEDY = Style(temperature=0.0, longest=8)
CHATS: list[Chat] = [
    ("aeiou",),
    ("abc", "yes", "bcd"),
    ("bcdaeg",),
    ("kkk",),
    ("aeg", "no", "ogh", "yes", "uab"),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, byte_tokenizer: Any) -> Path:
    return fixture.taught(tmp_path_factory.mktemp("small"), copy.deepcopy(byte_tokenizer))


def answers(model: LocalChat, asked: list[Asked]) -> dict[Asked, Reply]:
    found: dict[Asked, Reply] = {}
    model.answer(asked, lambda one, reply: found.update({one: reply}))
    assert set(found) == set(asked)
    return found


def test_it_says_what_transformers_says(small: Path):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(small), AutoTokenizer.from_pretrained(small)
    found = answers(LocalChat.load(str(small), device="cpu"), [Asked(chat, GREEDY) for chat in CHATS])
    odds = LocalChat.load(str(small), device="cpu").lean(CHATS, ("yes", "no"))
    assert odds is not None
    for (asked, reply), leaning in zip(found.items(), odds, strict=True):
        turns = [
            {"role": "assistant" if place % 2 else "user", "content": turn}
            for place, turn in enumerate(asked.chat)
        ]
        prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"]
        out = model.generate(ids, do_sample=False, max_new_tokens=8, pad_token_id=tokenizer.eos_token_id)
        new = out[0, ids.shape[1] :]
        assert reply.text == tokenizer.decode(new, skip_special_tokens=True)
        assert (reply.tokens_read, reply.tokens_written) == (ids.shape[1], len(new))
        assert reply.end is (End.ENDED if new[-1] == tokenizer.eos_token_id else End.CUT)
        logits = model(ids).logits[0, -1]
        first, second = ([tokenizer.convert_tokens_to_ids(each) for each in pair] for pair in ("yY", "nN"))
        if int(logits.argmax()) in (*first, *second):
            expected = logits[first].logsumexp(0) - logits[second].logsumexp(0)
            assert leaning == pytest.approx(float(expected), abs=1e-3)
        else:
            assert leaning is None


def test_company_changes_no_answer(small: Path):
    model, drawn = LocalChat.load(str(small), device="cpu"), Style(temperature=2.0, longest=12, seed=5)
    asked = [Asked(chat, drawn, index) for chat in CHATS for index in range(3)]
    together = answers(model, asked)
    before = torch.random.get_rng_state()
    random.Random(0).shuffle(asked)
    for one in asked[:6]:
        assert answers(model, [one])[one] == together[one]
    assert answers(model, asked[:7]) == {one: together[one] for one in asked[:7]}
    assert torch.equal(torch.random.get_rng_state(), before)
    assert len({reply.text for reply in together.values()}) > len(CHATS)


def test_without_a_chat_template_turns_are_parted_and_an_answer_that_goes_on_is_cut(llama_folder: Path):
    model = LocalChat.load(str(llama_folder), device="cpu")
    (reply,) = answers(model, [Asked(("hi",), GREEDY)]).values()
    assert reply.tokens_read == len("hi\n\n") and reply.end is End.CUT and reply.tokens_written == 8


def test_what_has_no_room_has_failed_and_the_others_are_answered(tmp_path: Path, byte_tokenizer: Any):
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=len(byte_tokenizer), n_positions=32, n_embd=16, n_layer=1, n_head=2)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        GPT2LMHeadModel(config).save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)
    model = LocalChat.load(str(tmp_path), device="cpu")
    long, short = answers(model, [Asked(("x" * 30,), GREEDY), Asked(("x",), GREEDY)]).values()
    assert (long.end, long.text) == (End.FAILED, "")
    assert short.end is not End.FAILED


def test_other_weights_are_another_model_and_a_copy_is_the_same(small: Path, tmp_path: Path):
    moved, changed = tmp_path / "moved", tmp_path / "changed"
    shutil.copytree(small, moved)
    shutil.copytree(small, changed)
    model = AutoModelForCausalLM.from_pretrained(changed)
    model.lm_head.weight.data[0] += 1
    model.save_pretrained(changed)
    weights = [
        LocalChat.load(str(folder), device="cpu").identity["weights"] for folder in (small, moved, changed)
    ]
    assert weights[0] == weights[1] != weights[2]
    with pytest.raises(ModelError, match="there is no folder"):
        LocalChat.load(str(tmp_path / "nothing"), device="cpu")
