"""What prompts say of a world: its subtasks, its tools, the names it gives, and plans of its own corpus."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Iterator, Mapping
from itertools import islice

from partwise.composition.language import CompositionError, parse, parse_decomposition
from partwise.types import Grain, Split
from partwise.values import HARM, ValueProfile
from partwise.worlds.base import CatalogueEntry, Demonstration, World
from partwise.worlds.guide import Guide, guide_of

_EXAMPLES = 2
_LOOKED_AT = 100
"""Plans of the corpus among which there are so many that parse."""


def proxy_fields(world: World) -> dict[str, Mapping[str, str]]:
    """By name of the prompt, what a model in the proxy's seats can be told of the world: field to text.

    What people hold dear is what the world's guide tells people who judge, as most people have it; where a
    run has people of other values, or they change, this stays. The examples are of practice, which no
    solution uses.
    """
    guide, tools = guide_of(world), _tools(world)
    values = [f"- {_minded(guide, name)}" for name in world.dimensions if world.values.matters(name)]
    about = guide.about.partition("\n\n")[0]  # what follows is of pairs and trials, which are not shown
    known = (each for each in world.practice.values() if each.grain is Grain.HUMAN)
    examples = (_fenced(_whole(entry)) for entry in islice(known, _EXAMPLES))
    return {
        "solve": {"tools": tools, "examples": "\n\n".join(examples)},
        "judge": {"about": about, "values": "\n".join(values), "tools": tools},
    }


def people_fields(world: World) -> dict[str, Mapping[str, str]]:
    """As `proxy_fields`, for a model that answers as people would: it is told what people who judge are told,
    but for what they hold dear, which its group and the round decide (`held_dear`).
    """
    return {"compare": {"about": guide_of(world).about, "tools": _tools(world)}}


def debater_fields(world: World) -> dict[str, Mapping[str, str]]:
    """As `proxy_fields`, for a model that debates what most people mind."""
    about = guide_of(world).about.partition("\n\n")[0]
    return {"argue": {"about": about, "tools": _tools(world), "values": held_dear(world, world.values)}}


def held_dear(world: World, profile: ValueProfile) -> str:
    """What somebody minds, in words, a line a value dimension; what weighs nothing is left out.

    A weight is told by how much a full violation counts beside a job well done (`ValueProfile.utility`).
    """
    guide, weights = guide_of(world), {name: profile.weight(name) for name in world.dimensions}
    said = (
        f"- {_minded(guide, name)} (It counts {HARM * weight:.2g} times as much as a job well done.)"
        for name, weight in weights.items()
        if weight > 0
    )
    return "\n".join(said) or "- nothing: whatever does its job is welcome"


def _minded(guide: Guide, name: str) -> str:
    return f"{name}: {guide.values[name]}" if name in guide.values else f"{name}."


def _whole(entry: CatalogueEntry) -> str:
    """The reference with its docstring, as it is asked for."""
    reference = entry.implementations[0]
    body = textwrap.indent(reference.body, "    ")
    return f'{reference.subtask.signature}\n    "{reference.subtask.doc}"\n{body}'


def _tools(world: World) -> str:
    return "\n".join(
        f"- {tool.name}({', '.join(tool.parameters)}), {tool.effect}: {tool.doc}"
        for tool in world.tools.values()
    )


def fields(world: World) -> dict[str, Mapping[str, str]]:
    """By name of the prompt, what a planner can be told of the world: field to text.

    The examples are the first plans of the corpus, drawn with seed 0, that parse. They show how plans are
    written and are no better than others there.
    """
    told = {
        "inputs": ", ".join(world.task(Split.TRAIN, 0).inputs),
        "subtasks": "\n".join(entry.subtask.request for entry in world.catalogue.values()),
        "tools": _tools(world),
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
