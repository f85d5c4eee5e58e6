"""How the line that is being written may end soonest: texts that make a statement of it.

A light parser follows brackets, strings and what an expression still lacks, and offers a few endings. It need
not be right: the language's own parser judges each ending, and one that it refuses is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from partwise.composition.language import METHODS
from partwise.composition.streams import ITERATORS

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\f]+|\\\r?\n)
    |(?P<break>\r?\n)
    |(?P<comment>\#[^\n]*)
    |(?P<string>[A-Za-z]{0,2}(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
        |'(?!'')(?:\\.|[^'\\\n])*'|"(?!"")(?:\\.|[^"\\\n])*"))
    |(?P<open>[A-Za-z]{0,2}(?:(?:'''|\"\"\")(?:\\.|[^\\])*|(?:'(?!'')|"(?!""))(?:\\.|[^\\\n])*)\\?\Z)
    |(?P<number>0[xX][\da-fA-F_]*|0[oO][0-7_]*|0[bB][01_]*
        |(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?[\d_]*)?)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<sign>\*\*=?|//=?|<<=?|>>=?|[-+*/%&|^<>=!]=|[-+*/%&|^~<>=!.,:;()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
NAME = re.compile(r"[A-Za-z_]\w*")
_QUOTES = re.compile(r"([A-Za-z]{0,2})('''|\"\"\"|'|\")")
_CLOSE: Final = {"(": ")", "[": "]", "{": "}"}
_HEADS: Final = ("if", "elif", "for", "else", "def")
_JOINERS: Final = ("and", "or", "in", "is", "if", "not", "else", "for")
"""The words that may stand between two operands."""
_SINGLE: Final = ("None", "True", "False", "not None")
"""What may stand behind `is`."""
_FEW_METHODS: Final = ("copy", "get", "union", "splitlines")
_ANY: Final = "_"
"""Stands for a name or a value where one is missing: a plain name may stand almost anywhere."""
_ELSE: Final = f" else {_ANY}"
_IN: Final = f" in {_ANY}"


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


@dataclass(slots=True)
class _Frame:
    """An open bracket, or the statement itself."""

    close: str
    lacks: list[str] = field(default_factory=list[str])
    """What must still follow in it, the first one last."""
    call: bool = False
    callee: str = ""
    """The name that is called; empty for a method."""
    by_name: bool = False
    """Whether an argument was given by name."""
    given: int = 0
    """Arguments before the one that is being written."""
    keyed: bool = False
    """Whether it is a dict."""
    targets: bool = False
    """Whether the names after a `for` are being written."""
    goes_through: bool = False
    """Whether a comprehension has come to what it goes through, where `if` filters."""


@dataclass(slots=True)
class _Line:
    """Where a line stands after its last token."""

    frames: list[_Frame]
    mode: str = "start"
    """`start` of a statement, `operand` or `operator` wanted, or `method` after a dot."""
    head: str = ""
    """The word that begins a statement with a block, up to its colon."""
    single: bool = False
    """Whether `None`, `True` or `False` is wanted, after `is`."""
    was_single: bool = False
    """The same before the last word."""
    name: str = ""
    """The last token, where it is a name that may be called."""
    text: bool = False
    """Whether the last token is a text, to which others may be joined."""
    tail: str = ""
    """The kind of the last token, where it might go on."""
    before: str = ""
    """The mode before the last token."""
    last: str = ""
    """The last token."""

    @property
    def inner(self) -> _Frame:
        return self.frames[-1]


def line_end(text: str) -> int | None:
    """Where the first line of a text ends that is no continuation: the index behind its break.

    None where it goes on to the end of the text. A text that no line begins with goes on, too.
    """
    depth = 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "break" and depth <= 0:
            return token.end()
        if token.lastgroup == "sign":
            depth += (token[0] in "([{") - (token[0] in ")]}")
    return None


@lru_cache(maxsize=65_536)
def closings(line: str, known: Known = NOTHING_KNOWN) -> tuple[str, ...]:
    """Texts that may make a whole line of one that has begun, the likeliest first; none where it can't be.

    A line that ends with a colon afterwards still lacks its block.

    Args:
        line: from its first character that is no blank, without a break at its end.
        known: the functions that it may call.
    """
    found = _read(line)
    if found is None:
        return ()
    endings: list[str] = []
    for more in _extensions(found, known):
        longer = _read(line + more) if more else found
        if longer is not None and longer.tail != "open":
            endings += [more + rest for rest in _rests(longer, known)]
    return tuple(dict.fromkeys(endings))


def opens_block(line: str) -> str:
    """The word that a whole line begins with, where a block must follow it; empty where none must."""
    found = _read(line)
    return found.head if found and found.mode == "start" and not found.inner.close else ""


def _read(line: str) -> _Line | None:
    """Follow a line; None where no line begins so."""
    found = _Line([_Frame("")])
    place = 0
    colon = ""
    while place < len(line):
        token = _TOKEN.match(line, place)
        if token is None:
            return None
        place, kind, text = token.end(), str(token.lastgroup), token[0]
        found.tail = kind
        if kind == "break" or (kind == "blank" and "\n" in text) or (kind == "comment" and found.inner.close):
            return None  # A statement stands on one line, but for the breaks within its texts.
        if kind in ("blank", "comment"):
            continue
        found.before, found.last = found.mode, text
        head = found.head
        if kind == "word":
            ends = place == len(line)
            if not (_word(found, text) or (ends and _joins(found, text))):
                return None
        elif kind == "sign":
            if not _sign(found, text):
                return None
        elif found.mode in ("start", "operand") or (found.text and kind != "number"):
            found.mode, found.single = "operator", False
        else:
            return None
        found.text = kind in ("string", "open")
        found.name = text if kind == "word" and found.mode == "operator" else ""
        # A head is kept behind its colon only where nothing follows.
        colon = head if text == ":" and head and not found.head else ""
    found.head = colon or found.head
    return found


def _joins(found: _Line, word: str) -> bool:
    """Whether a word may be the beginning of one that joins two operands."""
    return found.mode == "operator" and any(joiner.startswith(word) for joiner in _JOINERS)


def _word(found: _Line, word: str) -> bool:
    """Go on with a word; whether it may stand there."""
    mode = found.mode
    found.was_single, found.single = found.single, found.single and word == "not"
    if mode == "method":
        found.mode = "called"
    elif mode == "start" and word in _HEADS:
        found.head, found.mode = word, "operator" if word == "else" else "operand"
        if word == "for":
            found.inner.lacks, found.inner.targets = [_IN], True
    elif mode in ("start", "operand"):
        found.mode = "operand" if word in ("not", "return") else "operator"
    elif mode == "operator" and word in _JOINERS:
        _join(found, found.inner, word)
    else:
        return False
    return True


def _join(found: _Line, inner: _Frame, word: str) -> None:
    """Go on with a word between two operands."""
    found.mode = "operand"
    if word == "is":
        found.single = True
    elif word == "in" and inner.lacks[-1:] == [_IN]:
        inner.lacks.pop()
        inner.goes_through |= inner.targets and inner.close != ""
        inner.targets = False
    elif word == "not":
        inner.lacks.append(_IN)
        found.mode = "operator"
    elif word == "if" and not inner.goes_through:
        inner.lacks.append(_ELSE)
    elif word == "else" and inner.lacks[-1:] == [_ELSE]:
        inner.lacks.pop()
    elif word == "for":
        inner.lacks, inner.targets, inner.goes_through = [_IN], True, False


def _sign(found: _Line, sign: str) -> bool:
    """Go on with an operator or a bracket; whether it may stand there."""
    inner, mode = found.inner, found.mode
    found.single = False
    if sign in _CLOSE:
        if sign == "{" and mode in ("operator", "called"):
            return False
        call = mode in ("operator", "called") and sign == "("
        callee = found.name if call and found.head != "def" else ""
        found.frames.append(_Frame(_CLOSE[sign], call=call, callee=callee))
        found.mode = "operand"
    elif sign in ")]}":
        if inner.close != sign or inner.lacks:
            return False
        found.frames.pop()
        found.mode = "operator"
    elif mode in ("start", "operand"):
        return sign in "+-~:*" or sign == ("" if inner.close else "=") or (sign == ";" and mode == "start")
    elif mode == "called" or inner.lacks[-1:] == [_IN] and not inner.targets:
        return False
    elif sign == ",":
        inner.given += 1
        if not inner.targets:
            inner.lacks = [f": {_ANY}"] if inner.keyed else []
        found.mode = "operand"
    elif sign == ":":
        _colon(found, inner)
    elif sign == ";":
        found.mode, inner.lacks = "start", []
    elif sign == ".":
        found.mode = "method"
    else:
        if sign == "=" and inner.call:
            inner.by_name, inner.lacks = True, []
        found.mode = "operand"
    return True


def _colon(found: _Line, inner: _Frame) -> None:
    if inner.close == "}":
        inner.keyed = True
        inner.lacks = []
    if inner.close:
        found.mode = "operand"
    else:
        found.mode, found.head, inner.lacks = "start", "", []


def _extensions(found: _Line, known: Known) -> Iterator[str]:
    """What may make the last token a whole one."""
    match found.tail:
        case "open":
            yield from _string_ends(found.last)
        case "number":
            yield from ("", "0")
        case "word" if found.before == "operator":
            yield from (
                f"{joiner[len(found.last) :]} " for joiner in _JOINERS if joiner.startswith(found.last)
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
    if word in _HEADS or word == "not":
        return (" ", "(", "_")
    if word in ITERATORS:
        return ("(", "", "_")
    return ("", "_", *(f"{head[len(word) :]} " for head in _HEADS if starts and head.startswith(word)))


def _string_ends(text: str) -> Iterator[str]:
    """What may end a string that is open."""
    match = _QUOTES.match(text)
    assert match
    quote, inside = match[2], text[match.end() :]
    if "f" in match[1].lower():
        yield from _formatted_ends(inside, quote)
        return
    if (escape := re.search(r"(?<!\\)(?:\\\\)*\\(x[\da-fA-F]?|u[\da-fA-F]{0,3}|U[\da-fA-F]{0,7}|)\Z", inside)) and (
        "r" not in match[1].lower() or not escape[1]
    ):
        begun = escape[1]
        full = {"x": 3, "u": 5, "U": 9}.get(begun[:1], 0)
        yield ("0" * (full - len(begun)) if begun else "n") + quote
        return
    ended = len(quote) == 3 and inside[len(inside.rstrip(quote[0])) :] or ""
    rest = quote[len(ended) :] if len(ended) < 3 else quote
    yield from (rest, "x" + quote)


def _formatted_ends(inside: str, quote: str) -> Iterator[str]:
    yield quote
    if (at := inside.rfind("{")) >= 0:
        for ending in closings("(" + inside[at + 1 :]):
            yield ending[:-1] + "}" + quote
        yield from ("}" + quote, "r}" + quote)
    if inside.endswith("\\"):
        yield "n" + quote
    yield from ("}" + quote, "x" + quote)


def _rests(found: _Line, known: Known) -> list[str]:
    """What may follow the last token, where that is a whole one, up to the end of the line."""
    inner, after = found.inner, ""
    for frame in reversed(found.frames):
        missing = _missing(frame, known, 1)
        if missing is None:
            return []
        if frame is not inner:
            after += "".join(reversed(frame.lacks)) + ", ".join(["", *[_ANY] * missing]) + frame.close
    colon = ":" if found.head and found.mode != "start" else ""
    lacks = "".join(reversed(inner.lacks))
    return [
        fill + (lacks if needs else "") + inner.close + after + colon
        for fill, needs in _fills(found, inner, known)
    ]


def _missing(frame: _Frame, known: Known, present: int) -> int | None:
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


def _fills(found: _Line, inner: _Frame, known: Known) -> Sequence[tuple[str, bool]]:
    """What may stand next, and whether what is lacking follows it."""
    name = f" {_ANY}" if found.tail == "word" else _ANY
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
        return [("()", True), (f"({_ANY})", True)]
    if found.head == "def" and found.mode == "operator" and len(found.frames) == 1:
        return [("", True)] if found.last == ")" else [("()", True)]
    if inner.call:
        return [("", True), (f"={_ANY}", True)]
    return [("", True), (f": {_ANY}", True)] if inner.close == "}" else [("", True)]


def _arguments(found: _Line, inner: _Frame, known: Known) -> Sequence[tuple[str, bool]]:
    """The arguments that a call still takes."""
    wanted = found.mode == "operand"
    missing = _missing(inner, known, 0 if wanted else 1)
    if missing is None:
        return []
    if not wanted:
        method = "()" if found.mode == "called" else ""
        lacks = "".join(reversed(inner.lacks))
        given = [(method + lacks + ", ".join(["", *[_ANY] * missing]), False)]
        return given if inner.callee in known.called or method else [*given, (f"={_ANY}", False)]
    first = "None" if found.single else _ANY
    if not missing:
        # Behind a bracket that is all; behind an operator the argument is still to come.
        return [("", False)] if found.last in ("(", ",") else []
    spaced = " " + first if found.tail == "word" else first
    lacks = "".join(reversed(inner.lacks))
    return [(spaced + lacks + ", ".join(["", *[_ANY] * (missing - 1)]), False)]
