"""Every architecture that `AutoModelForCausalLM` of transformers opens, made small: two layers, width 32."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.pytorch_utils import Conv1D

from partwise.models.tokenizer import build_tokenizer

NAMES = frozenset(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
TOKENIZER = build_tokenizer(["a b c d"] * 2)
V = len(TOKENIZER)

NOT_MADE: Mapping[str, str] = {
    "blt": "reads bytes in patches, through four models",
    "deepseek_v4": "its compressed attention has no small form",
    "dots3_note": "reads images too",
    "dots3_note_text": "its index of attention has no small form",
    "emu3": "reads images too",
    "fuyu": "reads images too",
    "gemma3n": "reads images too, through timm, which is not installed",
    "gemma4_assistant": "reads another model's states",
    "gemma4_unified_assistant": "reads another model's states",
    "git": "reads images too",
    "got_ocr2": "reads images too",
    "longcat_flash": "its cache takes two entries a layer, which small settings upset",
    "mllama": "reads images too",
    "moss_transcribe_diarize": "reads sound",
    "musicgen": "writes sound",
    "musicgen_melody": "writes sound",
    "phi4_multimodal": "reads images and sound too",
    "qwen4_exp": "its tables of n-grams have no small form",
    "qwen4_exp_text": "its tables of n-grams have no small form",
    "xlstm": "its states take the wrong shape in small settings",
}
"""Architectures that no test covers, and why."""

_SIZES: dict[str, Any] = {
    "vocab_size": V,
    **dict.fromkeys(["hidden_size", "d_model", "n_embd", "word_embed_proj_dim", "embedding_size"], 32),
    **dict.fromkeys(["intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", "d_inner", "dff"], 48),
    **dict.fromkeys(["decoder_ffn_dim", "encoder_ffn_dim", "feed_forward_size"], 48),
    **dict.fromkeys(["shared_intermediate_size", "moe_intermediate_size"], 16),
    "shared_expert_intermediate_size": 16,
    **dict.fromkeys(["num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers"], 2),
    **dict.fromkeys(["encoder_layers", "num_decoder_layers", "num_encoder_layers"], 2),
    **dict.fromkeys(["num_attention_heads", "n_head", "n_heads", "num_heads"], 4),
    **dict.fromkeys(["decoder_attention_heads", "encoder_attention_heads"], 4),
    **dict.fromkeys(["num_decoder_attention_heads", "num_encoder_attention_heads"], 4),
    **dict.fromkeys(["num_key_value_heads", "num_kv_heads"], 2),
    **dict.fromkeys(["head_dim", "rotary_dim", "state_size", "sliding_window"], 8),
    **dict.fromkeys(["n_positions", "max_position_embeddings", "n_ctx", "max_seq_len"], 256),
    **dict.fromkeys(["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"], 4),
    **dict.fromkeys(["num_experts_per_tok", "num_experts_per_token", "moe_k"], 2),
    **dict.fromkeys(["n_group", "topk_group", "num_expert_group", "n_shared_experts"], 1),
    "first_k_dense_replace": 1,
    **dict.fromkeys(["q_lora_rank", "kv_lora_rank"], 16),
    **dict.fromkeys(["qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"], 8),
    "pad_token_id": TOKENIZER.pad_token_id,
    "bos_token_id": 1,
    "eos_token_id": TOKENIZER.eos_token_id,
}
"""Where a configuration has a setting of this name, it takes this value."""

_LATENT = {"num_key_value_heads": 4}
_INDEXED = {**_LATENT, "index_head_dim": 16, "index_n_heads": 2}
_LINEAR = {
    "layer_types": ["linear_attention", "full_attention"],
    **dict.fromkeys(["linear_key_head_dim", "linear_value_head_dim", "linear_head_dim"], 8),
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
}
_LINEAR_LATENT = {
    "layer_types": _LINEAR["layer_types"],
    "mlp_layer_types": ["dense", "sparse"],
    "linear_head_dim": 8,
    "linear_num_heads": 4,
    **_LATENT,
}
_MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_chunk_size": 16}
_DECODER = {"is_decoder": True, "pad_token_id": 0}
_IMAGES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
_ROPE = {"rope_type": "default", "rope_theta": 1e4}

_OWN: dict[str, dict[str, Any]] = {
    **dict.fromkeys(["axk1", "deepseek_v2", "deepseek_v3", "glm4_moe_lite", "minicpm3", "youtu"], _LATENT),
    **dict.fromkeys(["axk2", "deepseek_v32", "glm_moe_dsa"], _INDEXED),
    **dict.fromkeys(["qwen3_5_text", "qwen3_5_moe_text", "qwen3_next"], _LINEAR),
    **dict.fromkeys(["bailing_hybrid", "kimi_linear"], _LINEAR_LATENT),
    **dict.fromkeys(["bert", "bert-generation", "big_bird", "camembert", "data2vec-text"], _DECODER),
    **dict.fromkeys(["electra", "ernie", "megatron-bert", "roberta", "roberta-prelayernorm"], _DECODER),
    **dict.fromkeys(["roformer", "xglm", "xlm-roberta", "xlm-roberta-xl"], _DECODER),
    "rembert": {**_DECODER, "input_embedding_size": 32, "output_embedding_size": 32},
    "roc_bert": {
        **_DECODER,
        "pronunciation_embed_dim": 8,
        "pronunciation_vocab_size": V,
        "shape_embed_dim": 8,
        "shape_vocab_size": V,
    },
    "xmod": {**_DECODER, "default_language": "en_XX"},
    "bamba": {**_MAMBA, "attn_layer_indices": [1]},
    "granitemoehybrid": {**_MAMBA, "layer_types": _LINEAR["layer_types"]},
    "falcon_h1": {**_MAMBA, "mamba_d_ssm": 64},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 2, "chunk_size": 16},
    "nemotron_h": {
        **dict.fromkeys(["mamba_num_heads", "mamba_head_dim", "ssm_state_size"], 8),
        **dict.fromkeys(["moe_shared_expert_intermediate_size", "chunk_size"], 16),
        "n_groups": 2,
    },
    "jamba": {
        "mamba_d_state": 8,
        "mamba_dt_rank": 4,
        "use_mamba_kernels": False,
        **dict.fromkeys(["attn_layer_period", "expert_layer_period"], 2),
        **dict.fromkeys(["attn_layer_offset", "expert_layer_offset"], 1),
    },
    "zamba": {
        "num_hidden_layers": 4,
        "layers_block_type": ["linear_attention", "hybrid"] * 2,
        **{"mamba_d_state": 8, "mamba_dt_rank": 4, "use_mamba_kernels": False},
        **{"attention_hidden_size": 64, "attention_head_dim": 16, **_LATENT},
    },
    "zamba2": {
        "num_hidden_layers": 3,
        "layers_block_type": ["linear_attention", "linear_attention", "hybrid"],
        **{"mamba_d_state": 8, "n_mamba_heads": 8, "mamba_headdim": 8, "use_mamba_kernels": False},
        **{"attention_hidden_size": 64, "attention_head_dim": 16, "chunk_size": 16, **_LATENT},
    },
    "lfm3": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "recurrent_gemma": {"num_hidden_layers": 3, "lru_width": 32, "attention_window_size": 8},
    "gemma3n_text": {
        "num_hidden_layers": 4,
        "intermediate_size": [48] * 4,
        "num_kv_shared_layers": 2,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "activation_sparsity_pattern": [0.95, 0.0] * 2,
        **{"vocab_size_per_layer_input": V, "hidden_size_per_layer_input": 8, "laurel_rank": 4},
    },
    "gemma4_text": {
        "layer_types": ["sliding_attention", "full_attention"],
        **{"vocab_size_per_layer_input": V, "hidden_size_per_layer_input": 8},
    },
    "gemma4_unified_text": {"layer_types": ["sliding_attention", "full_attention"]},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 8},
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 32, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "cohere_compass_text": {"rope_parameters": {"full_attention": _ROPE, "sliding_attention": _ROPE}},
    "ernie4_5_moe": {"moe_num_shared_experts": 1},
    "zaya": {"num_experts_per_tok": 1, "router_hidden_size": 16},
    "gemma3": {"vision_config": {**_IMAGES, "image_size": 28, "patch_size": 14}},
    "gemma4": {"vision_config": None, "audio_config": None},
    "gemma4_unified": {"vision_config": None, "audio_config": None},
}
"""What an architecture needs beside, or instead of, the sizes above."""
_NO_DROPOUT = {"diffllama"}
"""Refuses to have any."""


def tiny_config(name: str) -> PreTrainedConfig:
    """Small, and with dropout of 0.3 wherever the architecture knows one."""
    cls = CONFIG_MAPPING[name]
    base, own = cls(), dict(_OWN.get(name, {}))
    known = inspect.signature(cls.__init__).parameters
    # Where only part of a head turns, the width of a head follows from others.
    derived = {"head_dim"} if hasattr(base, "qk_rope_head_dim") and "head_dim" not in own else set()
    taken = {
        key: value
        for key, value in _SIZES.items()
        if key not in derived and (key in vars(base) or key in base.attribute_map) and key in known
    }
    if f"{name}_text" in CONFIG_MAPPING and "text_config" in known:
        own["text_config"] = tiny_config(f"{name}_text")
    config = cls(**{**taken, **own})
    if name not in _NO_DROPOUT:
        _with_dropout(config)
    return config


def _with_dropout(config: PreTrainedConfig) -> None:
    for name, value in list(vars(config).items()):
        if isinstance(value, float) and re.search("drop", name) and "layerdrop" not in name:
            setattr(config, name, 0.3)
        elif isinstance(value, PreTrainedConfig):
            _with_dropout(value)


def tiny_lm(name: str) -> Any:
    """A model of random weights, large enough that a token's place and neighbours matter.

    One token in six ends a turn, so that rows are of many lengths.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(tiny_config(name))
        for module in model.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=1.5 / module.in_features**0.5)
            elif isinstance(module, Conv1D):
                nn.init.normal_(module.weight, std=1.5 / module.weight.shape[0] ** 0.5)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight)
    model.generation_config.eos_token_id = list(range(0, V, 6))
    return model
