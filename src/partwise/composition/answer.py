"""Finds the program in what a chat model answers: after its thinking, and in a fence or by itself.

Strictly: an answer in which the program could be this or that is not guessed at. It counts as unparsed, of a
kind of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from partwise.composition.language import CompositionError
from partwise.types import Unparsed

_THOUGHTS = (("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]"))
"""What opens and closes the thinking of models that show it."""
_FENCE = re.compile(r"^ {0,3}(?P<marks>`{3,}|~{3,})[ \t]*(?P<tag>[^`\s]*)[ \t]*\r?$", re.MULTILINE)
"""A line that opens or closes a fenced block, as in CommonMark; a tag such as `python` stands only where one
opens."""
_MARKS = re.compile(r"`{3,}|^ {0,3}~{3,}", re.MULTILINE)
_PYTHON = frozenset({"", "py", "python", "python3"})
_CODE = re.compile(r"^[ \t]*(?:(?:def|for|if|return)\b.*:|[\w.\[\]]+ *=[^=]|\w+\()", re.MULTILINE)
"""A line that looks like the language. It tells kinds of failure apart and decides nothing else."""
_SUBTASKS = frozenset({"statement", "subtask", "subtask body", "text"})
"""What `parse_decomposition` finds wrong with a program of the language."""


class AnswerError(ValueError):
    """An answer in which no program can be told; the message is one sentence."""

    def __init__(self, kind: Unparsed, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind
        """Which it counts as."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in three pieces, which together are all of it."""

    program: str
    before: str = ""
    """Thinking, prose, and the line that opens the fence."""
    after: str = ""

    @property
    def cut(self) -> tuple[str, str] | None:
        """What was cut before and after the program; None where nothing was."""
        return (self.before, self.after) if self.before or self.after else None


def find_program(text: str) -> Answer:
    """The program in an answer.

    First the thinking is cut, which may stand at the beginning alone. In what is left one fenced block is the
    program, whatever stands around it. Without a fence all of it is, but for white space at its ends.

    Raises:
        AnswerError: it has not stopped thinking, has thought twice, has several fences or one that is not
            closed or not of Python, or nothing is left.
    """
    start = _after_thinking(text)
    if marks := len(_MARKS.findall(text, start)):
        return _fenced(text, list(_FENCE.finditer(text, start)), marks)
    program = text[start:].strip()
    if not program:
        raise AnswerError(Unparsed.NO_PROGRAM, "the answer is empty" if not start else "only thinking")
    start = text.index(program, start)
    return Answer(program, text[:start], text[start + len(program) :])


def _after_thinking(text: str) -> int:
    """Where the answer begins."""
    for opens, closes in _THOUGHTS:
        opened, closed = text.count(opens), text.count(closes)
        if not opened and not closed:
            continue
        # A chat template may have opened the thinking, so that only its end stands here.
        if opened > 1 or closed > 1 or (opened and not text.lstrip().startswith(opens)):
            raise AnswerError(Unparsed.THINKING, f"`{opens}` or `{closes}` stands where no answer has it")
        if not closed:
            raise AnswerError(Unparsed.THINKING, f"the thinking has no end: there is no `{closes}`")
        return text.index(closes) + len(closes)
    return 0


def _fenced(text: str, fences: list[re.Match[str]], marks: int) -> Answer:
    """What stands in the one fence; `marks` counts those on no line of their own too."""
    if len(fences) > 2:
        raise AnswerError(Unparsed.SEVERAL_FENCES, "there is more than one fenced block")
    if not len(fences) == marks == 2 or fences[1]["tag"] or fences[0]["marks"] != fences[1]["marks"]:
        raise AnswerError(Unparsed.BROKEN_FENCE, "a fence is not opened and closed on lines of its own")
    first, last = fences
    if first["tag"].lower() not in _PYTHON:
        raise AnswerError(Unparsed.NO_PROGRAM, f"the fenced block is `{first['tag'][:20]}`, not Python")
    start, end = first.end() + 1, max(first.end() + 1, last.start() - 1)
    if not text[start:end].strip():
        raise AnswerError(Unparsed.NO_PROGRAM, "the fenced block is empty")
    return Answer(text[start:end], text[:start], text[end:])


def kind_of(error: CompositionError, text: str) -> Unparsed:
    """Which kind of failure it is that `parse` or `parse_decomposition` refuses `text`."""
    if error.construct == "syntax":
        return Unparsed.SYNTAX if _CODE.search(text) else Unparsed.NO_PROGRAM
    return Unparsed.NO_SUBTASKS if error.construct in _SUBTASKS else Unparsed.LANGUAGE
