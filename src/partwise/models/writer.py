"""A causal language model that writes one text to a prompt: a plan, or the body of a function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from partwise.models.chat import first_prompt
from partwise.models.hub import load_causal_lm
from partwise.models.planner import positions
from partwise.models.sampling import Sampler

LONGEST = 96
"""Tokens that a text may take where nothing else is said; plans of the laboratory take 40 to 60."""
_BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a writer wrote to a prompt."""

    prompt: str
    ids: tuple[int, ...]
    """Its tokens, without the one that ends them."""
    text: str
    ended: bool
    """Whether it came to an end within its tokens."""


class Writer:
    """A model that writes when it is asked."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer
        # Once: a trainer strikes out the ends that the model's settings name beside the tokenizer's, and a
        # writer that is opened anew has them again.
        self._sampler = Sampler.of(model, tokenizer)

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        lora_rank: int = 0,
        device: str = "cpu",
        dtype: str = "auto",
        attention: str = "auto",
        checkpointing: bool = False,
    ) -> Writer:
        """A writer that was saved, or any causal language model.

        Args:
            source: a folder, or a name: see `load_causal_lm`.
            lora_rank: of new adapters, which alone are then trained; 0 for none. Not read where the folder
                holds adapters.
            device: a torch device, or `auto`.
            dtype: as in `load_causal_lm`, and so are the others.
            attention: how attention is computed.
            checkpointing: whether training computes activations anew.

        Raises:
            ModelError: it can't be loaded; a folder is incomplete or corrupt.
        """
        return cls(
            *load_causal_lm(
                source,
                lora_rank=lora_rank,
                device=device,
                dtype=dtype,
                attention=attention,
                checkpointing=checkpointing,
            )
        )

    def save(self, folder: Path) -> None:
        """As transformers saves it, or its adapters alone; `load` opens it."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def prompt(self, asked: str) -> str:
        """What the model reads before it writes."""
        turns = [{"role": "user", "content": asked}]
        return cast(
            str, self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        )

    def ids(self, asked: str) -> list[int]:
        """The same in tokens."""
        return first_prompt(self.tokenizer, asked)

    def has_room(self, tokens: int) -> bool:
        """Whether the model has positions for so many tokens."""
        most = positions(self.model.config)
        return most is None or tokens <= most

    def write(
        self, prompts: Sequence[str], *, seed: int, copies: int = 1, longest: int = LONGEST
    ) -> list[Written]:
        """Samples at temperature 1 for each prompt, in order.

        Args:
            prompts: what is asked; each is read once.
            seed: decides what is drawn.
            copies: samples for a prompt.
            longest: tokens of one, its end among them.
        """
        cursor = self._sampler.start([self.ids(asked) for asked in prompts], copies)
        generator = torch.Generator().manual_seed(seed)
        sampled = self._sampler.generate(cursor, longest, temperature=1.0, generator=generator)
        each = [asked for asked in prompts for _ in range(copies)]
        return [
            self._written(asked, ids, ids[-1] in self._sampler.eos_ids)
            for asked, ids in zip(each, sampled, strict=True)
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
                prompts = [self.ids(one.prompt) for one in chunk]
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
        # Nothing is tidied: some tokenizers would take away blanks before commas, as in prose.
        text = self.tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return Written(prompt=asked, ids=tuple(kept), text=text, ended=ended)
