"""Texts that are being written: whether one may go on so, and still become a program of its space.

Each text that is accepted carries a *witness*: an ending with which the language's own parser, and the check
of the space, have found it whole. So nothing that is accepted leads nowhere: it can at least be ended by its
witness, whose every beginning is accepted as well. What may be written is less than the whole language, by
what no ending that is tried makes a program of (docs/concepts/constrained.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from partwise.composition.acceptor.blocks import TOP, Blocks, after, both_ends, enter, may_begin
from partwise.composition.acceptor.closings import closings, line_end
from partwise.composition.acceptor.languages import DECOMPOSITIONS, Compositions, Done, Language

__all__ = ["DECOMPOSITIONS", "Compositions", "Language", "Text", "begin"]

_INDENT = re.compile(r"[ \t]*")
_FIRST = re.compile(r"[A-Za-z_]*")


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """The beginning of a text of a language."""

    language: Language
    done: Done
    """The statements that are closed for good."""
    lines: str
    """Whole lines after them, with their breaks."""
    blocks: Blocks
    """Open after these."""
    line: str
    """The line that is being written."""
    witness: str
    """An ending that makes it a text of the language."""

    @property
    def text(self) -> str:
        """All of it."""
        return self.done.text + self.lines + self.line

    @property
    def ends(self) -> bool:
        """Whether it is a text of the language as it stands."""
        return not self.witness or self.language.after(self.done, self.lines + self.line) is not None

    def then(self, more: str) -> Text | None:
        """The text with some more at its end; None where no ending is found for it."""
        done, lines, blocks, line = self.done, self.lines, self.blocks, self.line + more
        while (end := line_end(line)) is not None:
            broken = _break(blocks, line[:end])
            if broken is None:
                return None
            done, lines = self._split(done, lines, line[:end])
            blocks, lines, line = broken, lines + line[:end], line[end:]
        done, lines = self._split(done, lines, line)
        if self.witness.startswith(more):
            witness = self.witness[len(more) :]
        else:
            witness = _witness(self.language, done, lines, blocks, line)
        return None if witness is None else Text(self.language, done, lines, blocks, line, witness)

    def _split(self, done: Done, lines: str, line: str) -> tuple[Done, str]:
        """Close what stands before a statement at the top, once it can't be one with it."""
        first = _FIRST.match(line)
        word = first[0] if first else ""
        if not lines or not line or line[0] in " \t\r\n#" or _may_go_on(word):
            return done, lines
        if word == "def" and not self.language.defines_alone:
            return self.language.start, done.text + lines
        closed = self.language.after(done, lines)
        return (done, lines) if closed is None or not closed.alone else (closed, "")


def _may_go_on(word: str) -> bool:
    """Whether a statement that begins so may belong to the one before."""
    return "else".startswith(word) or "elif".startswith(word)


def begin(language: Language) -> Text | None:
    """The empty text; None where the language has no text at all."""
    if language.after(language.start, language.whole) is None:
        return None
    return Text(language, language.start, "", TOP, "", language.whole)


def _break(blocks: Blocks, line: str) -> Blocks | None:
    """The blocks after a whole line; None where its statement can't stand there."""
    indent = _INDENT.match(line)
    blanks = indent[0] if indent else ""
    statement = line[len(blanks) :].strip()
    if not statement or statement.startswith("#"):
        return blocks
    entered = enter(blocks, blanks)
    return None if entered is None else after(entered, statement)


def _witness(language: Language, done: Done, lines: str, blocks: Blocks, line: str) -> str | None:
    """An ending with which the language takes the text; None where none is found."""
    begun = lines + line
    for ending in _endings(language, blocks, line):
        if begun + ending == "" and language.whole:
            continue
        if language.after(done, begun + ending) is not None:
            return ending
    return None


@lru_cache(maxsize=65_536)
def _line_endings(line: str, blocks: Blocks, filler: str, called: frozenset[str]) -> tuple[str, ...]:
    blanks = (_INDENT.match(line) or [""])[0]
    statement = line[len(blanks) :]
    if not statement or statement.startswith("#"):
        if not may_begin(blocks, blanks):
            return ()
        return tuple("\n" + end if end else "" for end in both_ends(blocks, filler))
    entered = enter(blocks, blanks)
    if entered is None:
        return ()
    endings: list[str] = []
    for closing in closings(statement, called):
        for end in both_ends(after(entered, statement + closing), filler):
            endings.append(closing + ("\n" + end if end else ""))
        if entered[-1].loop and ":" in statement:
            endings.append(closing + "; break")
    return tuple(dict.fromkeys(endings))


def _endings(language: Language, blocks: Blocks, line: str) -> tuple[str, ...]:
    if not line and len(blocks) == 1 and not blocks[0].fresh:
        return ("",)
    return _line_endings(line, blocks, language.filler, language.called)
