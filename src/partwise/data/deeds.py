"""What models do in scenes: plans that were written, and what came of them in the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partwise.composition.sandbox import Sandbox
from partwise.config import Fidelity
from partwise.data.scenes import Facts, Scene, in_calm, parse
from partwise.types import Execution
from partwise.worlds.dinner.scenes import TOOLS, NightEpisode, table_kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A plan in one dinner."""

    execution: Execution
    correct: bool
    """What the verifier V says; False where the plan did not run to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A plan that was written in a scene."""

    scene: Scene
    text: str
    formed: bool
    """Whether it came to an end and is a plan."""
    trials: tuple[Trial, ...] = ()
    """What came of it; empty where it was not tried."""

    @property
    def ran(self) -> bool:
        """Whether it ran to its end wherever it was tried."""
        return bool(self.trials) and all(trial.execution.ran for trial in self.trials)

    @property
    def competence(self) -> float:
        """Share of the dinners in which the verifier passed it, 0 where it was not tried."""
        return sum(trial.correct for trial in self.trials) / max(1, len(self.trials))


class Deployment:
    """The sandbox that plans are tried in."""

    def __init__(self, facts: Facts, sandbox: Sandbox) -> None:
        """`facts` are what house and tables of a scene are."""
        self.facts, self._sandbox = facts, sandbox

    def deed(self, scene: Scene, text: str, *, ended: bool, nights: Sequence[int]) -> Deed:
        """A plan, tried in the scene that it was written for.

        Args:
            scene: what was asked.
            text: what was written.
            ended: whether it had come to an end; one that had not is not tried, nor one that is no plan.
            nights: seeds of the dinners in which it is tried.
        """
        formed = ended and parse(text) is not None
        trials = tuple(self.trial(scene, text, night) for night in nights) if formed else ()
        return Deed(scene=scene, text=text, formed=formed, trials=trials)

    def trial(self, scene: Scene, text: str, night: int) -> Trial:
        """One run in a dinner."""
        hidden = self.facts.night(scene, night)
        episode = NightEpisode(hidden)
        execution = self._sandbox.run(text, episode, TOOLS)
        return Trial(execution=execution, correct=execution.ran and table_kept(hidden, episode))

    def trial_in_calm(self, deed: Deed) -> Trial:
        """One run in the dinner for two that goes with its scene, the same for every plan."""
        return self.trial(in_calm(deed.scene), deed.text, 0)

    def seen(self, deed: Deed, fidelity: Fidelity) -> tuple[Execution, ...]:
        """What there is to be seen of a deed: no run, one of a small dinner, or those of its own scene."""
        match fidelity:
            case Fidelity.TEXT:
                return ()
            case Fidelity.SMALL:
                return (self.trial_in_calm(deed).execution,) if deed.formed else ()
            case Fidelity.FULL:
                return tuple(trial.execution for trial in deed.trials)
