"""Which verifier and which oracle it was that judged: a digest of their code says so, and moves with it."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

from partwise.worlds.base import World

_SHOWN = 12
"""Hexadecimal digits of a digest."""


def world_versions(world: World) -> dict[str, str]:
    """`world` is the digest of the code of the world, its verifier among it; `oracle` that of its oracle.

    Both are of the Python files alone: what these read or import from elsewhere is not in them.
    """
    package = importlib.import_module(type(world).__module__)
    oracle = importlib.import_module(f"{package.__name__}.oracle")
    files = sorted(Path(str(package.__file__)).parent.glob("*.py"))
    judging = Path(str(oracle.__file__))
    return {
        "world": _digest([file for file in files if file != judging]),
        "oracle": _digest([judging]),
    }


def _digest(files: list[Path]) -> str:
    found = hashlib.sha256()
    for file in files:
        text = file.read_bytes()
        found.update(f"{file.name} {len(text)}\n".encode() + text)
    return found.hexdigest()[:_SHOWN]
