"""Two turns, put together from pieces, are the ids of the chat template's conversation tokenized whole."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.fixture_styles import STYLES
from transformers import PreTrainedTokenizerFast

from partwise.models.chat import between_turns, encode, end_ids, first_prompt, layout

DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "own-model.md"
ANSWER = "ask(user)"
CONTENTS = st.text(st.sampled_from("ab _.:(){}'\"&é—字\t\n"), max_size=20).map(lambda text: f"{text}x{text}")
"""With white space at the ends, quotes, and letters that no token has."""


@cache
def made(name: str) -> PreTrainedTokenizerFast:
    return STYLES[name].make()


def whole(tokenizer: Any, task: str, parts: str) -> list[int]:
    """By transformers alone: a conversation of four messages, as a model is taught it."""
    contents = (task, ANSWER, parts, ANSWER)
    messages = [
        {"role": "assistant" if index % 2 else "user", "content": content}
        for index, content in enumerate(contents)
    ]
    # The day that a template may show is kept still in `chat.py`.
    template = tokenizer.chat_template.replace("strftime_now('%Y-%m-%d')", "'2025-01-01'")
    found = tokenizer.apply_chat_template(
        messages, chat_template=template, tokenize=True, return_dict=False, enable_thinking=False
    )
    return list(found)


def agrees(name: str, task: str, parts: str) -> str:
    """How the pieces agree with the whole: a verdict for the docs."""
    style, tokenizer = STYLES[name], made(name)
    before, between = first_prompt(tokenizer, task), between_turns(tokenizer, parts)
    if style.template is None:
        return "no template to agree with"
    ids = whole(tokenizer, task, parts)
    if style.thinks:
        # The template forgets what opened an answer: "<think>" and all up to the answer.
        opened = encode(tokenizer, "<think>\n\n</think>\n\n" + ANSWER)[: -len(encode(tokenizer, ANSWER))]
        assert before[-len(opened) :] == between[-len(opened) :] == opened
        before, between = before[: -len(opened)], between[: -len(opened)]
    assert ids[: len(before)] == before
    rest = ids[len(before) :]
    if style.closes:
        ended = min(place for place, id in enumerate(rest) if id in end_ids(tokenizer))
        behind = ended + 1
    else:
        # The planner's end token stands there, which the template has not: all else is the same.
        behind = ended = next(place for place in range(len(rest)) if rest[place:][: len(between)] == between)
    assert rest[behind : behind + len(between)] == between
    second = rest[behind + len(between) :]
    assert tokenizer.decode(rest[:ended]).strip() == ANSWER
    assert tokenizer.decode(second, skip_special_tokens=True).strip() == ANSWER
    if style.thinks:
        return "the same, and the empty thought that opens an answer"
    return "the same" if style.closes else "the same, and the end that was sampled"


@pytest.mark.parametrize("name", STYLES)
@given(task=CONTENTS, parts=CONTENTS)
def test_pieces_are_the_whole(name: str, task: str, parts: str):
    agrees(name, task, parts)


@pytest.mark.parametrize("name", STYLES)
def test_a_turn_ends_where_the_template_ends_it(name: str):
    style, tokenizer = STYLES[name], made(name)
    around = layout(tokenizer)
    assert around.ends == style.ends
    assert around.end in style.ends
    assert end_ids(tokenizer) == set(tokenizer.convert_tokens_to_ids(sorted(style.ends)))
    # What is put in opens with no end of the turn that the planner has just ended.
    assert between_turns(tokenizer, "parts")[0] not in end_ids(tokenizer)


@pytest.mark.parametrize("name", STYLES)
def test_the_beginning_of_sequence_stands_once(name: str):
    style, tokenizer = STYLES[name], made(name)
    ids = first_prompt(tokenizer, "task") + between_turns(tokenizer, "parts")
    if style.bos is None or (style.template and "bos_token" not in style.template):
        assert tokenizer.bos_token_id is None or ids.count(tokenizer.bos_token_id) == 0
    else:
        assert ids[0] == tokenizer.bos_token_id
        assert ids.count(tokenizer.bos_token_id) == 1


def line(name: str) -> str:
    """The style's line in the docs."""
    around = layout(made(name))
    ends = ", ".join(f"`{end}`" for end in sorted(around.ends, key=lambda end: end != around.end))
    bos = "once" if first_prompt(made(name), "task").count(made(name).bos_token_id) == 1 else "none"
    base = STYLES[name].base
    letters = base if base.startswith("bytes") else f"sentencepiece, a space before: {base}"
    return f"| {name} | {letters} | {ends} | {bos} | {agrees(name, 'task', 'def f():')} |".replace(
        "<|", "<\\|"
    ).replace("|>", "\\|>")


def test_the_docs_say_so():
    table = DOCS.read_text(encoding="utf-8").partition("| style |")[2].partition("\n\n")[0]
    assert table.splitlines()[2:] == [line(name) for name in STYLES]


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{% for m in messages %}{% if m.role == 'assistant' %}{{ raise_exception('none here.') }}{% endif %}"
         "{{ m.content }}{% endfor %}", "refuses a conversation of user, assistant, user: none here$"),
        ("{% if messages[0].role != 'system' %}{{ raise_exception('a system message first') }}{% endif %}",
         "refuses a conversation of user: a system message first$"),
        ("{{ messages[0].content | nothing }}", "refuses a conversation of user: .*nothing"),
        ("{% for m in messages %}{{ m.content }", "refuses a conversation of user: .*"),
        ("{{ messages[-1].content }}</s>", "does not show each message once"),
        ("{% for m in messages %}{{ m.content | upper }}</s>{% endfor %}", "does not show each message once"),
        ("{% for m in messages %}{{ m.content | tojson }}</s>{% endfor %}", "rewrites messages"),
        ("{% for m in messages %}{{ m.content | e }}</s>{% endfor %}", "rewrites messages"),
        ("{% for m in messages %}{{ m.content | replace('\n', ' ') }}</s>{% endfor %}", "rewrites messages"),
    ],
)  # fmt: skip
def test_templates_that_can_not_hold_two_turns_say_why(template: str, reason: str):
    tokenizer = STYLES["GPT-2, plain headings"].make()
    tokenizer.chat_template = template
    with pytest.raises(ValueError, match=reason) as raised:
        layout(tokenizer)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("trim", ["trim", "string | trim", "string"])
def test_templates_may_trim(trim: str):
    tokenizer = STYLES["GPT-2, plain headings"].make()
    tokenizer.chat_template = "{% for m in messages %}{{ m.content | " + trim + " + eos_token }}{% endfor %}"
    answer = encode(tokenizer, ANSWER + "<|endoftext|>")
    pieces = [*first_prompt(tokenizer, " a\n"), *answer, *between_turns(tokenizer, "\n b "), *answer]
    assert pieces == whole(tokenizer, " a\n", "\n b ")
