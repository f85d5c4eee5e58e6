"""The weak-to-strong laboratory."""

from __future__ import annotations

import difflib
from enum import StrEnum
from typing import Annotated, Literal, cast, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from partwise.config.places import is_local
from partwise.config.section import (
    Listed,
    LocalName,
    PositiveInt,
    Section,
    Seed,
    UnitFloat,
)

Names = Annotated[tuple[LocalName, ...], Listed]
"""A list of names, or a text in which commas divide them."""
Size = Literal["nano", "micro", "mini", "small", "medium", "large"]
SIZES: tuple[Size, ...] = get_args(Size)
"""Of the laboratory's own models, from the weakest to the strongest."""


def _rising(sizes: tuple[Size, ...]) -> tuple[Size, ...]:
    if list(sizes) != sorted(set(sizes), key=SIZES.index):
        raise ValueError(f"it must go from the weakest to the strongest of {', '.join(SIZES)}, each once")
    return sizes


Rising = Annotated[tuple[Size, ...], Listed, AfterValidator(_rising)]
"""Sizes of a ladder, each larger than the one before."""
Combination = Literal["majority", "confidence-weighted", "dawid-skene", "glad"]
"""How several signals become one: `oversight.combine.Method` says what each does."""


class LadderConfig(Section):
    """The laboratory's own models: one of each size, pretrained on a rule book and on plans that hang on it.

    Larger ones know more of the book when they have read the corpus once (`data/plans.py` says why).
    """

    sizes: Annotated[Rising, Field(min_length=2)] = ("nano", "micro", "mini", "small")
    """Rungs, from the weakest to the strongest."""

    rules: Annotated[int, Field(ge=12)] = 1024
    """In the book."""
    documents: PositiveInt = 20_000
    """Of the corpus, each read once."""
    plans: UnitFloat = 0.5
    """Share of them that are plans; the others recite rules."""
    recited: PositiveInt = 32
    """Rules in a document of those."""
    batch_size: PositiveInt = 32
    """Documents a step."""
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
    """What of signals that may be wrong is believed; see `Loss`."""
    own: UnitFloat = 0.5
    """How much the student's own opinion counts, once it has risen, in the two other losses."""
    rise: UnitFloat = 0.2
    """Share of the steps in which that rises from 0 (Burns et al. 2023, appendix A.4)."""
    epochs: PositiveInt = 2
    """Passes over the examples."""
    batch_size: PositiveInt = 32
    """Examples a step."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """At its highest."""
    longest: PositiveInt | None = 512
    """Tokens of a text that are read; None reads all."""
    warmup: int = Field(default=10, ge=0)
    """Steps in which the learning rate rises; then it falls to 0 along a cosine. It does not rise but falls
    from the start where there are no more steps than that."""


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
    """Examples with true labels on which all are measured."""
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
    """Decides everything that is drawn: data, models, the order of training."""
    teachers: Annotated[Names, Field(min_length=1)] = ("micro",)
    """Sizes of the ladder, or models by name or folder. Several answer as one."""
    student: LocalName = "mini"
    """A size of the ladder, or a model by name or folder."""
    through: Names = ()
    """Models between teacher and student: each learns from the one before (bootstrapping)."""
    combine: Combination = "confidence-weighted"
    """How several teachers become one."""
    flips: UnitFloat = 0.0
    """Share of the teacher's labels that are turned to another."""
    device: str = "auto"
    """Where the models live: a torch device, or `auto` for a GPU where there is one."""
    data: DataConfig = DataConfig()
    ladder: LadderConfig = LadderConfig()
    fit: FitConfig = FitConfig()

    @field_validator("teachers", "student", "through")
    @classmethod
    def _spelt(cls, names: str | tuple[str, ...]) -> str | tuple[str, ...]:
        """A mistyped size would be looked for on the hub, after minutes."""
        for name in (names,) if isinstance(names, str) else names:
            near = difflib.get_close_matches(name, SIZES, n=1, cutoff=0.75)
            if near and name not in SIZES and "/" not in name and not is_local(name):
                raise ValueError(
                    f"`{name}` is no size of the ladder and no folder; did you mean `{near[0]}`?"
                )
        return names

    @model_validator(mode="after")
    def _weak_teach_strong(self) -> WeakToStrongConfig:
        """Nobody learns from a model that is larger: of sizes of the ladder that is known beforehand."""
        above = self.student
        for name in (*reversed(self.through), *self.teachers):
            refuse_larger(name, above)
            above = name if name in self.through else above
        return self


def refuse_larger(teacher: str, student: str) -> None:
    """Refuse a teacher that is known to be larger than its student.

    Raises:
        ValueError: both are sizes of the ladder, and it is.
    """
    if {teacher, student} <= {*SIZES}:
        sizes = [SIZES.index(cast(Size, name)) for name in (teacher, student)]
        if sizes[0] > sizes[1]:
            raise ValueError(
                f"`{teacher}` is larger than `{student}`, which learns from it; from weak to strong "
                "teachers are no larger than students"
            )


class TeachConfig(Section):
    """How a pretrained model, which has only read plans, is taught to write them."""

    plans: PositiveInt = 4000
    """Good and bad alike, to be written."""
    told: UnitFloat = 0.4
    """Share of them after which it is said what they do, so that judging is not unlearned."""
    recited: int = 800
    """Lists of rules, of which the names alone are learned: a plan must name a rule that is in the book."""
    epochs: PositiveInt = 2
    """Passes over the plans."""
    batch_size: PositiveInt = 16
    """Plans a step."""
    learning_rate: float = 1e-2
    """At its highest."""


class PreferConfig(Section):
    """How a writer learns from preferences in one round."""

    beta: float = 0.1
    """Of DPO: how much the round's first weights hold the writer back."""
    kept: float = Field(default=0.0, ge=0)
    """Weight of the preferred texts' own likelihood beside DPO's loss, which keeps the form of what is
    written."""
    epochs: PositiveInt = 2
    """Passes over a round's preferences."""
    batch_size: PositiveInt = 32
    """Pairs a step."""
    learning_rate: float = 3e-4
    """At its highest; a study may set its own."""
