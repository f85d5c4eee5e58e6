"""The commands that judge: planners from anywhere side by side, and a run's transcripts once more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partwise.cli.common import app
from partwise.cli.errors import plain_errors

if TYPE_CHECKING:
    from partwise.evals.terms import Terms

_PAGE = "leaderboard.html"


@app.command("eval", short_help="Compare planners from anywhere on a world's tasks.")
def compare(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Runs, folders, hub names, package:NAME, or PROVIDER/MODEL."),
    ],
    world: Annotated[str, typer.Option(help="Whose tasks they are.")] = "dinner",
    tasks: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    start: Annotated[int, typer.Option(min=0, help="Index of the first.")] = 0,
    split: Annotated[str, typer.Option(help="train, validation or heldout.")] = "heldout",
    space: Annotated[str, typer.Option(help="Composition space that solutions must keep to.")] = "free",
    prompts: Annotated[str, typer.Option(help="full, short, or a folder of prompts.")] = "full",
    proxy: Annotated[
        str, typer.Option(help="Who writes the parts' bodies: reference, or a run, whose proxy does.")
    ] = "reference",
    max_tokens: Annotated[int, typer.Option(min=1, help="Of each turn.")] = 512,
    temperature: Annotated[float, typer.Option(min=0, help="Of sampling; 0 takes what is likeliest.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of sampling.")] = 0,
    floor: Annotated[
        bool, typer.Option("--floor", help="Of each run also its planner before any reward.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; a new one if not given.")] = None,
) -> None:
    """Let planners solve the same tasks with the same parts, and say what came of it, the best first.

    Such as: partwise eval runs/mine package:smollm2 openai/gpt-4o --tasks 200 --out runs/compared
    """
    with plain_errors(out):
        from partwise.evals.terms import Terms

        terms = Terms(
            world=world,
            split=split,
            start=start,
            tasks=tasks,
            space=space,
            prompts=prompts,
            proxy=proxy,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
        )
        from partwise.worlds.registry import load_world

        load_world(world)  # an unknown one is answered before anything heavy is imported
    from partwise.cli.place import run_directory

    with run_directory("eval", out) as directory:
        _compare(models, terms, directory, floor)


def _compare(models: list[str], terms: Terms, directory: Path, floor: bool) -> None:
    from partwise.runs.quiet import quiet_libraries

    quiet_libraries()
    from partwise.evals.leaderboard import leaderboard
    from partwise.evals.page import leaderboard_page
    from partwise.report.html import page_html
    from partwise.report.page import print_page
    from partwise.runs.rundir import write_atomically

    results = leaderboard(models, terms, directory, floor=floor, say=lambda text: typer.echo(text, err=True))
    page = leaderboard_page(results)
    print_page(page)
    typer.echo(f"\nLeaderboard: {write_atomically(directory / _PAGE, page_html(page))}")


@app.command("rescore", short_help="Judge a run's transcripts once more.")
def judge_again(
    run: Annotated[Path, typer.Argument(help="Directory of a finished run.")],
    judge: Annotated[
        str | None, typer.Option(help="Another run, whose proxy judges the parts; as it was if not given.")
    ] = None,
    world: Annotated[
        str | None, typer.Option(help="Whose verifier and oracle judge; the run's own if not given.")
    ] = None,
) -> None:
    """Judge a run's held-out transcripts under what verifies and judges now, beside what it was then.

    Every program that was run is run again. The figures go to a new file in the run's directory.
    Such as: partwise rescore runs/mine --judge runs/other
    """
    with plain_errors():
        from partwise.runs.rundir import RunDir

        RunDir.open(run)  # what is not there is answered before anything heavy is imported
        from partwise.api import rescore
        from partwise.evals.page import rescored_page
        from partwise.report.page import print_page

        found = rescore(run, world=world, judge=judge)
        print_page(rescored_page(found.results))
        typer.echo(f"\nRescored: {found.file}")
