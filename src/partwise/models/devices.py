"""Whether a device can be there at all, answered without torch, which takes seconds to import."""

from __future__ import annotations

import ctypes
import difflib
import importlib.util
import re
import sys
from pathlib import Path

_COMMON = ("auto", "cpu", "cuda", "mps", "xpu")
_OTHERS = ("hip", "hpu", "ipu", "maia", "meta", "mkldnn", "mtia", "privateuseone", "vulkan", "xla")
"""Kinds of device that torch knows besides, whether or not this one was built with them."""


def why_missing(device: str) -> str:
    """Why a device is surely not there, as the end of a sentence; empty where torch has to be asked."""
    kind = device.partition(":")[0]
    if kind not in (*_COMMON, *_OTHERS):
        near = ["cuda"] if kind == "gpu" else difflib.get_close_matches(kind, _COMMON, n=1, cutoff=0.7)
        return f"did you mean `{near[0]}`?" if near else "it is `auto`, `cpu`, `cuda` or `mps`."
    if kind == "mps" and sys.platform != "darwin":
        return "this is no Mac; `auto` takes what is there."
    if kind == "cuda" and (reason := _why_no_cuda()):
        return f"{reason}; `auto` takes what is there."
    return ""


def _why_no_cuda() -> str:
    built = _built_with()
    if built is None or built["hip"]:  # ROCm goes by the name of CUDA
        return ""
    if not built["cuda"]:
        return "this PyTorch is built without CUDA"
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libcuda.so.1")
        except OSError:
            return "there is no NVIDIA driver here"
    return ""


def _built_with() -> dict[str, bool] | None:
    """Whether torch was built with `cuda` and `hip`, by its own file; None where that does not say."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    try:
        text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    said = {name: re.search(rf"^{name}\b[^=]*=\s*(\S+)", text, re.MULTILINE) for name in ("cuda", "hip")}
    if said["cuda"] is None:
        return None
    return {name: line is not None and line[1] != "None" for name, line in said.items()}
