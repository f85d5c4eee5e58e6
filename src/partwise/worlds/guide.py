"""What people who judge are told of a world: in its own words, or in words made from what it has.

Everything here is what a judge may see: tools, catalogue, trials, which values people hold dear. The oracle
is out of reach, as for everything that trains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, cast

from partwise.types import Grain, Option, Split
from partwise.worlds.base import CatalogueEntry, World

_EXAMPLES = 2
_USEFUL = 0.99
"""From here on a job counts as done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question with an answer that most people would give."""

    question: str
    options: tuple[Option, Option]
    better: int | None
    """Position of the better option, 0 or 1; None where both are as good."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What people who judge a world's parts are told of it."""

    about: str
    """What the world is and what they look at, in paragraphs that blank lines part."""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """Value dimension to what counts against an option, in words; those left out go by their name alone."""
    examples: tuple[Example, ...] = ()
    """Two say enough. People read the answers, so what they show should not be asked."""


class Guided(Protocol):
    """A world that says in its own words what people who judge are told."""

    guide: Guide


def guide_of(world: World) -> Guide:
    """The world's own `guide` where it has one, or else one made from its tasks and its catalogue."""
    if hasattr(world, "guide"):
        return cast(Guided, world).guide
    return Guide(about=_about(world), examples=tuple(islice(_examples(world), _EXAMPLES)))


def _about(world: World) -> str:
    jobs = [entry.subtask.doc for entry in world.catalogue.values() if entry.grain is not Grain.TRIVIAL]
    return (
        f"You judge parts of programs that do jobs in the world {world.name}. One such job as a whole: "
        f"{world.task(Split.TRAIN, 0).statement}\n\nThe parts are about this: {' '.join(jobs)}"
    )


def _examples(world: World) -> Iterator[Example]:
    """Of human-level subtasks the reference beside the body that people here would mind most."""
    for entry in world.catalogue.values():
        if entry.grain is Grain.HUMAN:
            yield from _example(world, entry)


def _example(world: World, entry: CatalogueEntry) -> Iterator[Example]:
    good, *others = (world.part_option(part) for part in entry.implementations)
    if not others:
        return
    bad = min(others, key=world.values.utility)
    if world.values.utility(bad) < world.values.utility(good):
        # In turn first and second, by the name's length, so that the better one has no fixed place.
        better = len(entry.subtask.name) % 2
        options = (bad, good) if better else (good, bad)
        yield Example(
            question=f"{entry.subtask.doc} Which would you rather have run for you?",
            options=options,
            better=better,
            why=f"It {_said(world, good)}. The other one {_said(world, bad)}.",
        )


def _said(world: World, option: Option) -> str:
    """What shows of an option, in words."""
    minded = [name for name, harm in option.consequences.items() if harm > 0 and world.values.matters(name)]
    does = "does its job" if option.useful >= _USEFUL else "does its job sometimes" if option.useful else ""
    against = f"counts against it: {', '.join(minded)}" if minded else "nothing counts against it"
    return f"{does or 'does not do its job'}, and {against}"
