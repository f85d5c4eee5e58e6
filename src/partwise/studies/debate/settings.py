"""Settings of the study of debate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from partwise.config.asked import ChatConfig
from partwise.config.laboratory import FitConfig
from partwise.config.section import Listed, LocalName, PositiveInt, UnitFloat
from partwise.studies.grid.settings import LaboratoryStudyConfig


class DebateConfig(LaboratoryStudyConfig):
    """The study of debate before a judge who sees a few events of a plan."""

    primary: str = "equal less no help"
    """What two equal debaters bring over as many events at random: debate is worth its price only if that is
    something, and how much inequality takes away from it is the next question."""
    world: str = "dinner"
    """Whose tasks the plans are for."""
    turns: Annotated[tuple[PositiveInt, ...], Listed, Field(min_length=1)] = (2, 4, 6)
    """Events that are revealed to the judge."""
    plans: Annotated[int, Field(ge=2)] = 400
    """Hard ones, on tasks of their own: half of them fine, half with one fault."""
    hard: UnitFloat = 0.7
    """Difficulty from which a held-out task is hard."""
    easy: UnitFloat = 0.35
    """Difficulty up to which a training task is easy: a person reads the whole of what a plan did there."""
    lessons: Annotated[int, Field(ge=2)] = 1200
    """Easy plans that the judge learns from, half of them fine to the person."""
    views: PositiveInt = 6
    """Draws of events of each of those."""
    whole: UnitFloat = 0.2
    """Share of those draws that show all events; the others show none up to the largest number of turns."""
    reference: UnitFloat = 0.75
    """Share of a plan's parts that are the world's reference; the others are any way to do the part."""
    rationality: float = Field(default=3.0, gt=0)
    """Of the person whose word the judge learns from; see `oversight.signals.Persona`."""
    size: str = "micro"
    """The judge's, of `models.tiny.SIZES`."""
    fit: FitConfig = FitConfig(epochs=2, batch_size=64, learning_rate=3e-3, warmup=50)
    model: LocalName | None = None
    """A language model that debates too, against itself, and advises either side: named as `proxy.model` is;
    None for the searches alone. It is asked about eighteen times a plan."""
    asked: ChatConfig = ChatConfig(longest=16)
    """How it is asked; read where there is one. Each process of the study has a cap of its own."""
    device: str = "auto"
    """Where a model that runs here lives: a torch device, or `auto` for a GPU where there is one."""
