"""What rows have read, for any causal language model of transformers.

Suffixes: B rows of the batch, P prompts, R all rows, T tokens, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

_READ_AT_ONCE = 8
"""Rows that are read whole, whose logits at all places are held at once."""


def cuts_by_rows(model: Any) -> bool:
    """Whether `CachedContext` can hold this model's cache: keys and values of every token, nothing else."""
    layers = _new_cache(model).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def _new_cache(model: Any) -> Any:
    # Any: transformers types a layer as one of many kinds, of which `cuts_by_rows` lets pass one.
    return DynamicCache(config=model.config)


def left_padded(chunks: Sequence[Sequence[int]], pad_id: int, device: Any) -> tuple[Tensor, Tensor]:
    """Tokens and mask of shape (rows, longest), padding to the left."""
    longest = max(map(len, chunks))
    tokens = [[pad_id] * (longest - len(chunk)) + list(chunk) for chunk in chunks]
    mask = [[0] * (longest - len(chunk)) + [1] * len(chunk) for chunk in chunks]
    return torch.tensor(tokens, device=device), torch.tensor(mask, device=device)


@torch.no_grad()
def _forward(model: Any, tokens_BT: Tensor, mask_BT: Tensor, cache: Any) -> tuple[Tensor, Any]:
    """The logits after the last of `tokens_BT`, and the cache; `mask_BT` covers what is cached and these.

    Not inference mode: some models keep buffers that they make on the way, and train with them later.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    known = inspect.signature(base.forward).parameters
    places_BT = (mask_BT.cumsum(1) - 1).clamp_min(0)[:, -tokens_BT.shape[1] :]
    options = {"logits_to_keep": 1, "position_ids": places_BT}
    cached = "past_key_values" if "past_key_values" in known else "cache_params"
    output = model(
        input_ids=tokens_BT,
        attention_mask=mask_BT,
        use_cache=True,
        **{cached: cache},
        **{name: value for name, value in options.items() if name in known},
    )
    return output.logits[:, -1], output[cached]


class CachedContext:
    """Rows in a transformers cache. Padding stands to the left of prompts and chunks, and is masked."""

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], copies: int, pad_id: int) -> None:
        """Read each prompt once, then lay out `copies` rows of each, in order."""
        self._model, self._pad = model, pad_id
        self._cache = _new_cache(model)
        self._rows = list(range(len(prompts)))
        self._mask_BT = torch.zeros(len(prompts), 0, dtype=torch.long, device=model.device)
        self._parked: list[tuple[list[int], list[tuple[Tensor, Tensor]], Tensor]] = []
        """Rows outside the batch: which, their keys and values by layer, their mask."""
        logits_PV = self.extend(prompts)
        self._cache.batch_repeat_interleave(copies)
        self._mask_BT = self._mask_BT.repeat_interleave(copies, dim=0)
        self._rows = list(range(len(prompts) * copies))
        self.first_logits_RV = logits_PV.repeat_interleave(copies, dim=0)

    def select(self, rows: Sequence[int]) -> list[int]:
        """See `Context`. Rows leave by being parked, and return by being laid beside the others again."""
        if not set(rows) <= set(self._rows):
            self._unpark()
        wanted = set(rows)
        kept = [slot for slot, row in enumerate(self._rows) if row in wanted]
        left = [slot for slot, row in enumerate(self._rows) if row not in wanted]
        if left:
            index = torch.tensor(left, device=self._mask_BT.device)
            layers = [(layer.keys[index], layer.values[index]) for layer in self._cache.layers]
            self._parked.append(([self._rows[slot] for slot in left], layers, self._mask_BT[index]))
            index = torch.tensor(kept, device=self._mask_BT.device)
            self._cache.batch_select_indices(index)
            self._mask_BT = self._mask_BT[index]
            self._rows = [self._rows[slot] for slot in kept]
        return list(self._rows)

    def _unpark(self) -> None:
        batch = (self._rows, [(layer.keys, layer.values) for layer in self._cache.layers], self._mask_BT)
        pieces = [batch, *self._parked]
        columns = max(mask.shape[1] for _, _, mask in pieces)

        def widen(tensor: Tensor, dim: int) -> Tensor:
            missing = list(tensor.shape)
            missing[dim] = columns - tensor.shape[dim]
            return torch.cat((tensor.new_zeros(missing), tensor), dim=dim)

        for number, layer in enumerate(self._cache.layers):
            layer.keys = torch.cat([widen(layers[number][0], 2) for _, layers, _ in pieces])
            layer.values = torch.cat([widen(layers[number][1], 2) for _, layers, _ in pieces])
        self._mask_BT = torch.cat([widen(mask, 1) for _, _, mask in pieces])
        self._rows = [row for rows, _, _ in pieces for row in rows]
        self._parked = []

    def extend(self, chunks: Sequence[Sequence[int]]) -> Tensor:
        """See `Context`."""
        return self._forward(*left_padded(chunks, self._pad, self._mask_BT.device))

    def step(self, tokens_B: Tensor) -> Tensor:
        """See `Context`."""
        return self._forward(tokens_B[:, None], torch.ones_like(tokens_B)[:, None])

    def _forward(self, tokens_BT: Tensor, mask_BT: Tensor) -> Tensor:
        self._mask_BT = torch.cat((self._mask_BT, mask_BT), dim=1)
        return _forward(self._model, tokens_BT, self._mask_BT, self._cache)[0]


class ReplayContext:
    """Rows that are read anew after each interruption, for caches that can't be cut or padded in the middle.

    Sliding windows and recurrent layers are such. Rows outside the batch are computed along and ignored.
    """

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], copies: int, pad_id: int) -> None:
        """Read `copies` rows of each prompt, in order."""
        self._model, self._pad = model, pad_id
        self._read: list[list[int]] = [[] for _ in range(len(prompts) * copies)]
        self._cached: list[int] = []
        """The rows that the cache holds, in its order."""
        self._batch = list(range(len(self._read)))
        self.first_logits_RV = self.extend([prompt for prompt in prompts for _ in range(copies)])

    def select(self, rows: Sequence[int]) -> list[int]:
        """See `Context`."""
        self._batch = list(rows)
        return self._batch

    def extend(self, chunks: Sequence[Sequence[int]]) -> Tensor:
        """See `Context`."""
        for row, chunk in zip(self._batch, chunks, strict=True):
            self._read[row].extend(chunk)
        self._cached = list(self._batch)
        tokens_BT, self._mask_BT = left_padded(
            [self._read[row] for row in self._batch], self._pad, self._model.device
        )
        logits_BV, self._cache = _forward(self._model, tokens_BT, self._mask_BT, None)
        return logits_BV

    def step(self, tokens_B: Tensor) -> Tensor:
        """See `Context`."""
        for row, token in zip(self._batch, tokens_B.tolist(), strict=True):
            self._read[row].append(token)
        place = {row: slot for slot, row in enumerate(self._cached)}
        slots_B = torch.tensor([place[row] for row in self._batch], device=tokens_B.device)
        tokens = tokens_B.new_full((len(self._cached), 1), self._pad)
        tokens[slots_B, 0] = tokens_B
        self._mask_BT = torch.cat((self._mask_BT, torch.ones_like(tokens)), dim=1)
        logits, self._cache = _forward(self._model, tokens, self._mask_BT, self._cache)
        return logits[slots_B]


class WholeContext:
    """Rows that are read whole for each token, for models that bear no cache or no padding on the left.

    Slow, and right for whatever is causal: padding stands on the right, where nothing that is read sees it.
    """

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], copies: int, pad_id: int) -> None:
        """Read `copies` rows of each prompt, in order."""
        self._model, self._pad = model, pad_id
        self._read: list[list[int]] = [[] for _ in range(len(prompts) * copies)]
        self._batch = list(range(len(self._read)))
        self.first_logits_RV = self.extend([prompt for prompt in prompts for _ in range(copies)])

    def select(self, rows: Sequence[int]) -> list[int]:
        """See `Context`."""
        self._batch = list(rows)
        return self._batch

    @torch.no_grad()
    def extend(self, chunks: Sequence[Sequence[int]]) -> Tensor:
        """See `Context`."""
        for row, chunk in zip(self._batch, chunks, strict=True):
            self._read[row].extend(chunk)
        distinct = list(dict.fromkeys(tuple(self._read[row]) for row in self._batch))
        logits: dict[tuple[int, ...], Tensor] = {}
        for start in range(0, len(distinct), _READ_AT_ONCE):
            rows = distinct[start : start + _READ_AT_ONCE]
            longest = max(map(len, rows))
            tokens = [[*row, *[self._pad] * (longest - len(row))] for row in rows]
            found = self._model(input_ids=torch.tensor(tokens, device=self._model.device)).logits
            logits |= {row: found[slot, len(row) - 1] for slot, row in enumerate(rows)}
        return torch.stack([logits[tuple(self._read[row])] for row in self._batch])

    def step(self, tokens_B: Tensor) -> Tensor:
        """See `Context`."""
        return self.extend([[token] for token in tokens_B.tolist()])
