from __future__ import annotations

import pytest
from fixture_dinner import ALIGNED

from partwise.composition.complexity import complexity
from partwise.composition.language import CompositionError


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
