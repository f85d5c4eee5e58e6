"""A lean forward pass for tiny Llama and Qwen2 models, with a cache whose rows have lengths of their own.

At ten thousand to five million parameters, a transformers forward pass costs more in Python and in copying
its cache than in arithmetic. This one fuses the projections, writes the cache in place and pads nothing:
`tests/models/test_fast.py` holds its logits to those of transformers.

Suffixes: B rows in the batch, C the cache's capacity in tokens, D one head's width, G key-value heads,
H query heads, or hidden width where it comes last, L layers, N tokens of all rows laid end to end, P prompts,
R all rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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


def _blocks(places_of: Mapping[int, range]) -> Iterator[dict[int, range]]:
    """Cut rows into blocks of about as many tokens as a core's cache holds activations for."""
    block: dict[int, range] = {}
    for slot, places in places_of.items():
        block[slot] = places
        if sum(map(len, block.values())) >= _BLOCK_TOKENS:
            yield block
            block = {}
    if block:
        yield block


class FastContext:
    """What a batch of rows has read so far. Rows keep their place in one buffer; the batch is its first B.

    Dropping a row from the batch swaps it behind the others, so that its cache is there when it comes back.
    """

    @torch.inference_mode()
    def __init__(self, weights: FastWeights, prompts: Sequence[Sequence[int]], copies: int) -> None:
        """Read each prompt once, then lay out `copies` rows of each, in order.

        Afterwards, `first_logits_RV` holds the logits after each row's prompt.
        """
        self._weights = weights
        self._device = weights.embedding_VH.device
        self._read: list[list[int]] = [[] for _ in prompts]
        """The tokens read, by slot."""
        self._rows = list(range(len(prompts)))
        """Which row lies in each slot."""
        self._width = len(prompts)
        self._allocate(len(prompts), max(map(len, prompts)))
        logits_PV = self.extend(prompts)
        longest = max(map(len, prompts))
        read = self._cache[..., :longest, :].repeat_interleave(copies, dim=1)
        self._allocate(len(prompts) * copies, 2 * longest)
        self._cache[..., :longest, :] = read
        self._read = [list(prompt) for prompt in prompts for _ in range(copies)]
        self._rows = list(range(len(self._read)))
        self._width = len(self._rows)
        self.first_logits_RV = logits_PV.repeat_interleave(copies, dim=0)

    def _allocate(self, rows: int, tokens: int) -> None:
        """Cache of shape (L, R, 2G, C, D), keys before values. Zeroed: 0 times what is masked must be 0."""
        weights = self._weights
        self._capacity = max(_LEAST_CAPACITY, tokens)
        shape = (len(weights.layers), rows, 2 * weights.kv_heads, self._capacity, weights.head_dim)
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
        wanted = set(rows)
        holes = [slot for slot in range(len(wanted)) if self._rows[slot] not in wanted]
        movers = [slot for slot in range(len(wanted), len(self._rows)) if self._rows[slot] in wanted]
        if holes:
            here = torch.tensor(holes + movers, device=self._device)
            there = torch.tensor(movers + holes, device=self._device)
            used = self._cache[..., : max(map(len, self._read)), :]
            used[:, here] = used[:, there]
            for hole, mover in zip(holes, movers, strict=True):
                self._rows[hole], self._rows[mover] = self._rows[mover], self._rows[hole]
                self._read[hole], self._read[mover] = self._read[mover], self._read[hole]
        self._width = len(wanted)
        return self._rows[: self._width]

    @torch.inference_mode()
    def extend(self, chunks: Sequence[Sequence[int]]) -> Tensor:
        """Read one or more tokens in each row of the batch; returns the logits after the last, logits_BV.

        Rows that have read the same and read the same now are computed once: a planner that has settled
        writes the same plan in many rows of a group.
        """
        starts = [len(self._read[slot]) for slot in range(self._width)]
        for slot, chunk in enumerate(chunks):
            self._read[slot].extend(chunk)
        self._reserve(max(map(len, self._read)))
        leaders: dict[tuple[int, ...], int] = {}
        leader_B = [leaders.setdefault(tuple(self._read[slot]), slot) for slot in range(self._width)]
        places_of = {slot: range(starts[slot], len(self._read[slot])) for slot in leaders.values()}
        logits = torch.cat([self._extend(block) for block in _blocks(places_of)])
        rank = {slot: index for index, slot in enumerate(places_of)}
        followers = [slot for slot, leader in enumerate(leader_B) if slot != leader]
        if followers:
            copied = self._cache[:, [leader_B[slot] for slot in followers]]
            self._cache[:, followers] = copied
        return logits[[rank[leader] for leader in leader_B]]

    def _extend(self, places_of: Mapping[int, range]) -> Tensor:
        """Read the tokens at the given places of the given slots; logits in the order of the mapping."""
        tokens = [token for slot, places in places_of.items() for token in self._read[slot][places.start :]]
        tokens_N = torch.tensor(tokens, device=self._device)
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
        starts = [len(self._read[slot]) for slot in range(self._width)]
        for slot, token in enumerate(tokens_B.tolist()):
            self._read[slot].append(token)
        longest = max(starts) + 1
        self._reserve(longest)
        places_B = torch.tensor(starts, device=self._device)
        mask = self._causal_CC[places_B, None, None, :longest]
        groups = self._weights.kv_heads

        def attend(cache: Tensor, queries_BHD: Tensor) -> Tensor:
            # One query a row: the heads that share keys stand as its queries, and nothing is repeated.
            keys, values = cache[: self._width, :, :longest].chunk(2, dim=1)
            queries = queries_BHD.unflatten(1, (groups, -1))
            return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask).flatten(1)

        slots_B = torch.arange(self._width, device=self._device)
        return self._logits(self._layers(tokens_B, slots_B, places_B, attend))

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
