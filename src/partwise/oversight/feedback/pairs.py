"""A researcher's own pairs, a line each: read, and checked before any of them is put to people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from partwise.oversight.feedback.jsonl import read_text
from partwise.oversight.feedback.schema import FeedbackError
from partwise.types import JudgmentItem, Option

LONGEST_TEXT = 20_000
"""Characters of a text that people are shown; a page is no place for more."""
_LONGEST_ID = 200
_MOST_COMPLAINTS = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair, as its line says it."""

    row: int
    """Its line in the file, from 1."""
    item: JudgmentItem
    """`question` is the prompt; the first option is `a`."""
    extra: Mapping[str, Any]
    """What else the line holds, as it stands there."""

    @property
    def id(self) -> str | None:
        """What the line calls it; None for nothing. Numbers and texts that read alike are one id."""
        return str(self.extra["id"]) if "id" in self.extra else None


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file of JSON lines, in its order; lines that say the same are one pair.

    A line is an object with `prompt` (or `context`), `a` and `b`, each a text, and whatever else is to come
    out with the answers. `id` names the pair; `question` is what people are asked about it.

    Raises:
        FeedbackError: the file can't be read, or lines hold no pair: a sentence a line, with file and row.
    """
    found: dict[str, Pair] = {}
    ids: dict[str, tuple[int, str]] = {}
    complaints: list[str] = []
    for row, text in enumerate(read_text(path).split("\n"), 1):
        if not text.strip():
            continue
        try:
            pair = _pair(row, text)
            first, key = ids.setdefault(pair.id, (row, pair.item.key)) if pair.id else (row, pair.item.key)
            if key != pair.item.key:
                raise ValueError(f"line {first} has another pair with the id {pair.id!r}")
        except (ValueError, RecursionError) as error:
            complaints.append(f"{path}, line {row}: {_complaint(error)}.")
        else:
            found.setdefault(pair.item.key, pair)
    if complaints:
        raise FeedbackError(listed(complaints))
    if not found:
        raise FeedbackError(f"{path} holds no pair; a line is an object with prompt, a and b.")
    return list(found.values())


def listed(complaints: list[str]) -> str:
    """Complaints as one message, a line each; of many the first ones."""
    more = len(complaints) - _MOST_COMPLAINTS
    return "\n".join(complaints[:_MOST_COMPLAINTS] + [f"And {more:,} more lines like these."] * (more > 0))


def _pair(row: int, text: str) -> Pair:
    line = json.loads(text, parse_constant=_no_number)
    if not isinstance(line, dict):
        raise ValueError("it is no JSON object")
    line = cast(dict[str, Any], line)
    names = [name for name in ("prompt", "context") if name in line]
    if len(names) != 1:
        raise ValueError("it has both `prompt` and `context`" if names else "it has no `prompt`")
    prompt, a, b = (_text(line, name) for name in (names[0], "a", "b"))
    if a == b:
        raise ValueError("`a` and `b` are the same")
    if "question" in line:
        _text(line, "question")
    if "id" in line:
        _check_id(line["id"])
    extra = {name: value for name, value in line.items() if name not in (names[0], "a", "b")}
    item = JudgmentItem(
        key=hashlib.sha256(json.dumps([extra.get("id"), prompt, a, b]).encode()).hexdigest(),
        question=prompt,
        options=(Option(text=a, consequences={}, useful=0.0), Option(text=b, consequences={}, useful=0.0)),
        complexity=max(len(a.split()), len(b.split())),
    )
    return Pair(row, item, extra)


def _text(line: Mapping[str, Any], name: str) -> str:
    if name not in line:
        raise ValueError(f"it has no `{name}`")
    text = line[name]
    if not isinstance(text, str):
        raise ValueError(f"`{name}` is no text")
    if not text.strip():
        raise ValueError(f"`{name}` is empty")
    _check_whole(text, name)
    if len(text) > LONGEST_TEXT:
        raise ValueError(
            f"`{name}` has {len(text):,} characters, and people are shown {LONGEST_TEXT:,}: shorten it"
        )
    return text


def _check_whole(text: str, name: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"`{name}` holds half of a character, {text[error.start]!a}") from error


def _check_id(id: Any) -> None:
    if isinstance(id, bool) or not isinstance(id, str | int):
        raise ValueError("`id` is neither a text nor a whole number")
    if not 0 < len(str(id)) <= _LONGEST_ID or not str(id).isprintable():
        raise ValueError(f"`id` has 1 to {_LONGEST_ID} printable characters")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _complaint(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON ({error.msg} at column {error.colno})"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
