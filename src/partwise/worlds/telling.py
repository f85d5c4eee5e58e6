"""What prompts say of a world: its subtasks, its tools, the names it gives, and plans of its own corpus."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import islice

from partwise.composition.language import CompositionError, parse, parse_decomposition
from partwise.types import Split
from partwise.worlds.base import Demonstration, World

_EXAMPLES = 2
_LOOKED_AT = 100
"""Plans of the corpus among which there are so many that parse."""


def fields(world: World) -> dict[str, Mapping[str, str]]:
    """By name of the prompt, what a planner can be told of the world: field to text.

    The examples are the first plans of the corpus, drawn with seed 0, that parse. They show how plans are
    written and are no better than others there.
    """
    told = {
        "inputs": ", ".join(world.task(Split.TRAIN, 0).inputs),
        "subtasks": "\n".join(entry.subtask.request for entry in world.catalogue.values()),
        "tools": "\n".join(
            f"- {tool.name}({', '.join(tool.parameters)}), {tool.effect}: {tool.doc}"
            for tool in world.tools.values()
        ),
    }
    plans = list(islice(_plans(world), _EXAMPLES))
    first = (f"Task: {plan.statement}\n{_fenced(plan.decomposition)}" for plan in plans)
    second = (
        f"Functions:\n{_fenced(plan.partial_solutions)}\nProgram:\n{_fenced(plan.composition)}"
        for plan in plans
    )
    return {
        "decompose": told | {"examples": "\n\n".join(first)},
        "recompose": told | {"examples": "\n\n".join(second)},
    }


def _fenced(program: str) -> str:
    return f"```python\n{program}\n```"


def _plans(world: World) -> Iterator[Demonstration]:
    for plan in islice(world.demonstrations(random.Random(0)), _LOOKED_AT):
        try:
            parse_decomposition(plan.decomposition)
            parse(plan.composition)
        except CompositionError:
            continue
        yield plan
