"""Programs are found where there is one, and nowhere else; nothing that was written is lost."""

from __future__ import annotations

import random
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.composition.answer import Answer, AnswerError, find_program, kind_of
from partwise.composition.language import CompositionError, parse, parse_decomposition
from partwise.types import Unparsed
from partwise.worlds.registry import load_world

PLANS = list(islice(load_world("dinner").demonstrations(random.Random(1)), 40))
PROGRAMS = [text for plan in PLANS for text in (plan.decomposition, plan.composition)]
PROSE = st.text(st.sampled_from("Sure, here's it:.\n #*1.é"), max_size=40)


@given(
    program=st.sampled_from(PROGRAMS), before=PROSE, after=PROSE, tag=st.sampled_from(["", "python", "py"])
)
def test_the_program_in_the_one_fence_is_found_whatever_stands_around_it(program, before, after, tag):
    text = f"{before}\n```{tag}\n{program}\n```\n{after}"
    found = find_program(text)
    assert found.program == program
    assert found.before + found.program + found.after == text


@given(
    program=st.sampled_from(PROGRAMS),
    thought=PROSE,
    marks=st.sampled_from([("<think>", "</think>"), ("", "</think>"), ("[THINK]", "[/THINK]")]),
    space=st.text(st.sampled_from(" \n"), max_size=3),
)
def test_the_program_after_thinking_is_found(program, thought, marks, space):
    opens, closes = marks
    thought = f"{thought}```python\ndef no(): ...\n```" if len(thought) > 20 else thought
    text = f"{opens}{thought}{closes}{space}{program}{space}"
    found = find_program(text)
    assert found.program == program
    assert found.before + found.program + found.after == text
    assert find_program(f"{opens}{thought}{closes}\n```\n{program}\n```").program == program


@given(program=st.sampled_from(PROGRAMS))
def test_a_bare_program_is_left_as_it_is(program):
    assert find_program(program) == Answer(program) and find_program(program).cut is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", Unparsed.NO_PROGRAM),
        (" \n ", Unparsed.NO_PROGRAM),
        ("<think>book</think>\n", Unparsed.NO_PROGRAM),
        ("```python\n\n```", Unparsed.NO_PROGRAM),
        ("```json\n{}\n```", Unparsed.NO_PROGRAM),
        ("```\na = 1\n```\nor\n```\na = 2\n```", Unparsed.SEVERAL_FENCES),
        ("```python\na = 1\n```\n```python\na = 2", Unparsed.SEVERAL_FENCES),
        ("```python\na = 1", Unparsed.BROKEN_FENCE),
        ("```python\na = 1\n```python", Unparsed.BROKEN_FENCE),
        ("```python a = 1```", Unparsed.BROKEN_FENCE),
        ("```\na = 1\n~~~", Unparsed.BROKEN_FENCE),
        ("```\na = 1\n```\nUse ```b = 2``` instead.", Unparsed.BROKEN_FENCE),
        ("<think>if only", Unparsed.THINKING),
        ("Well. <think>so</think>\na = 1", Unparsed.THINKING),
        ("<think>a</think>a = 1<think>b</think>", Unparsed.THINKING),
    ],
)
def test_what_could_be_this_or_that_is_not_guessed_at(text, kind):
    with pytest.raises(AnswerError) as refused:
        find_program(text)
    assert refused.value.kind is kind and "\n" not in str(refused.value)


@given(st.text(st.sampled_from("`~\n <>/think[]THINKpya=1")))
def test_any_text_is_found_or_refused_and_none_of_it_lost(text):
    try:
        found = find_program(text)
    except AnswerError:
        return
    assert found.before + found.program + found.after == text and found.program.strip()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Sure! I would be glad to help.", Unparsed.NO_PROGRAM),
        ("Here you are:\ndef ask(user): 'Ask.'", Unparsed.SYNTAX),
        ("for u in users ask(u)", Unparsed.NO_PROGRAM),
        ("r = ask(users[0]", Unparsed.SYNTAX),
        ("import os", Unparsed.LANGUAGE),
        ("ask(users)", Unparsed.NO_SUBTASKS),
        ("def ask(user):\n    return 1", Unparsed.NO_SUBTASKS),
    ],
)
def test_what_does_not_parse_is_of_a_kind(text, kind):
    with pytest.raises(CompositionError) as refused:
        parse_decomposition(text)
    assert kind_of(refused.value, text) is kind
    if kind is not Unparsed.NO_SUBTASKS:
        with pytest.raises(CompositionError) as refused:
            parse(text)
        assert kind_of(refused.value, text) is kind
