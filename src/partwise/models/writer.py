"""A causal language model that writes one text to a prompt: a plan, or the body of a function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from partwise.models.hub import load_causal_lm
from partwise.models.sampling import Sampler

LONGEST = 96
"""Tokens that a text may take; plans of the laboratory take 40 to 60."""
_BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a writer wrote to a prompt."""

    prompt: str
    ids: tuple[int, ...]
    """Its tokens, without the one that ends them."""
    text: str
    ended: bool
    """Whether it came to an end within `LONGEST` tokens."""


class Writer:
    """A model that writes when it is asked."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer

    @classmethod
    def load(cls, folder: Path) -> Writer:
        """A writer that was saved, on the CPU.

        Raises:
            ModelError: the folder is incomplete or corrupt.
        """
        return cls(*load_causal_lm(folder, lora_rank=0, device="cpu"))

    def save(self, folder: Path) -> None:
        """As transformers saves it; `load` opens it."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def prompt(self, asked: str) -> str:
        """What the model reads before it writes."""
        turns = [{"role": "user", "content": asked}]
        return cast(
            str, self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        )

    def write(self, prompts: Sequence[str], *, seed: int) -> list[Written]:
        """One sample at temperature 1 for each prompt."""
        sampler = Sampler.of(self.model, self.tokenizer)
        cursor = sampler.start([self.tokenizer(self.prompt(asked))["input_ids"] for asked in prompts])
        sampled = sampler.generate(
            cursor, LONGEST, temperature=1.0, generator=torch.Generator().manual_seed(seed)
        )
        return [
            self._written(asked, ids, ids[-1] in sampler.eos_ids)
            for asked, ids in zip(prompts, sampled, strict=True)
        ]

    def surprisal(self, written: Sequence[Written]) -> list[float]:
        """-log p of each text given its prompt, in nats, its end included.

        Over samples of the writer as it is, the mean is an unbiased estimate of its entropy.
        """
        end: int = self.tokenizer.eos_token_id
        found: list[float] = []
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(written), _BATCH):
                chunk = written[start : start + _BATCH]
                prompts = [self.tokenizer(self.prompt(one.prompt))["input_ids"] for one in chunk]
                texts = [[*one.ids, end] if one.ended else [*one.ids] for one in chunk]
                batch = self.tokenizer.pad(
                    {"input_ids": [a + b for a, b in zip(prompts, texts, strict=True)]},
                    padding_side="right",
                    return_tensors="pt",
                )
                logits_BTV = self.model(**batch, use_cache=False).logits[:, :-1].float()
                said_BT = -logits_BTV.log_softmax(-1).gather(-1, batch["input_ids"][:, 1:, None])[..., 0]
                for row, asked, text in zip(said_BT, prompts, texts, strict=True):
                    found.append(float(row[len(asked) - 1 : len(asked) + len(text) - 1].sum()))
        return found

    def _written(self, asked: str, ids: list[int], ended: bool) -> Written:
        kept = ids[:-1] if ended else ids
        text = self.tokenizer.decode(kept, skip_special_tokens=False)
        return Written(prompt=asked, ids=tuple(kept), text=text, ended=ended)
