"""What all commands share: the application, settings, a run from its start to its report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from partwise.cli.application import Application

if TYPE_CHECKING:
    from pydantic import BaseModel

    from partwise.runs.rundir import RunDir

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
Store = Annotated[str, typer.Option(help="Where feedback is kept: a file, or a PostgreSQL URL.")]
ReportTo = Annotated[
    list[str] | None,
    typer.Option(
        "--report-to", metavar="TRACKER", help="Also report figures to tensorboard, wandb or trackio."
    ),
]
STORE = "runs/feedback.db"
Fast = Annotated[
    float, typer.Option(min=0, help="Characters a second beyond which an answer is marked as fast; 0: none.")
]
FAST = 75.0
"""`oversight.feedback.FAST`, which takes too long to import for `--help`."""
_OVERRIDE = re.compile(r'[A-Za-z_][\w."-]*\s*=')


def run_kind(kind: str, config: BaseModel, directory: Path, report_to: Sequence[str] | None = None) -> None:
    """Run or go on with a single run or a study, print what it found and write its report.

    Args:
        kind: `align`, `progress`, `weak_to_strong`, or the name of a study.
        config: of that kind.
        directory: of the run.
        report_to: trackers that are told of figures beside whoever watches.

    Raises:
        ConfigError: several processes were launched for what is none's but one's, or a tracker is not there.
    """
    from partwise.config.launched import launched

    if launched().count > 1 and kind != "align":
        from partwise.runs.config import ConfigError

        raise ConfigError("Only `align` is shared out among several processes; run this without a launcher.")
    from partwise.runs.quiet import quiet_libraries

    quiet_libraries()
    from partwise.cli.committed import print_committed
    from partwise.report.page import print_page
    from partwise.runs.progress import LiveDisplay, ignore
    from partwise.runs.trackers import tracked
    from partwise.studies.registry import find_kind

    study: Any = find_kind(kind)
    if not launched().is_first:  # the first process says it all
        study.run(config, directory, ignore)
        return
    with LiveDisplay() as display:
        display.start("loading")
        if primary := getattr(config, "primary", ""):
            # Not yet, since only the study knows whether it has a contrast of that name.
            display.say_ahead(
                f"Primary contrast, named before anything runs: {primary}. Holm's correction for the rest."
            )
        settings = config.model_dump(mode="json")
        with tracked(report_to or (), directory, settings, display.listen) as listen:
            results = study.run(config, directory, listen)
    print_page(study.page(results))
    print_committed(kind, results)
    print_report(directory)


def print_report(directory: Path) -> None:
    """Write a run's or a study's report, and say where it is."""
    from partwise.report.html import write_report
    from partwise.studies.registry import known_kind

    typer.echo(f"\nReport: {write_report(directory, known_kind)}")


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


def recorded_settings(model: type[M], run: RunDir) -> M:
    """The settings of a run that is there, if what they name is there too and as it was.

    Raises:
        ConfigError: they name a device that is not there.
        RunError: data that they name has changed since.
    """
    from partwise.cli.place import refuse_missing_devices
    from partwise.runs.config import config_from_data

    config = config_from_data(model, run.config_data)
    refuse_missing_devices(config)
    run.refuse_other_data(config)
    return config
