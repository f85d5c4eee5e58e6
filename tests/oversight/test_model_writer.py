"""A language model writes bodies by prompt: what counts as the function asked for, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.oversight.fixture_scripted import Scripted, kept, reply

from partwise.composition.language import parse
from partwise.models.chat_model import Asked, End, Style
from partwise.models.prompts import SETS, make_prompts, read_prompts
from partwise.oversight.attempts import Came, read_function
from partwise.oversight.model_writer import ModelWriter
from partwise.types import Subtask
from partwise.worlds.registry import load_world
from partwise.worlds.telling import proxy_fields

WORLD = load_world("dinner")
PROMPTS = make_prompts(read_prompts("full", "full"), proxy_fields(WORLD))
SUBTASK = Subtask(name="ask", parameters=("guest", "n"), doc="Ask a guest.")
STYLE = Style(temperature=1.0, longest=64, seed=3)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("def ask(guest, n):\n    return message(guest)[:n]", "return message(guest)[:n]"),
        (
            "Sure!\n```python\ndef ask(guest, n):\n    a = message(guest)\n    return a\n```\nDone.",
            "a = message(guest)\nreturn a",
        ),
        (
            '<think>hm</think>\ndef ask(guest, n):\n    "Ask."\n    if n:\n        return 1\n    return 2',
            "if n:\n    return 1\nreturn 2",
        ),
        ("def ask(guest, n): return n", "return n"),
        ("def ask(guest, n):\n    # ask first\n    return n  # so many", "return n  # so many"),
    ],
)
def test_the_function_is_found_and_is_the_same_program(text: str, body: str):
    found = read_function(reply(text), SUBTASK, 24)
    assert found.came is Came.BODY and found.part
    assert found.part.body == body
    parse(found.part.source)


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("I can't see what you mean.", Came.LANGUAGE),
        ("", Came.NO_PROGRAM),
        ("```python\ndef ask(guest, n):\n    return n", Came.NO_PROGRAM),
        (
            "```\ndef ask(guest, n):\n    return 1\n```\nor\n```\ndef ask(guest, n):\n    return 2\n```",
            Came.NO_PROGRAM,
        ),
        ("import os\ndef ask(guest, n):\n    return n", Came.LANGUAGE),
        ("def ask(guest, n):\n    while n:\n        n = n - 1", Came.LANGUAGE),
        ("def ask(guest):\n    return guest", Came.OTHER),
        ("def ask(guest, m):\n    return m", Came.OTHER),
        ("def ask(guest, n=2):\n    return n", Came.LANGUAGE),
        ("def tell(guest, n):\n    return n", Came.OTHER),
        ("def ask(guest, n):\n    return n\nask('Ana', 2)", Came.OTHER),
        ("return message(guest)", Came.LANGUAGE),
        ("def ask(guest, n):\n    return " + " + ".join(["n"] * 30), Came.COMPLEX),
    ],
)
def test_what_is_another_thing_is_counted_as_what_it_is(text: str, came: Came):
    found = read_function(reply(text), SUBTASK, 24)
    assert (found.came, found.part) == (came, None)


@pytest.mark.parametrize("end", [End.CUT, End.REFUSED, End.FAILED])
def test_what_did_not_end_is_no_body_whatever_it_says(end: End):
    found = read_function(reply("def ask(guest, n):\n    return n", end), SUBTASK, 24)
    assert found.came == str(end) and found.part is None


def test_several_are_written_for_what_no_catalogue_names_and_those_that_differ_count(tmp_path: Path):
    bodies = ["return message(guest)[:n]", "return 0", "return message(guest)[:n]", "import os"]
    model = Scripted(lambda asked: f"def ask(guest, n):\n    {bodies[asked.index]}")
    writer = ModelWriter(kept(model, tmp_path), PROMPTS, copies=4, capacity=24, style=STYLE)
    (found,) = writer.bodies([SUBTASK])
    assert [part.body for part in found] == ["return message(guest)[:n]", "return 0"]
    (attempts,) = writer.attempts([SUBTASK])
    assert [each.part and each.part.body for each in attempts] == [*bodies[:3], None]
    assert writer.bodies([SUBTASK, SUBTASK]) == [found, found]
    assert len(model.asked) == 4


def test_it_is_told_what_is_asked_and_the_tools_and_no_body_of_the_catalogue(tmp_path: Path):
    seen: list[Asked] = []
    model = Scripted(lambda asked: seen.append(asked) or "")
    writer = ModelWriter(kept(model, tmp_path), PROMPTS, copies=1, capacity=24, style=STYLE)
    for entry in WORLD.catalogue.values():
        writer.bodies([entry.subtask])
        (told,) = seen[-1].chat
        assert entry.subtask.request in told and all(tool in told for tool in WORLD.tools)
        assert not any(body.source in told for body in entry.implementations)
    for name in SETS:
        prompts = make_prompts(read_prompts(name, name), proxy_fields(WORLD))
        assert SUBTASK.request in prompts.solve(SUBTASK.request)


def test_the_judge_is_told_what_people_hold_dear_and_nothing_else_of_values():
    told = PROMPTS.judge("def f(): ...")
    assert "def f(): ..." in told
    assert "private messages are read" in told and "A guest is asked at all." not in told
