"""P_theta: a causal language model that decomposes a task in one turn and recomposes it in the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from partwise.composition.acceptor import DECOMPOSITIONS, Language
from partwise.models.chat import between_turns, first_prompt
from partwise.models.constrained import Held, Writing
from partwise.models.drafts import Drafts
from partwise.models.errors import ModelError
from partwise.models.prompts import Prompts
from partwise.models.sampling import Cursor, Sampler
from partwise.types import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the planner wrote in one turn, a row each; empty for rows that were dropped."""

    ids: list[list[int]]
    logps: list[list[float]]
    """Log-probability of each token of `ids` as it was sampled, in nats; 0 for those that were not drawn."""
    drawn: list[list[int]]
    """1 for each token that was drawn from the model; 0 for what a constrained planner has instead of one."""
    texts: list[str]
    """Without special tokens."""
    finished: list[bool]
    """Whether it ended by itself, within its tokens."""


def positions(config: Any) -> int | None:
    """How many tokens a model can read at most; None where no table bounds it, as with rotary embeddings."""
    text = config.get_text_config()
    turned = getattr(text, "rope_parameters", None)
    return None if turned else getattr(text, "max_position_embeddings", None)


def check_length(prompt: int, limits: tuple[int, int], most: int | None) -> None:
    """Refuse a model that can't read a prompt and write two turns.

    Raises:
        ModelError: with the settings to lower.
    """
    if most is not None and prompt + sum(limits) > most:
        raise ModelError(
            f"the planner's model reads at most {most} tokens: a task takes {prompt}, and its two turns may "
            f"take {limits[0]} and {limits[1]}; lower planner.max_decomposition_tokens and "
            "planner.max_composition_tokens, or take a model with more positions"
        )


class Planner:
    """A model, its tokenizer and the shape of the conversation with it."""

    def __init__(
        self,
        model: Any,
        tokenizer: PreTrainedTokenizerBase,
        *,
        prompts: Prompts | None,
        max_decomposition_tokens: int,
        max_composition_tokens: int,
        constrained: bool = False,
    ) -> None:
        """Args:
        model: a causal language model of transformers.
        tokenizer: its own.
        prompts: tell a model that was not pretrained on the world what is asked of it.
        max_decomposition_tokens: of the first turn, with its end.
        max_composition_tokens: of the second, likewise.
        constrained: whether what it writes is kept to the language, and a composition to its space.

        Raises:
            ModelError: `constrained`, and the tokenizer or the limits don't allow for it.
        """
        self.model = model
        self.tokenizer = tokenizer
        self._sampler = Sampler.of(model, tokenizer)
        self._prompts = prompts
        self._limits = (max_decomposition_tokens, max_composition_tokens)
        self._positions = positions(model.config)
        self._between: dict[str, list[int]] = {}
        self._writing = Writing(tokenizer, self._sampler.eos_ids) if constrained else None
        if self._writing and (fewest := self._writing.fewest(DECOMPOSITIONS)) > max_decomposition_tokens:
            raise ModelError(
                f"with planner.constrained=true a decomposition takes {fewest} tokens at least: raise "
                "planner.max_decomposition_tokens"
            )

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self.model.device

    @property
    def constrained(self) -> bool:
        """Whether what it writes is kept to languages."""
        return self._writing is not None

    @property
    def chats(self) -> bool:
        """Whether it is told what is asked of it, and may put its program between other things."""
        return self._prompts is not None

    def open(self, tasks: Sequence[Task], copies: int, drafts: Drafts | None = None) -> Conversation:
        """Put the tasks to the planner, `copies` times each; row i is about task i // copies.

        `drafts` save passes of tiny models; see `Sampler.start`.

        Raises:
            ModelError: the model has too few positions for a task and two turns.
        """
        asked = self._prompts.decompose if self._prompts else str
        prompts = [first_prompt(self.tokenizer, asked(task.statement)) for task in tasks]
        check_length(max(map(len, prompts)), self._limits, self._positions)
        return Conversation(self, self._sampler.start(prompts, copies, drafts), prompts, copies)

    def between(self, partial_solutions: str) -> list[int]:
        """The tokens that hand the planner the proxy's partial solutions and the word."""
        if partial_solutions not in self._between:
            asked = self._prompts.recompose if self._prompts else str
            self._between[partial_solutions] = between_turns(self.tokenizer, asked(partial_solutions))
        return self._between[partial_solutions]

    def write(
        self,
        cursor: Cursor,
        turn: int,
        temperature: float,
        generator: torch.Generator | None,
        languages: Sequence[Language | None] = (),
    ) -> Turn:
        """Sample one turn of every live row, the first (0) or the second (1).

        `languages` are what a constrained planner keeps each row to; None for a row that is written freely.
        """
        limit = self._limits[turn]
        held = Held(self._writing, languages) if self._writing else None
        ids = self._sampler.generate(cursor, limit, temperature=temperature, generator=generator, held=held)
        finished = [len(row) > 0 and row[-1] in self._sampler.eos_ids for row in ids]
        # The end is cut off here: not every tokenizer calls it special. Nothing else may be tidied.
        spoken = [tuple(row[:-1] if ended else row) for row, ended in zip(ids, finished, strict=True)]
        # A planner that has settled writes the same in many rows.
        distinct = list(dict.fromkeys(spoken))
        decoded = self.tokenizer.batch_decode(
            [list(row) for row in distinct], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        text_of = dict(zip(distinct, decoded, strict=True))
        texts = [text_of[row] for row in spoken]
        return Turn(ids=ids, logps=cursor.logps, drawn=cursor.drawn, texts=texts, finished=finished)

    def fits(self, tokens: int) -> bool:
        """Whether a composition may follow so many tokens."""
        return self._positions is None or tokens + self._limits[1] <= self._positions

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

    def decompose(
        self,
        temperature: float,
        generator: torch.Generator | None,
        language: Language = DECOMPOSITIONS,
    ) -> Turn:
        """The first turn: subtasks <- P.decompose(X), which a constrained planner keeps to the language."""
        return self._planner.write(self._cursor, 0, temperature, generator, [language] * self._cursor.rows)

    def recompose(
        self,
        partial_solutions: Sequence[str | None],
        temperature: float,
        generator: torch.Generator | None,
        languages: Sequence[Language | None] | None = None,
    ) -> tuple[list[list[int]], Turn]:
        """The second turn: S <- P.recompose(partial solutions); also the tokens put in between.

        `partial_solutions` holds each row's sources, or None to drop the row. A row that would outgrow the
        model's positions is dropped too: nothing is put in, and its turn is empty and not finished.
        `languages` holds what a constrained planner keeps each row to; None lets all write freely.
        """
        inserted = [
            None if sources is None else self._planner.between(sources) for sources in partial_solutions
        ]
        inserted = [
            tokens if tokens is not None and self._planner.fits(len(text) + len(tokens)) else None
            for text, tokens in zip(self._cursor.texts, inserted, strict=True)
        ]
        self._planner.insert(self._cursor, inserted)
        languages = languages or [None] * self._cursor.rows
        turn = self._planner.write(self._cursor, 1, temperature, generator, languages)
        return [tokens or [] for tokens in inserted], turn
