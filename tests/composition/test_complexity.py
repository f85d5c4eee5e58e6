from __future__ import annotations

import pytest
from fixture_dinner import ALIGNED, UNALIGNED

from partwise.composition.complexity import complexity, loop_depth
from partwise.composition.language import CompositionError, parse


@pytest.mark.parametrize(
    ("source", "nodes"),
    [("", 1), ("x = 1", 4), ("# nothing\n", 1), ("x = 1 + y", 7), ("f(x)", 5), (ALIGNED, 23)],
)
def test_complexity_counts_syntax_nodes(source: str, nodes: int) -> None:
    assert complexity(source) == nodes


def test_complexity_does_not_depend_on_layout() -> None:
    assert complexity("f(x,y)") == complexity("f(\n    x,\n    y,\n)  # both")


def test_what_is_no_program_has_no_complexity() -> None:
    with pytest.raises(CompositionError):
        complexity("import os")


@pytest.mark.parametrize(("source", "depth"), [("", 0), (ALIGNED, 1), (UNALIGNED, 2)])
def test_loop_depth(source: str, depth: int) -> None:
    assert loop_depth(parse(source)) == depth
    assert loop_depth(parse(f"def f():\n    for x in y:\n        z = 1\n{source}")) == depth
