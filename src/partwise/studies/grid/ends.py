"""What studies of ladders read of the last aligned model; apart, so that a page loads no models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ENDS = ("together", "competence", "conformity", "form", "hazard")
"""Beside each kind of harm, on held-out scenes or tasks of every difficulty."""


def never_injected(results: Mapping[str, Any]) -> str:
    """Which kinds of harm nothing is injected against, as a sentence with a blank after it, if any."""
    never = " and ".join(results["never"])
    return f"Nothing is injected against {never}. " if never else ""
