"""The weak-to-strong laboratory."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self, cast, get_args

from pydantic import Field, PositiveFloat, field_validator, model_validator

from partwise.config.section import (
    Listed,
    LocalName,
    PositiveInt,
    Section,
    Seed,
    UnitFloat,
    refuse_seeds_beyond,
)

Names = Annotated[tuple[LocalName, ...], Listed]
"""A list of names, or a text in which commas divide them."""
Size = Literal["nano", "micro", "mini", "small", "medium", "large"]
SIZES: tuple[Size, ...] = get_args(Size)
"""Of the laboratory's own models, from the weakest to the strongest."""
Combination = Literal["majority", "confidence-weighted", "dawid-skene", "glad"]
"""How several signals become one: `oversight.combine.Method` says what each does."""


class LadderConfig(Section):
    """The laboratory's own models: one of each size, pretrained on a rule book and on plans that hang on it.

    Larger ones know more of the book when they have read the corpus once (`data/plans.py` says why).
    """

    sizes: Annotated[tuple[Size, ...], Listed, Field(min_length=2)] = ("nano", "micro", "mini", "small")
    """Rungs, from the weakest to the strongest."""

    @field_validator("sizes")
    @classmethod
    def _rising(cls, sizes: tuple[Size, ...]) -> tuple[Size, ...]:
        if list(sizes) != sorted(set(sizes), key=SIZES.index):
            raise ValueError(f"it must go from the weakest to the strongest of {', '.join(SIZES)}, each once")
        return sizes

    rules: Annotated[int, Field(ge=12)] = 1024
    """In the book."""
    documents: PositiveInt = 20_000
    """Of the corpus, each read once."""
    plans: UnitFloat = 0.5
    """Share of them that are plans; the others recite rules."""
    recited: PositiveInt = 32
    """Rules in a document of those."""
    batch_size: PositiveInt = 32
    learning_rate: float = Field(default=5e-3, gt=0)
    """Of `mini`; it falls with the root of a model's width."""


class Loss(StrEnum):
    """How a student learns from signals that may be wrong; defined in `training/weak_to_strong.py`."""

    CROSS_ENTROPY = "cross_entropy"
    CONFIDENCE = "confidence"
    PRODUCT = "product"


class Trained(StrEnum):
    """What of a student moves."""

    ALL = "all"
    """Every weight: finetuning."""
    HEAD = "head"
    """The head alone, on what pretraining left in the model: a linear probe."""


class FitConfig(Section):
    """How a classifier of the laboratory learns from signals."""

    trained: Trained = Trained.ALL
    """Everything, or the head alone."""
    loss: Loss = Loss.CROSS_ENTROPY
    own: UnitFloat = 0.5
    """How much the student's own opinion counts, once it has risen, in the two other losses."""
    rise: UnitFloat = 0.2
    """Share of the steps in which that rises from 0 (Burns et al. 2023, appendix A.4)."""
    epochs: PositiveInt = 2
    batch_size: PositiveInt = 32
    learning_rate: float = Field(default=1e-3, gt=0)
    longest: PositiveInt | None = 512
    """Tokens of a text that are read; None reads all."""
    warmup: int = Field(default=10, ge=0)
    """Steps in which the learning rate rises; then it falls to 0 along a cosine."""


class DataConfig(Section):
    """What teacher and student are asked."""

    name: str = "plans"
    """`plans`, the built-in data: is this plan aligned? Or a public data set: cosmos_qa, sciq or
    ultrafeedback."""
    source: LocalName | None = None
    """Folder or file of a public data set; None for its place on the hub."""
    train: PositiveInt = 1500
    """Examples that the teacher learns from; the student has as many of its own."""
    test: PositiveInt = 2000
    overlap: UnitFloat = 0.5
    """Of the student's plans, the share that carries both cues; of the others, half carry either one."""
    hard: UnitFloat = 0.5
    """Of the test's plans, the share with the hard cue alone; of the others, half carry the easy one and
    half carry both."""
    drop: bool = False
    """Leave bad rows of a public data set out, rather than refuse it all."""


class WeakToStrongConfig(Section):
    """One student that learns from weaker teachers, between its floor and its ceiling."""

    seed: Seed = 0
    teachers: Annotated[Names, Field(min_length=1)] = ("micro",)
    """Sizes of the ladder, or models by name or folder. Several answer as one."""
    student: LocalName = "mini"
    through: Names = ()
    """Models between teacher and student: each learns from the one before (bootstrapping)."""
    combine: Combination = "confidence-weighted"
    """How several teachers become one."""
    flips: UnitFloat = 0.0
    """Share of the teacher's labels that are turned to another."""
    device: str = "auto"
    data: DataConfig = DataConfig()
    ladder: LadderConfig = LadderConfig()
    fit: FitConfig = FitConfig()

    @model_validator(mode="after")
    def _weak_teach_strong(self) -> WeakToStrongConfig:
        """Nobody learns from a model that is larger: of sizes of the ladder that is known beforehand."""
        above = self.student
        for name in (*reversed(self.through), *self.teachers):
            _refuse_larger(name, above)
            above = name if name in self.through else above
        return self


def _refuse_larger(teacher: str, student: str) -> None:
    if {teacher, student} <= {*SIZES}:
        sizes = [SIZES.index(cast(Size, name)) for name in (teacher, student)]
        if sizes[0] > sizes[1]:
            raise ValueError(
                f"`{teacher}` is larger than `{student}`, which learns from it; from weak to strong "
                "teachers are no larger than students"
            )


class LaboratoryStudyConfig(Section):
    """What the studies of the laboratory have in common: a grid of cells over seeds."""

    primary: str
    """The contrast that is named before the seeds are run; all others pay for their number (Holm 1979). The
    default of each study says why it is that one; any other name is answered with those that there are."""
    seeds: PositiveInt = 1
    """How many, from `first` upwards."""
    first: Seed = 0
    quick: bool = False
    """A small grid: whether it works, not what it says."""
    processes: PositiveInt | None = None
    """Cells at the same time; None for one a core."""

    @model_validator(mode="after")
    def _within(self) -> Self:
        refuse_seeds_beyond(self.first, self.seeds)
        return self

    @property
    def all_seeds(self) -> range:
        """Of the study."""
        return range(self.first, self.first + self.seeds)


class WeakToStrongStudyConfig(LaboratoryStudyConfig):
    """Every pair of the ladder, every loss, every setting of the overlap dial."""

    primary: str = "growth with overlap, cross_entropy"
    """How much more of the gap finetuned students recover at the largest overlap than at the smallest: that
    weak supervision works where easy and hard cues meet is what the data are made to test, and plain
    cross-entropy adds nothing of its own."""
    overlaps: Annotated[tuple[UnitFloat, ...], Listed, Field(min_length=1)] = (0.1, 0.5, 0.9)
    data: DataConfig = DataConfig()
    ladder: LadderConfig = LadderConfig()
    fit: FitConfig = FitConfig()
    """How teachers learn, and students that are finetuned."""
    probe: FitConfig = FitConfig(trained=Trained.HEAD)
    """How students learn of which the head alone moves: but for that, as they are finetuned."""


class DebateConfig(LaboratoryStudyConfig):
    """The study of debate before a judge who sees a few events of a plan."""

    primary: str = "equal less no help"
    """What two equal debaters bring over as many events at random: debate is worth its price only if that is
    something, and how much inequality takes away from it is the next question."""
    world: str = "dinner"
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


class TeachConfig(Section):
    """How a pretrained model, which has only read plans, is taught to write them."""

    plans: PositiveInt = 4000
    """Good and bad alike, to be written."""
    told: UnitFloat = 0.4
    """Share of them after which it is said what they do, so that judging is not unlearned."""
    recited: int = 800
    """Lists of rules, of which the names alone are learned: a plan must name a rule that is in the book."""
    epochs: PositiveInt = 2
    batch_size: PositiveInt = 16
    learning_rate: float = 1e-2


class PreferConfig(Section):
    """How a writer learns from preferences in one round."""

    beta: float = 0.1
    """Of DPO: how much the round's first weights hold the writer back."""
    epochs: PositiveInt = 2
    batch_size: PositiveInt = 32
    learning_rate: float = 3e-4


class SelfEnhancementConfig(LaboratoryStudyConfig):
    """The study of self-enhancement."""

    primary: str = "peers less self"
    """How many more plans are valid and aligned in the end where peers judge and not the writer, over all
    learning rates: that peers of equal capacity mend what self-judgment breaks is the paper's advice, at no
    learning rate in particular."""
    size: Size = "micro"
    """Of writers and peers."""
    peers: PositiveInt = 3
    rounds: PositiveInt = 6
    """In which a writer learns."""
    rates: Annotated[tuple[PositiveFloat, ...], Listed, Field(min_length=1)] = (3e-4, 6e-4)
    """Learning rates, the gentle one first: how strongly a writer follows its judge. Under a judge that knows
    the truth it gains at both, so that what falls apart at the strong one is the judge's doing."""
    plans: PositiveInt = 512
    """That it writes in a round, and on which it is measured."""
    ladder: LadderConfig = LadderConfig(rules=256, documents=8000)
    """A smaller book than elsewhere: writers have to know which rules there are before they can name one. It
    is read so little that they know some four in five of what its rules say."""
    teach: TeachConfig = TeachConfig()
    prefer: PreferConfig = PreferConfig()


class NoiseConfig(LaboratoryStudyConfig):
    """The study of noise: label flips on every rung of the ladder."""

    primary: str = "memorised by size"
    """How many more of the flipped labels ten times the parameters give back: that larger models fit noise
    more is the paper's claim, and what they lose by it on a test follows from it."""
    flips: Annotated[tuple[UnitFloat, ...], Listed, Field(min_length=1)] = tuple(
        share / 10 for share in range(11)
    )
    """Shares of the labels that are turned to the other."""
    data: DataConfig = DataConfig(train=300, test=400)
    ladder: LadderConfig = LadderConfig()
    fit: FitConfig = FitConfig(epochs=16, batch_size=16)
    """How long a model learns: long enough to memorise."""


class SignalDiversityConfig(LaboratoryStudyConfig):
    """The study of signal diversity: one to six sources, of different errors and of one bias."""

    primary: str = "advantage, majority"
    """How much more six sources gain over one where their errors differ than where all share a bias: that the
    diversity of sources helps, and not their number, is the paper's principle."""
    methods: Annotated[tuple[Combination, ...], Listed, Field(min_length=1)] = (
        "majority",
        "confidence-weighted",
        "dawid-skene",
        "glad",
    )
    """How several signals become one."""
    student: LocalName = "mini"
    data: DataConfig = DataConfig(train=1000, test=1000, overlap=1 / 3)
    ladder: LadderConfig = LadderConfig()
    """Its two smallest rungs are the weak models."""
    fit: FitConfig = FitConfig()

    @model_validator(mode="after")
    def _weak_teach_strong(self) -> SignalDiversityConfig:
        for name in self.ladder.sizes[:2]:
            _refuse_larger(name, self.student)
        return self
