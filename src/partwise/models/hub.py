"""Any causal language model of the Hugging Face hub or of a local folder, with LoRA adapters on request."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)

from partwise.models import architectures
from partwise.models.chat import layout

_ADAPTERS = "adapter_config.json"
_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_CHANCE = re.compile("drop|jitter")
"""In the names of settings that are probabilities of doing otherwise in training."""


class ModelError(ValueError):
    """A model can't be loaded; the message is one sentence that says why."""


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
        raise ModelError(f"there is no device '{device}' here: {_first_line(error)}") from error
    return found


def load_causal_lm(
    name_or_path: str | Path, *, lora_rank: int, device: str
) -> tuple[Any, PreTrainedTokenizerBase]:
    """A causal language model, ready to train, and its tokenizer.

    Args:
        name_or_path: a local folder, or a name on the hub. A local folder may hold adapters alone, as a
            checkpoint does: they are put on the model that they name, and are what is trained.
        lora_rank: rank of new LoRA adapters on all linear layers, whose weights alone are then trained;
            0 trains all weights. Not read where the folder holds adapters.
        device: a torch device, or `auto`. On a GPU a model with adapters keeps the precision that it was
            saved in, and its adapters are float32. On a CPU, and where all weights are trained, it is
            float32: half precision would lose the steps of a usual learning rate.

    Returns:
        The model (a `PeftModel` where it has adapters) without dropout, and a tokenizer that has a padding
        token and pads to the left.

    Raises:
        ModelError: no such device or model, an incomplete or corrupt folder, no tokenizer, a chat template
            that can't hold two turns, turns that would never end, or an architecture that can't be trained.
    """
    where, base, tokenizer = _checked(name_or_path, device)
    adapted = base != str(name_or_path)
    model = _load_model(base, weights_dtype(where, adapters=adapted or lora_rank > 0))
    _fit_vocabulary(base, model, tokenizer)
    model.config.pad_token_id = tokenizer.pad_token_id
    if adapted:
        model = _with_saved_adapters(model, str(name_or_path))
    elif lora_rank > 0:
        model = with_new_adapters(model, lora_rank)
    without_chance(model)
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
    adapted = local and (Path(name) / _ADAPTERS).exists()
    if local and not adapted:
        _check_folder(Path(name))
    tokenizer = _load_tokenizer(name)
    try:
        endless = not layout(tokenizer).ends
    except ValueError as error:
        raise ModelError(f"'{name}' can't be a planner: {error}") from error
    if endless:
        raise ModelError(
            f"the tokenizer of '{name}' names no end-of-sequence token, so no turn would ever end"
        )
    base = _adapted_base(Path(name)) if adapted else name
    if refusal := architectures.refusal(_load_config(base)):
        raise ModelError(f"'{base}' can't be a planner: {refusal}")
    return where, base, tokenizer


def weights_dtype(where: torch.device, *, adapters: bool) -> torch.dtype | str:
    """The precision to load a model in that is trained; `auto` is that in which it was saved."""
    return "auto" if adapters and where.type != "cpu" else torch.float32


def without_chance(model: nn.Module) -> None:
    """Take dropout and the jitter of routers out of a model, in place.

    They are off in sampling, and what is trained would otherwise be another model than the one that sampled.
    """
    for module in model.modules():
        if isinstance(module, _DROPOUTS):
            module.p = 0.0
        for name, value in vars(module).items():
            if isinstance(value, float) and _CHANCE.search(name):
                setattr(module, name, 0.0)
        config = getattr(module, "config", None)
        if isinstance(config, PreTrainedConfig):
            _take_chance(config)


def _take_chance(config: PreTrainedConfig) -> None:
    for name, value in list(vars(config).items()):
        if isinstance(value, float) and _CHANCE.search(name):
            setattr(config, name, 0.0)
        elif isinstance(value, PreTrainedConfig):
            _take_chance(value)


def load_classifier(
    name_or_path: str | Path, *, classes: int, seed: int, device: str
) -> tuple[Any, PreTrainedTokenizerBase]:
    """A sequence classifier and its tokenizer, for the laboratory's teachers and students.

    A causal model's body gets a head of small random weights; a classifier of as many classes keeps its own.

    Args:
        name_or_path: as in `load_causal_lm`, without adapters.
        classes: logits of a text; 1 where texts are compared.
        seed: decides the head. The global random state is left as it was.
        device: as in `load_causal_lm`.

    Raises:
        ModelError: no such model, an incomplete or corrupt folder, or no tokenizer.
    """
    model, tokenizer, _ = _classifier(name_or_path, classes, seed, device)
    return model, tokenizer


def load_reward_model(name_or_path: str | Path, *, device: str) -> tuple[Any, PreTrainedTokenizerBase]:
    """A classifier with one label that has been trained as such, and its tokenizer.

    Args:
        name_or_path: as in `load_causal_lm`, without adapters.
        device: as in `load_causal_lm`.

    Raises:
        ModelError: as `load_classifier`; or some of its weights are not there, as of a model without a head.
    """
    model, tokenizer, missing = _classifier(name_or_path, 1, 0, device)
    if missing:
        raise ModelError(
            f"'{name_or_path}' is no reward model with one score: it has no {', '.join(missing)}. Take one "
            "that was saved as a sequence classifier with num_labels=1"
        )
    return model, tokenizer


def _classifier(
    name_or_path: str | Path, classes: int, seed: int, device: str
) -> tuple[Any, PreTrainedTokenizerBase, list[str]]:
    """A classifier, its tokenizer, and the weights that were drawn since they were not there."""
    where = resolve_device(device)
    name = str(name_or_path)
    if Path(name).exists() or name.startswith(("/", "./", "../", "~")):
        _check_folder(Path(name))
    tokenizer = _load_tokenizer(name)
    tokenizer.padding_side = "right"
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            model, info = AutoModelForSequenceClassification.from_pretrained(
                name,
                num_labels=classes,
                dtype=torch.float32 if where.type == "cpu" else "auto",
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except SafetensorError as error:
        raise ModelError(f"the weights of '{name}' are corrupt: {_first_line(error)}") from error
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(f"'{name}' can't be opened as a classifier: {_first_line(error)}") from error
    model.config.pad_token_id = tokenizer.pad_token_id
    missing = sorted({*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])})
    return model.to(where), tokenizer, missing


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        raise ModelError(f"there is no folder '{folder}'")
    if not folder.is_dir():
        raise ModelError(f"'{folder}' is a file; a model is a folder with a config.json")
    if not (folder / "config.json").exists():
        raise ModelError(f"the folder '{folder}' holds no model: it has no config.json")


def _load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
    except Exception as error:  # transformers raises whatever its parsers raise
        raise ModelError(f"'{name}' has no tokenizer that can be opened: {_first_line(error)}") from error
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        # Given a known architecture and no files, transformers makes up an empty tokenizer.
        raise ModelError(f"'{name}' has no tokenizer: its vocabulary is empty")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def _load_config(name: str) -> PreTrainedConfig:
    try:
        return AutoConfig.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(
            f"'{name}' can't be opened as a causal language model: {_first_line(error)}"
        ) from error


def _load_model(name: str, dtype: Any) -> Any:
    try:
        return AutoModelForCausalLM.from_pretrained(name, dtype=dtype, trust_remote_code=False)
    except SafetensorError as error:
        raise ModelError(f"the weights of '{name}' are corrupt: {_first_line(error)}") from error
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(
            f"'{name}' can't be opened as a causal language model: {_first_line(error)}"
        ) from error


def with_new_adapters(model: Any, rank: int) -> Any:
    """The model with LoRA adapters on all its linear layers, the same each time; only they are trained."""
    from peft import LoraConfig, get_peft_model  # a slow import that runs without adapters do not need

    adapters = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        exclude_modules=architectures.unadapted(model) or None,
        bias="none",
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):
        # A run that is done again begins with the same adapters; they are drawn on the CPU.
        torch.default_generator.manual_seed(0)
        return get_peft_model(model, adapters)


def _adapted_base(folder: Path) -> str:
    """Name or folder of the model that the adapters in `folder` belong to."""
    try:
        base = json.loads((folder / _ADAPTERS).read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"the adapters in '{folder}' can't be read: {_first_line(error)}") from error
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
        return PeftModel.from_pretrained(model, folder, is_trainable=True)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ModelError(f"the adapters in '{folder}' can't be opened: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
