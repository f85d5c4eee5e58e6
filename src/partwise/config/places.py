"""Settings that name files and folders of this machine, wherever in the configuration they stand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from pydantic import BaseModel

from partwise.config.section import Local

C = TypeVar("C", bound=BaseModel)
_WRITTEN_AS_PATHS = ("/", "./", "../", "~")
_OURS = ("nano", "micro", "mini", "small", "medium", "large", "full", "short")
"""Sizes of the laboratory's own models and sets of prompts: a folder of such a name is written `./mini`."""


def cache_folder() -> Path:
    """Where pretrained planners are kept: `PARTWISE_CACHE`, or `partwise` in the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "partwise"
    return Path(os.environ.get("PARTWISE_CACHE", default))


def with_absolute_paths(config: C) -> tuple[C, dict[str, str]]:
    """The same settings, good from any working directory; and how each path that changed had been written.

    A text that is written as a path, or is that of a file or folder which is there, is taken for one; any
    other is left as a name.
    """
    given: dict[str, str] = {}

    def absolute(text: str) -> str:
        if not is_local(text):
            return text
        found = os.path.abspath(os.path.expanduser(text))
        if found != text:
            given[found] = text
        return found

    return _with(config, absolute), given


def local_places(config: BaseModel, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Each file or folder that the settings name, with the dotted name of the setting."""
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            yield from local_places(value, f"{prefix}{name}.")
        elif _is_marked(type(config), name):
            texts = cast(tuple[str | None, ...], value if isinstance(value, tuple) else (value,))
            yield from ((f"{prefix}{name}", Path(t).expanduser()) for t in texts if t and is_local(t))


def is_local(text: str) -> bool:
    """Whether a name is the path of a file or folder of this machine."""
    return text.startswith(_WRITTEN_AS_PATHS) or (text not in _OURS and os.path.exists(text))


def _with(config: C, change: Callable[[str], str]) -> C:
    changed: dict[str, Any] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            new: Any = _with(value, change)
        elif not value or not _is_marked(type(config), name):
            continue
        else:
            new = tuple(map(change, value)) if isinstance(value, tuple) else change(value)  # pyright: ignore
        if new != value:
            changed[name] = new
    return config.model_copy(update=changed) if changed else config


def _is_marked(model: type[BaseModel], name: str) -> bool:
    info = model.model_fields[name]
    return any(isinstance(mark, Local) for mark in info.metadata) or _holds_mark(info.annotation)


def _holds_mark(annotation: Any) -> bool:
    if any(isinstance(mark, Local) for mark in getattr(annotation, "__metadata__", ())):
        return True
    return any(_holds_mark(each) for each in get_args(annotation))
