"""What is said where an extra is missing."""

from __future__ import annotations

from importlib.util import find_spec

from partwise.models.errors import ModelError


def inspect_or_refuse(what: str) -> None:
    """Refuse what takes Inspect where it is not installed; nothing of it is imported to find out.

    Args:
        what: takes it; the subject of the sentence.

    Raises:
        ModelError: Inspect is not installed.
    """
    if find_spec("inspect_ai") is None:
        raise ModelError(f"{what} takes Inspect; add it with: pip install 'partwise[inspect]'")
