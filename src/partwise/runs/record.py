"""The record of a run, `run.json`: what it is, what it began with, and what is otherwise by now."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from partwise import __version__
from partwise.config.addresses import without_secrets
from partwise.config.places import local_places, with_absolute_paths
from partwise.files import digests
from partwise.runs.config import flatten
from partwise.runs.machine import machine

RECORD = "run.json"
SCHEMA = 1
_MISSING = object()


def new_record(
    kind: str, data: Mapping[str, Any], inputs: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, Any]:
    """What is written as a run begins, as plain data.

    Args:
        kind: `align`, or the name of a study.
        data: its settings, with absolute paths.
        inputs: of `inputs_of`.
        given: absolute paths of the settings, to how they had been written.
    """
    return {
        "schema": SCHEMA,
        "kind": kind,
        "id": uuid.uuid4().hex[:12],
        "version": __version__,
        "begun": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "config": data,
        **({"inputs": inputs} if inputs else {}),
        **({"given": given} if given else {}),
    }


def inputs_of(config: BaseModel) -> dict[str, str]:
    """SHA-256 of the files that settings name. Of a run that this one goes on from its record is enough."""
    found: dict[str, str] = {}
    for _, place in local_places(config):
        with contextlib.suppress(OSError):  # whoever reads it says what is wrong with it
            found |= digests(place / RECORD if (place / RECORD).exists() else place)
    return found


def as_written_now(data: Mapping[str, Any], config: BaseModel) -> Any:
    """The settings of a record as this version would write them."""
    with contextlib.suppress(ValidationError):
        return with_absolute_paths(type(config).model_validate(data))[0].model_dump(mode="json")
    return data


def changed_inputs(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which files are others than before, in words; empty where none is."""
    changed = [
        f"{file} is {'changed' if file in now and file in before else 'new' if file in now else 'gone'}"
        for file in sorted(before.keys() | now.keys())
        if before.get(file) != now.get(file)
    ]
    return ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")


def differing_settings(there: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Which settings are others than those that are there, in words; empty where none is."""
    here, asked = flatten(there), flatten(now)
    differing = sorted(
        k for k in here.keys() | asked.keys() if here.get(k, _MISSING) != asked.get(k, _MISSING)
    )
    named = ", ".join(
        f"`{k}` ({_shown(here.get(k, _MISSING))} there, {_shown(asked.get(k, _MISSING))} now)"
        for k in differing[:6]
    )
    return named + (f" and {len(differing) - 6} more" if len(differing) > 6 else "")


def _shown(value: Any) -> str:
    if value is _MISSING or value is None:
        return "unset"
    return json.dumps(without_secrets(value) if isinstance(value, str) and "@" in value else value)


def texts_by_text(data: Any) -> dict[str, str]:
    """Texts by text, of what a record holds; empty of anything else."""
    return {str(k): str(v) for k, v in cast(dict[Any, Any], data).items()} if isinstance(data, dict) else {}
