"""How far each person is in their round, without counting everything again after each answer."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partwise.oversight.feedback import FeedbackStore

_TRUSTED = 5.0
"""Seconds after which the store is asked again: other people answer too."""
_PEOPLE = 1000


@dataclass(slots=True)
class Share:
    """One person's share of one round."""

    answered: int
    left: int
    """Questions of the round that still want an answer of this person."""
    place: tuple[str, int]
    counted: float


class Tally:
    """Counts by the store every few seconds, and by hand in between."""

    def __init__(self, store: FeedbackStore) -> None:
        self._store = store
        self._shares: dict[str, Share] = {}
        self._lock = threading.Lock()

    def of(self, run: str, round: int, who: str) -> Share:
        """How far `who` is in a round of a run."""
        with self._lock:
            known = self._shares.get(who)
        now = time.monotonic()
        if known is not None and known.place == (run, round) and now - known.counted < _TRUSTED:
            return known
        progress = self._store.progress(run, round, who)
        share = Share(progress.answered, progress.open, (run, round), now)
        with self._lock:
            if len(self._shares) >= _PEOPLE:
                self._shares.clear()
            self._shares[who] = share
        return share

    def moved(self, who: str, by: int) -> None:
        """`who` gave an answer (1) or took one back (-1)."""
        with self._lock:
            share = self._shares.get(who)
            if share is not None:
                share.answered = max(0, share.answered + by)
                share.left = max(0, share.left - by)
