"""Any causal language model of the Hugging Face hub or of a local folder, with LoRA adapters on request."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils.peft_utils import find_adapter_config_file

from partwise.models import architectures
from partwise.models.chance import without_chance
from partwise.models.chat import layout
from partwise.models.errors import ModelError
from partwise.models.packaged import is_packaged, located

_ADAPTERS = "adapter_config.json"


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
        dtype: precision of the weights, `float32` or `bfloat16`; `auto` for that in which it was saved where
            there are adapters and a GPU, else float32: half precision would lose the steps of a usual
            learning rate. Adapters are float32.
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
    chosen = weights_dtype(where, adapters=kept) if dtype == "auto" else dtype
    model = _load_model(base, chosen, None if attention == "auto" else attention)
    _fit_vocabulary(base, model, tokenizer)
    model.config.pad_token_id = tokenizer.pad_token_id
    if adapted:
        model = _with_saved_adapters(model, str(name_or_path))
    elif lora_rank > 0:
        model = with_new_adapters(model, lora_rank)
    without_chance(model)
    if checkpointing:
        _compute_twice(str(name_or_path), model)
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


def load_classifier(
    name_or_path: str | Path, *, classes: int, seed: int, device: str
) -> tuple[Any, PreTrainedTokenizerBase]:
    """A sequence classifier to be trained and its tokenizer, for the laboratory's teachers and students.

    A causal model's body gets a head of small random weights; a classifier of as many classes keeps its own.
    Its padding stays as its configuration has it: `models.classifier` makes batches. Weights are float32, on
    whichever device: half precision would lose the steps of a usual learning rate.

    Args:
        name_or_path: as in `load_causal_lm`, without adapters.
        classes: logits of a text; 1 where texts are compared.
        seed: decides the head. The global random state is left as it was.
        device: as in `load_causal_lm`.

    Raises:
        ModelError: no such model, an incomplete or corrupt folder, adapters alone, a model that brings its
            own code, or no tokenizer.
    """
    where, name = resolve_device(device), str(name_or_path)
    if _adapters_in(name) is not None:
        raise ModelError(
            f"'{name}' holds adapters alone, which can't learn anew here: put them into their model by "
            "peft's `merge_and_unload`, save that, and name its folder"
        )
    model, _ = _classifier(name, classes, seed, torch.float32)
    return model.to(where), _classifier_tokenizer(name)


def load_reward_model(name_or_path: str | Path, *, device: str) -> tuple[Any, PreTrainedTokenizerBase]:
    """A classifier with one label that has been trained as such, and its tokenizer.

    Args:
        name_or_path: a name on the hub or a local folder; also of adapters for a classifier, with a trained
            head among them or in the model that they name.
        device: as in `load_causal_lm`.

    Raises:
        ModelError: as `load_classifier`; some of its weights are not there, as of a model without a head; or
            adapters that are for something else.
    """
    where, name = resolve_device(device), str(name_or_path)
    adapters = _adapters_in(name)
    base = name if adapters is None else _adapted_base(adapters.parent)
    model, missing = _classifier(base, 1, 0, torch.float32 if where.type == "cpu" else "auto")
    if adapters is not None:
        model, missing = _with_scoring_adapters(model, adapters, missing)
    if missing:
        raise ModelError(
            f"'{name}' is no reward model with one score: it has no {', '.join(missing)}. Take one that was "
            "saved as a sequence classifier with num_labels=1"
        )
    has_own = adapters is None or (adapters.parent / "tokenizer_config.json").exists()
    return model.to(where), _classifier_tokenizer(name if has_own else base)


def _classifier(name: str, classes: int, seed: int, dtype: Any) -> tuple[Any, list[str]]:
    """A classifier, and the weights that were drawn since they were not there."""
    if Path(name).exists() or name.startswith(("/", "./", "../", "~")):
        _check_folder(Path(name))
    place = located(name)
    try:
        _refuse_own_code(name, place)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            model, info = AutoModelForSequenceClassification.from_pretrained(
                place,
                num_labels=classes,
                dtype=dtype,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                trust_remote_code=False,
            )
    except SafetensorError as error:
        raise ModelError(f"the weights of '{name}' are corrupt: {_first_line(error)}") from error
    except ModelError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(f"'{name}' can't be opened as a classifier: {_first_line(error)}") from error
    return model, sorted({*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])})


def _refuse_own_code(name: str, place: str) -> None:
    """A class of the library under the same name may be another model than the one that was trained."""
    config, _ = PreTrainedConfig.get_config_dict(place)
    own = config.get("auto_map") or {}
    if "AutoModelForSequenceClassification" in own or (
        own and config.get("model_type") not in CONFIG_MAPPING
    ):
        raise ModelError(
            f"'{name}' brings its own code, which is not run here: once you have read that code, load it in "
            "Python by `from_pretrained(..., trust_remote_code=True)`, and hand a function that scores texts "
            "to `partwise.measure.rewardbench.reward_bench`"
        )


def _classifier_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """A tokenizer that need name neither an end of sequence, as a classifier ends no turn, nor padding."""
    tokenizer = _open_tokenizer(name)
    tokenizer.padding_side = "right"
    return tokenizer


def _adapters_in(name: str) -> Path | None:
    """The settings of the adapters that a folder, or a name on the hub, holds instead of a model."""
    if Path(name).is_dir() or is_packaged(name):
        file = Path(name) / _ADAPTERS
        return file if file.exists() else None
    try:
        found = find_adapter_config_file(name)
    except (OSError, ValueError):
        return None  # what is wrong with the name is said when its model is opened
    return None if found is None else Path(found)


def _with_scoring_adapters(model: Any, adapters: Path, missing: Sequence[str]) -> tuple[Any, list[str]]:
    """A classifier with saved adapters, and which of its missing weights they do not bring."""
    from peft import PeftModel, load_peft_weights  # a slow import that runs without adapters do not need

    folder = str(adapters.parent)
    try:
        task = json.loads(adapters.read_text(encoding="utf-8")).get("task_type")
        if task != "SEQ_CLS":
            raise ModelError(
                f"the adapters in '{folder}' are for {task or 'no task'} and score no text; take those of a "
                "reward model, whose task_type is SEQ_CLS"
            )
        brought = load_peft_weights(folder, device="cpu")
        lacking = [key for key in missing if f"base_model.model.{key}" not in brought]
        if lacking:
            return model, lacking
        with warnings.catch_warnings():
            # Adapters of another architecture would be left out with a warning.
            warnings.filterwarnings("error", message=".*missing adapter keys.*")
            adapted = PeftModel.from_pretrained(model, folder)
    except ModelError:
        raise
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError, UserWarning) as error:
        raise ModelError(f"the adapters in '{folder}' can't be opened: {_first_line(error)}") from error
    return adapted, []


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        raise ModelError(f"there is no folder '{folder}'")
    if not folder.is_dir():
        raise ModelError(f"'{folder}' is a file; a model is a folder with a config.json")
    if not (folder / "config.json").exists():
        raise ModelError(f"the folder '{folder}' holds no model: it has no config.json")


def _open_tokenizer(name: str) -> PreTrainedTokenizerBase:
    place = located(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its parsers raise
        raise ModelError(f"'{name}' has no tokenizer that can be opened: {_first_line(error)}") from error
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        # Given a known architecture and no files, transformers makes up an empty tokenizer.
        raise ModelError(f"'{name}' has no tokenizer: its vocabulary is empty")
    return tokenizer


def _load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    tokenizer = _open_tokenizer(name)
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
            f"'{name}' can't be opened as a causal language model: {_first_line(error)}"
        ) from error


def _compute_twice(name: str, model: Any) -> None:
    """Let a model recompute activations in training; sampling, which is in evaluation mode, is as it was."""
    if not model.supports_gradient_checkpointing:
        raise ModelError(
            f"'{name}' ({model.config.model_type}) knows no gradient checkpointing: leave "
            "`planner.checkpointing` false, and lower `rlft.micro_batch` instead"
        )
    # Reentrant checkpoints would give adapters no gradient below the first of them.
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def _load_model(name: str, dtype: Any, attention: str | None = None) -> Any:
    place = located(name)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            place, dtype=dtype, attn_implementation=attention, trust_remote_code=False
        )
    except SafetensorError as error:
        raise ModelError(f"the weights of '{name}' are corrupt: {_first_line(error)}") from error
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(
            f"'{name}' can't be opened as a causal language model: {_first_line(error)}"
        ) from error
    # What saved adapters say that they belong to: the cache may be elsewhere by then.
    model.name_or_path = name
    return model


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
