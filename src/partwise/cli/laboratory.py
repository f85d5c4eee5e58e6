"""The commands of the weak-to-strong laboratory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partwise.cli.errors import plain_errors
from partwise.cli.main import (
    Settings,
    app,
    new_directory,
    print_report,
    quiet_libraries,
    split_settings,
)

if TYPE_CHECKING:
    from partwise.config import WeakToStrongConfig


@app.command(short_help="Let a strong model learn from a weaker one.")
def w2s(
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the run; a new one under runs/ if not given.")
    ] = None,
) -> None:
    """Let a strong student learn from weaker teachers, and say how far it comes towards its ceiling.

    Such as: partwise w2s teachers=nano,micro student=small data.overlap=0.9 fit.loss=confidence
    """
    directory = out or new_directory("w2s")
    with plain_errors(directory):
        from partwise.config import WeakToStrongConfig
        from partwise.runs.config import load_config

        path, overrides = split_settings(settings or [])
        run_w2s(load_config(WeakToStrongConfig, path, overrides), directory)


def run_w2s(config: WeakToStrongConfig, directory: Path) -> None:
    """Run or go on with one pair, and print what it found."""
    quiet_libraries()
    from partwise.runs.progress import LiveDisplay

    with LiveDisplay() as display:
        display.start("loading")
        from partwise.loops.setup import cache_folder
        from partwise.loops.weak_to_strong import run

        results = run(config, directory, display.listen, cache_folder() / "ladder")
    from partwise.runs.page import print_page
    from partwise.runs.weak_to_strong_page import one_pair_page

    print_page(one_pair_page(results))
    print_report(directory)
