"""How docstrings are read: Google style, and no signature where it would say each field of a record again."""

from __future__ import annotations

from dataclasses import is_dataclass
from enum import EnumType
from typing import Any

from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

_FIELDS = ("attribute", "data", "property")


def _google(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Not of fields: there napoleon takes whatever stands before a colon for a type."""
    if what not in _FIELDS:
        lines[:] = GoogleDocstring(lines, Config(), app, what, name, obj, options).lines()


def _signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, None] | None:
    if what == "class" and (
        is_dataclass(obj)
        or isinstance(obj, EnumType)
        or (isinstance(obj, type) and issubclass(obj, BaseModel))
    ):
        return "", None
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls it."""
    app.connect("autodoc-process-docstring", _google)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
