"""Texts that are being written: what is accepted can be ended, and what ends is what the parser takes."""

from __future__ import annotations

import itertools
import random

import pytest
from fixture_runs import TOOLS
from fixture_writer import write
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.composition.acceptor import (
    DECOMPOSITIONS,
    Compositions,
    Decompositions,
    Language,
    Text,
    begin,
    compositions,
)
from partwise.composition.language import CompositionError, parse, parse_decomposition
from partwise.composition.names import variables
from partwise.composition.spaces import check_solution, check_space
from partwise.types import Solution
from partwise.worlds.registry import load_world

DINNER = load_world("dinner")
PARTS = tuple(
    DINNER.catalogue[name].implementations[0]
    for name in ("ask_preference", "list_overlap", "book_table", "first_of")
)
SPACES = ("free", "affine", "loops<=1", "tree", "sequence")
LANGUAGES: dict[str, Language] = {space: Compositions(PARTS, space, DINNER.tools) for space in SPACES}
LANGUAGES["decomposition"] = DECOMPOSITIONS
_WORDS = (
    "for | in |if |else|elif |def |return|not |and |or |is |None|break|continue|pass|x|book_table|(|)|[|]|{|}"
    "|:|,|.|=|==|!|+=|-|**|@|reserve|list_overlap|any|zip|get|append|union|lambda|import|__x|print|key|;|#|é"
    "|'|\"|f'|\\|'''|0|1.|1e|0x|for y in x:|if book_table(x):|book_table(x)|def f(y): |(x): |\t"
)
PIECES = [*_WORDS.split("|"), "\n", "\n    ", "\n        ", "    ", " ", "\r\n"]


def walk(language: Language, text: str) -> Text | int:
    """Character by character; how many were accepted where not all are."""
    written = begin(language)
    assert written
    for place, letter in enumerate(text):
        after = written.then(letter)
        if after is None:
            return place
        written = after
    return written


def is_whole(name: str, text: str) -> bool:
    """What the parser, and the check of the space, say."""
    try:
        if name == "decomposition":
            return bool(parse_decomposition(text))
        solution = Solution(partial_solutions=PARTS, composition=text)
        return check_solution(solution, name, DINNER.tools) is None
    except CompositionError:
        return False


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(LANGUAGES)), st.lists(st.sampled_from(PIECES) | st.integers(1, 5), max_size=40))
def test_what_is_accepted_can_always_be_ended(name: str, tries: list[str | int]):
    """By its witness, every beginning of which is accepted; a number takes so many letters of that."""
    written = begin(LANGUAGES[name])
    assert written
    for piece in tries:
        more = written.witness[:piece] if isinstance(piece, int) else piece
        written = (more and written.then(more)) or written
        assert not written.ends or is_whole(name, written.text)
    for letter in written.witness:
        after = written.then(letter)
        assert after, (written.text, written.witness)
        written = after
    assert written.ends and is_whole(name, written.text)


@pytest.mark.parametrize("space", SPACES)
def test_plans_are_accepted_as_the_check_has_them(space: str):
    seen = {True: 0, False: 0}
    for plan in itertools.islice(DINNER.demonstrations(random.Random(3), aligned=True), 40):
        subtasks = parse_decomposition(plan.decomposition)
        decomposition = walk(DECOMPOSITIONS, plan.decomposition)
        assert isinstance(decomposition, Text) and decomposition.ends
        parts = tuple(DINNER.catalogue[subtask.name].implementations[0] for subtask in subtasks)
        try:
            solution = Solution(partial_solutions=parts, composition=plan.composition)
            within = check_solution(solution, space, DINNER.tools) is None
        except CompositionError:
            within = False
        found = walk(Compositions(parts, space, DINNER.tools), plan.composition)
        assert (isinstance(found, Text) and found.ends) == within
        seen[within] += 1
    assert seen[True] > 5


@pytest.mark.slow
def test_programs_of_another_writer_are_accepted_as_the_check_has_them():
    """Flags, counters, helpers, `else` of loops: whatever `affine` follows, and a beginning tells as well."""
    languages = {space: Compositions((), space, TOOLS) for space in ("free", "affine")}
    within = 0
    for seed in range(40):
        program = write(seed)
        for space, language in languages.items():
            found = walk(language, program.source)
            expected = check_space(parse(program.source), space, TOOLS) is None
            assert (isinstance(found, Text) and found.ends) == expected, program.source
            within += expected
    assert within > 40


@pytest.mark.parametrize(
    ("space", "text", "refused"),
    [
        # A second attempt where the first may have succeeded is refused at its name.
        ("affine", "book_table(1)\nbook_table", "e"),
        # Neither may a function be given another meaning.
        ("affine", "first_of = ", " "),
        # A loop that attempts must be left before it is closed.
        ("affine", "for r in users:\n    book_table(r)\nx", "x"),
        ("affine", "x = reserve ", " "),
        ("affine", "[reserve(r) f", "f"),
        ("sequence", "for x", " "),
        ("tree", "x = f()\ny = [x, x]", "]"),
        ("free", "x = lambda ", " "),
        ("free", "x = zip(", "("),
        ("free", "x = 1\n  ", " "),
        ("free", "book_table(1,", ","),
        ("free", "def book_table(", "("),
        ("decomposition", 'def f(x): ""', '"'),
        ("decomposition", 'def f(x): "a"\ndef f(', "("),
        ("decomposition", "x", "x"),
        ("decomposition", 'def f(x): "a"\ndef x(', "("),
    ],
)
def test_what_leads_nowhere_is_refused_at_once(space: str, text: str, refused: str):
    place = walk(LANGUAGES[space], text)
    assert isinstance(place, int) and text[place] == refused and place >= len(text) - 2


def test_what_no_program_can_be_below_is_no_language():
    """Below a part that has a tool's name, not even the empty composition lies in the space."""
    subtask = parse_decomposition('def reserve(restaurant): "Book."')[0]
    part = type(PARTS[0])(subtask=subtask, body="return reserve_as(restaurant, 'x')")
    assert begin(Compositions((part,), "affine", DINNER.tools)) is None
    free = compositions((part,), "affine", DINNER.tools)
    assert free and isinstance(walk(free, "reserve(1)\nreserve(2)"), Text)


def test_a_subtask_has_no_name_that_bodies_give_to_a_variable():
    body = "def work(users):\n    n = 0\n    for u in users:\n        n += 1\n    return n\n"
    plain, held = Decompositions({"send"}), Decompositions({"send"}, variables([body]))
    for name, fits in (("u", False), ("n", False), ("users", True), ("work", True), ("find", True)):
        text = f'def {name}(people):\n    "x"\n'
        assert (held.after(held.start, text) is not None) == fits
        assert plain.after(plain.start, text) is not None
    # A parameter may: it is the part's own.
    assert held.after(held.start, 'def find(u):\n    "x"\n') is not None


def test_the_names_of_variables_are_those_that_are_given_something():
    assert variables(["a, b = d", "e = {f: g for f, g in h}", "def i(j):\n    k = j\n"]) == set("abefgk")
    assert variables([]) == frozenset()
