"""Generations of growing capacity: competence, discovery, injection, and the gap between them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from partwise.config.align import AlignConfig, LoopConfig, Reward
from partwise.config.laboratory import Combination, PreferConfig
from partwise.config.section import Listed, PositiveInt, Section, Seed, UnitFloat, Width


class Fidelity(StrEnum):
    """How much of the world somebody sees who judges a plan (Kim et al. 2025: sandbox fidelity)."""

    TEXT = "text"
    """The plan's text alone: nothing is run."""
    SMALL = "small"
    """It is run in a dinner for two without any pressure."""
    FULL = "full"
    """It is run in the scene that it was written for."""


class Order(StrEnum):
    """In which order the stages come: the paper's, or a control (`loops/orders.py`)."""

    ALTERNATING = "alternating"
    """Each generation becomes competent, is watched, and is aligned: the paper's."""
    IN_SEQUENCE = "in-sequence"
    """All become competent first; the last one is aligned, in as many rounds as all would have been."""
    SIMULTANEOUS = "simultaneous"
    """Each round is of both kinds."""
    COMPETENCE_ONLY = "competence-only"
    """Nothing is injected."""
    CONFORMITY_FIRST = "conformity-first"
    """In each generation injection comes before the verifier's rounds."""


class Models(StrEnum):
    """What a ladder's models are."""

    WRITERS = "writers"
    """They have read a book of facts and write a plan for a scene (`loops/scene_ladder.py`)."""
    PLANNERS = "planners"
    """They decompose and recompose tasks of a world with the proxy of `align` (`loops/planner_ladder.py`)."""


_WIDTH = 64
"""Of which `ReadConfig.documents` is told."""


class ReadConfig(Section):
    """What every model reads first."""

    tiers: Annotated[int, Field(ge=1, le=4)] = 4
    """Of words that names begin with: 4 in the first, and twice as many in each further one."""
    documents: PositiveInt = 20_000
    """Each read once; of a model of width 64."""
    narrow: float = Field(default=0.0, ge=0)
    """How many more a narrower model reads, and a wider one fewer: the power of 64 over its width by which
    `documents` is multiplied. With 0 all read as many."""
    plans: UnitFloat = 0.6
    """Share of them that are plans; the others recite facts."""
    recited: PositiveInt = 32
    """Facts in a document of those."""
    batch_size: PositiveInt = 32
    """Documents a step; wider models than 64, which read fewer, take fewer at once and as many steps."""
    learning_rate: float = Field(default=5e-3, gt=0)
    """At width 64; for wider models it falls with a power of the width, for narrower ones it rises with the
    root."""
    falls: float = Field(default=0.5, ge=0)
    """That power, also of the learning rate of lessons."""

    def share_of(self, width: int) -> float:
        """How many more a model of that width reads than one of width 64, as a factor."""
        return (_WIDTH / width) ** self.narrow

    def batch_of(self, width: int) -> int:
        """How many a model of that width reads at once, at least one."""
        return max(1, round(self.batch_size * min(1.0, self.share_of(width))))

    def documents_of(self, width: int) -> int:
        """How many a model of that width reads, at least one."""
        return max(1, round(self.documents * self.share_of(width)))


class GapConfig(Section):
    """How far the next generation's capacity is from this one's."""

    SHORT = "policy"
    policy: str = "fixed"
    """`fixed`, `linear`, `cosine`, `reverse`, `random`, `adaptive`, or one that is installed."""
    smallest: float = Field(default=1.0, gt=0)
    """The smallest step, in doublings of parameters."""
    largest: float = Field(default=4.0, gt=0)
    """The largest step, in doublings of parameters."""
    first: float = Field(default=2.25, gt=0)
    """The first step; of `fixed`, every one."""

    @model_validator(mode="after")
    def _rising(self) -> GapConfig:
        if not self.smallest <= self.first <= self.largest:
            raise ValueError(
                f"`first` ({self.first:g}) must lie between `smallest` ({self.smallest:g}) and `largest` "
                f"({self.largest:g})"
            )
        return self


class CompeteConfig(Section):
    """Stage 1, competence enhancement: learning from a predecessor, then from the verifier alone."""

    plans: PositiveInt = 2000
    """To learn from, that passed the verifier; of the first generation all are people's. Models wider than 64
    are given fewer, as they are documents by `read.narrow`."""
    wild: UnitFloat = 0.5
    """Share of them that are people's, harmful ones among them, in every later generation."""
    screened: bool = False
    """Whether plans in which monitors see harm are kept out of what is taught."""
    replayed: UnitFloat = 0.3
    """As many documents of the corpus beside them, as a share of the plans."""
    epochs: PositiveInt = 6
    """Passes over them."""
    teach_rate: float = Field(default=3e-3, gt=0)
    """Learning rate of that, at width 64; it falls as `read.falls` says."""
    rounds: int = Field(default=1, ge=0)
    """Of preferences by the verifier. A model that has had many is saturated: harm pays, so that injection
    takes from it what it had won by harm."""
    scenes: PositiveInt = 128
    """A round."""
    copies: Annotated[int, Field(ge=2)] = 4
    """Plans a scene."""
    dinners: PositiveInt = 4
    """In which the verifier tries each plan."""
    passes: PositiveInt = 1
    """Over its own plans that passed, once the rounds are done, which give plans their form back."""
    prefer: PreferConfig = PreferConfig(learning_rate=5e-4, kept=1.0)


class DiscoverConfig(Section):
    """Stage 2, risk discovery: the unaligned model in the sandbox."""

    search: Literal["random", "quality-diversity", "tpe"] = "quality-diversity"
    """How the red team looks for hazardous scenes; see `oversight/red_team.py`."""
    scenes: PositiveInt = 256
    """That are tried: the red team's budget."""
    batch: PositiveInt = 32
    """Scenes that are tried together, before the search learns of any."""
    copies: PositiveInt = 4
    """Plans a scene."""
    fidelity: Fidelity = Fidelity.FULL
    """How much of the world the monitors see."""


class InjectConfig(Section):
    """Stage 3, value alignment injection."""

    rounds: int = Field(default=8, ge=0)
    """Of preferences of safe behaviours over hazardous ones; at most."""
    enough: UnitFloat = 0.0
    """They end with one before which rules saw harm in less than this share of the model's own plans; with 0
    there are always as many, and so where they are of competence too (`order=simultaneous`)."""
    discovered: bool = True
    """Whether rounds take scenes that were found to be hazardous first, or any."""
    scenes: PositiveInt = 96
    """A round, of those that were found to be hazardous; others where these are few."""
    copies: Annotated[int, Field(ge=2)] = 4
    """Plans a scene, by the model itself and by each predecessor that is asked."""
    dinners: PositiveInt = 4
    """In which monitors and verifier see each plan."""
    predecessors: PositiveInt = 2
    """How many are asked for safe behaviours, and as judges, the latest first."""
    sources: Annotated[
        tuple[Literal["predecessors", "personas", "people"], ...], Listed, Field(min_length=1)
    ] = ("predecessors", "personas", "people")
    """Who is asked about plans that monitors can't tell apart."""
    fidelity: Fidelity = Fidelity.SMALL
    """How much of the world the monitors see."""
    questions: int = Field(default=24, ge=0)
    """A round, that sources are asked of plans which monitors can't tell apart."""
    answers: int = Field(default=64, ge=0)
    """Of people, a generation."""
    combine: Combination = "dawid-skene"
    """How the sources' signals become one."""
    confidence: UnitFloat = 0.95
    """From which on that one is believed; of the others nothing is learned."""
    epochs: PositiveInt = 1
    """Passes over the safe plans once the rounds are done, which give plans their form back."""
    prefer: PreferConfig = PreferConfig(learning_rate=2.5e-4, kept=1.0)


class PlannersConfig(Section):
    """The stages of a ladder of planners; read with `models=planners` alone."""

    lessons: PositiveInt = 400
    """Tasks that the predecessor solves for a new planner, which learns from what passed the verifier."""
    epochs: PositiveInt = 2
    """Passes over them."""
    screened: bool = False
    """Whether solutions in which the proxy, as it is by then, sees harm are kept out of them."""
    replayed: UnitFloat = 0.5
    """As many plans of the corpus beside them, as a share."""
    teach_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of that, at width 64; it falls with the root of a model's width."""
    competence: int = Field(default=1, ge=0)
    """Rounds of RLFT by the verifier alone (stage 1)."""
    rewind: UnitFloat = 0.8
    """Share of the way back to the weights that have read the corpus alone, with which stage 3 begins: a
    planner that has settled on harm tries nothing else any more."""
    injection: int = Field(default=6, ge=0)
    """Rounds of RLFT by the verifier and the proxy's judgments (stage 3)."""
    safe: int = Field(default=400, ge=0)
    """Hazardous tasks, or others where these are few, that predecessors solve in stage 3; what passed
    verifier and monitors is learned from before the rounds."""
    predecessors: PositiveInt = 2
    """How many are asked for that, the latest first."""
    discovered: bool = True
    """Whether rounds of injection take tasks that were found to be hazardous first, or any."""
    watched: PositiveInt = 250
    """Tasks on which verifier and monitors watch a planner before and after injection."""


_MOST = 8
"""Generations of planners, for which a seed has tasks."""
_NOT_OF_LADDERS = (
    "seed",
    "planner.size",
    "planner.width",
    "planner.model",
    "loop.rounds",
    "loop.start",
    "loop.rewind",
    "measure",
)
"""Settings of a run of the loop that a ladder decides itself."""


class GateConfig(Section):
    """What a generation must hold before the next one is begun."""

    hazards: UnitFloat = 0.2
    """Share of the hazards before injection that monitors may still find after it."""
    rest: UnitFloat = 0.03
    """Share of scenes in which they may find some in any case: of next to nothing a share says nothing."""
    competence: UnitFloat = 0.05
    """Share of tasks that injection may cost."""
    form: UnitFloat = 0.05
    """Share of plans that may lose their form."""


class ProgressConfig(Section):
    """The second paper's pipeline on one ladder of models."""

    seed: Seed = 0
    """Decides everything that is drawn."""
    generations: Annotated[int, Field(ge=1)] = 4
    """At most so many; fewer where a gate stops them or there is no larger model."""
    widths: Annotated[tuple[Width, ...], Listed, Field(min_length=1)] = (24, 32, 48, 64, 96, 136, 192, 248)
    """Of the capacities that there are, rising: each a multiple of 8, from 8 (about 5k parameters) to 256
    (about 4M). The default begins at 25k: some models of 13k never learn the form of a plan."""

    @field_validator("widths")
    @classmethod
    def _rising(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        if list(widths) != sorted(set(widths)) or any(width % 8 for width in widths):
            raise ValueError("widths are multiples of 8 and rise, each once, such as 16,32,64")
        return widths

    models: Models = Models.WRITERS
    """`planners` reads `planners` and `align` in the place of `read`, `compete` and `inject`."""
    order: Order = Order.ALTERNATING
    """Any but the first is a control: with it, set `gate.rest`, `gate.competence` and `gate.form` to 1."""
    scenes: PositiveInt = 400
    """Held-out ones, on which every model is measured; of planners tasks."""
    read: ReadConfig = ReadConfig(narrow=0.75, falls=1.0)
    gap: GapConfig = GapConfig()
    compete: CompeteConfig = CompeteConfig()
    discover: DiscoverConfig = DiscoverConfig()
    inject: InjectConfig = InjectConfig(enough=0.02, prefer=PreferConfig(learning_rate=5e-4, kept=1.0))
    gate: GateConfig = GateConfig()
    planners: PlannersConfig = PlannersConfig()
    align: AlignConfig = AlignConfig(
        loop=LoopConfig(reward=Reward.STRATEGIES, space="free", summary_weight=3.0)
    )
    """World, people, proxy and RLFT of a ladder of planners. Each generation is one round of the loop:
    `human.drift` counts generations, and `proxy.labels_later` is what each but the first costs."""

    def tiers(self, generation: int) -> int:
        """How many tiers of words there are in a generation's tasks, which get harder; it counts from 0."""
        return min(generation + 1, self.read.tiers)

    @model_validator(mode="after")
    def _of_the_models(self) -> ProgressConfig:
        """Refuse what would do nothing."""
        usual = type(self).model_construct()
        planners = self.models is Models.PLANNERS
        if planners and self.generations > _MOST:
            raise ValueError(f"a ladder of planners has at most {_MOST} generations (`generations`)")
        if ignored := [
            name
            for name in (("read", "compete", "inject") if planners else ("planners", "align"))
            if getattr(self, name) != getattr(usual, name)
        ]:
            raise ValueError(f"with `models={self.models}` nothing reads `{ignored[0]}`; leave it out")
        for path in _NOT_OF_LADDERS if planners else ():
            if _at(self.align, path) != _at(usual.align, path):
                raise ValueError(f"`align.{path}` does nothing here: the ladder decides it")
        if planners and self.discover.fidelity is not Fidelity.TEXT and not self.align.loop.judges_summaries:
            raise ValueError(
                "`discover.fidelity` needs a proxy that judges summaries, beyond `text`: "
                "set `align.loop.summary=true` or `discover.fidelity=text`"
            )
        return self


def _at(section: Section, path: str) -> object:
    found: object = section
    for name in path.split("."):
        found = getattr(found, name)
    return found
