from __future__ import annotations

import pytest
from fixture_dinner import ALIGNED, TOOLS, UNALIGNED

from partwise.composition.language import parse
from partwise.composition.spaces import Rejection, check_space, validate_space

LOOPING = "def ask(u):\n    for r in u:\n        if r:\n            return [x for x in r]\n"


def check(source: str, space: str) -> str:
    rejection = check_space(parse(source), space, TOOLS)
    assert rejection is None or 1 <= rejection.line <= source.count("\n") + 1
    return str(rejection or "")


def test_free_has_no_bounds() -> None:
    assert check(UNALIGNED, "free") == ""


@pytest.mark.parametrize(
    ("source", "depth", "line"),
    [
        (ALIGNED, 1, 2),
        (UNALIGNED, 2, 4),
        (LOOPING + "x = ask(1)", 0, 0),
        ("x = [a for b in c for a in b]", 2, 1),
        ("x = 1\nfor a in [b for b in c]:\n    x = 2", 1, 2),
        ("for a in b:\n    x = any(c for c in a)", 2, 2),
        ("for a in b:\n    x = 1\nelse:\n    for c in d:\n        x = 2", 1, 1),
        ("for a in b:\n    x = sorted(a, key=f)", 2, 2),
        ("x = list(map(f, users))", 1, 1),
    ],
)
def test_loops_count_the_compositions_own(source: str, depth: int, line: int) -> None:
    assert check(source, f"loops<={depth}") == ""
    if depth:
        assert check(source, f"loops<={depth - 1}") == (
            f"line {line}: loops nest {depth} deep, and the space allows {depth - 1}"
        )


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (LOOPING + "x = ask(users)\ny = ask(x)", None),
        ("x = f(g(users), h(users))", None),
        ("x = users\ny = f(x, x)", None),
        ("x = f(users)\nx = f(x)\ny = f(x)", None),
        ("d = {}\nd['a'] = f(users)\nd['b'] = f(users)\nx = g(d)", None),
        ("x = f(users)\ny = g(x)\nz = h(x)", 3),
        ("x = f(users)\ny = g(x, x)", 2),
        ("x = f(users)\ny = x\nz = g(y, y)", 3),
        ("d = {}\nd['a'] = f(users)\nx = g(d)\ny = g(d)", 4),
        ("d = []\nd.append(f(users))\nx = g(d)\ny = g(d)", 4),
        ("x, y = f(users)\nz = g(y, x, y)", 2),
        ("x = f(users)\nx += 1\nx += 1\ny = g(x)", None),
        ("x = f(users)\ny = g(x)\nx += 1", 3),
        ("for u in users:\n    f(u)", 1),
        ("x = 1\nif x:\n    f(x)", 2),
        ("x = f(users) if users else 0", 1),
        ("x = users and f(users)", 1),
        ("x = [f(u) for u in users]", 1),
        ("x = list(map(f, users))", 1),
    ],
)
def test_tree_uses_each_result_once(source: str, line: int | None) -> None:
    found = check(source, "tree")
    assert found.startswith(f"line {line}: `tree`") if line else found == "", found


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (LOOPING + "x = ask(users)\ny = ask(x)\nz = ask(x)", None),
        ("x = f(users)\ny = not x and users", None),
        (ALIGNED, 2),
        ("x = f(users)\nif x:\n    g(x)", 2),
        ("f(users) or g(users)", 1),
        ("x = sorted(users, key=f)", 1),
        ("x = {u: 1 for u in users}", 1),
    ],
)
def test_sequence_has_neither_loops_nor_branches(source: str, line: int | None) -> None:
    found = check(source, "sequence")
    assert found.startswith(f"line {line}: `sequence`") if line else found == "", found


def test_names_of_spaces_are_checked() -> None:
    assert [validate_space(name) for name in ("free", "loops <= 2", " tree ")] == ["free", "loops<=2", "tree"]
    with pytest.raises(
        ValueError, match=r"no space `afine`: the spaces are free, .*; did you mean `affine`\?"
    ):
        validate_space("afine")
    for wrong in ("", "loops<=", "loops<=-1", "loops<=01", "Tree"):
        with pytest.raises(ValueError, match="the spaces are free, loops<=k"):
            check_space(parse(""), wrong, TOOLS)


def test_a_rejection_reads_as_a_sentence() -> None:
    assert str(Rejection(4, "because")) == "line 4: because"
