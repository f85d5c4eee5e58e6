"""How the line that is being written may end soonest: texts that make a statement of it.

A few endings are offered, the likeliest first. They need not be right: the language's own parser judges each,
and one that it refuses is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from partwise.composition.acceptor.lines import ANY, HEADS, JOINERS, Frame, Line, read
from partwise.composition.language import METHODS
from partwise.composition.streams import ITERATORS

NAME = re.compile(r"[A-Za-z_]\w*")
_QUOTES = re.compile(r"([A-Za-z]{0,2})('''|\"\"\"|'|\")")
_SINGLE: Final = ("None", "True", "False", "not None")
"""What may stand behind `is`."""
_FEW_METHODS: Final = ("copy", "get", "union", "splitlines")


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The functions that a line may call. Compared by identity, as it is looked up often."""

    takes: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many arguments each takes."""
    called: frozenset[str] = frozenset()
    """Those that are never handed over, nor given arguments by name."""

    def within(self, line: str) -> Known:
        """The same of the functions that a line names alone; equal ones are one."""
        named = (word for word in NAME.findall(line) if word in self.takes)
        return _known(tuple((name, self.takes[name], name in self.called) for name in named))


@lru_cache(maxsize=65_536)
def _known(functions: tuple[tuple[str, int, bool], ...]) -> Known:
    takes = {name: count for name, count, _ in functions}
    return Known(takes, frozenset(name for name, _, called in functions if called))


NOTHING_KNOWN: Final = Known()


@lru_cache(maxsize=65_536)
def closings(line: str, known: Known = NOTHING_KNOWN) -> tuple[str, ...]:
    """Texts that may make a whole line of one that has begun, the likeliest first; none where it can't be.

    A line that ends with a colon afterwards still lacks its block.

    Args:
        line: from its first character that is no blank, without a break at its end.
        known: the functions that it may call.
    """
    found = read(line)
    if found is None:
        return ()
    endings: list[str] = []
    for more in _extensions(found, known):
        longer = read(line + more) if more else found
        if longer is not None and longer.tail != "open":
            endings += [more + rest for rest in _rests(longer, known)]
    return tuple(dict.fromkeys(endings))


def _extensions(found: Line, known: Known) -> Iterator[str]:
    """What may make the last token a whole one."""
    match found.tail:
        case "open":
            yield from _string_ends(found.last)
        case "number":
            yield from ("", "0")
        case "word" if found.before == "operator":
            yield from (
                f"{joiner[len(found.last) :]} " for joiner in JOINERS if joiner.startswith(found.last)
            )
        case "word" if found.before == "method":
            names = [name for name in sorted(METHODS) if name.startswith(found.last)]
            yield from (f"{name[len(found.last) :]}(" for name in names)
        case "sign" if found.last in ("=", "!"):
            yield from ("", "=")[found.last == "!" :]
        case "word" if found.was_single:
            yield from (one[len(found.last) :] for one in _SINGLE if one.startswith(found.last))
            yield from ("", "_")
        case "word":
            yield from _word_ends(found.last, known, found.before == "start")
        case _:
            yield from (f"{name}(" for name in _FEW_METHODS) if found.mode == "method" else [""]


def _word_ends(word: str, known: Known, starts: bool) -> tuple[str, ...]:
    if word in known.called:
        return ("(",)
    if word in known.takes:
        return ("(", "", "_")
    if word in HEADS or word == "not":
        return (" ", "(", "_")
    if word in ITERATORS:
        return ("(", "", "_")
    return ("", "_", *(f"{head[len(word) :]} " for head in HEADS if starts and head.startswith(word)))


def _string_ends(text: str) -> Iterator[str]:
    """What may end a string that is open."""
    match = _QUOTES.match(text)
    assert match
    quote, inside = match[2], text[match.end() :]
    if "f" in match[1].lower():
        yield from _formatted_ends(inside, quote)
        return
    if (
        escape := re.search(r"(?<!\\)(?:\\\\)*\\(x[\da-fA-F]?|u[\da-fA-F]{0,3}|U[\da-fA-F]{0,7}|)\Z", inside)
    ) and ("r" not in match[1].lower() or not escape[1]):
        begun = escape[1]
        full = {"x": 3, "u": 5, "U": 9}.get(begun[:1], 0)
        yield ("0" * (full - len(begun)) if begun else "n") + quote
        return
    ended = len(inside) - len(inside.rstrip(quote[0])) if len(quote) == 3 else 0
    yield from (quote[ended:], "x" + quote)


def _formatted_ends(inside: str, quote: str) -> Iterator[str]:
    yield quote
    if (at := inside.rfind("{")) >= 0:
        for ending in closings("(" + inside[at + 1 :]):
            yield ending[:-1] + "}" + quote
        yield from ("}" + quote, "r}" + quote)
    if inside.endswith("\\"):
        yield "n" + quote
    yield from ("}" + quote, "x" + quote)


def _rests(found: Line, known: Known) -> list[str]:
    """What may follow the last token, where that is a whole one, up to the end of the line."""
    inner, after = found.inner, ""
    for frame in reversed(found.frames):
        missing = _missing(frame, known, 1)
        if missing is None:
            return []
        if frame is not inner:
            after += "".join(reversed(frame.lacks)) + ", ".join(["", *[ANY] * missing]) + frame.close
    colon = ":" if found.head and found.mode != "start" else ""
    lacks = "".join(reversed(inner.lacks))
    return [
        fill + (lacks if needs else "") + inner.close + after + colon
        for fill, needs in _fills(found, inner, known)
    ]


def _missing(frame: Frame, known: Known, present: int) -> int | None:
    """How many arguments a call still takes, 0 where that isn't known; None where it has too many.

    `present` is 1 where the one that is being written is counted, 0 where it is not there yet.
    """
    takes = known.takes.get(frame.callee) if frame.call else None
    if takes is None:
        return 0
    if frame.by_name:
        return None if frame.callee in known.called else 0
    missing = takes - frame.given - present
    return None if missing < (0 if frame.given or not present else -1) else max(missing, 0)


def _fills(found: Line, inner: Frame, known: Known) -> Sequence[tuple[str, bool]]:
    """What may stand next, and whether what is lacking follows it."""
    name = f" {ANY}" if found.tail == "word" else ANY
    if found.head == "def" and found.mode == "operand" and not inner.close:
        return [(f"{name}()", True)]
    if inner.call and inner.callee in known.takes and not inner.by_name:
        return _arguments(found, inner, known)
    if found.mode == "operand":
        if found.single:
            return [(" None" if found.tail == "word" else "None", True), (name, True)]
        # Behind a comma or a bracket nothing need follow.
        return [("", False), (name, True)] if inner.close or found.last in (",", "return") else [(name, True)]
    if found.mode == "called":
        return [("()", True), (f"({ANY})", True)]
    if found.head == "def" and found.mode == "operator" and len(found.frames) == 1:
        return [("", True)] if found.last == ")" else [("()", True)]
    if inner.call:
        return [("", True), (f"={ANY}", True)]
    return [("", True), (f": {ANY}", True)] if inner.close == "}" else [("", True)]


def _arguments(found: Line, inner: Frame, known: Known) -> Sequence[tuple[str, bool]]:
    """The arguments that a call still takes."""
    wanted = found.mode == "operand"
    missing = _missing(inner, known, 0 if wanted else 1)
    if missing is None:
        return []
    if not wanted:
        method = "()" if found.mode == "called" else ""
        lacks = "".join(reversed(inner.lacks))
        given = [(method + lacks + ", ".join(["", *[ANY] * missing]), False)]
        return given if inner.callee in known.called or method else [*given, (f"={ANY}", False)]
    first = "None" if found.single else ANY
    if not missing:
        # Behind a bracket that is all; behind an operator the argument is still to come.
        return [("", False)] if found.last in ("(", ",") else []
    spaced = " " + first if found.tail == "word" else first
    lacks = "".join(reversed(inner.lacks))
    return [(spaced + lacks + ", ".join(["", *[ANY] * (missing - 1)]), False)]
