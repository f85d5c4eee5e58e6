"""Guesses of what a planner writes next, so that one pass of the model reads several tokens.

Plans are full of phrases that are written the same way every time. A guess is what followed the same few
tokens when they were last written; it is read together with what is known, and kept as far as the tokens that
are then drawn come out as guessed (`Sampler.generate`). So what is sampled has the planner's own
distribution, whatever is guessed: this is speculative sampling (Leviathan et al. 2023) where the draft is a
table and every token is drawn by its own number.
"""

from __future__ import annotations

from collections.abc import Sequence

AHEAD = 6
"""Tokens guessed at once. Measured: more of them are thrown away than they save passes."""
_TAIL = 4
"""Tokens that a guess goes by."""


class Drafts:
    """What was written after which tokens. A new one knows nothing, and guesses nothing."""

    def __init__(self) -> None:
        self._followed: dict[tuple[int, ...], int] = {}

    def note(self, text: Sequence[int], token: int) -> None:
        """Remember that `token` came after `text`."""
        self._followed[tuple(text[-_TAIL:])] = token

    def guess(self, text: Sequence[int], most: int) -> list[int]:
        """Up to `most` tokens that may come after `text`."""
        tail = list(text[-_TAIL:])
        guessed: list[int] = []
        while len(guessed) < most and (token := self._followed.get(tuple(tail))) is not None:
            guessed.append(token)
            tail = [*tail[1:], token]
        return guessed
