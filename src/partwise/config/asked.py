"""Language models that are asked and not trained: how, and what that may cost."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from partwise.config.section import LocalName, PositiveInt, Section


class PriceConfig(Section):
    """What a provider takes, as its price list says; for `max_dollars` alone."""

    read: float = Field(default=0.0, ge=0)
    """Dollars for a million tokens that are read."""
    written: float = Field(default=0.0, ge=0)
    """Dollars for a million tokens that are written, those of thinking included."""


class ChatConfig(Section):
    """How a language model is asked, and what that may cost."""

    prompts: LocalName | None = None
    """What it is told: `full`, `short`, or a folder with `solve.txt`, `judge.txt` or `compare.txt`; None for
    `full`."""
    longest: PositiveInt = 512
    """Tokens that an answer may take, thinking included; what goes on longer is cut."""
    base_url: str | None = None
    """Of a provider's server; None for the provider's own, or what its environment variable says."""
    concurrency: PositiveInt = 16
    """Requests to a provider at a time."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds that a provider may take for an answer before it is asked again."""
    patience: float = Field(default=10.0, gt=0)
    """Minutes for which an answer is tried again, whether the provider is busy, broken or silent or what it
    says is no answer; then the run stops, to be resumed."""
    max_tokens: PositiveInt | None = None
    """Tokens of a provider's that one start of a run may take, read and written; then it stops. Resumed, it
    goes on from what it heard, with as many again."""
    max_dollars: float | None = Field(default=None, gt=0)
    """Likewise in dollars, by `price`."""
    price: PriceConfig = PriceConfig()

    @field_validator("base_url")
    @classmethod
    def _plain(cls, address: str | None) -> str | None:
        if address is not None:
            parts = urlsplit(address)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("it is an address such as http://localhost:8000/v1")
            if parts.username or parts.password or parts.query:
                raise ValueError(
                    "keys do not stand in settings: the provider's environment variable holds them"
                )
        return address

    @model_validator(mode="after")
    def _priced(self) -> ChatConfig:
        if self.max_dollars is not None and not (self.price.read or self.price.written):
            raise ValueError(
                "`max_dollars` needs `price.read` and `price.written`, in dollars for a million tokens"
            )
        return self


class AskedConfig(ChatConfig):
    """How `proxy.model` is asked; read where there is one."""

    copies: PositiveInt = 4
    """Bodies that it writes for a subtask, with `proxy.solver=model`; the one judged best is taken."""
    temperature: float = Field(default=1.0, ge=0)
    """Of sampling bodies."""
    by: Literal["logits", "text"] = "logits"
    """How its word is taken: by the probabilities of yes and no where they can be had, which is of models
    that run here, and else by what it writes; or by what it writes always, as thinking models need."""
    samples: PositiveInt = 1
    """Words that are taken of each text where they are written: one at temperature 0, or more at 1, whose
    share of yes counts."""
