"""Log-probabilities of many rows, with gradients, for tiny models: what rows share is computed once.

The rows of a group begin with one prompt, and a planner that has settled writes much the same in many of
them. In a trie of rows each beginning is one node; projections, norms and the head, which look at one token
at a time, are computed once a node, and attention alone runs over whole rows. Nothing is computed for
padding, nor logits where nobody asks for them. `tests/models/test_trie.py` holds log-probabilities and
gradients to those of transformers.

Suffixes: B rows, T tokens of the longest, N nodes, M nodes whose logits are wanted, H hidden width, A heads,
D one head's width, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Trie:
    """Rows laid over each other; nodes are in order of their depth."""

    tokens_N: Tensor
    depth_N: Tensor
    """Tokens above a node."""
    above_N: Tensor
    """The node before a node; 0 for those without one."""
    node_BT: Tensor
    """Where each row's tokens are; 0 beyond its end."""
    first_N: Tensor
    """Where in the flattened rows a node first stands."""

    @classmethod
    def of(cls, tokens_BT: Tensor, mask_BT: Tensor) -> Trie:
        """The trie of rows that are padded on the right alone."""
        rows, longest = tokens_BT.shape
        there_BT = np.arange(longest) < mask_BT.sum(-1, keepdim=True).cpu().numpy()
        found_BT = np.where(there_BT, tokens_BT.cpu().numpy(), -1)
        # In order of their tokens, rows that begin alike are neighbours: up to where a row parts from the one
        # before, it has that one's nodes.
        order_B = np.lexsort(found_BT.T[::-1])
        sorted_BT = found_BT[order_B]
        parted_BT = np.ones((rows, longest), dtype=bool)
        parted_BT[1:] = np.logical_or.accumulate(sorted_BT[1:] != sorted_BT[:-1], axis=1)
        numbers_TB = (parted_BT & there_BT[order_B]).T.cumsum().reshape(longest, rows) - 1
        nodes_BT = np.empty((rows, longest), dtype=np.int64)
        nodes_BT[order_B] = numbers_TB.T
        nodes_BT[~there_BT] = 0
        places = np.flatnonzero(there_BT)[::-1]  # Of a node's places the first is written last, and stays.
        firsts = np.empty(int(numbers_TB[-1, -1]) + 1, dtype=np.int64)
        firsts[nodes_BT.ravel()[places]] = places
        aboves = np.where(firsts % longest > 0, nodes_BT.ravel()[firsts - 1], 0)
        first_N = torch.from_numpy(firsts).to(tokens_BT.device)
        return cls(
            tokens_N=tokens_BT.flatten()[first_N],
            depth_N=first_N % longest,
            above_N=torch.from_numpy(aboves).to(tokens_BT.device),
            node_BT=torch.from_numpy(nodes_BT).to(tokens_BT.device),
            first_N=first_N,
        )


def row_logps(
    model: Any, tokens_BT: Tensor, mask_BT: Tensor, wanted_BT: Tensor, temperature: float
) -> Tensor:
    """Log-probability of each wanted token given those before it, logps_BT in nats; 0 for the others.

    Args:
        model: one that `fast.is_supported`; its parameters get gradients.
        tokens_BT: padded on the right.
        mask_BT: 1 for tokens, 0 for padding.
        wanted_BT: where log-probabilities are wanted; never in the first column.
        temperature: of the softmax, above 0.
    """
    trie = Trie.of(tokens_BT, mask_BT)
    wanted = wanted_BT.bool() & mask_BT.bool()
    asked, of_asked = torch.unique(trie.node_BT[wanted], return_inverse=True)
    parents, of_parents = torch.unique(trie.above_N[asked], return_inverse=True)
    hidden_MH = F.embedding(parents, _hidden(model, trie))
    logps_MV = (model.get_output_embeddings()(hidden_MH) / temperature).log_softmax(-1)
    logps = logps_MV[of_parents, trie.tokens_N[asked]]
    return logps.new_zeros(tokens_BT.shape).masked_scatter(wanted, logps[of_asked])


def _hidden(model: Any, trie: Trie) -> Tensor:
    """The last hidden state of each node, hidden_NH.

    Gathers are `F.embedding`, whose backward adds rows up faster than that of indexing.
    """
    decoder, eps = model.get_decoder(), model.config.rms_norm_eps
    angles = trie.depth_N[:, None].float() * decoder.rotary_emb.inv_freq.float()
    cos, sin = angles.cos().repeat(1, 2)[:, None], angles.sin()
    sin = torch.cat((-sin, sin), dim=-1)[:, None]
    x_NH = F.embedding(trie.tokens_N, decoder.embed_tokens.weight)
    for layer in decoder.layers:
        normed = F.rms_norm(x_NH, x_NH.shape[-1:], layer.input_layernorm.weight, eps)
        x_NH = x_NH + layer.self_attn.o_proj(_attend(layer.self_attn, normed, trie, cos, sin))
        normed = F.rms_norm(x_NH, x_NH.shape[-1:], layer.post_attention_layernorm.weight, eps)
        mlp = layer.mlp
        x_NH = x_NH + mlp.down_proj(F.silu(mlp.gate_proj(normed)) * mlp.up_proj(normed))
    return F.rms_norm(x_NH, x_NH.shape[-1:], decoder.norm.weight, eps)


def _attend(attention: Any, normed_NH: Tensor, trie: Trie, cos: Tensor, sin: Tensor) -> Tensor:
    """What each node's heads gather from the nodes above it, before they are put together."""
    width = attention.head_dim

    def turned(x_NAD: Tensor) -> Tensor:
        return x_NAD * cos + x_NAD.roll(width // 2, -1) * sin

    def over_rows(x_NAD: Tensor) -> Tensor:
        rows = F.embedding(trie.node_BT, x_NAD.flatten(1))
        return rows.unflatten(-1, x_NAD.shape[1:]).transpose(1, 2)

    queries = turned(attention.q_proj(normed_NH).unflatten(-1, (-1, width)))
    keys = turned(attention.k_proj(normed_NH).unflatten(-1, (-1, width)))
    values = attention.v_proj(normed_NH).unflatten(-1, (-1, width))
    groups = queries.shape[1] // keys.shape[1]
    attended = F.scaled_dot_product_attention(
        over_rows(queries),
        over_rows(keys).repeat_interleave(groups, dim=1),
        over_rows(values).repeat_interleave(groups, dim=1),
        is_causal=True,
    )
    return F.embedding(trie.first_N, attended.transpose(1, 2).flatten(2).flatten(0, 1))
