"""What a composition space says of a program that lies outside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a program lies outside a space."""

    line: int
    """From 1."""
    reason: str
    """One sentence, without a full stop."""

    def __str__(self) -> str:
        """`line 4: `reserve` may run again ...`."""
        return f"line {self.line}: {self.reason}"
