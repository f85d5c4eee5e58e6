"""Rows as they are published: on the Hugging Face hub, saved by `datasets`, or in files of usual kinds."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from partwise.data.checks import DataError, unreadable
from partwise.data.files import Table, read_file, split_name

_Parts = dict[str, Table | list[Path]]
"""The name of a split to what it is in."""


def tables_of(
    source: str | Path, splits: Mapping[str, Sequence[str]], *, revision: str | None = None
) -> Table | dict[str, list[Table]]:
    """The tables of each split, or the one table of a source without splits.

    Args:
        source: a file, a folder or a name on the hub, as `public.load` takes it.
        splits: what a split is called here to what it may be called there, the likeliest first.
        revision: the hub's branch.

    Raises:
        DataError: there is no such file or split, a split is in several files that are not its shards, a file
            is damaged, or the hub can't be reached.
    """
    parts = _parts(source, [name for names in splits.values() for name in names], revision)
    if isinstance(parts, Table):
        return parts
    tables: dict[str, list[Table]] = {}
    for split, names in splits.items():
        name = next((name for name in names if name in parts), None)
        if name is None:
            raise DataError(
                f"{source} has no split {names[0]}: there is {', '.join(parts) or 'nothing'}; name its file "
                f"{names[0]}.jsonl, .json, .csv or .parquet."
            )
        part = parts[name]
        tables[split] = [part] if isinstance(part, Table) else _read(Path(source).expanduser(), name, part)
    return tables


def _parts(source: str | Path, names: Sequence[str], revision: str | None) -> Table | _Parts:
    """A table where the source has no splits. Files that belong to no name stand under their own."""
    path = Path(source).expanduser()
    if path.is_file():
        return read_file(path)
    if any((path / name).is_file() for name in ("dataset_dict.json", "state.json")):
        return _named(str(path), _saved(path))
    if path.is_dir():
        parts: _Parts = {}
        for file in _files(path):
            name = _split(file.relative_to(path), names) or file.name
            cast(list[Path], parts.setdefault(name, [])).append(file)
        return parts
    on_hub = isinstance(source, str) and re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", source)
    if on_hub and split_name(path) is None:
        return _named(str(source), _fetched(str(source), revision))
    raise DataError(f"There is no file or folder {source}; name one that is there.")


def _files(folder: Path) -> list[Path]:
    """What can be read in a folder and in those in it; what is hidden is nobody's data."""
    return sorted(
        file
        for file in folder.rglob("*")
        if split_name(file) is not None
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


_SHARD = re.compile(r"-(\d+)-of-(\d+)(-[0-9a-f]{16})?$")
"""Behind the name of a split: which of its files this is, of how many."""


def _split(file: Path, names: Sequence[str]) -> str | None:
    """The split of a file, by its own name or else by the folder that it is in."""
    for called in (_SHARD.sub("", _stem(file)), *reversed(file.parts[:-1])):
        if called in names:
            return called
    return None


def _stem(file: Path) -> str:
    return (split_name(file) or (file.stem,))[0]


def _read(folder: Path, split: str, files: Sequence[Path]) -> list[Table]:
    """The tables of one split.

    Raises:
        DataError: the files are neither one nor the shards of one, of which none may be missing or be there
            twice: two forms of the same rows, or a copy beside them, would be counted twice.
    """
    if wrong := _no_shards({str(file.relative_to(folder)): file for file in files}):
        raise DataError(
            f"{folder}: of the files of the split {split}, {wrong}; keep what is to be read, all of it, and "
            "move the others elsewhere."
        )
    return [read_file(file) for file in files]


def _no_shards(files: Mapping[str, Path]) -> str:
    """Why the files are not the shards of one; empty where they are."""
    first, *others = files
    for other in others:
        if _numbered(files[first]) != _numbered(files[other]):
            return f"{first} and {other} are no shards of one another"
    contents: dict[bytes, str] = {}
    for name in files if others else ():
        if (same := contents.setdefault(files[name].read_bytes(), name)) != name:
            return f"{same} and {name} hold the same"
    shards = [found for file in files.values() if (found := _SHARD.search(_stem(file)))]
    there = {int(found[1]) for found in shards}
    for total in sorted({int(found[2]) for found in shards}):
        if there not in ({*range(total)}, {*range(1, total + 1)}):
            return f"{', '.join(list(files)[:3])}, not all {total} are there"
    return ""


def _numbered(file: Path) -> tuple[Path, str, str]:
    """What all shards have in common: folder, name without numbers, kind."""
    stem, suffix = split_name(file) or ("", "")
    return file.parent, re.sub(r"\d+", "0", _SHARD.sub("-1-of-1", stem)), suffix


def _named(where: str, data: Any) -> Table | _Parts:
    if not isinstance(data, dict):
        return _table(where, data)
    return {name: _table(f"{where}, split {name}", rows) for name, rows in cast(dict[str, Any], data).items()}


def _table(where: str, rows: Any) -> Table:
    return Table(where, rows.column_names, rows)


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


@contextmanager
def _reading(path: Path, kind: str) -> Generator[None]:
    """Says in one sentence that what is read is damaged; any other trouble passes as it is."""
    import datasets

    library: Any = datasets
    level, bars = library.logging.get_verbosity(), not library.are_progress_bars_disabled()
    library.logging.set_verbosity(library.logging.CRITICAL)
    library.disable_progress_bars()
    try:
        yield
    except (ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # The disk is full, or the file may not be read: the data is not to blame.
        reason = str(error).strip().partition("\n")[0].removesuffix(".")
        raise unreadable(str(path), kind, reason) from error
    finally:
        library.logging.set_verbosity(level)
        if bars:
            library.enable_progress_bars()
