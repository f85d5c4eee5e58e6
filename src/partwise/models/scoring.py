"""Any sequence classifier of the Hugging Face hub or of a local folder: reward models, and the laboratory's."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedTokenizerBase
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils.peft_utils import find_adapter_config_file

from partwise.models.errors import ModelError
from partwise.models.hub import (
    ADAPTERS,
    adapted_base,
    check_folder,
    first_line,
    open_tokenizer,
    resolve_device,
)
from partwise.models.packaged import is_packaged, located


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
    base = name if adapters is None else adapted_base(adapters.parent)
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
        check_folder(Path(name))
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
        raise ModelError(f"the weights of '{name}' are corrupt: {first_line(error)}") from error
    except ModelError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(f"'{name}' can't be opened as a classifier: {first_line(error)}") from error
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
        raise ModelError(f"the adapters in '{folder}' can't be opened: {first_line(error)}") from error
    return adapted, []
