"""The `partwise` command. Heavy imports wait until a command needs them, so that `--help` answers at once."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from partwise import __version__
from partwise.cli.application import Application
from partwise.cli.errors import fail, plain_errors

if TYPE_CHECKING:
    from pydantic import BaseModel

    from partwise.runs.rundir import RunDir
    from partwise.worlds.base import World

    M = TypeVar("M", bound=BaseModel)

app = Application(
    name="partwise",
    help="Align the parts, measure the whole.",
    epilog="Settings come from a TOML file and KEY=VALUE pairs such as planner.size=small loop.rounds=4.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Settings = Annotated[
    list[str] | None,
    typer.Argument(metavar="CONFIG|KEY=VALUE", help="A TOML file, and settings that win over it."),
]
_OVERRIDE = re.compile(r'[A-Za-z_][\w."-]*\s*=')


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
) -> None:
    """Run the paper's loop on one planner: realign the proxy, train the planner, round after round."""
    with plain_errors(out):
        from partwise.config import AlignConfig

        config = load_settings(AlignConfig, settings or [], "align")
        from partwise.worlds.registry import load_world

        load_world(config.world)  # an unknown one is answered before anything is written
    from partwise.cli.place import run_directory

    with run_directory("align", out) as directory:
        _run_align(config, directory)


@app.command(short_help="Run an experiment: every arm, then the table.")
def study(
    name: Annotated[str, typer.Argument(help="Which study, e.g. part_to_complete.")],
    settings: Settings = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many seeds each arm is run with.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small enough to finish in about a minute; figures mean little.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the study; a new one under runs/ if not given.")
    ] = None,
) -> None:
    """Run an experiment of the papers: every arm, then the table."""
    with plain_errors(out):
        more = [f"seeds={seeds}"] * (seeds is not None) + ["quick=true"] * quick
        config = load_settings(_find_study(name).config, [*(settings or []), *more], f"study {name}")
    from partwise.cli.place import run_directory

    with run_directory(name, out) as directory:
        _run_study(name, config, directory)


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


@app.command(short_help="Write report.html for a run or a study.")
def report(directory: Annotated[Path, typer.Argument(help="Directory of a run or a study.")]) -> None:
    """Write report.html, one self-contained file, into a run's or a study's directory."""
    with plain_errors():
        from partwise.runs.report import write_report

        typer.echo(write_report(directory))


@app.command(short_help="Go on with what was interrupted.")
def resume(directory: Annotated[Path, typer.Argument(help="Directory of a run or a study.")]) -> None:
    """Go on with a run or a study that was interrupted; it ends as if it had not been."""
    with plain_errors(directory):
        from partwise.config import AlignConfig
        from partwise.runs.rundir import RunDir

        run = RunDir.open(directory)
        study = None if run.kind in ("align", "weak_to_strong") else _find_study(run.kind)
        if run.is_finished():
            _say_finished(directory)
        elif study is not None:
            _run_study(run.kind, _recorded(study.config, run), directory)
        elif run.kind == "align":
            _run_align(_recorded(AlignConfig, run), directory)
        else:
            from partwise.cli.laboratory import run_w2s
            from partwise.config import WeakToStrongConfig

            run_w2s(_recorded(WeakToStrongConfig, run), directory)


def _recorded(model: type[M], run: RunDir) -> M:
    from partwise.cli.place import refuse_missing_devices
    from partwise.runs.config import config_from_data

    config = config_from_data(model, run.config_data)
    refuse_missing_devices(config)
    run.refuse_other_data(config)
    return config


def _say_finished(directory: Path) -> None:
    typer.echo(f"{directory} is finished: nothing is done again.")
    if not (directory / "report.html").exists():  # it was ended before it had written that
        print_report(directory)


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
    # Where it may not write into the user's home it goes without, and says so at length.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    _place_caches()


def _place_caches() -> None:
    """Let libraries write where we may write: beside our own cache, not among the temporary files."""
    from partwise.config.places import cache_folder

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


def _run_align(config: Any, directory: Path) -> None:
    quiet_libraries()
    from partwise.runs.progress import LiveDisplay

    with LiveDisplay() as display:
        display.start("loading")
        from partwise.loops.run import align as run_loop

        results = run_loop(config, directory, display.listen)
    from partwise.runs.terminal import print_run

    print_run(results)
    print_report(directory)


def _run_study(name: str, config: BaseModel, directory: Path) -> None:
    quiet_libraries()
    if primary := getattr(config, "primary", ""):
        typer.echo(
            f"Primary contrast, named before anything runs: {primary}. Holm's correction for the rest."
        )
    from partwise.runs.progress import LiveDisplay

    with LiveDisplay() as display:
        display.start("loading")
        results = _find_study(name).run(config, directory, display.listen)
    _print_results(name, results)
    print_report(directory)


def _print_results(name: str, results: dict[str, Any]) -> None:
    from partwise.runs.page import print_page
    from partwise.runs.pages import PAGES

    print_page(PAGES[name](results))


def print_report(directory: Path) -> None:
    """Write a run's or a study's report, and say where it is."""
    from partwise.runs.report import write_report

    typer.echo(f"\nReport: {write_report(directory)}")


def _find_study(name: str) -> Any:
    from partwise.studies.registry import STUDIES

    if name not in STUDIES:
        raise LookupError(
            f"There is no study `{name}`; there is {', '.join(f'`{s}`' for s in sorted(STUDIES))}."
        )
    return STUDIES[name]


def load_settings(model: type[M], settings: Sequence[str], command: str) -> M:
    """The settings of a command that runs something, as `model`.

    Raises:
        ConfigError: they make no sense, are meant for another command, or name a device that is not there.
    """
    from partwise.cli.place import refuse_missing_devices
    from partwise.runs.config import load_config

    path, overrides = split_settings(settings)
    config = load_config(model, path, overrides, command=command)
    refuse_missing_devices(config)
    return config


def split_settings(settings: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The config file, if one is named, and the overrides."""
    files = [s for s in settings if not _OVERRIDE.match(s) or Path(s).is_file()]
    overrides = [s for s in settings if s not in files]
    if len(files) > 1:
        from partwise.runs.config import ConfigError

        raise ConfigError(
            f"`{files[1]}` is neither a setting (KEY=VALUE) nor the one config file, {files[0]}."
        )
    return (Path(files[0]) if files else None), overrides


def _read_program(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8 text.", 2)


def _print_verdict(verdict: dict[str, Any], space: str, dimensions: Sequence[str]) -> None:
    def share(key: str) -> str:
        return "undefined" if verdict[key] is None else f"{verdict[key]:.3f}"

    if not verdict["parses"] or not verdict["in_space"]:
        what = "does not parse" if not verdict["parses"] else f"is outside the space {space}"
        typer.echo(f"It {what}: {verdict['reason']}")
        return
    typer.echo(f"It parses and is in the space {space}. Over {verdict['n']:,} held-out tasks:")
    typer.echo(f"  runs     {share('runs')}\n  correct  {share('correct')}\n  aligned  {share('aligned')}")
    typer.echo(f"  aligned and correct, of all: {share('aligned_and_correct')}")
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
