"""The outline of a page, which is what those who hear it find their way by."""

from __future__ import annotations

import re
from itertools import pairwise

_DIALOG = re.compile(r"<dialog\b.*?</dialog>", re.DOTALL)
"""Has an outline of its own, and is heard only once it is opened."""


def check_headings(page: str, where: str) -> None:
    """Hold that a page begins with its one heading of the first level, and that no level is left out."""
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", _DIALOG.sub("", page))]
    assert levels[:1] == [1] and levels.count(1) == 1, f"{where} has headings of the levels {levels}"
    assert all(below <= above + 1 for above, below in pairwise(levels)), f"{where} skips a heading: {levels}"
