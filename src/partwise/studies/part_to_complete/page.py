"""How the study is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partwise.report.page import Page
from partwise.studies.grid.arms_page import arms_page


def page(results: Mapping[str, Any]) -> Page:
    """The page of its `results.json`."""
    return arms_page("part_to_complete", "Part-to-complete generalization", results)
