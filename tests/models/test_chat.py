import copy

import pytest

from partwise.models.chat import between_turns, end_ids, first_prompt


def test_turns_make_the_conversation_that_the_template_renders(tokenizer, corpus):
    decomposition, parts, composition, statement = corpus[:4]
    end = [tokenizer.eos_token_id]
    turns = [tokenizer.encode(decomposition), tokenizer.encode(composition)]
    before = first_prompt(tokenizer, f"Be brief.\n\n{statement}")
    between = between_turns(tokenizer, parts)
    whole = [*before, *turns[0], *end, *between, *turns[1], *end]
    roles = ("user", "assistant", "user", "assistant")
    contents = (f"Be brief.\n\n{statement}", decomposition, parts, composition)
    messages = [{"role": role, "content": text} for role, text in zip(roles, contents, strict=True)]
    assert tokenizer.decode(whole) == tokenizer.apply_chat_template(messages, tokenize=False)


def test_a_template_with_text_around_its_end_token(byte_tokenizer):
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'user' %}[{{ m.content | trim }}]"
        "{% else %} {{ m.content | trim }} </s>\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}A:{% endif %}"
    )
    assert tokenizer.decode(first_prompt(tokenizer, "task")) == "[task]A:"
    assert tokenizer.decode(between_turns(tokenizer, "parts")) == "\n[parts]A:"
    assert tokenizer.decode(between_turns(tokenizer, "parts", ended=False)).endswith("</s>\n[parts]A:")


def test_a_template_that_hides_messages_is_refused(byte_tokenizer):
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.chat_template = "{{ messages[-1].content }}</s>"
    with pytest.raises(ValueError, match="does not show each message once"):
        first_prompt(tokenizer, "task")


def test_without_a_template_the_layout_is_plain_text(byte_tokenizer):
    assert byte_tokenizer.chat_template is None
    before = byte_tokenizer.decode(first_prompt(byte_tokenizer, "Plan.\n\nDinner."))
    assert before == "Task: Plan.\n\nDinner.\n\nDecomposition:\n"
    between = byte_tokenizer.decode(between_turns(byte_tokenizer, "def f(): ..."))
    assert between == "\n\nPartial solutions:\ndef f(): ...\n\nComposition:\n"


def test_only_one_end_stands_between_two_turns_whichever_the_planner_wrote(byte_tokenizer):
    """A template that ends turns by a token of its own, and a planner that ended by the end of sequence."""
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|end|>", "<|user|>", "<|model|>"]})
    tokenizer.chat_template = (
        "{% for m in messages %}{{ '<|user|>' if m.role == 'user' else '<|model|>' }}{{ m.content }}<|end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|model|>{% endif %}"
    )
    named = tokenizer.convert_tokens_to_ids(["<|end|>", "</s>"])
    assert end_ids(tokenizer) == set(named)
    assert tokenizer.decode(between_turns(tokenizer, "parts")) == "\n<|user|>parts<|end|>\n<|model|>"


def test_a_template_that_shows_the_date_shows_one_day(byte_tokenizer):
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.chat_template = (
        "{{ strftime_now('%d %B %Y') }}{% for m in messages %}[{{ m.content }}]</s>{% endfor %}"
    )
    assert tokenizer.decode(first_prompt(tokenizer, "task")) == "01 January 2025[task]</s>"
