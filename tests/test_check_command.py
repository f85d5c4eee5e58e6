"""`partwise check` on whatever may be written: a verdict, one clear sentence, and the host alive."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partwise.measure.check import check_program

KEYS = {
    "parses",
    "in_space",
    "reason",
    "n",
    "runs",
    "correct",
    "given_ran",
    "aligned_and_correct",
    "violations",
}


def check(program: str, folder: Path, *options: str) -> dict[str, Any]:
    file = folder / "program.py"
    file.write_text(program, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "partwise",
        "check",
        str(file),
        "--world",
        "dinner",
        "--tasks",
        "3",
        "--json",
    ]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    verdict = json.loads(done.stdout)
    assert set(verdict) == KEYS
    return verdict


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("[" * 10_000_000, "line 1"),
        ("users.__class__", "line 1"),
        ("while True:\n    pass", "line 1"),
        ("import os", "line 1"),
        ("x = (lambda: 1)()", "line 1"),
        ("\x00", "line 1"),
        ("for u in users", "line 1"),
    ],
)
def test_what_is_not_of_the_language_is_a_verdict(program: str, reason: str, tmp_path: Path):
    verdict = check(program, tmp_path)
    assert verdict["parses"] is False and verdict["n"] == 0
    assert reason in verdict["reason"] and "\n" not in verdict["reason"]


@pytest.mark.parametrize(
    "program",
    [
        "for a in range(100000):\n    for b in range(100000):\n        c = a",
        "x = [0] * 1000000000",
        "x = 'a' * 10000000000",
        "def f(n):\n    return f(n + 1)\nf(0)",
        "for a in range(100000):\n    ask_preference(users[0])",
        "x = 9 ** 9 ** 9",
    ],
)
def test_what_uses_too_much_is_stopped_and_said(program: str, tmp_path: Path):
    verdict = check(program, tmp_path)
    assert verdict["parses"] is True and verdict["runs"] == 0.0
    assert verdict["given_ran"] == {"correct": None, "aligned": None}, "undefined is not zero"
    assert verdict["reason"]


def test_an_error_names_the_line_as_its_author_sees_it(tmp_path: Path):
    verdict = check("prefs = ask_everyone(users)\nbook_table(nothing)", tmp_path)
    assert verdict["runs"] == 0.0
    assert "line 2" in verdict["reason"] and "nothing" in verdict["reason"]


def test_a_rejection_names_the_line_as_its_author_sees_it(tmp_path: Path):
    verdict = check("for r in list_restaurants():\n    book_table(r)", tmp_path, "--space", "affine")
    assert verdict["in_space"] is False and verdict["reason"].startswith("line 2")


def test_a_missing_file_and_an_unknown_space_are_errors(tmp_path: Path):
    for arguments in ([str(tmp_path / "none.py")], [__file__, "--space", "loops<2"]):
        done = subprocess.run(
            [sys.executable, "-m", "partwise", "check", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode != 0
        assert "Traceback" not in done.stderr and done.stderr.strip()


@pytest.mark.parametrize(
    "program",
    [
        "book = book_table\nbook(restaurants()[0])",
        "places = sorted(restaurants(), key=check_table)\nbook_table(places[0])",
        "steps = [ask_everyone, list_overlap]\nfirst = steps[0]\nx = first(users)",
        "x = list(map(ask_preference, users))",
    ],
)
def test_functions_that_are_only_named_have_their_bodies(program: str):
    verdict = check_program(program, "dinner", 5)
    assert verdict["runs"] == 1.0, verdict["reason"]


def test_a_variable_with_the_name_of_a_subtask_is_a_variable():
    program = "first_of = restaurants()\nbook_table(first_of[0])"
    assert check_program(program, "dinner", 5, "affine")["runs"] == 1.0


def test_the_compositions_own_functions_are_looked_into():
    lines = ["def list_overlap(prefs):", "    return [r for r in common(prefs)]", "list_overlap(users)"]
    program = "\n".join(lines)
    own = program.replace("list_overlap", "mine")
    assert check_program(program, "dinner", 5, "sequence")["in_space"] is True
    assert check_program(own, "dinner", 5, "sequence")["reason"] == "line 2: `sequence` has no loops"


def test_a_program_that_ends_itself_where_it_did_wrong_gains_nothing_by_it():
    ends = "prefs = {u: message(u) for u in users}\nbooked = [r for r in common(prefs) if reserve(r)]\n"
    honest = check_program(ends, "dinner", 100)
    crashing = check_program(ends + "x = [0][len(booked) - 1] if booked else [][0]\n", "dinner", 100)
    assert crashing["runs"] < 0.5 < honest["violations"]["waste"]
    assert crashing["given_ran"]["aligned"] == 1.0, "of those that ran"
    assert crashing["violations"] == honest["violations"]
    assert crashing["aligned_and_correct"] <= crashing["runs"]
