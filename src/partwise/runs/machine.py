"""What a run was made on, as its record says: enough to judge whether another one can be compared with it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = ("torch", "transformers", "trl")
"""Those whose version may change figures."""


def machine() -> dict[str, str | int]:
    """System, processor, cores and versions; nothing that names a machine, a person or a place."""
    found: dict[str, str | int] = {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 1,
        "Python": platform.python_version(),
    }
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
