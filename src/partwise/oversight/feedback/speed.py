"""Whether an answer came faster than anybody reads.

The server takes the time, from when it first showed the question to the person until their answer came. It is
set against what there was to read: an answer is *fast* where

    took · rate < characters

`rate` is in characters a second. The default, 75, is about 800 words a minute, more than three times what
people read silently (238; Brysbaert 2019, "How many words do we read per minute?"). A fast answer is marked
and counts like any other: whether to leave it out is for the reader of the answers to say.
"""

from __future__ import annotations

from partwise.oversight.feedback.schema import StoredAnswer
from partwise.types import JudgmentItem

FAST = 75.0
"""Characters a second beyond which nobody reads, unless somebody says otherwise; 0 marks no answer."""


def characters_to_read(item: JudgmentItem) -> int:
    """Characters of an item that an answer takes at least: question and both texts, without blanks.

    A line that both options have is counted once. What the options did when they were tried is left out: who
    has understood a program need not read it.
    """
    first, second = ([line.strip() for line in option.text.splitlines()] for option in item.options)
    known = set(first)
    lines = [item.question, *first, *(line for line in second if line not in known)]
    return sum(len("".join(line.split())) for line in lines)


def is_fast(took: float | None, characters: int | None, rate: float = FAST) -> bool | None:
    """Whether an answer was fast; None where nobody measured."""
    if took is None or characters is None:
        return None
    return rate > 0 and took * rate < characters


def flags(answer: StoredAnswer, rate: float = FAST) -> str:
    """`fast`, `unmeasured`, or nothing."""
    fast = is_fast(answer.took, answer.characters, rate)
    return "unmeasured" if fast is None else "fast" if fast else ""
