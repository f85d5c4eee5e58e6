from __future__ import annotations

import pytest
from fixture_dinner import ALIGNED, TOOLS, UNALIGNED

from partwise.composition.language import CompositionError, parse
from partwise.composition.rejection import Rejection
from partwise.composition.spaces import check_solution, check_space, validate_space
from partwise.types import PartialSolution, Solution, Subtask

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


PARTS = ("ask", "book")
BOTH = "def ask(u):\n    return [r for r in u]\ndef book(r):\n    return r\n"


@pytest.mark.parametrize(
    ("composition", "space", "line"),
    [
        # Its own functions are the composition's: what goes on inside them counts where they are called.
        ("def go(us):\n    for u in us:\n        ask(u)\ngo(users)", "loops<=1", None),
        ("def go(us):\n    for u in us:\n        ask(u)\ngo(users)", "loops<=0", 6),
        ("def go(us):\n    for u in us:\n        ask(u)\nfor u in users:\n    go(u)", "loops<=1", 6),
        ("def go(us):\n    for u in us:\n        ask(u)\nx = list(map(go, users))", "loops<=1", 6),
        ("def go(us):\n    for u in us:\n        ask(u)\nx = sorted(users, key=go)", "loops<=1", 6),
        ("def go(us):\n    for u in us:\n        ask(u)", "loops<=0", None),  # Never called.
        ("def go(us):\n    return us and go(us[1:])\ngo(users)", "loops<=9", 6),
        ("def go(u):\n    return ask(u)\ngo(users)", "sequence", None),
        ("def go(u):\n    if u:\n        ask(u)\ngo(users)", "sequence", 6),
        ("def go(us):\n    ask(go(us))\ngo(users)", "sequence", 6),
        ("def go(u):\n    return ask(u)\ngo(users)", "tree", 5),
        # The order of evaluation: what is looked at before the loop is not inside it.
        ("x = max([v for v in users], key=len)", "loops<=1", None),
        ("x = sorted(sorted(users, key=ask), key=book)", "loops<=1", None),
        ("x = list(map(ask, [u for u in users]))", "loops<=1", None),
        ("x = [max(u, key=len) for u in users]", "loops<=1", 5),
        # What a variable holds may be anything.
        ("m = ask\nx = m(users)", "loops<=0", 6),
        ("m = ask\nx = m(users)", "sequence", 6),
        ("m = ask\nx = m(users)", "tree", 6),
        ("f = [ask, book][len(users) > 2]\nx = f(users)", "sequence", 6),
        ("f = {'a': ask}.get('a')\nx = f(users)", "tree", 6),
        ("def go(f):\n    f(users)\ngo(ask)", "sequence", 6),
        ("x = sorted(users, key=ask)", "loops<=1", None),
        # A chain stops at the first comparison that is false.
        ("x = False == book('a') == book('b')", "sequence", 5),
        ("x = 1 < len(users) < len(users)", "tree", 5),
        ("x = 1 < book('a') < 3", "sequence", None),
    ],
)
def test_all_of_the_composition_is_looked_at(composition: str, space: str, line: int | None) -> None:
    rejection = check_space(parse(BOTH + composition), space, TOOLS, PARTS)
    assert (rejection and rejection.line) == line, rejection


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = y = f(users)\na = g(x)\nb = h(y)", 3),
        ("x = y = f(users)\na = g(x)", None),
        ("(a, b) = c = f(users)\nx = g(a, c)", 2),
        ("d = {}\ne = d\nd['a'] = f(users)\nx = g(d)\ny = h(e)", 3),
        ("d = e = {}\nd['a'] = f(users)\nx = g(d)\ny = h(e)", 2),
        ("d = []\ne = [d]\nd.append(f(users))\nx = g(d)\ny = h(e)", 3),
        ("d = {'a': {}}\nd['a']['b'] = f(users)\nx = g(d)\ny = h(d)", 4),
        ("d = {}\nx = d.setdefault('a', f(users))\ny = g(d)", 3),
        ("d = {}\nd.setdefault('a', f(users))\ny = g(d)", None),
        ("d = {}\nx = g(d.setdefault('a', f(users)), d)", 2),
        ("d = {}\nd['a'] = f(users)\nd['b'] = d['a']\nx = g(d)", 4),
        ("d = dict()\nd['a'], d['b'] = f(users), g(users)\ny = h(d)", None),
        ("users.append(f(users))", 1),
        ("d = []\ne = d\nd += [f(users)]\nx = g(d)\ny = h(e)", 3),
        ("n = 0\nm = n\nn += f(users)\nx = g(n)", None),
        ("d = []\nd += [f(users)]\nx = g(d)\ny = h(d)", 4),
    ],
)
def test_tree_knows_who_holds_what(source: str, line: int | None) -> None:
    found = check(source, "tree")
    assert found.startswith(f"line {line}: `tree`") if line else found == "", found


def solution(composition: str, body: str = "return [r for r in u]") -> Solution:
    asked = Subtask(name="ask", parameters=("u",), doc="Ask.")
    return Solution(partial_solutions=(PartialSolution(subtask=asked, body=body),), composition=composition)


@pytest.mark.parametrize("space", ["free", "loops<=0", "sequence", "tree", "affine"])
@pytest.mark.parametrize(
    "composition",
    ["    reserve('a')\nask(users)", "\tfor u in users:\n\t\task(u)", "else:\n    ask(users)", " x = 1"],
)
def test_a_composition_is_whole_by_itself(composition: str, space: str) -> None:
    # The line is that of the whole text, below a part of two lines.
    with pytest.raises(CompositionError, match="line 3, "):
        check_solution(solution(composition), space, TOOLS)


@pytest.mark.parametrize("body", ["return u\nx = (", "return u \\", "'''"])
def test_a_partial_solution_is_whole_by_itself(body: str) -> None:
    with pytest.raises(CompositionError):
        check_solution(solution("x = ask(users)", body), "free", TOOLS)


def test_a_solutions_own_functions_are_told_from_its_parts() -> None:
    assert check_solution(solution("x = ask(users)"), "sequence", TOOLS) is None
    again = "def go(u):\n    return [r for r in u]\nx = ask(go(users))"
    rejection = check_solution(solution(again), "sequence", TOOLS)
    assert rejection == Rejection(4, "`sequence` has no loops")


def test_functions_that_call_each_other_take_no_time() -> None:
    lines = [f"def f{i}(u):\n    return [f{i + 1}(u), f{i + 1}(u), f{i + 1}(u)]" for i in range(60)]
    source = "\n".join(lines) + "\ndef f60(u):\n    return [r for r in u]\nf0(users)"
    for space, line in (("loops<=0", 122), ("sequence", 122), ("loops<=1", None)):
        rejection = check_space(parse(source), space, TOOLS, ())
        assert (rejection and rejection.line) == line
