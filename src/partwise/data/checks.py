"""Bad data is answered with one sentence that names the file, the row and the column, and says what to do."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Hashable, Mapping, Sequence
from numbers import Integral
from typing import Any

from partwise.types import Example


class DataError(Exception):
    """Data that can't be used: one sentence, to be shown as it is."""


class RowError(DataError):
    """A single row that can't be used; the others could be without it."""


_UNSEEN = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
"""Signs without width, which copying brings along."""


def canonical(text: str) -> str:
    """What a text is known by: texts are the same that differ in blanks or in Unicode's form (NFC) alone."""
    return " ".join(unicodedata.normalize("NFC", text.translate(_UNSEEN)).split())


def checked(
    train: Sequence[Example],
    test: Sequence[Example],
    classes: int,
    where: str,
    *,
    places: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Refuse splits that nothing can be learned from, or that only measure what was learned by heart.

    Args:
        train: the examples to learn from.
        test: the examples to be measured on.
        classes: how many classes an example of one text can have. The label of an example of several texts
            is a position among them, whatever this says.
        where: the name of the file or data set.
        places: `train` and `test` to the words for where each of its examples stands, in their order; by
            default the name, the split and the row, counted from 1.

    Raises:
        DataError: a split is empty, or its texts that stand alone have a single label; a text is empty; a
            label is no integer or out of range; an example of one split is in the other too, in whatever
            order its texts stand and however blanks and Unicode are written.
    """
    places = places or {}
    train_places = split_checked(train, classes, f"{where}, train", places.get("train"))
    test_places = split_checked(test, classes, f"{where}, test", places.get("test"))
    contents = [[frozenset(map(canonical, example.texts)) for example in split] for split in (train, test)]
    for here, there in shared(contents[0], contents[1]).items():
        raise same_row(train_places[here], test_places[there])


def split_checked(
    examples: Sequence[Example], classes: int, where: str, places: Sequence[str] | None = None
) -> Sequence[str]:
    """What `checked` says of one split, which `where` names.

    Returns:
        The words for where each of its examples stands.

    Raises:
        DataError: as `checked`.
    """
    if not examples:
        raise empty(where)
    places = places or [f"{where}, row {row}" for row in range(1, len(examples) + 1)]
    for example, place in zip(examples, places, strict=True):
        for number, text in enumerate(example.texts or ("",), 1):
            if not text.strip():
                raise RowError(f"{place}: text {number} is empty; fill it in or take the row out.")
        _integer(
            example.label, len(example.texts) if len(example.texts) > 1 else classes, f"{place}: the label"
        )
    # Of several texts the label is a position, which says nothing of what is to be learned.
    alone = [example.label for example in examples if len(example.texts) == 1]
    if len(set(alone)) == 1:
        raise DataError(
            f"{where}: every row has the label {alone[0]}, and one class teaches and measures "
            "nothing; add rows of another."
        )
    return places


def columns_checked(found: Collection[str], needed: Collection[str], where: str) -> None:
    """Refuse a table without the columns that are needed.

    Raises:
        DataError: names the columns that are missing and those that are there, or one that is there twice.
    """
    for column in needed:
        if [*found].count(column) > 1:
            raise DataError(f"{where} has several columns {column}; keep one of them, or rename the others.")
    missing = [column for column in needed if column not in found]
    if missing:
        raise DataError(
            f"{where} has no column {' or '.join(missing)}: it has {', '.join(found) or 'none'}; "
            "rename its columns, or name the data set that they belong to."
        )


def text_in(row: Mapping[str, Any], column: str, place: str) -> str:
    """The text in a column of a row that was read.

    Raises:
        RowError: it is empty or no text.
    """
    value = row[column]
    if value is None or (isinstance(value, str) and not value.strip()):
        raise RowError(f"{place}, column {column}: the text is empty; fill it in or take the row out.")
    if not isinstance(value, str):
        raise RowError(
            f"{place}, column {column}: {value!r} is no text; write it as one or take the row out."
        )
    if re.search("[\ud800-\udfff]", value):
        raise RowError(
            f"{place}, column {column}: the text holds half a character (a lone surrogate); write it anew or "
            "take the row out."
        )
    return value


def number_in(row: Mapping[str, Any], column: str, place: str) -> float:
    """The finite number in a column of a row that was read, also where it was read as text, as all of CSV is.

    Raises:
        RowError: it is none.
    """
    value = row[column]
    try:
        # `float` takes True, and "1_000", for numbers.
        number = math.nan if isinstance(value, bool) or "_" in str(value) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise RowError(
            f"{place}, column {column}: {value!r} is no finite number; mend it or take the row out."
        )
    return number


def label_in(row: Mapping[str, Any], column: str, classes: int, place: str) -> int:
    """The label in a column of a row that was read, from 0 to `classes` - 1.

    Whole numbers count that were read as text, as all of CSV is, or as floats, as a column with a gap may be:
    `2`, `2.0`, `" 2 "` and `"2.0"` are one label. `True` is none.

    Raises:
        RowError: it is no integer or out of range.
    """
    value = row[column]
    if isinstance(value, str) and (found := re.fullmatch(r"\s*([0-9]{1,9})(\.0*)?\s*", value)):
        value = int(found[1])
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return _integer(value, classes, f"{place}, column {column}: the label")


def _integer(value: object, classes: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) < classes:
        raise RowError(
            f"{what} is {value!r} and must be an integer from 0 to {classes - 1}; mend it or take the row "
            "out."
        )
    return int(value)


def shared(train: Sequence[Hashable], test: Sequence[Hashable]) -> dict[int, int]:
    """Positions in `train` whose content is in `test` too, each with the first position there."""
    first: dict[Hashable, int] = {}
    for position, content in enumerate(test):
        first.setdefault(content, position)
    return {position: first[content] for position, content in enumerate(train) if content in first}


def same_row(train: str, test: str) -> RowError:
    """That two places of the two splits hold the same."""
    return RowError(f"{train} and {test} hold the same; take it out of the training data.")


def empty(where: str) -> DataError:
    """That there are no rows."""
    return DataError(f"{where} has no rows that can be used; write some, or name another file.")


def unreadable(where: str, kind: str, why: str) -> DataError:
    """That a file is damaged, or is not of the kind that its name says."""
    return DataError(f"{where} can't be read as {kind} ({why}); fetch or write it anew.")
