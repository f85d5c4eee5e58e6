"""A writer of bodies that learns from people: a tiny one that is pretrained here, or any model."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from partwise.config.laboratory import PreferConfig
from partwise.config.loaded import LoadedConfig
from partwise.config.section import LocalName, PositiveInt, Section, UnitFloat


class WriterStartConfig(Section):
    """What a writer's `model` learns before any answer, from functions of the world's: how they are written.

    They are good and bad, so that it is the language and no values. Cached by the digest of all that shapes
    it.
    """

    examples: int = Field(default=0, ge=0)
    """Functions that it learns from, 240 say; 0 for no warm start."""
    epochs: PositiveInt = 1
    """Passes over them."""
    batch_size: PositiveInt = 4
    """Functions a step."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """At the start; it falls in a straight line, to 0. For adapters: with `proxy.writer.lora_rank=0` take a
    hundredth of it or less."""
    checked: PositiveInt = 2
    """Answers to each of the catalogue's subtasks by which it is measured, before and after, what share are
    programs."""


class WriterConfig(LoadedConfig):
    """A writer of bodies that learns from people; read with `proxy.solver=writer` alone."""

    SEAT: ClassVar[str] = "proxy.writer"
    TINY: ClassVar[str] = "a tiny writer"

    model: LocalName | None = None
    """A Hugging Face name or local folder of a causal LM, or `package:smollm2`, which then learns to write;
    None for a tiny model, pretrained here."""
    prompts: LocalName | None = None
    """What `model` is told: `full`, `short`, or a folder with `solve.txt`; None for `short` with a warm
    start, else `full`. A tiny model is given docstring and `def` line alone."""
    warm_start: WriterStartConfig = WriterStartConfig()
    size: Literal["nano", "micro", "mini", "small", "medium", "large"] = "mini"
    """Size of a tiny model's network; ignored where `model` is given."""
    documents: PositiveInt = 12_000
    """Functions that a tiny model reads, once each: a world's, good and bad, and those of its catalogues."""
    catalogue: UnitFloat = 0.3
    """Share of the functions, in pretraining or in a warm start, that are the catalogues'."""
    heldout: UnitFloat = 0.25
    """Share of the subtasks of hard tasks whose bodies it never reads nor learns from, so that it has to put
    bodies together."""
    batch_size: PositiveInt = 32
    """Functions a step of a tiny model's pretraining."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Of a tiny model's pretraining, at width 64; it falls with the root of a model's width."""
    longest: PositiveInt = 96
    """Tokens that a body may take; what goes on longer is cut, and no program."""
    copies: PositiveInt = 16
    """Bodies that it writes for a subtask, of which the proxy takes the one that people would like best."""
    learns: Literal["answers", "judged", "both"] = "both"
    """From which preferences it learns, whenever the judge has learned: from people's answers about two
    bodies; from those that the judge has among what it writes itself for the same subtasks; or from both."""
    prefer: PreferConfig = PreferConfig(learning_rate=3e-4, kept=1.0)
    """How it learns from preferences."""

    @model_validator(mode="after")
    def _told(self) -> WriterConfig:
        if self.model is None and self.warm_start.examples:
            raise ValueError(
                "`proxy.writer.warm_start` is for a `proxy.writer.model`: a tiny writer learns from such "
                "functions already, as many as `proxy.writer.documents`"
            )
        if self.model is None and self.prompts is not None:
            raise ValueError(
                "`proxy.writer.prompts` are for a `proxy.writer.model`: a tiny writer is given docstring and "
                "`def` line alone"
            )
        return self

    @property
    def usual_prompts(self) -> str:
        """The set that `model` is told where `prompts` name no other."""
        return "short" if self.warm_start.examples else "full"
