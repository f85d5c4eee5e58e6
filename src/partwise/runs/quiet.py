"""Keeping other libraries' own bars and warnings out of what people see."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from partwise.config.places import cache_folder


def quiet_libraries() -> None:
    """Keep the libraries' own bars and warnings out of our progress, in child processes too."""
    if os.environ.get("PARTWISE_DEBUG") == "1":
        return
    for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # The second is what Python says of a worker that was killed; it clears up what that one leaves.
    os.environ.setdefault("PYTHONWARNINGS", "ignore::FutureWarning,ignore:resource_tracker:UserWarning")
    warnings.filterwarnings("ignore", category=FutureWarning)
    # What tqdm says in a notebook without widgets, when libraries import it for bars that are off.
    warnings.filterwarnings("ignore", message="IProgress not found")
    # What peft says as it saves adapters of a packaged model, whose name it takes for a folder.
    warnings.filterwarnings("ignore", message="Could not find a config file in package:")
    # Where it may not write into the user's home it goes without, and says so at length.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    _quiet_loaded()
    _place_caches()


def _quiet_loaded() -> None:
    """Libraries that are imported already have read the environment: they are told themselves."""
    transformers: Any = sys.modules.get("transformers.utils.logging")
    if transformers is not None:
        transformers.set_verbosity_error()
        transformers.disable_progress_bar()
    for name in ("datasets", "huggingface_hub.utils"):
        loaded: Any = sys.modules.get(name)
        if loaded is not None:
            loaded.disable_progress_bars()


def _place_caches() -> None:
    """Let libraries write where we may write: beside our own cache, not among the temporary files."""
    own = cache_folder()
    with contextlib.suppress(OSError):
        (own / "torch").mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(own / "torch"))
        users = Path(
            os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
        )
        there = next(path for path in (users, *users.parents) if path.exists())
        if not os.access(there, os.W_OK):  # what was downloaded there is still read
            os.environ.setdefault("HF_DATASETS_CACHE", str(own / "datasets"))
