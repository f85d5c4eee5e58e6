"""Any causal language model of the Hugging Face hub or of a local folder, with LoRA adapters on request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)

from partwise.models import architectures
from partwise.models.chance import without_chance
from partwise.models.chat import layout
from partwise.models.errors import ModelError
from partwise.models.packaged import located
from partwise.models.precision import weights

ADAPTERS = "adapter_config.json"
"""What a folder of adapters has in the place of a config.json."""


def resolve_device(device: str) -> torch.device:
    """The torch device of a configuration: `auto` is a GPU where there is one.

    Raises:
        ModelError: torch knows no such device, or has none here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"there is no device '{device}' here: {first_line(error)}") from error
    return found


def load_causal_lm(
    name_or_path: str | Path,
    *,
    lora_rank: int,
    device: str,
    dtype: str = "auto",
    attention: str = "auto",
    checkpointing: bool = False,
    trained: bool = True,
) -> tuple[Any, PreTrainedTokenizerBase]:
    """A causal language model, ready to train, and its tokenizer.

    Args:
        name_or_path: a local folder, a name on the hub, or one of `packaged`. A local folder may hold
            adapters alone, as a checkpoint does: they are put on the model that they name, and are what is
            trained.
        lora_rank: rank of new LoRA adapters on all linear layers, whose weights alone are then trained;
            0 trains all weights. Not read where the folder holds adapters.
        device: a torch device, or `auto`.
        dtype: precision of the weights, `float32`, `bfloat16` or `nf4` (see `models.precision`); `auto` for
            that in which it was saved where there are adapters and a GPU, else float32: half precision would
            lose the steps of a usual learning rate. Adapters are float32.
        attention: one of transformers' implementations of it; `auto` for the one that it takes by itself.
        checkpointing: whether training computes activations anew instead of keeping them.
        trained: whether it is to be trained. One that is not keeps its precision on a GPU.

    Returns:
        The model (a `PeftModel` where it has adapters) without dropout, and a tokenizer that has a padding
        token and pads to the left.

    Raises:
        ModelError: no such device or model, an incomplete or corrupt folder, no tokenizer, a chat template
            that can't hold two turns, turns that would never end, or an architecture that can't be trained.
    """
    where, base, tokenizer = _checked(name_or_path, device)
    adapted = base != str(name_or_path)
    kept = adapted or lora_rank > 0 or not trained
    held = weights(dtype, where, adapters=kept)
    model = _load_model(base, held, None if attention == "auto" else attention)
    _fit_vocabulary(base, model, tokenizer)
    model.config.pad_token_id = tokenizer.pad_token_id
    if adapted:
        model = _with_saved_adapters(model, str(name_or_path))
    elif lora_rank > 0:
        model = with_new_adapters(model, lora_rank)
    without_chance(model)
    if checkpointing:
        compute_twice(str(name_or_path), model)
    return model.to(where), tokenizer


def check_causal_lm(
    name_or_path: str | Path, *, device: str
) -> tuple[PreTrainedConfig, PreTrainedTokenizerBase]:
    """Configuration and tokenizer; refuses what `load_causal_lm` does, as far as it shows without weights."""
    _, base, tokenizer = _checked(name_or_path, device)
    return _load_config(base), tokenizer


def _checked(name_or_path: str | Path, device: str) -> tuple[torch.device, str, PreTrainedTokenizerBase]:
    """The device, the name or folder of the model under the adapters, if any, and the tokenizer."""
    where = resolve_device(device)
    name = str(name_or_path)
    # A bare name could be both; a path that is written as one never is a name on the hub.
    local = Path(name).exists() or name.startswith(("/", "./", "../", "~"))
    adapted = local and (Path(name) / ADAPTERS).exists()
    if local and not adapted:
        check_folder(Path(name))
    tokenizer = _load_tokenizer(name)
    try:
        endless = not layout(tokenizer).ends
    except ValueError as error:
        raise ModelError(f"'{name}' can't be a planner: {error}") from error
    if endless:
        raise ModelError(
            f"the tokenizer of '{name}' names no end-of-sequence token, so no turn would ever end"
        )
    base = adapted_base(Path(name)) if adapted else name
    if refusal := architectures.refusal(_load_config(base)):
        raise ModelError(f"'{base}' can't be a planner: {refusal}")
    return where, base, tokenizer


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds no model.

    Raises:
        ModelError: it does not.
    """
    if not folder.exists():
        raise ModelError(f"there is no folder '{folder}'")
    if not folder.is_dir():
        raise ModelError(f"'{folder}' is a file; a model is a folder with a config.json")
    if not (folder / "config.json").exists():
        raise ModelError(f"the folder '{folder}' holds no model: it has no config.json")


def open_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a name or folder, as it was saved.

    Raises:
        ModelError: there is none that can be opened, or its vocabulary is empty.
    """
    place = located(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its parsers raise
        raise ModelError(f"'{name}' has no tokenizer that can be opened: {first_line(error)}") from error
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        # Given a known architecture and no files, transformers makes up an empty tokenizer.
        raise ModelError(f"'{name}' has no tokenizer: its vocabulary is empty")
    return tokenizer


def _load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    tokenizer = open_tokenizer(name)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def _load_config(name: str) -> PreTrainedConfig:
    place = located(name)
    try:
        return AutoConfig.from_pretrained(place, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(
            f"'{name}' can't be opened as a causal language model: {first_line(error)}"
        ) from error


def compute_twice(name: str, model: Any) -> None:
    """Let a model recompute activations in training; sampling, which is in evaluation mode, is as it was.

    Raises:
        ModelError: it knows no such thing.
    """
    if not model.supports_gradient_checkpointing:
        raise ModelError(
            f"'{name}' ({model.config.model_type}) knows no gradient checkpointing: leave `checkpointing` "
            "false, and have fewer rows computed at once (`micro_batch`, `batch_size`) instead"
        )
    # Reentrant checkpoints would give adapters no gradient below the first of them.
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def _load_model(name: str, held: Mapping[str, Any], attention: str | None = None) -> Any:
    place = located(name)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            place, **held, attn_implementation=attention, trust_remote_code=False
        )
    except SafetensorError as error:
        raise ModelError(f"the weights of '{name}' are corrupt: {first_line(error)}") from error
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(
            f"'{name}' can't be opened as a causal language model: {first_line(error)}"
        ) from error
    # What saved adapters say that they belong to: the cache may be elsewhere by then.
    model.name_or_path = name
    return model


def with_new_adapters(model: Any, rank: int, *, task: str = "CAUSAL_LM", whole: Sequence[str] = ()) -> Any:
    """The model with LoRA adapters on all its linear layers, the same each time; only they are trained.

    Args:
        model: of transformers; the same object goes on beneath the adapters.
        rank: of the adapters.
        task: peft's name of what the model does.
        whole: names of its modules that are trained, and saved with the adapters, as they are.
    """
    from peft import LoraConfig, get_peft_model  # a slow import that runs without adapters do not need

    adapters = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        exclude_modules=architectures.unadapted(model) or None,
        modules_to_save=[*whole] or None,
        bias="none",
        task_type=task,
    )
    with torch.random.fork_rng(devices=[]):
        # A run that is done again begins with the same adapters; they are drawn on the CPU.
        torch.default_generator.manual_seed(0)
        return written_alike(get_peft_model(model, adapters))


def written_alike(adapted: Any) -> Any:
    """The model, whose adapters are written byte for byte alike whenever they are the same.

    What peft keeps in a set it writes in the order in which the set happens to lie.
    """
    for config in adapted.peft_config.values():
        for name, value in vars(config).items():
            if isinstance(value, set):
                setattr(config, name, sorted(value))
    return adapted


def adapted_base(folder: Path) -> str:
    """Name or folder of the model that the adapters in `folder` belong to.

    Raises:
        ModelError: they can't be read, or name none.
    """
    try:
        base = json.loads((folder / ADAPTERS).read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"the adapters in '{folder}' can't be read: {first_line(error)}") from error
    if not isinstance(base, str) or not base:
        raise ModelError(f"the adapters in '{folder}' name no model that they belong to")
    return base


def _fit_vocabulary(name: str, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer with tokens that the model has no embedding of; padding is often added so."""
    rows: int = model.get_input_embeddings().weight.shape[0]
    pad_id: Any = tokenizer.pad_token_id
    if pad_id >= rows:
        tokenizer.pad_token = tokenizer.eos_token
    beyond = sorted(id for id in tokenizer.get_vocab().values() if id >= rows and id != pad_id)
    if beyond:
        token = tokenizer.convert_ids_to_tokens(beyond[0])
        raise ModelError(
            f"the tokenizer of '{name}' is not the model's: it has the token {token!r} at {beyond[0]}, and "
            f"the model knows {rows} tokens"
        )


def _with_saved_adapters(model: Any, folder: str) -> Any:
    from peft import PeftModel  # as above

    try:
        return written_alike(PeftModel.from_pretrained(model, folder, is_trainable=True))
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ModelError(f"the adapters in '{folder}' can't be opened: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """What an error says, in one line without a full stop; its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
