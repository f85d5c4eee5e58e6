"""Which architectures of transformers can be planners, and how each is read.

Most need no mention here. `tests/training/test_architectures.py` makes every one that can be made small, and
holds what is said here and in docs/how-to/own-model.md to what it finds.
"""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedConfig

_ENCODERS = frozenset(
    [
        "bert",
        "bert-generation",
        "big_bird",
        "camembert",
        "data2vec-text",
        "electra",
        "ernie",
        "megatron-bert",
        "rembert",
        "roberta",
        "roberta-prelayernorm",
        "roc_bert",
        "roformer",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    ]
)
"""They read both ways, unless their configuration says `is_decoder`."""
READ_WHOLE = _ENCODERS | frozenset(
    [
        "bart",
        "bigbird_pegasus",
        "blenderbot",
        "blenderbot-small",
        "falcon_mamba",
        "mamba",
        "marian",
        "mbart",
        "moshi",
        "mpt",
        "mvp",
        "openai-gpt",
        "pegasus",
        "plbart",
        "recurrent_gemma",
        "rwkv",
        "trocr",
        "whisper",
    ]
)
"""They have no cache that we know how to use, or take padding on the left for text."""
READ_ANEW = frozenset({"gpt_neo"})
"""They look back a number of columns, of which padding between two turns would be some."""
OWN_HEAD = (_ENCODERS - {"bert-generation"}) | frozenset(
    ["inkling_text", "llama4", "llama4_text", "modernbert-decoder", "recurrent_gemma"]
)
"""More comes after their last hidden states than one matrix, so logits are left to the model itself."""
_REFUSED = {
    "cpmant": "it counts padding among its prompts",
    "prophetnet": "it predicts several tokens at once",
    "reformer": "it hashes tokens into buckets, otherwise in training than in sampling",
    "xlm": "it takes padding tokens for the end of a text",
    "xlnet": "it reads both ways",
}


def refusal(config: PreTrainedConfig) -> str:
    """Why a model with this configuration can't be trained as a planner; empty where it can."""
    kind = config.model_type
    if kind in _ENCODERS and not getattr(config, "is_decoder", False):
        return f"{kind} is an encoder that reads both ways (its config.json says no is_decoder)"
    if kind in _REFUSED:
        return f"what {kind} is trained on would not be what it sampled, since {_REFUSED[kind]}"
    return ""


def unadapted(model: nn.Module) -> list[str]:
    """The linear layers of a model that adapters would be put on in vain or break."""
    found: list[str] = []
    for name, module in model.named_modules():
        router = isinstance(module, nn.Linear) and type(module).__name__.endswith("Router")
        # Routers that are linear layers and return several tensors; a clamped matrix of Gemma 3n, which is
        # read past its adapter in training alone.
        if router or name.endswith(".correction_coefs"):
            found.append(name)
        # State-space layers, whose kernels take these weights without asking the layer.
        elif hasattr(module, "conv1d") and hasattr(module, "D"):
            found += [f"{name}.conv1d", f"{name}.out_proj"]
    return found
