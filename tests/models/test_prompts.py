"""Prompts are files: whichever one is overridden is taken, and what can't be used is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from partwise.models.errors import ModelError
from partwise.models.prompts import ASKED, SETS, make_prompts, read_prompts, write_prompts

FIELDS = {"decompose": {"tools": "- send(to)"}, "recompose": {"inputs": "users"}}


def written(folder: Path, **texts: str) -> str:
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    return str(folder)


def test_one_prompt_is_overridden_and_the_other_is_the_sets(tmp_path: Path):
    source = written(tmp_path, decompose="Use $tools, which cost $$1 each.\n\nTask: $task\n")
    prompts = make_prompts(read_prompts(source, "short"), FIELDS)
    assert prompts.decompose("Eat $5.") == "Use - send(to), which cost $1 each.\n\nTask: Eat $5."
    assert prompts.recompose("def f(): ...") == "def f(): ..."
    assert prompts.shown()["decompose"].endswith("Task: $task")


@pytest.mark.parametrize("name", SETS)
def test_what_is_written_out_is_read_back(tmp_path: Path, name: str):
    files = write_prompts(name, tmp_path / "mine")
    assert sorted(file.stem for file in files) == sorted(ASKED)
    assert read_prompts(str(tmp_path / "mine"), "full") == read_prompts(name, name)
    with pytest.raises(ModelError, match="is there already; give another folder"):
        write_prompts(name, tmp_path / "mine")


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"decompose": "$task $tool"}, r"decompose.txt has no field `\$tool`; there is `\$task`, `\$tools`"),
        ({"decompose": "$task $inputs"}, r"decompose.txt has no field `\$inputs`"),
        ({"decompose": "Do it."}, r"decompose.txt never says `\$task`"),
        ({"recompose": "$parts for $ 5"}, r"recompose.txt has a `\$` that names no field; write `\$\$`"),
        ({"decompos": "$task"}, "a prompt decompos.txt that nothing asks for; there is decompose.txt, "),
        ({}, "holds no prompt; there is decompose.txt, .*, compare.txt and argue.txt"),
    ],
)
def test_a_prompt_that_can_not_be_used_is_one_sentence(tmp_path: Path, texts: dict[str, str], reason: str):
    with pytest.raises(ModelError, match=reason) as refused:
        make_prompts(read_prompts(written(tmp_path, **texts), "short"), FIELDS)
    assert "\n" not in str(refused.value)


def test_a_folder_or_file_that_is_not_there_or_no_text_is_named(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ModelError, match=r"no folder of prompts .*min; did you mean `.*mine`"):
        read_prompts(str(tmp_path / "min"), "full")
    (tmp_path / "decompose.txt").write_bytes(b"\xff\xfe$task")
    with pytest.raises(ModelError, match=r"decompose.txt is not UTF-8 text"):
        read_prompts(str(tmp_path), "full")
