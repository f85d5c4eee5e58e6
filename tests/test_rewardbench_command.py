"""`partwise rewardbench`: a reward model of one's own, on rows in the published form."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.data.fixture_public import reward_bench, write_rows
from transformers import LlamaConfig, LlamaForSequenceClassification
from typer.testing import CliRunner

from partwise.cli import app


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
    assert found["sections"]["Safety"]["mean"] is None and found["subsets"]["donotanswer"]["n"] == 10
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


STRICT = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
    "{{ m['content'] | trim }}{{ eos_token }}{% endfor %}"
)


def _asked(model: str, data: Path, *more: str) -> tuple[int, str, Any]:
    answer = CliRunner().invoke(app, ["rewardbench", model, "--data", str(data), "--device", "cpu", *more])
    assert "Traceback" not in answer.output
    shown = json.loads(answer.stdout) if answer.exit_code == 0 and "--json" in more else answer.stdout
    return answer.exit_code, answer.stderr.strip().rpartition("\n")[2], shown


def test_a_single_comparison_and_subsets_of_ones_own(bench: Path, tmp_path: Path, byte_tokenizer: Any):
    model = _reward_model(tmp_path / "model", byte_tokenizer)
    one = write_rows(tmp_path / "one.jsonl", reward_bench(1, subset="mine"))
    code, _, found = _asked(model, one, "--json")
    assert code == 0 and found["comparisons"] == found["subsets"]["mine"]["n"] == 1
    assert found["subsets"]["mine"]["mean"] in (0, 1) and found["overall"]["mean"] is None
    code, _, shown = _asked(model, one)
    assert code == 0 and "mine" in shown and "Over 1 comparison there" in shown
    code, _, found = _asked(model, bench, "--limit", "1", "--json")
    assert code == 0 and found["overall"]["n"] == 1


def test_a_template_that_refuses_a_role_is_quoted_with_its_row(tmp_path: Path, byte_tokenizer: Any):
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.chat_template = STRICT
    model = _reward_model(tmp_path / "model", tokenizer)
    rows: list[dict[str, Any]] = reward_bench(4)
    rows[2] |= {
        column: [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hello."},
            {"role": "assistant", "content": column},
        ]
        for column in ("chosen", "rejected")
    }
    data = write_rows(tmp_path / "system.jsonl", rows)
    code, said, _ = _asked(model, data)
    assert code == 2 and "system.jsonl, row 3, column chosen" in said and "no system here" in said
    code, _, found = _asked(model, data, "--drop", "--json")
    assert code == 0 and found["comparisons"] == 3 and found["left_out"] == 1
    assert "row 3" in found["dropped"][0] and "no system here" in found["dropped"][0]


def test_texts_beyond_the_models_positions_are_never_cut(tmp_path: Path, byte_tokenizer: Any):
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.model_max_length = 60
    model = _reward_model(tmp_path / "model", tokenizer)
    rows = reward_bench(3)
    rows[1]["rejected"] = "x" * 61
    data = write_rows(tmp_path / "long.jsonl", rows)
    code, said, _ = _asked(model, data)
    assert code == 2 and "long.jsonl, row 2, column rejected" in said and "reads 60 at most" in said
    code, _, shown = _asked(model, data, "--drop")
    shown = " ".join(shown.split())  # however wide the terminal is
    assert code == 0 and "Dropped: 1 row, such as this" in shown and "row 2" in shown
    for row in rows:
        row["chosen"] = "y" * 61
    code, said, _ = _asked(model, write_rows(tmp_path / "all.jsonl", rows), "--drop")
    assert code == 2 and "3 were dropped" in said and "row 1" in said


def test_a_model_that_gives_no_number_is_said_to(tmp_path: Path, byte_tokenizer: Any):
    folder = _reward_model(tmp_path / "model", byte_tokenizer)
    model = LlamaForSequenceClassification.from_pretrained(folder)
    model.score.weight.data.fill_(math.nan)
    model.save_pretrained(folder)
    data = write_rows(tmp_path / "rows.jsonl", reward_bench(5))
    code, _, found = _asked(folder, data, "--json")
    assert code == 0 and found["unscored"] == 5 and found["subsets"]["hep-python"]["mean"] is None
    assert any(place.endswith("rows.jsonl, row 3") for place in found["without_score"])
    assert "In 5 comparisons a text has no finite score" in " ".join(_asked(folder, data)[2].split())
