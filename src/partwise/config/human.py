"""H: who answers, simulated, in the console or played by a language model, and what they hold dear."""

from __future__ import annotations

import unicodedata
from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from partwise.config.addresses import absolute_store
from partwise.config.asked import ChatConfig
from partwise.config.section import LocalName, PositiveInt, Section, UnitFloat
from partwise.values import Shape

MEMBERS = ("simulated", "console", "model")
"""Who there is to answer."""
_LONGEST_GROUP = 100
"""Characters."""
Weights = dict[str, Annotated[float, Field(ge=0)]]


class GroupConfig(Section):
    """People who hold the same things dear."""

    share: float = Field(gt=0, le=1)
    """Of all people; the shares of all groups add up to 1."""
    values: Weights = Field(default_factory=dict)
    """Weights that differ from `human.values`."""


class DriftConfig(Section):
    """How the values of simulated people move over the rounds; nobody is told."""

    shape: Shape = Shape.NONE
    """none, abrupt, gradual, cyclic or reversal; see `values.Shape`."""
    to: Weights = Field(default_factory=dict)
    """The weights that move, as they are once they have moved all the way."""
    at: int = Field(default=0, ge=0)
    """The first round, from 0, in which values are not what they were."""
    over: PositiveInt = 4
    """Rounds that a gradual move takes, that half a cycle lasts, or after which a reversal goes back."""
    group: str | None = None
    """The one group whose values move; None for all."""


class PlayedConfig(ChatConfig):
    """How `human.model` is asked; read where there is one."""

    temperature: float = Field(default=0.0, ge=0)
    """Of its answers: at 0 one and the same question has one answer for as long as values stand."""


class HumanConfig(Section):
    """H: who answers judgment items, the only thing that is ever seen of them.

    `human=console`, `human=model` and `human=panel:simulated,console` are short for `human.who=...`.
    """

    SHORT: ClassVar[str | None] = "who"

    who: str = "simulated"
    """`simulated`; `console`, for people in the web console; `model`, for a language model that is told what
    people hold dear and answers as one of them; or `panel:` and several of these with a comma between, who
    take turns: `panel:simulated,simulated,console` asks people every third question."""
    model: LocalName | None = None
    """The language model of `human=model`, which is never trained: named as `proxy.model` is."""
    asked: PlayedConfig = PlayedConfig()
    store: str | None = None
    """Where all answers are kept: a file, or the URL of a PostgreSQL database; None for the run's own
    `feedback.db`."""
    overlap: UnitFloat = 0.0
    """Share of the questions to people in the console that two of them are asked, so that their agreement
    can be told; such a question gives two answers."""
    patience: float = Field(default=60.0, gt=0)
    """Minutes without a new answer after which a run that waits for people stops, to be resumed."""
    values: Weights = Field(default_factory=dict)
    """Weight of each value dimension; those not named weigh what they weigh to most people in the world."""
    stated: Weights = Field(default_factory=dict)
    """Weights that simulated people answer by where those are not what they hold dear. The oracle keeps to
    the latter: with `stated.waste=0` it minds what no answer ever mentions."""
    groups: dict[str, GroupConfig] = Field(default_factory=dict)
    """Groups of simulated people by name; none for one group of all."""
    drift: DriftConfig = DriftConfig()
    practice: UnitFloat = 0.0
    """Share of the questions about parts that are about the world's practice: human-level subtasks that no
    hard task uses. With 1, what people are asked about parts (E) shares nothing with hard tasks (D)."""
    heldout: UnitFloat = 0.0
    """Share of the bodies of hard tasks' subtasks that people are never asked about; the seed decides which.
    Of practice it is always a fifth."""
    undone: UnitFloat = 0.5
    """Share of the questions about parts that are against leaving the job undone, which is the zero of the
    proxy's scale; the others are about two ways to do it."""
    rationality: float = Field(default=6.0, gt=0)
    """Inverse temperature of the Boltzmann choice between two utilities that differ by at most about 2."""
    readable: PositiveInt = 24
    """Complexity (in syntax nodes, of a summary in words) up to which an option is judged at full
    rationality; beyond, it falls. No human-level part is beyond it; coarse ones and most programs are."""

    @field_validator("store")
    @classmethod
    def _placed(cls, store: str | None) -> str | None:
        return None if store is None else absolute_store(store)

    @field_validator("groups")
    @classmethod
    def _named(cls, groups: dict[str, GroupConfig]) -> dict[str, GroupConfig]:
        for name in groups:
            if not (name.isprintable() and 0 < len(name) <= _LONGEST_GROUP):
                raise ValueError(f"the name of a group has 1 to {_LONGEST_GROUP} printable characters")
        named = {unicodedata.normalize("NFC", name).strip(): group for name, group in groups.items()}
        if len(named) < len(groups):
            raise ValueError("two groups have one name, spelled in two ways")
        return named

    @field_validator("who")
    @classmethod
    def _known(cls, who: str) -> str:
        for member in panel_members(who):
            if member not in MEMBERS:
                *others, last = (f"`{each}`" for each in MEMBERS)
                there = f"{', '.join(others)}, {last} and `panel:...` of these"
                raise ValueError(f"there is {there}, not `{member}`")
        return who

    @model_validator(mode="after")
    def _played(self) -> HumanConfig:
        if ("model" in panel_members(self.who)) != (self.model is not None):
            raise ValueError(
                "`human.model` and a place for it go together: `human.who=model`, or `model` in a `panel:`"
            )
        return self


def panel_members(who: str) -> list[str]:
    """Who takes turns in answering, as `HumanConfig.who` says."""
    return [member.strip() for member in who.removeprefix("panel:").split(",")]
