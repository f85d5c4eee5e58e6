"""Rows of one file as they were written: JSON, JSON lines, CSV or Parquet, compressed or not.

Nothing is guessed and nothing is kept: text stays the text that it is, whatever it looks like, and a file is
read anew whenever it is asked for.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from partwise.data.checks import DataError, unreadable

_KINDS = {".json": "json", ".jsonl": "json", ".csv": "csv", ".parquet": "parquet", ".tsv": "csv"}
_OPENERS: Mapping[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_KNOWN = f"{', '.join(_KINDS)}, as they are or with {', '.join(_OPENERS)} behind"


class Fault(str):
    """Stands for a row that can't be read, and says why."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one file, or of one split of something else."""

    where: str
    """What to call it before somebody who has to find it."""
    columns: Sequence[str]
    """As they are named there, but for blanks around them: those without a name are not among them, and a
    name may stand twice."""
    rows: Sequence[Mapping[str, Any] | Fault]
    """Column to value; a column that a row lacks holds None."""

    def placed(self) -> Iterator[tuple[str, Mapping[str, Any] | Fault]]:
        """Each row after the words for where it stands, counted from 1."""
        for number, row in enumerate(self.rows, 1):
            yield f"{self.where}, row {number}", row


def table_of_rows(where: str, rows: Sequence[Any]) -> Table:
    """A table of what should be mappings; names lose the blanks around them."""
    columns: dict[str, None] = {}
    clean: list[Mapping[str, Any] | Fault] = []
    for row in rows:
        if isinstance(row, dict):
            named = {str(name).strip(): value for name, value in cast(dict[Any, Any], row).items()}
            twice = len(named) < len(cast(dict[Any, Any], row))
            clean.append(Fault("two of its columns have the same name") if twice else named)
            columns.update(dict.fromkeys(named))
        else:
            clean.append(row if isinstance(row, Fault) else Fault(f"{_brief(row)} has no columns"))
    whole = [row if isinstance(row, Fault) else {name: row.get(name) for name in columns} for row in clean]
    return Table(where, [*columns], whole)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def split_name(file: Path) -> tuple[str, str] | None:
    """Stem and suffix of a file that can be read, `("train", ".csv.gz")`; None for any other."""
    name = file.name
    packed = next((suffix for suffix in _OPENERS if name.lower().endswith(suffix)), "")
    bare = Path(name[: len(name) - len(packed)])
    return (bare.stem, (bare.suffix + packed).lower()) if bare.suffix.lower() in _KINDS else None


def read_file(file: Path) -> Table:
    """The rows of a file.

    Raises:
        DataError: it is of no kind that is read here, or damaged.
        OSError: it can't be opened.
    """
    named = split_name(file)
    if named is None:
        raise DataError(f"{file} is none of the kinds that are read here: {_KNOWN}.")
    bare, _, packed = named[1].removeprefix(".").partition(".")
    kind = _KINDS[f".{bare}"]
    try:
        data = _bytes(file, packed)
        if kind == "parquet":
            return _parquet(str(file), data)
        text = _text(data)
        rows = _csv(str(file), text, bare) if kind == "csv" else _json(str(file), text)
    except (ValueError, csv.Error, EOFError, OSError, zlib.error, lzma.LZMAError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # The file may not be read: the data is not to blame.
        raise unreadable(str(file), kind, _first_line(error)) from error
    return rows


def _bytes(file: Path, packed: str) -> bytes:
    if not packed:
        return file.read_bytes()
    with _OPENERS[f".{packed}"](file, "rb") as stream:
        return stream.read()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).partition("\n")[0].removesuffix(".")


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} holds bytes that are no UTF-8; save it as UTF-8") from error


def _parquet(where: str, data: bytes) -> Table:
    if not data:
        return Table(where, [], [])
    from pyarrow import parquet

    library: Any = parquet  # its types are not told
    table: Any = library.ParquetFile(io.BytesIO(data)).read()
    # Else bytes that are no text would come to light only when they are used.
    table.validate(full=True)
    names: list[str] = [name.strip() for name in table.column_names]
    columns: list[list[Any]] = [column.to_pylist() for column in table.columns]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    return Table(where, names, rows)


def _json(where: str, text: str) -> Table:
    """A list of objects, or an object a line."""
    if text.lstrip().startswith("["):
        return table_of_rows(where, json.loads(text, object_pairs_hook=_object))
    rows: list[Any] = []
    # Not `splitlines`: a line of JSON may hold other signs that end lines elsewhere.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line, object_pairs_hook=_object))
            except ValueError as error:
                whole = number == 1 and _is_json(text)
                raise ValueError(
                    "it is one object; write a list of rows, or one row a line"
                    if whole
                    else f"line {number} is no JSON"
                ) from error
    return table_of_rows(where, rows)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Fault:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    return Fault(f"{next(name for name in names if names.count(name) > 1)!r} stands in it twice")


def _csv(where: str, text: str, suffix: str) -> Table:
    """All is text: the answer `None` is no gap, and the answer 1.0 is not 1."""
    limit = csv.field_size_limit(sys.maxsize)  # else a context of 131,072 signs is an error
    try:
        header, *rows = _records(text, "\t" if suffix == "tsv" else _delimiter(text)) or [[]]
    finally:
        csv.field_size_limit(limit)
    names = [name.strip() for name in header]
    lengths = {len(row) for row in rows}
    if len(lengths) == 1 and max(lengths) > len(names):
        raise DataError(
            f"{where}, row 1 has {max(lengths)} fields, {max(lengths) - len(names)} more than the header "
            "names, as has every row: which column is which can't be told; give each a name, or take out "
            "what ends each row."
        )
    return Table(where, [name for name in names if name], [_csv_row(names, row) for row in rows])


def _csv_row(names: Sequence[str], row: Sequence[str]) -> dict[str, Any] | Fault:
    if len(row) != len(names):
        return Fault(f"it has {len(row)} fields and the header names {len(names)}; are texts in quotes?")
    return {name: value for name, value in zip(names, row, strict=True) if name}


def _records(text: str, delimiter: str) -> list[list[str]]:
    """The records that are no blank lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[list[str]] = []
    try:
        records.extend(record for record in reader if record)
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error
    return records


def _delimiter(text: str) -> str:
    """A comma, unless the header has none and has semicolons or tabs, as spreadsheets write it."""
    header = next((line for line in re.split(r"[\r\n]", text) if line.strip()), "")
    return "," if "," in header else max(",;\t", key=header.count)
