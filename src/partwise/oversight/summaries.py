"""The judge of summaries (Mai et al. 2025, section 5), and how it may err."""

from __future__ import annotations

from collections.abc import Sequence

from partwise.config import SummaryErrors
from partwise.draws import share_of
from partwise.oversight.proxy import Proxy
from partwise.types import Rollout


class SummaryJudge:
    """The proxy's judgment of what a summary tells, with the verdicts turned around that the settings say.

    Lines that are missing are missing from the summaries themselves (`RolloutEngine`), and what people do not
    see is missing from their answers (`oversight.items`).
    """

    def __init__(self, proxy: Proxy, errors: SummaryErrors, seed: int) -> None:
        """`seed` decides which verdicts are turned around: always the same of one program on one task."""
        self._proxy, self._errors, self._seed = proxy, errors, seed

    def judge(self, rollouts: Sequence[Rollout]) -> list[float]:
        """How likely the human would rather have what each solution did than nothing done, 0 to 1."""
        judged = self._proxy.judge_summaries([rollout.summary for rollout in rollouts])
        return [
            1 - chance if self._is_flipped(rollout) else chance
            for rollout, chance in zip(rollouts, judged, strict=True)
        ]

    def _is_flipped(self, rollout: Rollout) -> bool:
        flipped = self._errors.flipped
        return bool(flipped) and share_of(self._seed, "flip", *_about(rollout)) < flipped


def _about(rollout: Rollout) -> tuple[object, ...]:
    return rollout.task.split, rollout.task.index, rollout.solution.source if rollout.solution else ""
