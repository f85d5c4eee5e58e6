"""Where a line stands that is being written: brackets, texts, and what an expression still lacks.

A light parser that need not be right: what it lets pass is judged by the language's own (`closings.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_CLOSE: Final = {"(": ")", "[": "]", "{": "}"}
HEADS: Final = ("if", "elif", "for", "else", "def")
JOINERS: Final = ("and", "or", "in", "is", "if", "not", "else", "for")
"""The words that may stand between two operands."""
ANY: Final = "_"
"""Stands for a name or a value where one is missing: a plain name may stand almost anywhere."""
_ELSE: Final = f" else {ANY}"
_IN: Final = f" in {ANY}"

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


@dataclass(slots=True)
class Frame:
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
class Line:
    """Where a line stands after its last token."""

    frames: list[Frame]
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
    def inner(self) -> Frame:
        """The innermost bracket that is open."""
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


def opens_block(line: str) -> str:
    """The word that a whole line begins with, where a block must follow it; empty where none must."""
    found = read(line)
    return found.head if found and found.mode == "start" and not found.inner.close else ""


def read(line: str) -> Line | None:
    """Follow a line; None where no line begins so."""
    found = Line([Frame("")])
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


def _joins(found: Line, word: str) -> bool:
    """Whether a word may be the beginning of one that joins two operands."""
    return found.mode == "operator" and any(joiner.startswith(word) for joiner in JOINERS)


def _word(found: Line, word: str) -> bool:
    """Go on with a word; whether it may stand there."""
    mode = found.mode
    found.was_single, found.single = found.single, found.single and word == "not"
    if mode == "method":
        found.mode = "called"
    elif mode == "start" and word in HEADS:
        found.head, found.mode = word, "operator" if word == "else" else "operand"
        if word == "for":
            found.inner.lacks, found.inner.targets = [_IN], True
    elif mode in ("start", "operand"):
        found.mode = "operand" if word in ("not", "return") else "operator"
    elif mode == "operator" and word in JOINERS:
        _join(found, found.inner, word)
    else:
        return False
    return True


def _join(found: Line, inner: Frame, word: str) -> None:
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


def _sign(found: Line, sign: str) -> bool:
    """Go on with an operator or a bracket; whether it may stand there."""
    inner, mode = found.inner, found.mode
    found.single = False
    if sign in _CLOSE:
        if sign == "{" and mode in ("operator", "called"):
            return False
        call = mode in ("operator", "called") and sign == "("
        callee = found.name if call and found.head != "def" else ""
        found.frames.append(Frame(_CLOSE[sign], call=call, callee=callee))
        found.mode = "operand"
    elif sign in ")]}":
        if inner.close != sign or inner.lacks:
            return False
        found.frames.pop()
        found.mode = "operator"
    elif mode in ("start", "operand"):
        return sign in "+-~:*" or sign == ("" if inner.close else "=") or (sign == ";" and mode == "start")
    elif mode == "called" or (inner.lacks[-1:] == [_IN] and not inner.targets):
        return False
    elif sign == ",":
        inner.given += 1
        if not inner.targets:
            inner.lacks = [f": {ANY}"] if inner.keyed else []
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


def _colon(found: Line, inner: Frame) -> None:
    if inner.close == "}":
        inner.keyed = True
        inner.lacks = []
    if inner.close:
        found.mode = "operand"
    else:
        found.mode, found.head, inner.lacks = "start", "", []
