"""What many seeds said, beside a study that is too small to judge by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

_RESULTS = Path(__file__).resolve().parents[3] / "docs" / "results"
"""In a checkout; a package that was installed without docs has none."""
_SCHEMA = 2


def print_committed(kind: str, results: Mapping[str, Any], folder: Path = _RESULTS) -> None:
    """Print the first table of the committed results of a study whose own results are not judged.

    Nothing is printed where its own are judged, or where there are none of it in `folder`.
    """
    from partwise.report.judging import count_of, is_judged, seeds_of
    from partwise.report.page import print_table
    from partwise.studies.registry import STUDIES

    file = folder / f"{kind}.json"
    if kind not in STUDIES or is_judged(results) or not file.exists():
        return
    committed: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if committed.get("schema") != _SCHEMA or not is_judged(committed):
        return
    typer.echo(f"\nBeside it, what {count_of(seeds_of(committed))} came to (docs/results/{kind}.md):\n")
    print_table(STUDIES[kind].page(committed).tables[0])
