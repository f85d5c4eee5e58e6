"""`partwise rewardbench`: a reward model of one's own, on rows in the published form."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.data.fixture_public import reward_bench, write_rows
from transformers import LlamaConfig, LlamaForSequenceClassification
from typer.testing import CliRunner

from partwise.cli.main import app


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    rows = [*reward_bench(20), *reward_bench(10, start=20, subset="donotanswer")]
    return write_rows(tmp_path / "bench.jsonl", rows)


def _reward_model(folder: Path, tokenizer: Any, scores: int = 1) -> str:
    tokenizer.pad_token = tokenizer.eos_token
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        pad_token_id=tokenizer.pad_token_id,
        num_labels=scores,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_sections_and_subsets_are_those_that_were_tried(bench: Path, tmp_path: Path, byte_tokenizer: Any):
    model = _reward_model(tmp_path / "model", byte_tokenizer)
    asked = ["rewardbench", model, "--data", str(bench), "--device", "cpu"]
    answer = CliRunner().invoke(app, [*asked, "--json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert found["comparisons"] == 30
    assert found["overall"]["mean"] is None, "two sections have no comparison"
    assert found["subsets"]["hep-python"]["n"] == found["sections"]["Reasoning"]["n"] == 20
    assert found["sections"]["Safety"]["mean"] == found["subsets"]["donotanswer"]["mean"]
    shown = CliRunner().invoke(app, [*asked, "--limit", "7"])
    assert shown.exit_code == 0 and "7 comparisons" in shown.stdout and "Reasoning" in shown.stdout


def test_a_model_without_a_trained_head_is_refused(
    bench: Path, tmp_path: Path, llama_folder: Path, byte_tokenizer: Any
):
    many = _reward_model(tmp_path / "many", byte_tokenizer, scores=3)
    for model in (str(llama_folder), many):
        answer = CliRunner().invoke(app, ["rewardbench", model, "--data", str(bench), "--device", "cpu"])
        assert answer.exit_code == 2
        assert "is no reward model with one score" in answer.stderr.splitlines()[-1]


def test_rows_that_are_no_comparisons_are_named(tmp_path: Path, byte_tokenizer: Any):
    model = _reward_model(tmp_path / "model", byte_tokenizer)
    rows = [{key: value for key, value in row.items() if key != "rejected"} for row in reward_bench(5)]
    data = write_rows(tmp_path / "bad.jsonl", rows)
    answer = CliRunner().invoke(app, ["rewardbench", model, "--data", str(data), "--device", "cpu"])
    assert answer.exit_code == 2 and "rejected" in answer.stderr and "bad.jsonl" in answer.stderr
