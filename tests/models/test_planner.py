"""What a planner wrote, as text, and how long it may get."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from partwise.models.errors import ModelError
from partwise.models.planner import Planner
from partwise.types import Split, Task

TASK = Task(world="none", split=Split.TRAIN, index=0, seed=0, difficulty=0.0, statement="a task")


def _planner(tokenizer: Any, positions: int, tokens: int) -> Planner:
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=8, n_layer=1, n_head=1, n_positions=positions, eos_token_id=None
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPT2LMHeadModel(config)
    return Planner(
        model, tokenizer, prompts=None, max_decomposition_tokens=tokens, max_composition_tokens=tokens
    )


def test_ends_that_are_not_special_are_no_text(byte_tokenizer: Any):
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.add_tokens(["<|end|>"])
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}<|end|>{% endfor %}>"
    planner = _planner(tokenizer, 100, 10)
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    with torch.no_grad():
        planner.model.transformer.ln_f.bias.fill_(1.0)
        planner.model.lm_head.weight.zero_()
        planner.model.lm_head.weight[end] = 9.0
    turn = planner.open([TASK], 1).decompose(1.0, torch.Generator().manual_seed(0))
    assert (turn.ids, turn.texts, turn.finished) == ([[end]], [""], [True])


def test_a_model_with_too_few_positions_is_refused(byte_tokenizer: Any):
    prompt = len(_planner(byte_tokenizer, 200, 4).open([TASK], 1).prompt(0))
    assert prompt == len("Task: a task\n\nDecomposition:\n")
    _planner(byte_tokenizer, prompt + 8, 4).open([TASK], 1)
    with pytest.raises(ModelError, match=f"reads at most {prompt + 7} tokens: a task takes {prompt}"):
        _planner(byte_tokenizer, prompt + 7, 4).open([TASK], 1)


def test_a_row_that_outgrows_the_positions_is_not_written_on(byte_tokenizer: Any):
    planner = _planner(byte_tokenizer, 120, 4)
    conversation = planner.open([TASK], 3)
    first = conversation.decompose(1.0, torch.Generator().manual_seed(0))
    assert [len(ids) for ids in first.ids] == [4, 4, 4]
    between, second = conversation.recompose(["x", "x" * 100, None], 1.0, torch.Generator().manual_seed(0))
    assert [bool(tokens) for tokens in between] == [True, False, False]
    assert [len(ids) for ids in second.ids] == [4, 0, 0]
    assert second.finished == [False, False, False]
