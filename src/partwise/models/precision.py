"""In which precision the weights of a pretrained model are held.

`nf4` is that of QLoRA (Dettmers et al. 2023, section 3): each weight of a linear layer one of sixteen values,
a block of 64 with a factor of its own, and these factors in eight bits. Layers are unpacked where they are
computed; embeddings, norms and heads stay as they are. It takes bitsandbytes, and adapters, which alone
learn.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch

from partwise.models.errors import ModelError

NF4 = "nf4"
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Of a weight: half a byte, and its share of the factors of both kinds."""


def check_precision(dtype: str) -> None:
    """Refuse a precision that takes what is not installed.

    Raises:
        ModelError: `nf4` without bitsandbytes.
    """
    if dtype == NF4 and find_spec("bitsandbytes") is None:
        raise ModelError("dtype=nf4 takes bitsandbytes; add it with: pip install 'partwise[quantized]'")


def bytes_of(dtype: str, where: torch.device, *, adapters: bool, saved: Any) -> int:
    """Bytes of a weight that no setting packs, and of a number that is computed from it.

    Args:
        dtype: as in `weights`, like the next two.
        where: the model will be.
        adapters: whether they alone are trained.
        saved: a configuration's `dtype`, of the weights as they were saved.
    """
    if dtype == NF4:
        return _computed(where).itemsize
    if dtype == "auto" and adapters and where.type != "cpu":
        return getattr(saved, "itemsize", 4)
    return 2 if dtype == "bfloat16" else 4


def _computed(where: torch.device) -> torch.dtype:
    """In which precision packed layers are computed."""
    return torch.float32 if where.type == "cpu" else torch.bfloat16


def weights(dtype: str, where: torch.device, *, adapters: bool) -> dict[str, Any]:
    """What `from_pretrained` is told, so that weights are held as a setting says.

    Args:
        dtype: `float32`, `bfloat16`, `nf4`, or `auto`: as saved with adapters on a GPU, else float32.
        where: the model will be.
        adapters: whether they alone are trained, or nothing is.

    Raises:
        ModelError: see `check_precision`.
    """
    if dtype != NF4:
        as_saved = adapters and where.type != "cpu"
        return {"dtype": dtype if dtype != "auto" else "auto" if as_saved else torch.float32}
    check_precision(dtype)
    from transformers import BitsAndBytesConfig  # with it comes what few runs need

    computed = _computed(where)
    packed = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=NF4,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=computed,
    )
    return {"dtype": computed, "quantization_config": packed, "device_map": {"": where}}
