"""The table of devices and models, which ships with the package and may be another's."""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, ValidationError

from partwise.config.section import Section
from partwise.runs.config import ConfigError

HERE = "here"
_SHIPPED = Path(__file__).parent / "devices.toml"
_SIDE = 1024
"""Of the matrices that are multiplied to see how fast this machine is."""
_SECONDS = 0.3


class Device(Section):
    """What runs are computed on, one of a kind."""

    flops: float = Field(gt=0)
    """Dense operations a second."""
    used: float = Field(gt=0, le=1)
    """Share of these, and of the bandwidth, that is reached."""
    bandwidth: float = Field(gt=0)
    """Bytes a second from its memory."""
    launch: float = Field(default=0.0, ge=0)
    """Seconds a layer, whatever it computes."""
    memory: float = Field(gt=0)
    """Bytes."""
    held: float = Field(default=0.0, ge=0)
    """Bytes that are taken beside models."""
    dollars: float = Field(default=0.0, ge=0)
    """An hour."""


def shipped_table() -> Path:
    """The table of the package, to be copied and edited."""
    return _SHIPPED


def read_table(file: Path | None = None) -> tuple[dict[str, Device], dict[str, dict[str, Any]]]:
    """Devices and models of a table, by name; what it leaves out of `here` is measured, in under a second.

    Args:
        file: a TOML file; None for the one that ships.

    Raises:
        ConfigError: it can't be read, or a device in it makes no sense.
    """
    where = file or _SHIPPED
    try:
        table = tomllib.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no table {where}; copy {_SHIPPED} and edit the copy.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{where} is no table in TOML: {error}.") from None
    if unknown := sorted(table.keys() - {"devices", "models"}):
        raise ConfigError(f"{where} has `{unknown[0]}`; there is `devices` and `models`.")
    models = {name: dict(shape) for name, shape in table.get("models", {}).items()}
    return {name: _device(where, name, data) for name, data in table.get("devices", {}).items()}, models


def _device(where: Path, name: str, data: Mapping[str, Any]) -> Device:
    try:
        return Device.model_validate({**(_measured() if name == HERE else {}), **data})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{where}: `devices.{name}.{key}` can't be so: {first['msg']}.") from None


def _measured() -> dict[str, float]:
    """The CPU of this machine: one product of matrices and one copy, for a moment each."""
    matrix = torch.ones(_SIDE, _SIDE)
    flops = 2 * _SIDE**3 * _rate(lambda: matrix @ matrix)
    large = torch.ones(2**24)
    bandwidth = 2 * large.nbytes * _rate(large.clone)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"flops": flops, "bandwidth": bandwidth, "memory": float(memory)}


def _rate(work: Any) -> float:
    """Times a second."""
    work()
    start, times = time.perf_counter(), 0
    while (took := time.perf_counter() - start) < _SECONDS:
        work()
        times += 1
    return times / took
