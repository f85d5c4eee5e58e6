"""What every part of the configuration is: keyword-only, frozen, closed."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, ClassVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return [each.strip() for each in value.split(",") if each.strip()]
    return [value] if isinstance(value, int | float) else value


Listed = BeforeValidator(_split)
"""Of a tuple: it may be given as its one member, or as a text in which commas divide several."""
PositiveInt = Annotated[int, Field(gt=0)]
UnitFloat = Annotated[float, Field(ge=0, le=1)]
LARGEST_SEED = 2**31 - 1
"""With it, and with the seeds that follow from it, every library can do: NumPy takes none from 2**32 on."""
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Width = Annotated[int, Field(ge=8, le=256)]
"""Of a tiny model: numbers a token is read as."""


_ROOM = 2**20
"""What may be added to a derived seed, such as the number of a round."""


def derived_seed(value: int) -> int:
    """A seed that every library takes, from one that was multiplied: itself, or of too large a one a digest.

    Up to 2^20 may be added to it.
    """
    if value < 2**32 - _ROOM:
        return value
    return int.from_bytes(hashlib.sha256(str(value).encode()).digest()[:8]) % (2**32 - _ROOM)


def refuse_seeds_beyond(first: int, count: int) -> None:
    """Refuse so many seeds from `first` up that the last would be beyond the largest.

    Raises:
        ValueError: they are.
    """
    if first + count - 1 > LARGEST_SEED:
        raise ValueError(f"{count} seeds from {first} up go beyond the largest, {LARGEST_SEED}")


class Local:
    """Marks a text that may name a file or folder of this machine: see `config.places`."""


LocalName = Annotated[str, Local()]
"""A name of something elsewhere, or the path of a file or folder of this machine."""


class Section(BaseModel):
    """A part of the configuration: keyword-only, frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)
    SHORT: ClassVar[str | None] = None
    """The setting that a bare value in place of the group is short for, if it may stand there."""

    @model_validator(mode="before")
    @classmethod
    def _keep_defaults(cls, data: Any) -> Any:
        """Setting one thing in a group leaves the others as *this* model has them, not as the group's own
        defaults: a study may have other defaults than a run.
        """
        if isinstance(data, str) and cls.SHORT:
            data = {cls.SHORT: data}
        if not isinstance(data, dict):
            return data
        given = cast(dict[str, Any], data)
        groups = {name: info.default for name, info in cls.model_fields.items() if name in given}
        return given | {
            name: _merged(default, tree)
            for name, default in groups.items()
            if isinstance(default, Section) and (tree := _tree(default, given[name])) is not None
        }


def _tree(default: Section, given: Any) -> dict[str, Any] | None:
    """What is given in place of a group, as settings of it."""
    if isinstance(given, str) and default.SHORT:
        return {default.SHORT: given}
    return cast(dict[str, Any], given) if isinstance(given, dict) else None


def _merged(default: Section, given: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {name: getattr(default, name) for name in type(default).model_fields}
    for name, value in given.items():
        known = merged.get(name)
        if isinstance(known, Section) and (tree := _tree(known, value)) is not None:
            merged[name] = _merged(known, tree)
        else:
            merged[name] = value
    return merged
