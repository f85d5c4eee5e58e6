"""A lean forward pass for tiny Llama and Qwen2 models, with a cache whose rows have lengths of their own.

At ten thousand to five million parameters, a transformers forward pass costs more in Python and in copying
its cache than in arithmetic. This one fuses the projections, writes the cache in place, pads nothing and
computes nothing twice: `tests/models/test_sampling.py` holds its logits to those of transformers.

Suffixes: B rows in the batch, C the cache's capacity in tokens, D one head's width, G key-value heads,
H query heads, or hidden width where it comes last, L layers, N tokens of all slots laid end to end,
P prompts, R all rows, U slots of the batch, V vocabulary.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

LARGEST = 20_000_000
"""Parameters. Above, a forward pass of transformers is no longer dominated by its overhead."""
_LEAST_CAPACITY = 256
_BLOCK_TOKENS = 512
"""Measured: a quarter of the time goes when activations stay in a core's cache."""
_Attend = Callable[[Tensor, Tensor], Tensor]
"""(cache of one layer, queries_NHD) to attended_NH."""


def is_supported(model: object) -> bool:
    """Whether `FastContext` computes what this model does: tiny plain Llama or Qwen2, in float32."""
    if not isinstance(model, PreTrainedModel) or type(model).__name__ not in (
        "LlamaForCausalLM",
        "Qwen2ForCausalLM",
    ):
        return False
    config = model.config
    rope = getattr(config, "rope_parameters", None) or {}
    return (
        config.hidden_act == "silu"
        and rope.get("rope_type", "default") == "default"
        and not getattr(config, "use_sliding_window", False)
        and not getattr(config, "mlp_bias", False)
        and model.dtype == torch.float32
        and _is_plain(model)
        and sum(parameter.numel() for parameter in model.parameters()) <= LARGEST
    )


def _is_plain(model: PreTrainedModel) -> bool:
    """Whether no adapter or quantizer stands in for a linear layer, whose `weight` and `bias` are read."""
    return all(
        type(module) is torch.nn.Linear for name, module in model.named_modules() if name.endswith("_proj")
    )


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer's weights; each norm's scale is folded into the projection that follows it."""

    qkv_weight: Tensor
    qkv_bias: Tensor | None
    out_weight: Tensor
    out_bias: Tensor | None
    gate_up_weight: Tensor
    down_weight: Tensor


class FastWeights:
    """A snapshot of a model's weights, laid out for `FastContext`. Take a new one when they have moved."""

    @torch.no_grad()
    def __init__(self, model: Any) -> None:
        config = model.config
        self.heads: int = config.num_attention_heads
        self.kv_heads: int = config.num_key_value_heads or config.num_attention_heads
        self.head_dim: int = (
            getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        )
        self.hidden: int = config.hidden_size
        self.eps: float = config.rms_norm_eps
        decoder = model.get_decoder()
        self.embedding_VH: Tensor = decoder.embed_tokens.weight.detach()
        self.head_VH: Tensor = model.get_output_embeddings().weight.detach() * decoder.norm.weight.detach()
        self.layers = [self._layer(layer) for layer in decoder.layers]
        self.inverse_frequency: Tensor = decoder.rotary_emb.inv_freq.detach().float()

    @staticmethod
    def _layer(layer: Any) -> _Layer:
        attention, mlp = layer.self_attn, layer.mlp
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        biases = [projection.bias for projection in projections]
        return _Layer(
            qkv_weight=torch.cat([p.weight for p in projections]) * layer.input_layernorm.weight,
            qkv_bias=None if biases[0] is None else torch.cat(biases),
            out_weight=attention.o_proj.weight.detach(),
            out_bias=None if attention.o_proj.bias is None else attention.o_proj.bias.detach(),
            gate_up_weight=torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])
            * layer.post_attention_layernorm.weight,
            down_weight=mlp.down_proj.weight.detach(),
        )


def _blocks(chunks: Sequence[Sequence[int]]) -> Iterator[range]:
    """Cut slots into runs of about as many tokens as a core's cache holds activations for."""
    start = tokens = 0
    for slot, chunk in enumerate(chunks):
        tokens += len(chunk)
        if tokens >= _BLOCK_TOKENS:
            yield range(start, slot + 1)
            start, tokens = slot + 1, 0
    if start < len(chunks):
        yield range(start, len(chunks))


class FastContext:
    """What a batch of rows has read so far, in slots of one buffer.

    Rows that have read the same share a slot, and are computed once, until they read something else: many
    rows begin with one prompt, and a planner that has settled writes one plan in many of them. The slots of
    the batch are the first ones of the buffer; those of rows that have left it lie behind, and can come back.
    """

    @torch.inference_mode()
    def __init__(self, weights: FastWeights, prompts: Sequence[Sequence[int]], copies: int) -> None:
        """Read each prompt once, for `copies` rows of each, in order.

        Afterwards, `first_logits_RV` holds the logits after each row's prompt.
        """
        self._weights = weights
        self._device = weights.embedding_VH.device
        self._length = [0 for _ in prompts]
        """Tokens that each row has read."""
        self._slot_of = list(range(len(prompts)))
        """Where they are cached, by row."""
        self._filled = [0 for _ in prompts]
        """Tokens cached, by slot. Rows that have left the batch may share a slot and have read fewer."""
        self._batch = list(range(len(prompts)))
        self._width = len(prompts)
        """Slots of the batch."""
        longest = max(map(len, prompts))
        self._allocate(len(prompts), longest)
        logits_PV = self.extend(prompts)
        read = self._cache[..., :longest, :]
        self._allocate(len(prompts) * copies, 2 * longest)
        self._cache[:, : len(prompts), :, :longest] = read
        self._length = [length for length in self._length for _ in range(copies)]
        self._slot_of = [slot for slot in self._slot_of for _ in range(copies)]
        self._batch = list(range(len(self._length)))
        self.first_logits_RV = logits_PV.repeat_interleave(copies, dim=0)

    def _allocate(self, slots: int, tokens: int) -> None:
        """Cache of shape (L, R, 2G, C, D), keys before values. Zeroed: 0 times what is masked must be 0."""
        weights = self._weights
        self._capacity = max(_LEAST_CAPACITY, tokens)
        shape = (len(weights.layers), slots, 2 * weights.kv_heads, self._capacity, weights.head_dim)
        self._cache = torch.zeros(shape, device=self._device)
        positions_C = torch.arange(self._capacity, device=self._device)
        angles = positions_C[:, None].float() * weights.inverse_frequency
        self._cos = angles.cos().repeat(1, 2)[:, None]
        # The sign of the half turned over is kept here, so that turning is one roll.
        self._sin = torch.cat((-angles.sin(), angles.sin()), dim=-1)[:, None]
        self._causal_CC = positions_C[:, None] >= positions_C

    def _reserve(self, tokens: int) -> None:
        if tokens > self._capacity:
            old, used = self._cache, self._capacity
            self._allocate(old.shape[1], 2 * tokens)
            self._cache[..., :used, :] = old

    @torch.inference_mode()
    def select(self, rows: Sequence[int]) -> list[int]:
        """Make exactly `rows` the batch. Returns them in the order that the batch now has."""
        self._batch = list(rows)
        self._to_front({self._slot_of[row] for row in rows})
        return self._batch

    def _to_front(self, wanted: Collection[int]) -> None:
        """Let the wanted slots change places with others, so that they are the first ones."""
        self._width = len(wanted)
        holes = [slot for slot in range(self._width) if slot not in wanted]
        if not holes:
            return
        movers = [slot for slot in wanted if slot >= self._width]
        here = torch.tensor(holes + movers, device=self._device)
        there = torch.tensor(movers + holes, device=self._device)
        used = self._cache[..., : max(self._filled), :]
        used[:, here] = used[:, there]
        moved = dict(zip(holes + movers, movers + holes, strict=True))
        self._filled = [self._filled[moved.get(slot, slot)] for slot in range(len(self._filled))]
        self._slot_of = [moved.get(slot, slot) for slot in self._slot_of]

    def _share(self, chunks: Sequence[Sequence[int]]) -> tuple[list[int], list[Sequence[int]]]:
        """Give rows of the batch that read other things than those they share a slot with one of their own.

        Args:
            chunks: what each row of the batch reads now.

        Returns:
            for each slot of the batch, how many tokens are cached in it, and what is read into it now, which
            counts as cached from here on.
        """
        found: dict[tuple[int, int, tuple[int, ...]], int] = {}
        kept: set[int] = set()
        sources: list[int] = []
        first_new = len(self._filled)
        for row, chunk in zip(self._batch, chunks, strict=True):
            slot, length = self._slot_of[row], self._length[row]
            key = (slot, length, tuple(chunk))
            if key not in found:
                if length == self._filled[slot] and slot not in kept:
                    found[key] = slot
                    kept.add(slot)
                else:
                    found[key] = len(self._filled)
                    self._filled.append(length)
                    sources.append(slot)
            self._slot_of[row] = found[key]
            self._length[row] += len(chunk)
        if sources:
            used = self._cache[..., : max(self._filled), :]
            used[:, first_new : len(self._filled)] = used[:, torch.tensor(sources, device=self._device)]
            self._to_front(set(found.values()))
        starts = self._filled[: self._width]
        chunk_of: list[Sequence[int]] = [() for _ in starts]
        for row, chunk in zip(self._batch, chunks, strict=True):
            chunk_of[self._slot_of[row]] = chunk
        self._filled[: self._width] = [
            start + len(chunk) for start, chunk in zip(starts, chunk_of, strict=True)
        ]
        self._reserve(max(self._filled))
        return starts, chunk_of

    def _by_row(self, logits_UV: Tensor) -> Tensor:
        return logits_UV[[self._slot_of[row] for row in self._batch]]

    @torch.inference_mode()
    def extend(self, chunks: Sequence[Sequence[int]]) -> Tensor:
        """Read one or more tokens in each row of the batch; returns the logits after the last, logits_BV."""
        starts, chunk_of = self._share(chunks)
        return self._by_row(torch.cat([self._extend(block, starts, chunk_of) for block in _blocks(chunk_of)]))

    def _extend(self, block: range, starts: Sequence[int], chunk_of: Sequence[Sequence[int]]) -> Tensor:
        """Read what is to be read into a block of slots; logits_UV."""
        places_of = {slot: range(starts[slot], starts[slot] + len(chunk_of[slot])) for slot in block}
        tokens_N = torch.tensor([token for slot in block for token in chunk_of[slot]], device=self._device)
        slots_N = torch.tensor([s for s, places in places_of.items() for _ in places], device=self._device)
        places_N = torch.tensor(
            [place for places in places_of.values() for place in places], device=self._device
        )
        counts = [len(places) for places in places_of.values()]

        def attend(cache: Tensor, queries_NHD: Tensor) -> Tensor:
            outputs = []
            for (slot, places), queries in zip(places_of.items(), queries_NHD.split(counts), strict=True):
                keys, values = cache[slot, None, :, : places.stop].chunk(2, dim=1)
                mask = self._causal_CC[places.start : places.stop, : places.stop]
                attended = F.scaled_dot_product_attention(
                    queries.transpose(0, 1)[None], keys, values, attn_mask=mask, enable_gqa=True
                )
                outputs.append(attended[0].transpose(0, 1).flatten(1))
            return torch.cat(outputs)

        x_NH = self._layers(tokens_N, slots_N, places_N, attend)
        last = torch.tensor(counts, device=self._device).cumsum(0) - 1
        return self._logits(x_NH[last])

    @torch.inference_mode()
    def step(self, tokens_B: Tensor) -> Tensor:
        """Read one token in each row of the batch; returns logits_BV."""
        return self.read_ahead([(token,) for token in tokens_B.tolist()])

    @torch.inference_mode()
    def read_ahead(self, chunks: Sequence[Sequence[int]]) -> Tensor:
        """Read a few tokens in each row of the batch; returns the logits after each, row by row.

        `forget` takes back what turns out otherwise.
        """
        starts, chunk_of = self._share(chunks)
        counts = [len(chunk) for chunk in chunk_of]
        tokens_N = torch.tensor([token for chunk in chunk_of for token in chunk], device=self._device)
        slots_N = torch.arange(len(counts), device=self._device).repeat_interleave(torch.tensor(counts))
        ahead_N = torch.tensor([ahead for count in counts for ahead in range(count)], device=self._device)
        places_N = torch.tensor(starts, device=self._device)[slots_N] + ahead_N
        attend = self._attend_a_few(starts, max(counts), slots_N, ahead_N)
        logits_NV = self._logits(self._layers(tokens_N, slots_N, places_N, attend))
        first = [0, *itertools.accumulate(counts)]
        slots_B = [self._slot_of[row] for row in self._batch]
        return logits_NV[[at for slot in slots_B for at in range(first[slot], first[slot + 1])]]

    def _attend_a_few(self, starts: Sequence[int], most: int, slots_N: Tensor, ahead_N: Tensor) -> _Attend:
        """All slots at once: heads that share keys, and tokens of one chunk, are queries side by side."""
        groups, heads = self._weights.kv_heads, self._weights.heads
        width, longest = len(starts), max(starts) + most
        places_UK = torch.tensor(starts, device=self._device)[:, None] + torch.arange(
            most, device=self._device
        )
        # Of a slot that reads fewer than others, the rest is read by nobody, and may lie beyond the cache.
        places_UK = places_UK.clamp_max(self._capacity - 1)
        mask = self._causal_CC[places_UK, :longest].repeat_interleave(heads // groups, dim=1)[:, None]

        def attend(cache: Tensor, queries_NHD: Tensor) -> Tensor:
            keys, values = cache[:width, :, :longest].chunk(2, dim=1)
            if len(queries_NHD) == width * most:
                queries = queries_NHD.unflatten(0, (width, most))
            else:
                queries = queries_NHD.new_zeros(width, most, *queries_NHD.shape[1:])
                queries[slots_N, ahead_N] = queries_NHD
            queries = queries.unflatten(2, (groups, -1)).transpose(1, 2).flatten(2, 3)
            attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
            by_token = attended.unflatten(2, (most, -1)).transpose(1, 2).flatten(2)
            return by_token[slots_N, ahead_N]

        return attend

    def forget(self, counts: Sequence[int]) -> None:
        """Take back the last `counts` tokens that each row of the batch has read."""
        for row, count in zip(self._batch, counts, strict=True):
            self._length[row] -= count
        for slot in {self._slot_of[row] for row in self._batch}:
            self._filled[slot] = 0
        for slot, length in zip(self._slot_of, self._length, strict=True):
            self._filled[slot] = max(self._filled[slot], length)

    def _layers(self, tokens_N: Tensor, slots_N: Tensor, places_N: Tensor, attend: _Attend) -> Tensor:
        weights = self._weights
        keys = weights.heads
        values = keys + weights.kv_heads
        cos, sin = self._cos[places_N], self._sin[places_N]
        x_NH = weights.embedding_VH[tokens_N]
        for layer, cache in zip(weights.layers, self._cache, strict=True):
            normed = F.rms_norm(x_NH, (weights.hidden,), None, weights.eps)
            qkv = F.linear(normed, layer.qkv_weight, layer.qkv_bias).unflatten(1, (-1, weights.head_dim))
            turning = qkv[:, :values]
            turning.copy_(turning * cos + turning.roll(weights.head_dim // 2, -1) * sin)
            cache[slots_N, :, places_N] = qkv[:, keys:]
            attended = attend(cache, qkv[:, :keys])
            x_NH = x_NH + F.linear(attended, layer.out_weight, layer.out_bias)
            normed = F.rms_norm(x_NH, (weights.hidden,), None, weights.eps)
            gate, up = F.linear(normed, layer.gate_up_weight).chunk(2, dim=-1)
            x_NH = x_NH + F.linear(F.silu(gate) * up, layer.down_weight)
        return x_NH

    def _logits(self, x_BH: Tensor) -> Tensor:
        weights = self._weights
        return F.linear(F.rms_norm(x_BH, (weights.hidden,), None, weights.eps), weights.head_VH)
