"""When to realign the proxy: every so many rounds, on an alarm, or as a budget of labels allows.

Mai et al. 2025 have H_phi realigned "on a regular basis" and leave open how often. People's time is what it
costs, and stale values are what it saves.
"""

from __future__ import annotations

from collections.abc import Sequence

from river.drift import ADWIN

from partwise.config import RealignConfig


class DriftAlarm:
    """Sounds when proxy and human disagree more than they used to (ADWIN: Bifet and Gavaldà 2007).

    It hears only answers to questions drawn at random, each before the proxy has learned from it. ADWIN also
    notices when disagreement falls, as it does while the proxy learns; that is no alarm.
    """

    def __init__(self, confidence: float) -> None:
        """`confidence` is ADWIN's delta, 0 to 1: the lower, the fewer false alarms and the later ones."""
        self._detector = ADWIN(delta=confidence, clock=1, grace_period=20)

    def hear(self, disagreed: Sequence[bool]) -> bool:
        """Take in one round's comparisons; whether disagreement has risen."""
        sounded = False
        for wrong in disagreed:
            before = self._detector.estimation
            self._detector.update(float(wrong))
            sounded |= bool(self._detector.drift_detected) and self._detector.estimation > before
        return sounded


def is_due(config: RealignConfig, round: int, *, alarm: bool, spent: int, cost: int, rounds: int) -> bool:
    """Whether the proxy is to be realigned in a round after the first.

    Args:
        config: the policy.
        round: counted from 0; the proxy always learns in round 0.
        alarm: whether the drift alarm has sounded since the proxy was last realigned.
        spent: labels that rounds 1 to this one have cost so far.
        cost: labels that realigning now would cost.
        rounds: of the whole run.
    """
    match config.when:
        case "every":
            return round % config.every == 0
        case "alarm":
            return alarm
        case "budget":
            earned = config.budget * round / max(1, rounds - 1)
            return spent + cost <= earned
