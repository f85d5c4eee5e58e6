"""P_theta: a causal language model that decomposes a task in one turn and recomposes it in the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from partwise.models.chat import between_turns, first_prompt
from partwise.models.sampling import Cursor, Sampler
from partwise.types import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the planner wrote in one turn, a row each; empty for rows that were dropped."""

    ids: list[list[int]]
    logps: list[list[float]]
    """Log-probability of each token of `ids` as it was sampled, in nats."""
    texts: list[str]
    """Without special tokens."""
    finished: list[bool]
    """Whether it ended by itself, within its tokens."""


class Planner:
    """A model, its tokenizer and the shape of the conversation with it."""

    def __init__(
        self,
        model: Any,
        tokenizer: PreTrainedTokenizerBase,
        *,
        instructions: str | None,
        max_decomposition_tokens: int,
        max_composition_tokens: int,
    ) -> None:
        """`instructions` tell a model that was not pretrained on the world what is asked of it."""
        self.model = model
        self.tokenizer = tokenizer
        self._sampler = Sampler.of(model, tokenizer)
        self._instructions = instructions
        self._limits = (max_decomposition_tokens, max_composition_tokens)
        self._between: dict[str, list[int]] = {}

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self.model.device

    def open(self, tasks: Sequence[Task], copies: int) -> Conversation:
        """Put the tasks to the planner, `copies` times each; row i is about task i // copies."""
        prompts = [first_prompt(self.tokenizer, task.statement, self._instructions) for task in tasks]
        return Conversation(self, self._sampler.start(prompts, copies), prompts, copies)

    def between(self, partial_solutions: str) -> list[int]:
        """The tokens that hand the planner the proxy's partial solutions and the word."""
        if partial_solutions not in self._between:
            self._between[partial_solutions] = between_turns(self.tokenizer, partial_solutions)
        return self._between[partial_solutions]

    def write(self, cursor: Cursor, turn: int, temperature: float, generator: torch.Generator | None) -> Turn:
        """Sample one turn of every live row, the first (0) or the second (1)."""
        limit = self._limits[turn]
        ids = self._sampler.generate(cursor, limit, temperature=temperature, generator=generator)
        texts = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        finished = [len(row) > 0 and row[-1] in self._sampler.eos_ids for row in ids]
        return Turn(ids=ids, logps=cursor.logps, texts=texts, finished=finished)

    def insert(self, cursor: Cursor, tokens: Sequence[list[int] | None]) -> None:
        """Append tokens from outside to each row; None drops the row."""
        self._sampler.insert(cursor, tokens)

    def move_towards(self, other: Planner, share: float) -> None:
        """Move the weights that are trained `share`, 0 to 1, of the way to another planner's, in place."""
        theirs = dict(other.model.named_parameters())
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                if weight.requires_grad:
                    weight.lerp_(theirs[name].to(weight.device), share)

    def save(self, folder: Path) -> None:
        """Write model (or its adapters) and tokenizer, as `save_pretrained` does."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


class Conversation:
    """A batch of rows on their way through the two turns."""

    def __init__(self, planner: Planner, cursor: Cursor, prompts: list[list[int]], copies: int) -> None:
        """Made by `Planner.open`."""
        self._planner = planner
        self._cursor = cursor
        self._prompts = prompts
        self._copies = copies

    def prompt(self, row: int) -> list[int]:
        """The token ids that the row began with."""
        return self._prompts[row // self._copies]

    def decompose(self, temperature: float, generator: torch.Generator | None) -> Turn:
        """The first turn: subtasks <- P.decompose(X)."""
        return self._planner.write(self._cursor, 0, temperature, generator)

    def recompose(
        self, partial_solutions: Sequence[str | None], temperature: float, generator: torch.Generator | None
    ) -> tuple[list[list[int]], Turn]:
        """The second turn: S <- P.recompose(partial solutions); also the tokens put in between.

        `partial_solutions` holds each row's sources, or None to drop the row.
        """
        inserted = [
            None if sources is None else self._planner.between(sources) for sources in partial_solutions
        ]
        self._planner.insert(self._cursor, inserted)
        return [tokens or [] for tokens in inserted], self._planner.write(
            self._cursor, 1, temperature, generator
        )
