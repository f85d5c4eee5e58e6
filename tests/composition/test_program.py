"""What the sandbox is fed, run by Python itself, does what the source does."""

from __future__ import annotations

from typing import Any

import pytest

from partwise.composition.language import CompositionError
from partwise.composition.program import prepare


def log_of(text: str) -> list[Any]:
    log: list[Any] = []

    def note(value: Any) -> Any:
        log.append(value)
        return value

    exec(compile(text, "program", "exec"), {"note": note})
    return log


@pytest.mark.parametrize(
    "source",
    [
        "note(any(note(x) for x in [0, 2, 3]))",
        "note(all(note(x) for x in [1, 0, 3] if note(x + 10)))",
        "note(any(note(a + b) for a, (b, c) in [(0, (0, 1)), (1, (2, 3))] if c for d in [0, 1] if d))",
        "def f(k, xs):\n    return all(any(note(x + y == k) for x in xs) for y in xs)\nnote(f(3, [1, 2]))",
        "note([any(note(x) for x in xs) for xs in [[0], [1, 2]]])",
    ],
)
def test_the_rewritten_program_does_the_same(source: str) -> None:
    program = prepare(source, 1000)
    assert program.text != source
    assert log_of(program.text) == log_of(source)


def test_places_map_to_the_source() -> None:
    source = 'x = """a\n\nb"""\nif any(y for y\n       in f(\n  1)):\n    z = g(  2)\n'
    program = prepare(source, 1000)
    text = program.text.encode()
    for call, line in ((b"f(1)", 5), (b"g(2)", 7), (b"__any__(lambda", 4)):
        assert program.line(text.index(call)) == line
    assert program.frame_line(2, 1) is None


def test_other_programs_are_fed_as_they_are() -> None:
    source = "def f(x):\n    return any(x)\n\ny = f(\n[1])"
    program = prepare(source, 1000)
    assert program.text is source
    assert [program.line(source.index(part)) for part in ("def", "any", "y =", "[1]")] == [1, 2, 4, 5]
    assert [program.caller(line) for line in (1, 2, 4)] == ["f", "f", ""]


def test_errors_are_remembered_and_raised_anew() -> None:
    for _ in range(2):
        with pytest.raises(CompositionError, match="line 1, column 1: imports"):
            prepare("import os", 1000)
    with pytest.raises(CompositionError, match="longer than 10 bytes"):
        prepare("x = 1" * 10, 10)
