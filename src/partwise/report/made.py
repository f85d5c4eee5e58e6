"""How a run or a study was made: the command that makes it again, when, by which version, on what."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from partwise.config.addresses import without_secrets
from partwise.report.reading import group
from partwise.runs.config import flatten

_COMMANDS = {"align": "align", "progress": "progress", "weak_to_strong": "w2s"}
"""Of single runs; that of a study is `study NAME`."""
_MISSING = object()


def settings_of(record: Mapping[str, Any], model: type[BaseModel] | None) -> list[tuple[str, str, bool]]:
    """Every setting of a run: its key, its value as text, and whether it is another than the default.

    Nothing is another where the model of the settings is not known.
    """
    defaults = flatten(_defaults(model))
    return [
        (key, _shown(key, value), bool(defaults) and _differs(value, defaults.get(key, _MISSING)))
        for key, value in flatten(group(record, "config")).items()
    ]


def made(
    directory: Path, record: Mapping[str, Any], model: type[BaseModel] | None, seeds: str
) -> list[tuple[str, str]]:
    """What a reader needs to make it again, as names and texts; the command comes first.

    Args:
        directory: of the run.
        record: its `run.json`.
        model: of its settings; None where it is not known, and no command is given.
        seeds: which it ran, in words.
    """
    said: list[tuple[str, str]] = []
    if model is not None and record:
        said.append(("command", command(directory, record, model)))
    said.append(("version", f"Partwise {record['version']}" if record.get("version") else ""))
    said.append(("seeds", seeds))
    said.append(("begun", str(record.get("begun", ""))))
    said.append(("finished", _time_of(directory / "results.json")))
    machine = group(record, "machine")
    said.append(("machine", ", ".join(f"{name} {value}" for name, value in machine.items())))
    said.append(("run", str(record.get("id", ""))))
    inputs = group(record, "inputs")
    said.append(
        ("data", ", ".join(f"{Path(name).name} {str(digest)[:12]}" for name, digest in inputs.items()))
    )
    return [(name, text) for name, text in said if text]


def command(directory: Path, record: Mapping[str, Any], model: type[BaseModel]) -> str:
    """The command that makes the run again: all settings that are not the defaults."""
    kind = str(record.get("kind", "align"))
    given = group(record, "given")
    defaults = flatten(_defaults(model))
    words = ["partwise", *_COMMANDS.get(kind, f"study {kind}").split(" ")]
    for key, value in flatten(group(record, "config")).items():
        if _differs(value, defaults.get(key, _MISSING)):
            value = given.get(value, value) if isinstance(value, str) else value
            words.append(shlex.quote(f"{key}={_typed(key, value)}"))
    return " ".join([*words, "--out", shlex.quote(directory.name)])


def _defaults(model: type[BaseModel] | None) -> Mapping[str, Any]:
    """What is not given; a setting that must be has none."""
    return {} if model is None else model.model_construct().model_dump(mode="json", warnings=False)


def _differs(value: object, default: object) -> bool:
    # What a default group of free names holds is no setting of another run's.
    return default is _MISSING or value != default


def _typed(key: str, value: Any) -> str:
    """A value as the command line reads it."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return without_secrets(value) if key.endswith("store") else value
    return json.dumps(value, ensure_ascii=False)


def _shown(key: str, value: object) -> str:
    """A setting as a report shows it, which may be handed on: without a database's password."""
    if isinstance(value, str) and key.endswith("store"):
        value = without_secrets(value)
    return json.dumps(value, ensure_ascii=False)


def _time_of(file: Path) -> str:
    try:
        changed = file.stat().st_mtime
    except OSError:
        return ""
    return datetime.fromtimestamp(changed, UTC).strftime("%Y-%m-%d %H:%M UTC")
