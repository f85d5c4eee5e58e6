"""Sequence classifiers of the Hugging Face hub or of a local folder: reward models and the laboratory's."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
from transformers.utils.peft_utils import find_adapter_config_file

from partwise.models.chance import without_chance
from partwise.models.errors import ModelError
from partwise.models.hub import (
    ADAPTERS,
    adapted_base,
    check_folder,
    compute_twice,
    first_line,
    open_tokenizer,
    resolve_device,
    with_new_adapters,
    written_alike,
)
from partwise.models.packaged import is_packaged, located
from partwise.models.precision import weights

_TASK = "SEQ_CLS"
"""peft's name of what a classifier does."""


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
    model, _ = _classifier(name, classes, seed, weights("float32", where, adapters=False))
    return model.to(where), _classifier_tokenizer(name)


def new_reward_model(
    name_or_path: str | Path,
    *,
    lora_rank: int,
    seed: int,
    device: str,
    dtype: str = "auto",
    attention: str = "auto",
    checkpointing: bool = False,
) -> tuple[Any, PreTrainedTokenizerBase]:
    """A reward model that has yet to learn from people, ready to train, and its tokenizer.

    A causal model's body gets a head of small random weights; a reward model keeps its own. Heads are trained
    whole and in float32, whatever the precision of the weights under the adapters.

    Args:
        name_or_path: as in `load_reward_model`, with or without a trained head.
        lora_rank: rank of new LoRA adapters on all linear layers of the body, which are trained with the head
            alone; 0 trains all weights. Not read where the folder holds adapters.
        seed: decides a new head; new adapters are the same each time. Global random states stay.
        device: as in `load_causal_lm`.
        dtype: likewise.
        attention: likewise.
        checkpointing: likewise.

    Raises:
        ModelError: as `load_classifier`; or adapters that are for something else.
    """
    where, name = resolve_device(device), str(name_or_path)
    if _adapters_in(name) is not None:
        return load_reward_model(
            name, device=device, trained=True, dtype=dtype, attention=attention, checkpointing=checkpointing
        )
    model, drawn = _classifier(name, 1, seed, weights(dtype, where, adapters=lora_rank > 0), attention)
    if lora_rank:
        # What the adapters say that they belong to: the cache of packages may be elsewhere by then.
        model.name_or_path = name
        whole = _whole(model, drawn)
        _in_float32(model, whole)
        model = _named_once(with_new_adapters(model, lora_rank, task=_TASK, whole=whole))
    _begin(model)
    if checkpointing:
        compute_twice(name, model)
    return model.to(where), _classifier_tokenizer(name)


def check_reward_model(
    name_or_path: str | Path, *, device: str
) -> tuple[PreTrainedConfig, PreTrainedTokenizerBase]:
    """Configuration and tokenizer; refuses what `new_reward_model` does, as far as it shows without weights.

    Raises:
        ModelError: see there; or the model is a classifier of several labels.
    """
    resolve_device(device)
    name = str(name_or_path)
    adapters = _adapters_in(name)
    if adapters is not None:
        _refuse_other_adapters(adapters)
    base = name if adapters is None else adapted_base(adapters.parent)
    if _is_written_as_path(base):
        check_folder(Path(base))
    try:
        place = located(base)
        _refuse_own_code(base, place)
        config = AutoConfig.from_pretrained(place, trust_remote_code=False)
    except ModelError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(f"'{base}' can't be opened as a classifier: {first_line(error)}") from error
    if type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise ModelError(
            f"'{base}' can't be made a reward model: transformers has no sequence classifier for "
            f"{config.model_type}; take a model of another architecture"
        )
    is_classifier = any("ForSequenceClassification" in kind for kind in config.architectures or ())
    if is_classifier and config.num_labels != 1:
        raise ModelError(
            f"'{base}' is a classifier of {config.num_labels} labels, and a reward model has one: take one "
            "that was saved with num_labels=1, or the model that it was made from"
        )
    return config, _classifier_tokenizer(_tokenized_by(name, adapters, base))


def load_reward_model(
    name_or_path: str | Path,
    *,
    device: str,
    trained: bool = False,
    dtype: str = "auto",
    attention: str = "auto",
    checkpointing: bool = False,
) -> tuple[Any, PreTrainedTokenizerBase]:
    """A classifier with one label that has been trained as such, and its tokenizer.

    Args:
        name_or_path: a name on the hub or a local folder; also of adapters for a classifier, with a trained
            head among them or in the model that they name.
        device: as in `load_causal_lm`.
        trained: whether it is to be trained further: its adapters where it has some, else all weights, which
            are then float32. Without dropout, as it is where it is read.
        dtype: as in `load_causal_lm`.
        attention: likewise.
        checkpointing: likewise; where it is trained.

    Raises:
        ModelError: as `load_classifier`; some of its weights are not there, as of a model without a head; or
            adapters that are for something else.
    """
    where, name = resolve_device(device), str(name_or_path)
    adapters = _adapters_in(name)
    base = name if adapters is None else adapted_base(adapters.parent)
    kept = adapters is not None or not trained
    model, missing = _classifier(base, 1, 0, weights(dtype, where, adapters=kept), attention)
    if adapters is not None:
        model, missing = _with_scoring_adapters(model, adapters, missing, trained)
    if trained:
        _begin(model)
    if trained and checkpointing:
        compute_twice(name, model)
    if missing:
        raise ModelError(
            f"'{name}' is no reward model with one score: it has no {', '.join(missing)}. Take one that was "
            "saved as a sequence classifier with num_labels=1"
        )
    return model.to(where), _classifier_tokenizer(_tokenized_by(name, adapters, base))


def _classifier(
    name: str, classes: int, seed: int, held: Mapping[str, Any], attention: str = "auto"
) -> tuple[Any, list[str]]:
    """A classifier, and the weights that were drawn since they were not there."""
    if _is_written_as_path(name):
        check_folder(Path(name))
    place = located(name)
    try:
        _refuse_own_code(name, place)
        if packed := held.get("quantization_config"):
            # They learn, and may have to be drawn.
            packed.llm_int8_skip_modules = _heads_of(place, classes)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            model, info = AutoModelForSequenceClassification.from_pretrained(
                place,
                num_labels=classes,
                **held,
                attn_implementation=None if attention == "auto" else attention,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                trust_remote_code=False,
            )
    except SafetensorError as error:
        raise ModelError(f"the weights of '{name}' are corrupt: {first_line(error)}") from error
    except ModelError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(f"'{name}' can't be opened as a classifier: {first_line(error)}") from error
    return model, sorted({*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])})


def _heads_of(place: str, classes: int) -> list[str]:
    """The names of a classifier's heads, by its configuration alone."""
    config = AutoConfig.from_pretrained(place, num_labels=classes, trust_remote_code=False)
    with torch.device("meta"):
        return heads(AutoModelForSequenceClassification.from_config(config, trust_remote_code=False))


def _refuse_own_code(name: str, place: str) -> None:
    """A class of the library under the same name may be another model than the one that was trained."""
    config, _ = PreTrainedConfig.get_config_dict(place)
    own = config.get("auto_map") or {}
    if "AutoModelForSequenceClassification" in own or (
        own and config.get("model_type") not in CONFIG_MAPPING
    ):
        raise ModelError(
            f"'{name}' brings its own code, which is not run here: take a model of an architecture that "
            "transformers has; or to measure this one, once you have read that code, load it in Python by "
            "`from_pretrained(..., trust_remote_code=True)`, and hand a function that scores texts to "
            "`partwise.measure.rewardbench.reward_bench`"
        )


def _is_written_as_path(name: str) -> bool:
    """Whether a name is of a folder; a bare one may be, where there is such a folder."""
    return Path(name).exists() or name.startswith(("/", "./", "../", "~"))


def _tokenized_by(name: str, adapters: Path | None, base: str) -> str:
    """Whose tokenizer it is: that of the adapters, where they have one, or of the model that they name."""
    has_own = adapters is None or (adapters.parent / "tokenizer_config.json").exists()
    return name if has_own else base


def _classifier_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """A tokenizer that need name neither an end of sequence, as a classifier ends no turn, nor padding."""
    tokenizer = open_tokenizer(name)
    tokenizer.padding_side = "right"
    return tokenizer


def _adapters_in(name: str) -> Path | None:
    """The settings of the adapters that a folder, or a name on the hub, holds instead of a model."""
    if Path(name).is_dir() or is_packaged(name):
        file = Path(name) / ADAPTERS
        return file if file.exists() else None
    try:
        found = find_adapter_config_file(name)
    except (OSError, ValueError):
        return None  # what is wrong with the name is said when its model is opened
    return None if found is None else Path(found)


def _begin(model: Any) -> None:
    """Make a model that was read ready to train: without dropout, and its weights where new ones would be.

    Where a weight begins in memory, which of one in a file may be anywhere, moves the last digits of what is
    computed: a run that is resumed would end otherwise.
    """
    without_chance(model)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.clone()


def _whole(model: Any, drawn: Sequence[str]) -> list[str]:
    """The modules of a classifier that are trained without adapters: its head, and whatever else was drawn.

    Args:
        model: without adapters.
        drawn: names of the weights that were not there.
    """
    head = heads(model)
    others = dict.fromkeys(name.rpartition(".")[0] for name in drawn if name.partition(".")[0] not in head)
    return [*head, *others]


def heads(model: Any) -> list[str]:
    """The names of what a classifier has beside its body: its head, in one module or in several."""
    return [
        name
        for name, module in model.named_children()
        if name != model.base_model_prefix and any(True for _ in module.parameters())
    ]


def _in_float32(model: Any, names: Sequence[str]) -> None:
    """Hold modules, and what they compute, to float32.

    In half precision they would lose the steps of a usual learning rate, and texts that differ a little would
    score the same.
    """
    for name in names:
        module = model.get_submodule(name)
        if next(module.parameters()).dtype != torch.float32:
            module.float().register_forward_pre_hook(_as_float32)


def _named_once(adapted: Any) -> Any:
    """Heads named once in what is saved: peft adds the usual ones each time that adapters are opened."""
    for settings in adapted.peft_config.values():
        settings.modules_to_save = [*dict.fromkeys(settings.modules_to_save or ())] or None
    return adapted


def _as_float32(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each.float() if isinstance(each, torch.Tensor) else each for each in inputs)


def _refuse_other_adapters(adapters: Path) -> None:
    """Refuse adapters that score no text, by what their settings, a file, say."""
    try:
        task = json.loads(adapters.read_text(encoding="utf-8")).get("task_type")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            f"the adapters in '{adapters.parent}' can't be opened: {first_line(error)}"
        ) from error
    if task != _TASK:
        raise ModelError(
            f"the adapters in '{adapters.parent}' are for {task or 'no task'} and score no text; take those "
            f"of a reward model, whose task_type is {_TASK}"
        )


def _with_scoring_adapters(
    model: Any, adapters: Path, missing: Sequence[str], trained: bool
) -> tuple[Any, list[str]]:
    """A classifier with saved adapters, and which of its missing weights they do not bring."""
    from peft import PeftModel, load_peft_weights  # a slow import that runs without adapters do not need

    folder = str(adapters.parent)
    _refuse_other_adapters(adapters)
    _in_float32(model, _whole(model, missing))
    try:
        brought = load_peft_weights(folder, device="cpu")
        lacking = [key for key in missing if f"base_model.model.{key}" not in brought]
        if lacking:
            return model, lacking
        with warnings.catch_warnings():
            # Adapters of another architecture would be left out with a warning.
            warnings.filterwarnings("error", message=".*missing adapter keys.*")
            adapted = PeftModel.from_pretrained(model, folder, is_trainable=trained)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError, UserWarning) as error:
        raise ModelError(f"the adapters in '{folder}' can't be opened: {first_line(error)}") from error
    return _named_once(written_alike(adapted)), []
