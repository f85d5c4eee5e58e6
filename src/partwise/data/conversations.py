"""Conversations as data sets write them: lists of messages, those printed as text, or Human and Assistant."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any, cast

from partwise.data.checks import RowError, text_in

Message = dict[str, str]
"""A `role` and its `content`."""

_ROLES = ("system", "user", "assistant", "tool")
_TURN = re.compile(r"\n\n(Human|Assistant):")
_PRINTED = re.compile(
    r"\[\s*\{.*(?:['\"]role['\"]\s*:.*['\"]content['\"]|['\"]content['\"].*['\"]role['\"]\s*:)", re.DOTALL
)


def conversation(row: Mapping[str, Any], column: str, place: str) -> list[Message]:
    """What was said before an answer, and the answer as the last message.

    The column has a whole conversation, or the answer alone to what the column `prompt` has. Either is a list
    of messages, such a list as text (JSON, or as Python prints it), a dialogue of `Human:` and `Assistant:`
    as Anthropic's data sets have it, or plain text.

    Raises:
        RowError: there is no such thing, a message lacks its role or content, a role is none of system, user,
            assistant and tool, or nobody answers last.
    """
    said = _messages(row, column, place)
    if all(message["role"] == "assistant" for message in said):
        if "prompt" not in row:
            raise RowError(
                f"{place}, column {column} has an answer alone, and there is no column prompt; add it or "
                "take the row out."
            )
        said = [*_messages(row, "prompt", place), *said]
    if said[-1]["role"] != "assistant":
        raise RowError(
            f"{place}, column {column}: the last message is the {said[-1]['role']}'s and should be the "
            "assistant's; mend it or take the row out."
        )
    return said


def _messages(row: Mapping[str, Any], column: str, place: str) -> list[Message]:
    """Plain text is the user's as a prompt, and else the assistant's."""
    value, where = row[column], f"{place}, column {column}"
    if isinstance(value, str):
        value = _printed(value, where)
    if not isinstance(value, list):
        text = text_in(row, column, place)
        asked = column == "prompt"
        turns = _turns(text, alone=asked or not str(row.get("prompt") or "").strip())
        if asked and turns and turns[-1] == {"role": "assistant", "content": ""}:
            del turns[-1]  # what is to be answered ends with `Assistant:`
        if not turns:
            return [{"role": "user" if asked else "assistant", "content": text}]
        value = turns
    messages = cast(list[Any], value)
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise RowError(
            f"{where}: this is no list of messages; give each a `role` and its `content` or take the row out."
        )
    return [_message(message, f"{where}, message {number}") for number, message in enumerate(messages, 1)]


def _message(message: Mapping[str, Any], where: str) -> Message:
    role, content = (text_in({key: message.get(key)}, key, where) for key in ("role", "content"))
    if role.strip().lower() not in _ROLES:
        raise RowError(
            f"{where}: the role is {role!r} and must be one of {', '.join(_ROLES)}; mend it or take the row "
            "out."
        )
    return {"role": role.strip().lower(), "content": content}


def _printed(text: str, where: str) -> Any:
    """The list of messages that a text is; the text itself where it is none."""
    if not _PRINTED.match(text.strip()):
        return text
    for parse in (json.loads, ast.literal_eval):
        try:
            found: Any = parse(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        alike = isinstance(found, list) and all(
            isinstance(message, dict) and {"role", "content"} <= {*cast(dict[str, Any], message)}
            for message in cast(list[Any], found)
        )
        return cast(Any, found) if alike else text
    raise RowError(
        f"{where}: this is a list of messages as some library prints it; write it as JSON or take the row "
        "out."
    )


def _turns(text: str, *, alone: bool) -> list[Message]:
    """The turns of a dialogue of Human and Assistant; none where the text is no such thing.

    Blank lines before the first `Human:` are the data sets' own sign. A text without them is a dialogue only
    where it stands `alone`: else it may be an answer that tells of one.
    """
    told = alone and text.startswith("Human:") and "\n\nAssistant:" in text
    if not text.startswith("\n\nHuman:") and not told:
        return []
    _, *pieces = _TURN.split(f"\n\n{text.lstrip()}")
    roles = ["user" if name == "Human" else "assistant" for name in pieces[::2]]
    return [{"role": role, "content": said.strip()} for role, said in zip(roles, pieces[1::2], strict=True)]
