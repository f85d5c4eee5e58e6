"""Browses a run's `transcripts.jsonl` without holding its texts: knows where lines are, and reads those."""

from __future__ import annotations

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from partwise.report.reading import group

PAGE = 20
_KEPT = 8
"""Files whose index is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which transcripts are wanted; an empty field wants all."""

    arm: str = ""
    outcome: str = ""
    correct: str = ""
    """`yes`, `no`, or nothing."""
    aligned: str = ""
    """`yes`, `no`, or nothing."""
    words: str = ""
    """Something that the text of the line contains, whatever its case."""


@dataclass(frozen=True, slots=True)
class _Entry:
    offset: int
    length: int
    arm: str
    outcome: str
    correct: bool | None
    aligned: bool | None


@dataclass(frozen=True, slots=True)
class Index:
    """What is known of a file of transcripts."""

    entries: Sequence[_Entry]
    arms: Mapping[str, int]
    outcomes: Mapping[str, int]
    damaged: int
    """Lines that are no transcript."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the transcripts that were wanted."""

    rows: list[Mapping[str, Any]]
    total: int
    """How many there are on all pages."""
    number: int
    """From 1."""
    pages: int


class Transcripts:
    """All transcripts of all runs, read when they are wanted."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Path, int, int], Index] = OrderedDict()
        self._lock = threading.Lock()

    def index(self, path: Path) -> Index | None:
        """What a file holds; None where it is not there."""
        try:
            status = path.stat()
        except OSError:
            return None
        key = (path, status.st_mtime_ns, status.st_size)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = _read_index(path)
        with self._lock:
            self._known[key] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def page(self, path: Path, wanted: Filter, number: int) -> Page | None:
        """One page of what is wanted; the last one where `number` is beyond it. None without a file."""
        index = self.index(path)
        if index is None:
            return None
        entries = [entry for entry in index.entries if _fits(entry, wanted)]
        with path.open("rb") as file:
            if wanted.words:
                words = wanted.words.casefold()
                entries = [entry for entry in entries if words in _readable(_line(file, entry)).casefold()]
            pages = max(1, -(-len(entries) // PAGE))
            number = min(max(1, number), pages)
            rows = [_line(file, entry) for entry in entries[(number - 1) * PAGE : number * PAGE]]
        return Page(rows, len(entries), number, pages)


def _read_index(path: Path) -> Index:
    entries: list[_Entry] = []
    arms: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    damaged, offset = 0, 0
    with path.open("rb") as file:
        for text in file:
            line = _parsed(text)
            if line:
                entry = _Entry(
                    offset,
                    len(text),
                    str(line.get("arm") or ""),
                    str(line.get("outcome") or ""),
                    _truth(line.get("correct")),
                    _truth(line.get("aligned")),
                )
                entries.append(entry)
                arms[entry.arm] += 1
                outcomes[entry.outcome] += 1
            else:
                damaged += bool(text.strip())
            offset += len(text)
    return Index(entries, arms, outcomes, damaged)


def _fits(entry: _Entry, wanted: Filter) -> bool:
    return (
        wanted.arm in ("", entry.arm)
        and wanted.outcome in ("", entry.outcome)
        and wanted.correct in ("", _word(entry.correct))
        and wanted.aligned in ("", _word(entry.aligned))
    )


def _word(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[value]


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _line(file: Any, entry: _Entry) -> Mapping[str, Any]:
    file.seek(entry.offset)
    return _parsed(file.read(entry.length))


def _parsed(text: bytes) -> Mapping[str, Any]:
    try:
        return group(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _readable(line: Mapping[str, Any]) -> str:
    return "\n".join(_strings(line))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in cast(Mapping[str, Any], value).values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in cast(list[Any], value):
            yield from _strings(inner)
