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

from partwise.composition.acceptor.blocks import TOP, Blocks, after, all_ends, enter, may_begin
from partwise.composition.acceptor.closings import Known, closings
from partwise.composition.acceptor.languages import (
    DECOMPOSITIONS,
    Compositions,
    Decompositions,
    Done,
    Language,
)
from partwise.composition.acceptor.lines import line_end

__all__ = ["DECOMPOSITIONS", "Compositions", "Decompositions", "Language", "Text", "begin"]

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
        return self.language.after(self.done, self.lines + self.line) is not None

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
            marks = self.language.marks(lines, line)
            same = lines in (self.lines, "") and marks == self.language.marks(lines, self.line)
            leave = marks is not None and same and _stays(blocks, line)
            witness = _witness(self.language, done, lines, blocks, line, leave=leave)
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


def _stays(blocks: Blocks, line: str) -> bool:
    """Whether the line's statement has begun, and stands in the innermost block."""
    blanks = (_INDENT.match(line) or [""])[0]
    entered = enter(blocks, blanks) if len(blanks) < len(line) else None
    return entered is not None and len(entered) == len(blocks)


def _witness(
    language: Language, done: Done, lines: str, blocks: Blocks, line: str, *, leave: bool
) -> str | None:
    """An ending with which the language takes the text; None where none is found.

    With `leave` what is before the line is known to have one that leaves all blocks at once, and the line
    can't change that: only its grammar is looked at.
    """
    begun, marks = lines + line, language.marks(lines, line)
    followed: list[str] = []
    for ending in _endings(line, blocks, language.filler, language.known.within(line), leave):
        if not leave or language.marks(lines, line + ending) != marks:
            followed.append(ending)  # It bears marks of its own.
        elif language.is_grammatical(begun + ending):
            return ending
    for ending in followed:
        if (begun + ending or not language.whole) and language.after(done, begun + ending) is not None:
            return ending
    return None


@lru_cache(maxsize=65_536)
def _endings(line: str, blocks: Blocks, filler: str, known: Known, leave: bool) -> tuple[str, ...]:
    blanks = (_INDENT.match(line) or [""])[0]
    statement = line[len(blanks) :]
    if not statement or statement.startswith("#"):
        ends = all_ends(blocks, filler, leave=leave) if may_begin(blocks, blanks) else ()
        return tuple("\n" * bool(end and line) + end for end in ends)
    entered = enter(blocks, blanks)
    if entered is None:
        return ()
    endings: list[str] = []
    for closing in closings(statement, known):
        for end in all_ends(after(entered, statement + closing), filler, leave=leave):
            endings.append(closing + ("\n" + end if end else ""))
        if entered[-1].loop and ":" in statement:
            endings.append(closing + "; break")
    return tuple(dict.fromkeys(endings))
