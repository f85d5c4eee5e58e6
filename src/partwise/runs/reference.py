"""Every setting of a command with its default, what it may be and what it means, as its model says it."""

from __future__ import annotations

import ast
import difflib
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, EnumType
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from partwise.runs.config import section_of

_NAMES = {int: "whole number", float: "number", str: "text", bool: "true or false", NoneType: "none"}
_BOUNDS = (("gt", "above"), ("ge", "from"), ("lt", "below"), ("le", "to"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting."""

    key: str
    """Its dotted name."""
    default: str
    """As TOML would have it; `none` where it is unset, empty where it has to be given."""
    kind: str
    """What it may be, in words."""
    meaning: str
    """As its docstring has it; that of its group where it has none of its own."""


def settings(model: type[BaseModel], under: str = "") -> list[Setting]:
    """The settings of `model`, in its order, those whose key is `under` or begins with `under.` alone.

    Raises:
        LookupError: there is none of that name.
    """
    found = [
        each
        for each in _settings(model, model.model_construct(), "")
        if not under or each.key == under or each.key.startswith(f"{under}.")
    ]
    if not found:
        keys = {each.key for each in _settings(model, model.model_construct(), "")}
        near = difflib.get_close_matches(under, {*keys, *model.model_fields}, n=1)
        if near:
            raise LookupError(f"There is no setting or group `{under}`; did you mean `{near[0]}`?")
        groups = ", ".join(f"`{name}`" for name in model.model_fields)
        raise LookupError(f"There is no setting or group `{under}`; there are {groups}.")
    return found


def _settings(model: type[BaseModel], values: Any, prefix: str) -> Iterator[Setting]:
    meanings = _meanings(model)
    for name, field in model.model_fields.items():
        value = getattr(values, name, None)
        group = section_of(field.annotation)
        if group is not None and value is not None:
            yield from _settings(group, value, f"{prefix}{name}.")
        else:
            yield Setting(
                key=prefix + name,
                default="" if field.is_required() else _text(value),
                kind=_kind(field),
                meaning=meanings.get(name, ""),
            )


@lru_cache
def _meanings(model: type[BaseModel]) -> Mapping[str, str]:
    """What stands below each field in the source of the class and of those that it inherits from."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if not issubclass(each, BaseModel) or each is BaseModel:
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(tree, ast.ClassDef)
        for field, text in zip(tree.body, tree.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                found[field.target.id] = " ".join(text.value.value.split())
    return found


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, BaseModel):
        return _text(value.model_dump(mode="json"))
    if isinstance(value, Enum):
        value = value.value
    return json.dumps(value, ensure_ascii=False, default=str)


def _kind(field: FieldInfo) -> str:
    bounds = [
        f"{word} {found}"
        for name, word in _BOUNDS
        for metadata in field.metadata
        if (found := getattr(metadata, name, None)) is not None
    ]
    return " ".join([_words(field.annotation), *bounds])


def _words(annotation: Any) -> str:
    """A type in words."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(map(str, inside))
    if origin is Annotated:
        return _words(inside[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(_words, inside)))
    if origin is tuple:
        return f"list of: {_words(inside[0])}"
    if origin is dict:
        return f"group of: {_words(inside[1])}"
    if EnumType in type(annotation).__mro__:
        return ", ".join(str(each.value) for each in annotation)
    return _NAMES.get(annotation) or str(getattr(annotation, "__name__", annotation))
