"""The commands of the weak-to-strong laboratory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from partwise.cli.common import ReportTo, Settings, app, load_settings, run_kind
from partwise.cli.errors import plain_errors


@app.command(short_help="Let a strong model learn from a weaker one.")
def w2s(
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the run; a new one under runs/ if not given.")
    ] = None,
    report_to: ReportTo = None,
) -> None:
    """Let a strong student learn from weaker teachers, and say how far it comes towards its ceiling.

    Such as: partwise w2s teachers=nano,micro student=small data.overlap=0.9 fit.loss=confidence
    """
    with plain_errors(out):
        from partwise.config import WeakToStrongConfig

        config = load_settings(WeakToStrongConfig, settings or [], "w2s")
    from partwise.cli.place import run_directory

    with run_directory("w2s", out) as directory:
        run_kind("weak_to_strong", config, directory, report_to)


@app.command(short_help="Let generations of growing capacity become competent, and be aligned.")
def progress(
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the run; a new one under runs/ if not given.")
    ] = None,
    report_to: ReportTo = None,
) -> None:
    """Grow models generation by generation: competence, risk discovery in the sandbox, value injection.

    Such as: partwise progress generations=3 gap.policy=adaptive
    """
    with plain_errors(out):
        from partwise.config import ProgressConfig
        from partwise.loops.gap import gap_policy

        config = load_settings(ProgressConfig, settings or [], "progress")
        gap_policy(config.gap, config.seed)
    from partwise.cli.place import run_directory

    with run_directory("progress", out) as directory:
        run_kind("progress", config, directory, report_to)


@app.command(short_help="Score a reward model on RewardBench.")
def rewardbench(
    model: Annotated[str, typer.Argument(help="A reward model, by name or folder.")],
    data: Annotated[
        str | None,
        typer.Option(help="Folder or file in RewardBench's format; its place on the hub if not given."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many comparisons, drawn at random.")
    ] = None,
    drop: Annotated[
        bool, typer.Option(help="Leave out rows that can't be used or read, and say how many, not stop.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Say how often a reward model prefers the better text, by subset, by section and in all.

    Such as: partwise rewardbench ./my-reward-model --data ./reward-bench --limit 500
    """
    with plain_errors():
        results = _scored(model, data, limit, drop, device)
    if as_json:
        typer.echo(json.dumps(results, indent=1))
        return
    from partwise.report.page import print_page
    from partwise.report.rewardbench import rewardbench_page

    print_page(rewardbench_page(results))


def _scored(name: str, data: str | None, limit: int | None, drop: bool, device: str) -> dict[str, Any]:
    from partwise.cli.place import refuse_missing_device
    from partwise.runs.quiet import quiet_libraries

    quiet_libraries()
    refuse_missing_device("--device", device)
    from partwise.data.public import load, plain
    from partwise.measure.rewardbench import reward_bench, sequence_scores
    from partwise.models.classifier import Encoder, conversation_of
    from partwise.models.scoring import load_reward_model

    model, tokenizer = load_reward_model(name, device=device)
    encode = Encoder(model, tokenizer)

    def as_it_reads(messages: Sequence[Mapping[str, str]]) -> str:
        templated = bool(cast(Any, tokenizer).chat_template)
        text = conversation_of(tokenizer, messages) if templated else plain(messages)
        encode(text)  # a row that the model can't read is named
        return text

    loaded = load("reward_bench", data, limit=limit, render=as_it_reads, drop=drop)
    found = reward_bench(loaded.test, sequence_scores(model, tokenizer))
    return {
        "model": name,
        "comparisons": len(loaded.test),
        "left_out": loaded.left_out,
        "dropped": list(loaded.dropped),
        "without_score": [loaded.places[key] for key in found.unscored],
        **found.to_json(),
    }
