"""What a run will take, before anything of it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from partwise.cli.common import Settings, app, load_settings
from partwise.cli.errors import plain_errors


@app.command(short_help="Say what a run will take.")
def estimate(
    settings: Settings = None,
    model: Annotated[
        str | None, typer.Option(help="A model of the table, in the place of planner.model.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Devices and models, as TOML; the package's if not given.")
    ] = None,
    show_table: Annotated[
        bool, typer.Option("--show-table", help="Print the package's table, to be copied and edited.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what a run of align will take: tokens by role and round, memory, hours and dollars by device.

    Such as: partwise estimate planner.model=my_folder; of a model config.json and tokenizer are enough.
    """
    with plain_errors():
        if show_table:
            from partwise.estimate.table import shipped_table

            typer.echo(shipped_table().read_text(encoding="utf-8"))
            return
        from partwise.config import AlignConfig

        named = [] if model is None else [f"planner.model={model}"]
        config = load_settings(AlignConfig, [*(settings or []), *named], "align")
        from partwise.runs.quiet import quiet_libraries

        quiet_libraries()
        from partwise.estimate.estimate import estimate as estimated

        found = estimated(config, model=model, table=table)
        if as_json:
            import json

            typer.echo(json.dumps(found.to_json()))
            return
        from partwise.estimate.page import estimate_page
        from partwise.report.page import print_page

        print_page(estimate_page(found))
