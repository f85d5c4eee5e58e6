from __future__ import annotations

import ast
import contextlib
import pickle
import time

import pytest
from fixture_dinner import ALIGNED, UNALIGNED
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.composition.language import CompositionError, functions, parse, parse_decomposition


@pytest.mark.parametrize(
    "source",
    [
        ALIGNED,
        UNALIGNED,
        "",
        "for u in users:\n    if u:\n        break\nelse:\n    pass\n",
        "def f(a, b):\n    return [x.lower() for x in a if x not in b]\nx, (y, z) = f(1, 2)\nx.sort(key=f)\n",
        'x = f"{users[0]}: {len(users)!r:>3}"\nx += "é"\n',
        "x = {k: v for k, v in d.items()} if not d else {1, 2}\nx[1:] = -y[::2]\n",
        "x = any(u == r for u in users)\r\nx = ', '.join(str(u) for u in users)\r\n",
    ],
)
def test_programs_of_the_language_parse(source: str) -> None:
    module = parse(source)
    assert ast.dump(parse(ast.unparse(module))) == ast.dump(module)


def test_a_program_that_is_known_gets_a_tree_of_its_own_and_narrower_bounds_still_hold() -> None:
    source = "for u in users:\n    f(u)\n"
    first, again = parse(source), parse(source)
    assert ast.dump(first) == ast.dump(again)
    assert first.body[0] is not again.body[0]
    for bounds in ({"max_bytes": 5}, {"max_depth": 2}):
        with pytest.raises(CompositionError):
            parse(source, **bounds)


REFUSED = [
    ("x = 1\nwhile x:\n    pass", 2, 1, "`while` loops"),
    ("import os", 1, 1, "imports"),
    ("from os import path", 1, 1, "imports"),
    ("class A:\n    pass", 1, 1, "classes"),
    ("try:\n    x = 1\nexcept:\n    pass", 1, 1, "`try`"),
    ("with f() as x:\n    pass", 1, 1, "`with`"),
    ("f = lambda x: x", 1, 5, "`lambda`"),
    ("def f():\n    global x", 2, 5, "`global`"),
    ("del x", 1, 1, "`del`"),
    ("def f():\n    yield 1", 2, 5, "`yield`"),
    ("async def f():\n    pass", 1, 1, "`async`"),
    ("raise x", 1, 1, "`raise`"),
    ("assert x", 1, 1, "`assert`"),
    ("x: int = 1", 1, 1, "annotated assignments"),
    ("f(*xs)", 1, 3, "starred expressions"),
    ("f(**xs)", 1, 1, "`**`"),
    ("x = {**y}", 1, 5, "`**`"),
    ("if (x := 1):\n    pass", 1, 5, "`:=`"),
    ("@f\ndef g():\n    pass", 1, 2, "decorators"),
    ("def f(a=1):\n    pass", 1, 1, "parameters"),
    ("def f(*a):\n    pass", 1, 1, "parameters"),
    ("def f(a, /):\n    pass", 1, 1, "parameters"),
    ("def f(a: int):\n    pass", 1, 1, "annotations"),
    ("def f(a, a):\n    pass", 1, 1, "parameters"),
    ("def f():\n    def g():\n        pass", 2, 5, "nested function"),
    ("def f():\n    pass\ndef f():\n    pass", 3, 1, "redefinition"),
    ("return 1", 1, 1, "`return`"),
    ("break", 1, 1, "`break`"),
    ("for x in y:\n    pass\nelse:\n    break", 4, 5, "`break`"),
    ("x.y = 1", 1, 1, "attribute"),
    ("x = y.z", 1, 5, "attribute"),
    ("x = [].append", 1, 5, "attribute"),
    ("'{0.__class__}'.format(1)", 1, 1, "method"),
    ("x = ().__class__()", 1, 5, "method"),
    ("__import__('os')", 1, 1, "name"),
    ("f(__x=1)", 1, 1, "name"),
    ("eval('1')", 1, 1, "builtin"),
    ("x = open", 1, 5, "builtin"),
    ("print(1)", 1, 1, "builtin"),
    ("list = 3", 1, 1, "builtin"),
    ("def f(len):\n    pass", 1, 7, "builtin"),
    ("f()()", 1, 1, "call"),
    ("x = b'a'", 1, 5, "bytes literals"),
    ("x = 1j", 1, 5, "complex literals"),
    ("x = ...", 1, 5, "`...`"),
    ("x = (y for y in z)", 1, 5, "generator"),
    ("x = list(zip((y for y in z), z))", 1, 14, "generator"),
    ("x = zip(y, z)", 1, 5, "`zip`"),
    ("x = 1\nif x is y:\n    pass", 2, 4, "`is`"),
    ("for x[0] in y:\n    pass", 1, 5, "loop target"),
    ("x = a @ b", 1, 5, "`@`"),
    ("é = x.y", 1, 1, "name"),
    ("x = 'é' + y.z", 1, 11, "attribute"),
    ("ｅval('1')", 1, 1, "name"),
    ("x = \x001", 1, 5, "control character"),
    ("x = 1\rimport os", 1, 6, "control character"),
    ("x = '\ud800'", 1, 6, "surrogate"),
    ("x = (", 1, 5, "syntax"),
    ("f(a=1, a=2)", 1, 1, "arguments"),
    ("match x:\n    case 1:\n        pass", 1, 1, "`match`"),
]


@pytest.mark.parametrize(("source", "line", "column", "construct"), REFUSED)
def test_what_is_no_part_of_the_language_is_named(
    source: str, line: int, column: int, construct: str
) -> None:
    with pytest.raises(CompositionError) as caught:
        parse(source)
    error = caught.value
    assert (error.line, error.column, error.construct) == (line, column, construct)
    assert str(error).startswith(f"line {line}, column {column}: ")
    assert "\n" not in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_message_says_what_to_use_instead() -> None:
    with pytest.raises(CompositionError, match=r"^line 3, column 5: ") as caught:
        parse("x = 1\nif x:\n    while x:\n        pass")
    assert str(caught.value).endswith(": `while` loops are not part of the language; use `for`")


@pytest.mark.parametrize(
    "source",
    [
        "[" * 10_000_000,
        "(" * 9_000,
        "{" * 31,
        "x = " + "-" * 15_000 + "1",
        "x = " + "not " * 4_000 + "1",
        "x = " + "1+" * 9_000 + "1",
        "x" + ".a" * 9_000,
        "x" + "[0]" * 6_000,
        "x" + "()" * 6_000,
        "\n".join(" " * depth + "if x:" for depth in range(150)),
        "x = " + "9" * 10_000,
        "x = f'" + "{" * 9_000 + "'",
        "'''" * 6_001 + "\\",
        "'" + '"' * 19_000 + "\\",
        "if x: pass\n" + "elif x: pass\n" * 1_400,
        "\ud800" * 9_000,
        "\x00" * 19_000,
        "x = " + "lambda: " * 2_000 + "1",
        "a = " * 4_500 + "1 1",
        "'" + r"\'" * 9_990,
        "'" + r"\'" * 9_990 + "\\",
        r"'\'" * 6_000 + "\\",
        "''''" * 4_000 + "\\",
        '"""' + "\\" * 19_001,
        '"""' + '\\"' * 9_500 + "\\",
        "x = any(" + "a for a in b" + " for a in b" * 400 + ")",
    ],
    ids=lambda source: source[:8].encode("unicode_escape").decode(),
)
def test_hostile_texts_are_refused_fast(source: str) -> None:
    started = time.perf_counter()
    with pytest.raises(CompositionError):
        parse(source)
    assert time.perf_counter() - started < 2


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.text("()[]{}:='\"\\\n #fx.,;*@é\t-+if0", max_size=60)))
def test_no_text_raises_anything_else(source: str) -> None:
    try:
        parse(source)
    except CompositionError as error:
        assert 1 <= error.line <= source.count("\n") + 1
        assert error.column >= 1
    with contextlib.suppress(CompositionError):
        parse_decomposition(source)


def test_functions_are_found_in_order() -> None:
    assert list(functions(parse("def b():\n    pass\ndef a():\n    pass\nx = 1"))) == ["b", "a"]


def test_a_decomposition_is_read() -> None:
    text = 'def ask(user): "Ask  one\tguest."\n\ndef overlap(prefs, users):\n    """What all\n    like."""\n'
    first, second = parse_decomposition(text)
    assert (first.name, first.parameters, first.doc) == ("ask", ("user",), "Ask one guest.")
    assert second.request == 'def overlap(prefs, users): "What all like."'
    assert parse_decomposition("\n".join(part.request for part in (first, second))) == (first, second)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one"),
        ("x = 1", "only `def` lines"),
        ("def f(x): pass", "must be one docstring"),
        ("def f(x): ''", "must be one docstring"),
        ("def f(x):\n    'a'\n    return 1", "must be one docstring"),
        ("def f(x): f'{x}'", "must be one docstring"),
        ("def f(x): 'a'\ndef f(y): 'b'", "line 2, column 1: `f` is defined twice"),
        ("def f(x=1): 'a'", "plain names"),
        ("\n".join(f"def f{i}(): 'a'" for i in range(9)), "line 9, column 1: a decomposition has at most 8"),
        ("Here is my plan:", "this is not Python"),
    ],
)
def test_what_is_no_decomposition_is_refused(text: str, words: str) -> None:
    with pytest.raises(CompositionError, match=words):
        parse_decomposition(text)
