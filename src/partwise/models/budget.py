"""What asking a provider's model may cost, and has cost."""

from __future__ import annotations

from dataclasses import dataclass

from partwise.models.errors import Unanswered

_MILLION = 1_000_000


class OverBudget(Unanswered):
    """The next answer could cost more than is left."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens that are read and written."""

    read: int
    written: int

    @property
    def total(self) -> int:
        """Both kinds."""
        return self.read + self.written


class Budget:
    """Caps on tokens and dollars that are never passed: what is in flight counts as the most it may take."""

    def __init__(
        self,
        *,
        max_tokens: int | None = None,
        max_dollars: float | None = None,
        price_read: float = 0.0,
        price_written: float = 0.0,
    ) -> None:
        """Args:
        max_tokens: read and written; None for no cap.
        max_dollars: None for no cap.
        price_read: dollars for a million tokens that are read.
        price_written: dollars for a million that are written.
        """
        self._max_tokens, self._max_dollars = max_tokens, max_dollars
        self._price_read, self._price_written = price_read, price_written
        self.used = Tokens(0, 0)
        self._held = Tokens(0, 0)

    @property
    def dollars(self) -> float:
        """What was used, at the prices of the settings."""
        return self._cost(self.used)

    def _cost(self, tokens: Tokens) -> float:
        return (tokens.read * self._price_read + tokens.written * self._price_written) / _MILLION

    def fits(self, most: Tokens) -> bool:
        """Whether so many more could not pass a cap, whatever is in flight takes."""
        then = _sum(_sum(self.used, self._held), most)
        return (self._max_tokens is None or then.total <= self._max_tokens) and (
            self._max_dollars is None or self._cost(then) <= self._max_dollars
        )

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight."""
        return not self._held.total

    def hold(self, most: Tokens) -> None:
        """Set aside what a request may take."""
        self._held = _sum(self._held, most)

    def settle(self, most: Tokens, used: Tokens) -> None:
        """Count what a request has taken, in the place of what was set aside for it."""
        self._held = Tokens(self._held.read - most.read, self._held.written - most.written)
        self.used = _sum(self.used, used)

    def over(self, name: str, most: Tokens) -> OverBudget:
        """What is raised where nothing is in flight and the next request does not fit.

        Args:
            name: of the model.
            most: that the next request may take.
        """
        caps = [
            f"max_tokens={self._max_tokens}" if self._max_tokens is not None else "",
            f"max_dollars={self._max_dollars:g}" if self._max_dollars is not None else "",
        ]
        spent = f"{self.used.total} tokens" + (f", {self.dollars:.4f} dollars" if self.dollars else "")
        return OverBudget(
            f"'{name}' has taken {spent}, and its next answer could take {most.total} more tokens, beyond "
            f"{' or '.join(filter(None, caps))}: what it said is kept, and a run that is resumed may take as "
            "much again"
        )


def _sum(one: Tokens, other: Tokens) -> Tokens:
    return Tokens(one.read + other.read, one.written + other.written)
