"""`partwise feedback add` and `ask`: what goes in, and what is refused in one sentence each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import partwise
from partwise.cli import app
from partwise.oversight.feedback import Brief, FeedbackStore

PAIR = {"id": 1, "prompt": "Is it late?", "a": "Yes.", "b": "No."}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def feedback(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["feedback", *arguments, "--store", "f.db"])


def write(*lines: object, name: str = "pairs.jsonl") -> str:
    Path(name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return name


def test_pairs_go_in_once_with_what_people_are_told():
    Path("told.txt").write_text("\ufeffBe kind.")
    done = feedback("add", write(PAIR, {**PAIR, "id": 2}), "--people", "3", "--guidelines", "told.txt")
    assert done.exit_code == 0
    assert (
        done.stdout
        == "2 new pairs in the set pairs of f.db.\nPeople judge them: partwise console --store f.db\n"
    )
    again = feedback("add", write({**PAIR, "id": 2}, {**PAIR, "id": 3}))
    assert again.stdout.startswith("1 new pairs in the set pairs of f.db, 1 were there.")
    with FeedbackStore("f.db") as store:
        assert store.progress("pairs").asked == 3 and store.brief("pairs") == Brief(guidelines="Be kind.")


def test_every_bad_line_is_a_sentence_and_nothing_goes_in():
    done = feedback("add", write(PAIR, {"prompt": "x"}, {**PAIR, "b": PAIR["a"], "id": 2}), "--set", "s")
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.splitlines() == [
        "pairs.jsonl, line 2: it has no `a`.",
        "pairs.jsonl, line 3: `a` and `b` are the same.",
    ]
    assert not Path("f.db").exists(), "a file that is wrong leaves nothing behind"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "nowhere.jsonl"), "nowhere.jsonl can't be read: No such file or directory."),
        (("add", "pairs.jsonl", "--guidelines", "none.txt"), "none.txt can't be read"),
        (("add", "pairs.jsonl", "--set", ""), "The name of a set has 1 to 200 printable characters"),
        (("add", "pairs.jsonl", "--set", "dinner"), "dinner is the name of other questions in this store"),
        (("add", "other.jsonl", "--set", "there"), "other.jsonl, line 1: the set there has another pair"),
        (("ask", "nowhere"), "There is no world `nowhere`"),
        (
            ("ask", "dinner", "--seed", "1"),
            "The set dinner holds other questions in f.db; give another --set.",
        ),
        (("ask", "dinner", "--set", "there"), "The set there holds other questions"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(arguments: tuple[str, ...], said: str):
    assert feedback("add", write(PAIR), "--set", "there").exit_code == 0
    assert feedback("ask", "dinner", "--count", "2").exit_code == 0
    write({**PAIR, "a": "Perhaps."}, name="other.jsonl")
    done = feedback(*arguments)
    assert done.exit_code == 2 and done.stderr.startswith(said), done.stderr
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_questions_of_a_world_are_asked_once_and_grow():
    assert feedback("ask", "dinner", "--count", "5").stdout.startswith(
        "5 questions in the set dinner of f.db."
    )
    with FeedbackStore("f.db") as store:
        first = [store.question(number, "ana").item for number in range(1, 6)]
        assert feedback("ask", "dinner", "--count", "9").exit_code == 0
        assert store.progress("dinner").asked == 9
        assert [store.question(number, "ana").item for number in range(1, 6)] == first
        brief = store.brief("dinner")
        assert brief and brief.world == "dinner" and "privacy" in brief.matters[0]
        assert "quiet" not in brief.matters[0]
    more = feedback("ask", "dinner", "--count", "3", "--set", "other", "--undone", "0", "--practice", "1")
    assert more.exit_code == 0


def test_pairs_may_come_through_a_pipe():
    command = [sys.executable, "-m", "partwise", "feedback", "add", "-", "--store", "f.db"]
    environment = {**os.environ, "PYTHONPATH": str(Path(partwise.__file__).parents[1])}
    text = json.dumps(PAIR)
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment, timeout=60)
    assert done.stdout.startswith("1 new pairs in the set pairs of f.db."), done.stderr
