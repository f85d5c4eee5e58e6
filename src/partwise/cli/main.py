"""The `partwise` command. Heavy imports wait until a command needs them, so that `--help` answers at once."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from partwise import __version__
from partwise.cli.common import (
    ReportTo,
    Settings,
    app,
    load_settings,
    print_report,
    recorded_settings,
    run_kind,
)
from partwise.cli.errors import fail, plain_errors

if TYPE_CHECKING:
    from partwise.worlds.base import World


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"partwise {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Align the parts, measure the whole."""


@app.command(short_help="Run the paper's loop on one planner.")
def align(
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the run; a new one under runs/ if not given.")
    ] = None,
    report_to: ReportTo = None,
) -> None:
    """Run the paper's loop on one planner: realign the proxy, train the planner, round after round."""
    with plain_errors(out):
        from partwise.config import AlignConfig

        config = load_settings(AlignConfig, settings or [], "align")
        from partwise.worlds.registry import load_world

        load_world(config.world)  # an unknown one is answered before anything is written
    from partwise.cli.place import run_directory

    with run_directory("align", out) as directory:
        run_kind("align", config, directory, report_to)


@app.command(short_help="Run an experiment: every arm, then the table.")
def study(
    name: Annotated[str | None, typer.Argument(help="Which study; without it they are listed.")] = None,
    settings: Settings = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many seeds each arm is run with.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small enough to finish in about a minute; figures mean little.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the study; a new one under runs/ if not given.")
    ] = None,
    report_to: ReportTo = None,
) -> None:
    """Run an experiment of the papers: every arm, then the table. Without a name, say which there are."""
    if name is None:
        _list_studies()
        return
    with plain_errors(out):
        more = [f"seeds={seeds}"] * (seeds is not None) + ["quick=true"] * quick
        from partwise.studies.registry import find_study

        config = load_settings(find_study(name).config, [*(settings or []), *more], f"study {name}")
    from partwise.cli.place import run_directory

    with run_directory(name, out) as directory:
        run_kind(name, config, directory, report_to)


def _list_studies() -> None:
    with plain_errors():
        from partwise.studies.registry import studies

        known = studies()
        wide = max(map(len, known))
        for name, study in known.items():
            typer.echo(f"{name:<{wide}}  {study.about}")
        typer.echo("\nSuch as: partwise study noise --quick --out runs/noise_quick")


@app.command(short_help="Judge a program that anyone wrote.")
def check(
    file: Annotated[Path, typer.Argument(help="A Python-subset program: a composition or a whole solution.")],
    world: Annotated[str, typer.Option(help="Which world it is for.")] = "dinner",
    tasks: Annotated[int, typer.Option(min=1, help="On how many held-out tasks it is run.")] = 200,
    space: Annotated[
        str, typer.Option(help="Composition space: free, loops<=K, tree, sequence or affine.")
    ] = "free",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Judge a program that anyone wrote: does it parse, is it in the space, is it correct and aligned?"""
    with plain_errors():
        source = _read_program(file)
        from partwise.measure.check import check_program

        verdict = check_program(source, world, tasks, space)
        if as_json:
            import json

            typer.echo(json.dumps(verdict, ensure_ascii=False))
        else:
            from partwise.worlds.registry import load_world

            values = load_world(world).values
            shown = [name for name in verdict["violations"] if values.matters(name)]
            _print_verdict(verdict, space, shown)


@app.command(short_help="Show a world: tasks, tools, subtasks.")
def tasks(world: Annotated[str, typer.Argument(help="Which world, e.g. dinner.")] = "dinner") -> None:
    """Show a world: tasks of each split, tools with their effects, and the subtasks by grain size."""
    with plain_errors():
        from partwise.worlds.registry import load_world

        _print_world(load_world(world))


@app.command("prompts", short_help="Show or write what language models are told.")
def show_prompts(
    out: Annotated[
        Path | None, typer.Option(help="Folder that the files go to, for editing; else they are shown.")
    ] = None,
    name: Annotated[str, typer.Option("--set", help="Which of the package: full or short.")] = "full",
    world: Annotated[str, typer.Option(help="The world that they are shown for.")] = "dinner",
) -> None:
    """Show what a planner.model is told in each turn, a proxy.model in each seat, and a human.model, or write
    it out as files to edit.

    Such as: partwise prompts --out my_prompts; partwise align planner.prompts=my_prompts planner.model=...
    """
    with plain_errors(out):
        from partwise.models.prompts import make_prompts, read_prompts, refuse_other_sets, write_prompts
        from partwise.worlds.registry import load_world
        from partwise.worlds.telling import fields, people_fields, proxy_fields

        refuse_other_sets(name)
        if out is not None:
            for file in write_prompts(name, out):
                typer.echo(file)
            return
        shown = load_world(world)
        prompts = make_prompts(
            read_prompts(name, name), fields(shown) | proxy_fields(shown) | people_fields(shown)
        )
        for prompt, text in prompts.shown().items():
            typer.echo(f"== {prompt}\n{text}\n")


@app.command("config", short_help="Say what can be set.")
def say_settings(
    about: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND] [GROUP]", help="align, w2s, progress or study NAME; a group or a setting."
        ),
    ] = None,
) -> None:
    """Say what can be set: each key with its default, what it may be and what it means.

    Such as: partwise config rlft; partwise config study noise fit
    """
    with plain_errors():
        from partwise.runs.reference import settings
        from partwise.studies.registry import find_kind, find_study

        words = about or []
        command = words.pop(0) if words and words[0] in ("align", "w2s", "progress", "study") else "align"
        if command == "study":
            model = find_study(words.pop(0) if words else "").config
        else:
            model = find_kind({"w2s": "weak_to_strong"}.get(command, command)).config
        for each in settings(model, ".".join(words)):
            typer.echo(f"{each.key} = {each.default}   [{each.kind}]")
            typer.echo(textwrap.indent(textwrap.fill(each.meaning, 92), "    "))


@app.command(short_help="Write report.html for a run or a study.")
def report(directory: Annotated[Path, typer.Argument(help="Directory of a run or a study.")]) -> None:
    """Write report.html, one self-contained file, into a run's or a study's directory."""
    with plain_errors():
        from partwise.report.html import write_report
        from partwise.studies.registry import known_kind

        typer.echo(write_report(directory, known_kind))


@app.command(short_help="Put the transcripts of runs into one table.")
def export(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Directories of runs or studies.")],
    out: Annotated[Path, typer.Option(help="File that the table goes to; the folder of logs.")],
    form: Annotated[
        str, typer.Option("--format", help="parquet, csv, jsonl or inspect; the file's ending if not given.")
    ] = "",
) -> None:
    """Put the transcripts of several runs, arms and seeds into one table, a row a held-out rollout.

    With --format inspect into logs that `inspect view` opens, one for each arm of each run.
    Such as: partwise export runs/demo runs/mine --out transcripts.parquet
    """
    with plain_errors(out):
        from partwise.api import export as export_table

        typer.echo(f"{export_table(runs, out, form):,} rollouts in {out}")


@app.command(short_help="Go on with what was interrupted.")
def resume(
    directory: Annotated[Path, typer.Argument(help="Directory of a run or a study.")],
    report_to: ReportTo = None,
) -> None:
    """Go on with a run or a study that was interrupted; it ends as if it had not been."""
    with plain_errors(directory):
        from partwise.runs.rundir import RunDir
        from partwise.studies.registry import find_kind

        run = RunDir.open(directory)
        model = find_kind(run.kind).config
        if run.is_finished():
            _say_finished(directory)
        else:
            run_kind(run.kind, recorded_settings(model, run), directory, report_to)


def _say_finished(directory: Path) -> None:
    typer.echo(f"{directory} is finished: nothing is done again.")
    if not (directory / "report.html").exists():  # it was ended before it had written that
        print_report(directory)


def _read_program(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        from partwise.files import nearest

        fail(f"There is no {file}{nearest(file, lambda there: there.suffix == '.py')}", 2)
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8 text.", 2)


def _print_verdict(verdict: dict[str, Any], space: str, dimensions: Sequence[str]) -> None:
    def share(value: float | None) -> str:
        return "undefined" if value is None else f"{value:.3f}"

    if not verdict["parses"] or not verdict["in_space"]:
        what = "does not parse" if not verdict["parses"] else f"is outside the space {space}"
        typer.echo(f"It {what}: {verdict['reason']}")
        return
    typer.echo(f"It parses and is in the space {space}. Of {verdict['n']:,} held-out tasks:")
    headings = {"aligned_and_correct": "aligned and correct", "correct": "correct", "runs": "ran"}
    for key, heading in headings.items():
        typer.echo(f"  {heading:<20} {share(verdict[key])}")
    given = verdict["given_ran"]
    typer.echo(f"  if it ran: correct {share(given['correct'])}, aligned {share(given['aligned'])}")
    if verdict["reason"]:
        typer.echo(f"  {verdict['reason']}")
    for dimension in dimensions:
        typer.echo(f"  violates {dimension}: {verdict['violations'][dimension]:.3f}")


def _print_world(world: World) -> None:
    from partwise.types import Grain, Split

    def item(head: str, body: str) -> None:
        typer.echo(textwrap.fill(f"{head}  {body}", 100, initial_indent="  ", subsequent_indent="      "))

    typer.echo(f"World {world.name}; values: {', '.join(world.dimensions)}")
    for split in Split:
        typer.echo(f"\nTasks, {split}")
        for index in range(3):
            found = world.task(split, index)
            item(f"{index}, difficulty {found.difficulty:.2f}", found.statement)
    typer.echo("\nTools")
    for tool in world.tools.values():
        item(f"{tool.name}({', '.join(tool.parameters)})  [{tool.effect}]", tool.doc)
    for grain in Grain:
        typer.echo(f"\nSubtasks, {grain} grain")
        for entry in world.catalogue.values():
            if entry.grain is grain:
                ways = f"{len(entry.implementations)} ways" if len(entry.implementations) != 1 else "one way"
                item(f"{entry.subtask.signature[4:-1]}  [{entry.effect}, {ways}]", entry.subtask.doc)
