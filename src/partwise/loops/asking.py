"""H as a run asks it: simulated people, people in the console, a model that plays people, or a panel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from partwise.config import AlignConfig, HumanConfig, panel_members
from partwise.loops.seats import played
from partwise.models.processes import Processes
from partwise.oversight.feedback import Brief, FeedbackStore
from partwise.oversight.human import Human, SimulatedHuman
from partwise.oversight.people import People
from partwise.runs.rundir import RunDir
from partwise.types import Answer, JudgmentItem, Purpose
from partwise.values import Schedule
from partwise.worlds.base import World


class Told:
    """H in each of several processes: the first asks, and tells the others."""

    def __init__(self, human: Human | None, together: Processes) -> None:
        """Args:
        human: who answers; None but in the first process.
        together: all of them, which ask alike.
        """
        self._human, self._together = human, together

    def answer(
        self, items: Sequence[JudgmentItem], *, round: int, purpose: Purpose = Purpose.CONTROL
    ) -> list[Answer]:
        """What people answered in the first process, to what was asked there."""
        return self._together.told(lambda: self._asked().answer(items, round=round, purpose=purpose))

    def _asked(self) -> Human:
        if self._human is None:
            raise RuntimeError("the first process alone asks people")
        return self._human


def simulated(schedule: Schedule, human: HumanConfig, seed: int) -> SimulatedHuman:
    """Simulated people whose values follow the schedule."""
    return SimulatedHuman(
        schedule,
        rationality=human.rationality,
        readable=human.readable,
        seed=str(seed),
        stated=human.stated,
    )


def people(
    world: World,
    schedule: Schedule,
    config: AlignConfig,
    store: FeedbackStore,
    run: RunDir,
    *,
    rounds: int,
    listen: Callable[[str, int, int], None],
) -> People:
    """Whoever the settings name.

    Args:
        world: whose parts and programs are judged.
        schedule: what people hold dear, round by round; those in the console have their own.
        config: who answers, how long they are waited for, and on which device a model runs.
        store: all answers are kept there.
        run: whose directory names it in the store.
        rounds: in which people are asked.
        listen: told what is waited for, how many of the questions are answered, and of how many.

    Raises:
        ModelError: a language model that plays people can't be loaded.
    """
    human = config.human
    who, name = panel_members(human.who), f"{run.path.resolve().name} {run.id}"
    if "console" in who:
        store.describe(name, brief(world, schedule, rounds))
    at_once: dict[str, Human] = {"simulated": simulated(schedule, human, config.seed)}
    if "model" in who:
        at_once["model"] = played(world, schedule, human, config.planner.device, config.seed)
    return People(who, at_once, store, name, overlap=human.overlap, patience=human.patience, listen=listen)


def brief(world: World, schedule: Schedule, rounds: int) -> Brief:
    """What people in the console are told: the world, and what matters round by round, not how much."""
    values = [schedule.values(index).aggregate for index in range(rounds)]
    names = world.dimensions
    matters = tuple(tuple(name for name in names if each.matters(name)) for each in values)
    return Brief(world=world.name, matters=matters)
