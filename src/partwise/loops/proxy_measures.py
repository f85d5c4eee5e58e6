"""What is measured of a proxy by itself: the bodies that it writes, and each of its judges."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from partwise.config import AlignConfig
from partwise.loops.writers import body_writer, first_writer
from partwise.measure.agreement import judges_agreement, played_agreement
from partwise.measure.bodies import written_bodies
from partwise.oversight.body_writer import BodyWriter
from partwise.oversight.items import PartItems
from partwise.oversight.played import PLAYED
from partwise.oversight.proxy import Proxy
from partwise.oversight.solvers import Solver, WritingSolver
from partwise.training.body_writer import withheld
from partwise.types import Answer, JudgmentItem
from partwise.values import ValueProfile
from partwise.worlds.base import World


def by_judge(
    proxy: Proxy,
    answer: Callable[[Sequence[JudgmentItem]], Sequence[Answer]],
    parts: PartItems,
    count: int,
    draw: str,
    values: ValueProfile,
) -> dict[str, Any]:
    """How each judge of a proxy agrees with simulated people, where a language model gives its word; else
    nothing.

    The questions are those of `agreement_hard`: about the subtasks of hard tasks, whatever people were asked.

    Args:
        proxy: after it has learned.
        answer: H, who is asked anew.
        parts: draws the questions.
        count: how many.
        draw: decides which.
        values: of H.
    """
    if proxy.word is None:
        return {}
    asked = parts.hard(random.Random(f"{draw} hard"), count)
    return {"judges": judges_agreement(proxy, answer(asked), values)}


def by_played(answers: Sequence[Answer], values: ValueProfile) -> dict[str, Any]:
    """How a language model that plays people answered in a round; nothing where none did.

    Args:
        answers: all of the round.
        values: that people hold dear, in sum.
    """
    said = [answer for answer in answers if answer.who.split("/")[0] == PLAYED]
    return {"played": played_agreement(said, values)} if said else {}


def last_judges(folder: Path) -> dict[str, Any]:
    """What the last round, whose folder it is, says of each judge and of a model that plays people."""
    record = json.loads((folder / "round.json").read_text())
    return {name: record[name] for name in ("judges", "played") if name in record}


def bodies(solver: Solver, world: World, config: AlignConfig, values: ValueProfile) -> dict[str, Any]:
    """What a proxy that writes wrote before it heard anybody, and writes now; nothing of another.

    A language model that writes by prompt does not move, so that of it there is one figure.
    """
    if isinstance(solver, BodyWriter):
        without = withheld(world, config.proxy.writer, config.seed)
        kinds = {
            "withheld": [name for name in world.catalogue if name in without],
            "read": [name for name in world.catalogue if name not in without],
        }
        device = config.planner.device
        source = first_writer(world, config.proxy.writer, device, config.seed)
        newborn = body_writer(world, config.proxy, source, device, config.seed)
        writers = {"before": newborn, "after": solver}
    elif isinstance(solver, WritingSolver):
        kinds, writers = {"catalogue": list(world.catalogue)}, {"after": solver}
    else:
        return {}
    return {
        "bodies": {
            when: {kind: written_bodies(writer, world, values, names) for kind, names in kinds.items()}
            for when, writer in writers.items()
        }
    }
