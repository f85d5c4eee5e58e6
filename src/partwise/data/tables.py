"""Rows as they are published: on the Hugging Face hub, saved by `datasets`, or in files of usual kinds."""

from __future__ import annotations

import csv
import glob
import json
import random
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from partwise.data.checks import DataError, unreadable

_KINDS = {".json": "json", ".jsonl": "json", ".csv": "csv", ".parquet": "parquet"}
"""Suffix of a file to the kind that the `datasets` library reads it as."""
_HELD_OUT = 0.2
"""Share of a source without splits that becomes the test split."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one file, or of one split of something else."""

    where: str
    """What to call it before somebody who has to find it."""
    rows: Any
    """A `datasets.Dataset`, or an empty list."""
    numbers: Sequence[int]
    """The number that each row has where it comes from, counted from 1."""


_Parts = dict[str, Table | list[Path]]
"""The name of a split to what it is in."""


def tables_of(
    source: str | Path, splits: Mapping[str, Sequence[str]], *, revision: str | None = None, seed: int = 0
) -> dict[str, list[Table]]:
    """The tables of each split.

    Args:
        source: a file, a folder or a name on the hub, as `public.load` takes it.
        splits: what a split is called here to what it may be called there, the likeliest first.
        revision: the hub's branch.
        seed: draws what is held out as `test` of a source without splits, where `train` is wanted too.

    Raises:
        DataError: there is no such file or split, a file is damaged, or the hub can't be reached.
    """
    parts = _parts(source, [name for names in splits.values() for name in names], revision)
    if isinstance(parts, Table):
        return _held_out(parts, seed) if "train" in splits else {"test": [parts]}
    tables: dict[str, list[Table]] = {}
    for split, names in splits.items():
        name = next((name for name in names if name in parts), None)
        if name is None:
            raise DataError(
                f"{source} has no split {names[0]}: there is {', '.join(parts) or 'nothing'}; name its file "
                f"{names[0]}.jsonl, .json, .csv or .parquet."
            )
        part = parts[name]
        tables[split] = [_read(file) for file in part] if isinstance(part, list) else [part]
    return tables


def _parts(source: str | Path, names: Sequence[str], revision: str | None) -> Table | _Parts:
    """A table where the source has no splits. Files that belong to no name stand under their own."""
    path = Path(source).expanduser()
    if path.is_file():
        return _read(path)
    if any((path / name).is_file() for name in ("dataset_dict.json", "state.json")):
        return _named(str(path), _saved(path))
    if path.is_dir():
        parts: _Parts = {}
        for file in sorted(file for file in path.rglob("*") if file.suffix in _KINDS):
            name = next((name for name in names if _belongs(file.relative_to(path), name)), file.name)
            cast(list[Path], parts.setdefault(name, [])).append(file)
        return parts
    if isinstance(source, str) and re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", source) and path.suffix not in _KINDS:
        return _named(source, _fetched(source, revision))
    raise DataError(f"There is no file or folder {source}; name one that is there.")


def _belongs(file: Path, split: str) -> bool:
    """Whether a file, or a folder that it is in, has the split's name; a shard has numbers behind it."""
    return split in file.parts[:-1] or bool(re.fullmatch(rf"{re.escape(split)}(-\d+-of-\d+)?", file.stem))


def _named(where: str, data: Any) -> Table | _Parts:
    if not isinstance(data, dict):
        return _table(where, data)
    return {name: _table(f"{where}, split {name}", rows) for name, rows in cast(dict[str, Any], data).items()}


def _table(where: str, rows: Any) -> Table:
    return Table(where, rows, range(1, len(rows) + 1))


def _held_out(table: Table, seed: int) -> dict[str, list[Table]]:
    """A source without splits, of which a share is drawn for the test."""
    n = len(table.numbers)
    order = random.Random(f"{seed} held out").sample(range(n), n)
    cut = round(_HELD_OUT * n) or 1
    return {
        split: [Table(table.where, table.rows.select(some) if some else [], [number + 1 for number in some])]
        for split, some in (("train", sorted(order[cut:])), ("test", sorted(order[:cut])))
    }


def _fetched(name: str, revision: str | None) -> Any:
    """From the hub, or from the cache of what came from there."""
    import datasets

    try:
        return cast(Any, datasets).load_dataset(name, revision=revision)
    except ConnectionError as error:
        folder = name.split("/")[-1]
        branch = f" --revision {revision}" if revision else ""
        call = f"load_dataset({name!r}, revision={revision!r})" if revision else f"load_dataset({name!r})"
        raise DataError(
            f"{name} is not on this machine and the Hugging Face hub can't be reached: where there is a "
            f"network, run `hf download {name} --repo-type dataset{branch} --local-dir {folder}`, or in "
            f"Python `{call}.save_to_disk({folder!r})`, then bring the folder {folder} here and name its "
            f"path instead of {name}."
        ) from error


def _saved(folder: Path) -> Any:
    import datasets

    with _reading(folder, "what `save_to_disk` writes"):
        return cast(Any, datasets).load_from_disk(str(folder))


def _read(file: Path) -> Table:
    if file.suffix not in _KINDS:
        raise DataError(f"{file} is none of the kinds that are read here: {', '.join(_KINDS)}.")
    if not file.stat().st_size:
        return _table(str(file), [])
    kind = _KINDS[file.suffix]
    with _reading(file, kind):
        builder = _builder(file, kind)
        builder.download_and_prepare()
        if not builder.info.splits["train"].num_examples:
            # The library refuses to open a split without rows.
            return _table(str(file), [])
        rows = builder.as_dataset(split="train")
        # Else bytes that are no text would come to light only when they are used.
        rows.data.validate(full=True)
        return _table(str(file), rows)


def _builder(file: Path, kind: str) -> Any:
    """What reads the file. `load_dataset` would first ask the hub, even for a file that is here."""
    from datasets import Features, Value
    from datasets.packaged_modules.csv.csv import Csv
    from datasets.packaged_modules.json.json import Json
    from datasets.packaged_modules.parquet.parquet import Parquet

    options: dict[str, Any] = {}
    if kind == "csv":
        # All is text: the answer `None` is no gap, and the answer 1.0 is not 1.
        with file.open(encoding="utf-8-sig", newline="") as lines:
            columns = next(csv.reader(lines), list[str]())
        text = Features({column: Value("string") for column in columns})
        options = {"features": text, "keep_default_na": False}
    builder: Any = {"json": Json, "csv": Csv, "parquet": Parquet}[kind]
    return builder(data_files={"train": [glob.escape(str(file))]}, **options)


@contextmanager
def _reading(path: Path, kind: str) -> Generator[None]:
    """Says in one sentence that what is read is damaged; any other trouble passes as it is."""
    import datasets
    from datasets.exceptions import DatasetGenerationError

    library: Any = datasets
    level, bars = library.logging.get_verbosity(), not library.are_progress_bars_disabled()
    library.logging.set_verbosity(library.logging.CRITICAL)
    library.disable_progress_bars()
    try:
        yield
    except (DatasetGenerationError, ValueError, csv.Error, OSError) as error:
        cause = error.__cause__ if isinstance(error, DatasetGenerationError) else error
        if isinstance(cause, OSError) and cause.errno is not None:
            raise  # The disk is full, or the file may not be read: the data is not to blame.
        raise unreadable(str(path), kind, _reason(path, cause)) from error
    finally:
        library.logging.set_verbosity(level)
        if bars:
            library.enable_progress_bars()


def _reason(path: Path, cause: BaseException | None) -> str:
    """What is wrong, with the line where that can be told."""
    if path.suffix == ".jsonl":
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    json.loads(line.strip() or "0")
                except ValueError:
                    return f"line {number} is no JSON"
    return str(cause).strip().partition("\n")[0].removesuffix(".")
