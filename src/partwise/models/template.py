"""A tokenizer's chat template, which is a program of its own: it may refuse what it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class TemplateError(ValueError):
    """A chat template can't write these messages; the message is one sentence that says what it said."""


def written(tokenizer: Any, messages: Sequence[Mapping[str, str]], **options: Any) -> str:
    """The messages as the tokenizer's chat template writes them.

    Args:
        tokenizer: has a chat template.
        messages: each with a `role` and its `content`.
        options: what `apply_chat_template` also takes, as `add_generation_prompt`.

    Raises:
        TemplateError: the template refuses them, as some do with a system message or two users in a row, or
            fails.
    """
    try:
        return str(tokenizer.apply_chat_template(list(messages), tokenize=False, **options))
    except Exception as error:  # a template may fail in any way that a program can
        told = " ".join(str(error).split()) or type(error).__name__
        roles = ", ".join(message["role"] for message in messages)
        raise TemplateError(
            f"the model's chat template refuses the messages of {roles}: {told.removesuffix('.')}"
        ) from error
