"""The studies whose results are a page of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from partwise.runs.arms_page import part_to_complete_page, strategies_page
from partwise.runs.debate_page import debate_page
from partwise.runs.noise_page import noise_page
from partwise.runs.page import Page, page_markdown
from partwise.runs.propagation_page import propagation_page
from partwise.runs.rundir import RESULTS, RunDir
from partwise.runs.self_enhancement_page import self_enhancement_page
from partwise.runs.signal_diversity_page import signal_diversity_page
from partwise.runs.weak_to_strong_page import one_pair_page, weak_to_strong_page

PAGES: Mapping[str, Callable[[Mapping[str, Any]], Page]] = {
    "debate": debate_page,
    "noise": noise_page,
    "part_to_complete": part_to_complete_page,
    "propagation": propagation_page,
    "self_enhancement": self_enhancement_page,
    "signal_diversity": signal_diversity_page,
    "strategies": strategies_page,
    "w2s": weak_to_strong_page,
    "weak_to_strong": one_pair_page,
}
"""Name of a study to what makes the page of its `results.json`."""


def write_results(directory: RunDir, results: Mapping[str, Any]) -> None:
    """What a study of this kind found: `results.json`, and its page as a table and pictures.

    Raises:
        RunError: the disk is full.
    """
    page = PAGES[directory.kind](results)
    directory.write_text("table.md", page_markdown(page))
    for picture in page.pictures:
        directory.write_text(f"{picture.name}.svg", picture.svg)
    directory.write_json(RESULTS, results)  # last: a study that has it is finished
