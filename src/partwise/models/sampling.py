"""Sampling in turns: read each prompt once, write, be interrupted by tokens from outside, write on.

`Sampler` is the one interface. It runs tiny models on `fast.FastContext`, other causal language models on
`generic.CachedContext`, those whose cache can't be cut by rows on `generic.ReplayContext`, and those
that bear no cache or padding on `generic.WholeContext`. The choice is made in `Sampler.start` alone.

Suffixes: B rows still being written, R all rows, S steps, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from itertools import islice, takewhile
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from partwise.models.architectures import READ_ANEW, READ_WHOLE
from partwise.models.chat import end_ids
from partwise.models.constrained import Held
from partwise.models.drafts import AHEAD, Drafts
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

    def __init__(
        self, context: Context, prompts: Sequence[Sequence[int]], copies: int, drafts: Drafts | None
    ) -> None:
        """At the end of the prompts."""
        self.context = context
        self.drafts = drafts
        self.texts = [list(prompt) for prompt in prompts for _ in range(copies)]
        """All tokens of each row so far."""
        self.rows = len(context.first_logits_RV)
        """Rows in all, dropped ones too: a row keeps its number."""
        self.live = list(range(self.rows))
        """Rows that are still written."""
        self.unread: list[list[int]] = [[] for _ in range(self.rows)]
        """Tokens of each row that the model has not read yet."""
        self.logps: list[list[float]] = [[] for _ in range(self.rows)]
        """Log-probability of each token of the turn last written, in nats, at the temperature of sampling; 0
        for those that were not drawn."""
        self.drawn: list[list[int]] = [[] for _ in range(self.rows)]
        """1 for each of these tokens that was drawn from the model, 0 for what stands instead of another."""


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

    def start(
        self, prompts: Sequence[Sequence[int]], copies: int = 1, drafts: Drafts | None = None
    ) -> Cursor:
        """Read the prompts, each once, and lay out `copies` rows of each: row i continues prompt i // copies.

        `drafts` save passes of tiny models, and learn from what is written. They change nothing but rounding.
        The model's weights are read as they are now. Change them, and the cursor is stale: start anew.

        Raises:
            ValueError: no prompt, an empty one, or no copy.
        """
        if not prompts or not all(prompts) or copies < 1:
            raise ValueError("a sampler needs at least one prompt, none of them empty, and one copy of each")
        with _evaluating(self._model):
            if self._fast or (self._fast is None and is_supported(self._model)):
                return Cursor(FastContext(FastWeights(self._model), prompts, copies), prompts, copies, drafts)
            kind = self._model.config.model_type
            if kind in READ_WHOLE:
                context = WholeContext
            else:
                cut = kind not in READ_ANEW and cuts_by_rows(self._model)
                context = CachedContext if cut else ReplayContext
            return Cursor(context(self._model, prompts, copies, self._pad_id), prompts, copies, drafts)

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
            cursor.texts[row].extend(tokens[row] or ())

    def generate(
        self,
        cursor: Cursor,
        max_new_tokens: int,
        *,
        temperature: float,
        generator: torch.Generator | None = None,
        draws_SR: Tensor | None = None,
        held: Held | None = None,
    ) -> list[list[int]]:
        """Write each live row until it ends its turn or `max_new_tokens` are written.

        A row's draws depend on the generator and its number alone, not on when the others end.

        Args:
            cursor: changed in place; the next turn goes on from there.
            max_new_tokens: per row, at least 1.
            temperature: of the softmax; 0 takes the likeliest token.
            generator: on the CPU; None for the global one.
            draws_SR: uniform numbers, (max_new_tokens, rows) in float64, in the place of the generator's.
            held: keeps rows to a language; None lets them write freely.

        Returns:
            The new tokens of each row, with the ending one where it ended; none for a dropped row.
        """
        if max_new_tokens < 1 or temperature < 0:
            raise ValueError("max_new_tokens must be at least 1 and temperature at least 0")
        cursor.logps = [[] for _ in range(cursor.rows)]
        cursor.drawn = [[] for _ in range(cursor.rows)]
        turn = _Turn(cursor, max_new_tokens, self.eos_ids, held)
        if cursor.live:
            shape = (max_new_tokens, cursor.rows)
            drawn = (
                torch.rand(shape, generator=generator, dtype=torch.float64) if draws_SR is None else draws_SR
            )
            with _evaluating(self._model):
                logits_NV = turn.begin()
                while True:
                    turn.take(*_pick(logits_NV, temperature, drawn[turn.places()]))
                    if not turn.goes_on():
                        break
                    logits_NV = turn.read_on()
        for row in cursor.live:
            cursor.unread[row] = turn.written[row][-1:]
        return turn.written


class _Turn:
    """One turn of a cursor's rows while it is written.

    Each row of the batch has read guesses of what comes next; N counts, row by row, where its next tokens may
    stand: after what is known, and after each guess.
    """

    def __init__(self, cursor: Cursor, limit: int, eos_ids: Collection[int], held: Held | None) -> None:
        self.written: list[list[int]] = [[] for _ in range(cursor.rows)]
        self.order: list[int] = []
        """The rows of the batch."""
        self._guesses: list[list[int]] = []
        self._cursor, self._limit, self._eos_ids, self._held = cursor, limit, eos_ids, held
        self._fast = cursor.context if isinstance(cursor.context, FastContext) else None
        self._drafts = cursor.drafts if self._fast else None

    def begin(self) -> Tensor:
        """Let the live rows read what they have not; returns logits_NV."""
        context, unread = self._cursor.context, self._cursor.unread
        self.order = self._cursor.live
        if any(unread):
            self.order = context.select(self.order)
            logits_NV = context.extend([unread[row] for row in self.order])
        else:
            logits_NV = context.first_logits_RV[self.order]
        self._guesses = [[] for _ in self.order]
        return logits_NV

    def places(self) -> tuple[Tensor, Tensor]:
        """Number of the token that is drawn, and row, steps_N and rows_N."""
        pairs = [
            (len(self.written[row]) + ahead, row)
            for row, guess in zip(self.order, self._guesses, strict=True)
            for ahead in range(len(guess) + 1)
        ]
        steps_N, rows_N = torch.tensor(pairs).T
        return steps_N, rows_N

    def take(self, tokens_N: Tensor, logps_N: Tensor) -> None:
        """Write what was drawn, in each row up to the first token that is not as guessed."""
        picked = zip(tokens_N.tolist(), logps_N.tolist(), strict=True)
        unread: list[int] = []
        for row, guess in zip(self.order, self._guesses, strict=True):
            drawn = list(islice(picked, len(guess) + 1))
            right = 0
            while self._write(row, *drawn[right]) in guess[right : right + 1]:
                right += 1
            unread.append(len(guess) - right)
        if self._fast and any(unread):
            self._fast.forget(unread)

    def _write(self, row: int, drawn: int, logp: float) -> int:
        """Write the token that was drawn, or what stands instead of it; returns which."""
        token, follows = drawn, True
        if self._held:
            token, follows = self._held.token(row, drawn, self._limit - len(self.written[row]) - 1)
        if self._drafts:
            self._drafts.note(self._cursor.texts[row], token)
        self._cursor.texts[row].append(token)
        self._cursor.logps[row].append(logp if follows else 0.0)
        self._cursor.drawn[row].append(int(follows))
        self.written[row].append(token)
        return token

    def goes_on(self) -> bool:
        """Let rows that have ended leave the batch; whether any is left."""
        going = [
            row
            for row in self.order
            if self.written[row][-1] not in self._eos_ids and len(self.written[row]) < self._limit
        ]
        if len(going) < len(self.order):
            self.order = self._cursor.context.select(going) if going else []
        return bool(going)

    def read_on(self) -> Tensor:
        """Let each row of the batch read what it wrote last, and a guess; returns logits_NV."""
        context = self._cursor.context
        self._guesses = [self._guess(row) for row in self.order]
        last = [self.written[row][-1] for row in self.order]
        if self._fast and any(self._guesses):
            chunks = [[token, *guess] for token, guess in zip(last, self._guesses, strict=True)]
            return self._fast.read_ahead(chunks)
        return context.step(torch.tensor(last, device=context.first_logits_RV.device))

    def _guess(self, row: int) -> list[int]:
        """What the row may write next, without an end, after which nothing is read."""
        if not self._drafts:
            return []
        most = min(AHEAD, self._limit - len(self.written[row]) - 1)
        guessed = self._drafts.guess(self._cursor.texts[row], most)
        return list(takewhile(lambda token: token not in self._eos_ids, guessed))


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
