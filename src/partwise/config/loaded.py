"""How a pretrained model is held in memory: the same settings in every seat whose model is trained."""

from __future__ import annotations

from typing import ClassVar, Literal, TypedDict

from pydantic import Field, model_validator

from partwise.config.section import LocalName, Section


class Held(TypedDict):
    """What whoever opens a model is told of it; see `models.hub.load_causal_lm`."""

    dtype: str
    attention: str
    checkpointing: bool


class LoadedConfig(Section):
    """A pretrained model that is trained, by adapters or whole."""

    SEAT: ClassVar[str]
    """The group's name in settings."""
    TINY: ClassVar[str]
    """What stands in the seat without a model."""

    model: LocalName | None = None
    """A Hugging Face name or local folder, or `package:smollm2`; None for a tiny one."""
    lora_rank: int = Field(default=16, ge=0)
    """Rank of the LoRA adapters that train `model`; 0 trains all weights. Tiny models train all weights."""
    dtype: Literal["auto", "float32", "bfloat16", "nf4"] = "auto"
    """Precision of the weights of `model`; adapters and scoring heads are float32 in any. `auto`: the one
    that it was saved in where adapters are trained on a GPU, else float32. `nf4`: the linear layers in four
    bits, as in QLoRA (Dettmers et al. 2023). All weights are trained in float32 alone."""
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    """How `model` computes attention, as transformers names it; `auto` leaves that to transformers."""
    checkpointing: bool = False
    """Whether training computes activations of `model` a second time instead of keeping them: a third more
    work for a fraction of the memory, and the same gradients."""

    @model_validator(mode="after")
    def _of_a_model(self) -> LoadedConfig:
        if self.dtype in ("bfloat16", "nf4") and not self.lora_rank:
            raise ValueError(
                f"`{self.SEAT}.dtype={self.dtype}` needs adapters (`{self.SEAT}.lora_rank` above 0): trained "
                f"in {self.dtype}, weights would lose the steps of a usual learning rate"
            )
        for name in Held.__annotations__ if self.model is None else ():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(
                    f"`{self.SEAT}.{name}` is for a `{self.SEAT}.model`: {self.TINY} needs none of it"
                )
        return self

    @property
    def held(self) -> Held:
        """How the model is opened."""
        return Held(dtype=self.dtype, attention=self.attention, checkpointing=self.checkpointing)
