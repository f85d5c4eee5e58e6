"""Worlds by name. Third parties add theirs by an entry point of the group `partwise.worlds`."""

from __future__ import annotations

import difflib
from functools import lru_cache
from importlib.metadata import entry_points

from partwise.worlds.base import World

GROUP = "partwise.worlds"


def list_worlds() -> list[str]:
    """The names of all worlds, those of third parties too."""
    return sorted(point.name for point in entry_points(group=GROUP))


@lru_cache
def load_world(name: str) -> World:
    """The world of that name.

    Raises:
        LookupError: there is none, or it can't be imported.
    """
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = (
            f"; did you mean `{near[0]}`?" if near else f"; there are: {', '.join(sorted(known)) or 'none'}."
        )
        raise LookupError(f"There is no world `{name}`{hint}")
    try:
        return known[name].load()()
    except (ImportError, AttributeError) as error:
        raise LookupError(f"The world `{name}` can't be loaded: {error}.") from error
