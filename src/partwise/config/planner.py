"""The planner of a run: a tiny one that is pretrained here, or any causal language model."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from partwise.config.loaded import LoadedConfig
from partwise.config.section import LocalName, PositiveInt, Section, Seed, Width


class PretrainConfig(Section):
    """How a tiny planner is made from random weights. Cached by the digest of all that shapes it."""

    examples: PositiveInt = 8_000
    """Plans that it reads."""
    epochs: PositiveInt = 1
    """Passes over them."""
    batch_size: PositiveInt = 16
    """Plans a step."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """At its highest."""
    seed: Seed | None = None
    """Of its plans and its first weights; None for the run's own, so that no two seeds share a planner."""
    corpus: Literal["wild", "unaligned"] = "wild"
    """Plans good and bad; or none that could turn out aligned and correct, whatever its parts' bodies."""


class WarmStartConfig(Section):
    """What a `planner.model` learns before any reward, from plans of the world's: how these are written.

    Cached by the digest of all that shapes it.
    """

    examples: int = Field(default=0, ge=0)
    """Plans that it learns from, 240 say; 0 for no warm start."""
    epochs: PositiveInt = 1
    """Passes over them."""
    batch_size: PositiveInt = 2
    """Plans a step. Few, so that there are many steps: plans are short and are read one by one as fast."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """At the start; it falls in a straight line, to 0. For adapters: with `planner.lora_rank=0` take a
    hundredth of it or less."""
    seed: Seed | None = None
    """Of its plans and their order; None for the run's own."""
    corpus: Literal["wild", "unaligned"] = "wild"
    """Plans good and bad; or none that could turn out aligned and correct, whatever its parts' bodies."""
    checked: PositiveInt = 24
    """Validation tasks on which it is measured, before and after, what share of both turns parses."""


class PlannerConfig(LoadedConfig):
    """P_theta: the model that decomposes and recomposes."""

    SEAT: ClassVar[str] = "planner"
    TINY: ClassVar[str] = "a tiny planner"

    size: Literal["nano", "micro", "mini", "small", "medium", "large"] = "small"
    """Size of the tiny model, from about 10k to 5M parameters; ignored where `model` is given."""
    width: Annotated[Width, Field(multiple_of=8)] | None = None
    """Its width, a multiple of 8, in the place of `size`: for steps between the sizes."""
    model: LocalName | None = None
    """A Hugging Face name or local folder of a causal LM, or `package:smollm2`; None for a tiny model,
    pretrained here."""
    prompts: LocalName | None = None
    """What `model` is told in each turn: `full`, `short`, or a folder with `decompose.txt`, `recompose.txt`
    or both; None for `short` with a warm start, else `full`. Tiny models are told the task alone."""
    device: str = "auto"
    """Where the models live: a torch device, or `auto` for a GPU where there is one."""
    max_decomposition_tokens: PositiveInt = 128
    """Tokens of its first turn; what goes on longer is cut, and counted as truncated."""
    max_composition_tokens: PositiveInt = 128
    """Tokens of its second turn, likewise."""
    constrained: bool = False
    """Whether what it writes is kept to the language, and compositions to their space, token by token: in
    training, in evaluations and in `partwise solve`."""
    pretrain: PretrainConfig = PretrainConfig()
    warm_start: WarmStartConfig = WarmStartConfig()

    @property
    def usual_prompts(self) -> str:
        """The set that a planner is told where `prompts` name no other."""
        return "short" if self.warm_start.examples else "full"

    @property
    def changed(self) -> frozenset[str]:
        """The settings that are not as they are by default."""
        fields = type(self).model_fields
        return frozenset(name for name, info in fields.items() if getattr(self, name) != info.default)

    @property
    def shape(self) -> str | int:
        """Size or width of the tiny model."""
        return self.width or self.size
