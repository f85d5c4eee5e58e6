"""Sampling in turns: read each prompt once, write, be interrupted by tokens from outside, write on.

`Sampler` is the one interface. It runs tiny models on `fast.FastContext`, other causal language models on
`generic.CachedContext`, those whose cache can't be cut by rows on `generic.ReplayContext`, and those
that bear no cache or padding on `generic.WholeContext`. The choice is made in `Sampler.start` alone.

Suffixes: B rows still being written, R all rows, S steps, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from partwise.models.architectures import READ_ANEW, READ_WHOLE
from partwise.models.chat import end_ids
from partwise.models.fast import FastContext, FastWeights, is_supported
from partwise.models.generic import CachedContext, ReplayContext, WholeContext, cuts_by_rows


class Context(Protocol):
    """What rows have read. The batch is the rows last selected, at first all of them."""

    first_logits_RV: Tensor
    """The logits after each row's prompt."""

    def select(self, rows: Sequence[int]) -> list[int]:
        """Make exactly `rows` the batch; returns them in the batch's order."""
        ...

    def extend(self, chunks: Sequence[Sequence[int]]) -> Tensor:
        """Read at least one token in each row of the batch; returns the logits after the last, logits_BV."""
        ...

    def step(self, tokens_B: Tensor) -> Tensor:
        """Read one token in each row of the batch; returns logits_BV."""
        ...


class Cursor:
    """Where a batch of rows stands. Made by `Sampler.start`; it holds their caches until it is let go."""

    def __init__(self, context: Context) -> None:
        """At the end of the prompts."""
        self.context = context
        self.rows = len(context.first_logits_RV)
        """Rows in all, dropped ones too: a row keeps its number."""
        self.live = list(range(self.rows))
        """Rows that are still written."""
        self.unread: list[list[int]] = [[] for _ in range(self.rows)]
        """Tokens of each row that the model has not read yet."""
        self.logps: list[list[float]] = [[] for _ in range(self.rows)]
        """Log-probability of each token of the turn last written, in nats, at the temperature of sampling."""


class Sampler:
    """Samples token ids from a causal language model, in as many turns as one likes."""

    def __init__(
        self, model: Any, *, eos_ids: Collection[int], pad_id: int, fast: bool | None = None
    ) -> None:
        """Args:
        model: a causal language model of transformers, with or without adapters.
        eos_ids: tokens that end a turn.
        pad_id: any token; it is masked wherever it stands.
        fast: whether to take the forward pass of `fast.py`; None for where it can be taken.

        Raises:
            ValueError: `fast` is True and the model is none that `fast.py` computes.
        """
        if fast and not is_supported(model):
            raise ValueError("the fast path computes tiny Llama and Qwen2 models in float32, not this one")
        self._model = model
        self.eos_ids = frozenset(eos_ids)
        self._pad_id = pad_id
        self._fast = fast

    @classmethod
    def of(cls, model: Any, tokenizer: PreTrainedTokenizerBase) -> Sampler:
        """A sampler that ends turns where the chat template does, and where the tokenizer or the model's
        generation settings say so.
        """
        ends = getattr(model.generation_config, "eos_token_id", None)
        named = ends if isinstance(ends, list) else [ends]
        pad_id: Any = tokenizer.pad_token_id
        eos_ids = {token for token in named if token is not None} | end_ids(tokenizer)
        return cls(model, eos_ids=eos_ids, pad_id=0 if pad_id is None else pad_id)

    def start(self, prompts: Sequence[Sequence[int]], copies: int = 1) -> Cursor:
        """Read the prompts, each once, and lay out `copies` rows of each: row i continues prompt i // copies.

        The model's weights are read as they are now. Change them, and the cursor is stale: start anew.

        Raises:
            ValueError: no prompt, an empty one, or no copy.
        """
        if not prompts or not all(prompts) or copies < 1:
            raise ValueError("a sampler needs at least one prompt, none of them empty, and one copy of each")
        with _evaluating(self._model):
            if self._fast or (self._fast is None and is_supported(self._model)):
                return Cursor(FastContext(FastWeights(self._model), prompts, copies))
            kind = self._model.config.model_type
            if kind in READ_WHOLE:
                context = WholeContext
            else:
                cut = kind not in READ_ANEW and cuts_by_rows(self._model)
                context = CachedContext if cut else ReplayContext
            return Cursor(context(self._model, prompts, copies, self._pad_id))

    def insert(self, cursor: Cursor, tokens: Sequence[Sequence[int] | None]) -> None:
        """Append tokens from outside to each row, to be read when it is next written.

        Args:
            cursor: changed in place.
            tokens: a list for each of `cursor.rows` rows; None drops the row for good.

        Raises:
            ValueError: there are more or fewer lists than rows.
        """
        if len(tokens) != cursor.rows:
            raise ValueError(f"{cursor.rows} rows need {cursor.rows} lists of tokens, not {len(tokens)}")
        cursor.live = [row for row in cursor.live if tokens[row] is not None]
        for row in cursor.live:
            cursor.unread[row].extend(tokens[row] or ())

    def generate(
        self,
        cursor: Cursor,
        max_new_tokens: int,
        *,
        temperature: float,
        generator: torch.Generator | None = None,
    ) -> list[list[int]]:
        """Write each live row until it ends its turn or `max_new_tokens` are written.

        A row's draws depend on the generator and its number alone, not on when the others end.

        Args:
            cursor: changed in place; the next turn goes on from there.
            max_new_tokens: per row, at least 1.
            temperature: of the softmax; 0 takes the likeliest token.
            generator: on the CPU; None for the global one.

        Returns:
            The new tokens of each row, with the ending one where it ended; none for a dropped row.
        """
        if max_new_tokens < 1 or temperature < 0:
            raise ValueError("max_new_tokens must be at least 1 and temperature at least 0")
        written: list[list[int]] = [[] for _ in range(cursor.rows)]
        cursor.logps = [[] for _ in range(cursor.rows)]
        if not cursor.live:
            return written
        draws_SR = torch.rand(max_new_tokens, cursor.rows, generator=generator, dtype=torch.float64)
        with _evaluating(self._model):
            order, logits_BV = _read(cursor)
            for draws_R in draws_SR:
                tokens_B, logps_B = _pick(logits_BV, temperature, draws_R[order])
                picked = zip(order, tokens_B.tolist(), logps_B.tolist(), strict=True)
                going = []
                for slot, (row, token, logp) in enumerate(picked):
                    written[row].append(token)
                    cursor.logps[row].append(logp)
                    if token not in self.eos_ids and len(written[row]) < max_new_tokens:
                        going.append(slot)
                if not going:
                    break
                if len(going) < len(order):
                    order = cursor.context.select([order[slot] for slot in going])
                    tokens_B = torch.tensor([written[row][-1] for row in order], device=tokens_B.device)
                logits_BV = cursor.context.step(tokens_B)
        for row in cursor.live:
            cursor.unread[row] = written[row][-1:]
        return written


def _read(cursor: Cursor) -> tuple[list[int], Tensor]:
    """Let the live rows read what they have not; returns their order in the batch, and logits_BV."""
    if not any(cursor.unread):
        return cursor.live, cursor.context.first_logits_RV[cursor.live]
    order = cursor.context.select(cursor.live)
    logits_BV = cursor.context.extend([cursor.unread[row] for row in order])
    return order, logits_BV


def _pick(logits_BV: Tensor, temperature: float, draws_B: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens and their log-probabilities.

    The cumulative distribution is inverted at one uniform draw a row, where Gumbel would take V.
    """
    if temperature == 0:
        return logits_BV.argmax(-1), logits_BV.new_zeros(len(logits_BV))
    # In float64: sums of a hundred thousand small float32 probabilities would lose the rare tokens.
    wide = torch.float32 if logits_BV.device.type == "mps" else torch.float64
    chances_BV = (logits_BV.float() / temperature).softmax(-1)
    cumulative_BV = chances_BV.to(wide).cumsum(-1)
    points_B1 = draws_B.to(cumulative_BV)[:, None] * cumulative_BV[:, -1:]
    tokens_B1 = torch.searchsorted(cumulative_BV, points_B1, right=True).clamp_max(logits_BV.shape[-1] - 1)
    return tokens_B1[:, 0], chances_BV.gather(-1, tokens_B1)[:, 0].log()


@contextmanager
def _evaluating(model: Any) -> Generator[None]:
    """Without dropout, and as it was afterwards."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
