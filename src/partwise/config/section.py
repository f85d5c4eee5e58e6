"""What every part of the configuration is: keyword-only, frozen, closed."""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return [each.strip() for each in value.split(",") if each.strip()]
    return [value] if isinstance(value, int | float) else value


Listed = BeforeValidator(_split)
"""Of a tuple: it may be given as its one member, or as a text in which commas divide several."""
PositiveInt = Annotated[int, Field(gt=0)]
UnitFloat = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of the configuration: keyword-only, frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _keep_defaults(cls, data: Any) -> Any:
        """Setting one thing in a group leaves the others as *this* model has them, not as the group's own
        defaults: a study may have other defaults than a run.
        """
        if not isinstance(data, dict):
            return data
        given = cast(dict[str, Any], data)
        groups = {name: info.default for name, info in cls.model_fields.items() if name in given}
        return given | {
            name: _merged(default, cast(dict[str, Any], given[name]))
            for name, default in groups.items()
            if isinstance(default, Section) and isinstance(given[name], dict)
        }


def _merged(default: Section, given: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {name: getattr(default, name) for name in type(default).model_fields}
    for name, value in given.items():
        known = merged.get(name)
        if isinstance(known, Section) and isinstance(value, dict):
            merged[name] = _merged(known, cast(dict[str, Any], value))
        else:
            merged[name] = value
    return merged
