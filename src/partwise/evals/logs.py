"""A run's held-out transcripts as logs of Inspect, one for each arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageUser, ModelOutput

from partwise.evals.scores import measured_share, score_of
from partwise.models.prompts import ASKED
from partwise.runs.record import RECORD
from partwise.runs.rundir import RESULTS, RunDir, RunError, plain_errors
from partwise.runs.transcripts import Transcript, read_transcripts
from partwise.types import Outcome

_PROMPTS = "prompts.json"
"""What a planner that came from elsewhere was told; others were told the task, then the parts."""
_SCORER = "verified"


def write_logs(runs: Mapping[str, RunDir], out: Path) -> int:
    """Write the logs of finished runs of the loop into a folder, and return how many rollouts they hold.

    Args:
        runs: by the name that each is called in its logs.
        out: the folder; a log of the same run and arm that is there is written anew.

    Raises:
        RunError: one of them has no transcripts, or the folder can't be written.
    """
    written = 0
    for name, run in runs.items():
        rows = list(read_transcripts(run, name))
        if not rows:
            raise RunError(f"{run.path} has no transcripts yet.")
        for arm in dict.fromkeys(row.arm for row in rows):
            log = _log(run, name, arm, [row for row in rows if row.arm == arm])
            file = out / f"{name.replace('/', '-')}_{arm}.eval"
            with plain_errors(out, then="try again"):
                out.mkdir(parents=True, exist_ok=True)
                write_eval_log(log, str(file))
        written += len(rows)
    return written


def _log(run: RunDir, name: str, arm: str, rows: Sequence[Transcript]) -> EvalLog:
    record: Mapping[str, Any] = run.read_json(RECORD)
    world = str(run.config_data.get("world", "dinner"))
    prompts: Mapping[str, str] = run.read_json(_PROMPTS) if (run.path / _PROMPTS).exists() else {}
    samples = [_sample(row, prompts, f"{name} {arm}") for row in rows]
    begun, ended = _utc(str(record.get("begun", ""))), _changed(run.path / RESULTS)
    return EvalLog(
        status="success",
        eval=EvalSpec(
            created=begun or ended,
            task=f"partwise/{world}",
            # Equal for equal runs, so that a log that is written anew is known for the same.
            task_id=f"{run.id}-{arm}",
            eval_id=f"{run.id}-{arm}",
            run_id=run.id,
            dataset=EvalDataset(
                name=f"{world} heldout", samples=len(rows), sample_ids=[row.task for row in rows]
            ),
            model=f"partwise/{name}/{arm}",
            config=EvalConfig(),
            packages={"partwise": str(record.get("version", ""))},
            metadata={"run": name, "arm": arm, "seed": rows[0].seed, "kind": run.kind},
        ),
        results=_results(samples),
        stats=EvalStats(started_at=begun or ended, completed_at=ended),
        samples=samples,
    )


def _sample(row: Transcript, prompts: Mapping[str, str], model: str) -> EvalSample:
    messages = _messages(row, prompts)
    score = score_of(asdict(row), "" if row.outcome == Outcome.RAN else row.outcome)
    return EvalSample(
        id=row.task,
        epoch=1,
        input=messages[0].text,
        target="",
        messages=messages,
        output=ModelOutput.from_content(model, messages[-1].text),
        scores={_SCORER: score},
        metadata={
            "statement": row.statement,
            "hacked": row.hacked,
            "source": row.source,
            "trace": list(row.trace),
        },
    )


def _messages(row: Transcript, prompts: Mapping[str, str]) -> list[ChatMessage]:
    """The conversation as it was, what was cut of its answers included."""
    told = _told(prompts, "decompose", row.statement)
    said = _whole(row, "decomposition", row.decomposition)
    messages: list[ChatMessage] = [ChatMessageUser(content=told), ChatMessageAssistant(content=said)]
    if row.source and row.outcome != Outcome.UNSOLVED:
        parts = row.source.removesuffix(f"\n{row.composition}")
        messages.append(ChatMessageUser(content=_told(prompts, "recompose", parts)))
        messages.append(ChatMessageAssistant(content=_whole(row, "composition", row.composition)))
    return messages


def _told(prompts: Mapping[str, str], name: str, about: str) -> str:
    """A prompt as `Prompts.shown` has it, about this; what it is about alone where there was none."""
    (field,) = ASKED[name]
    return prompts[name].replace(f"${field}", about) if name in prompts else about


def _whole(row: Transcript, turn: str, program: str) -> str:
    before, after = row.cut.get(turn, ("", ""))
    return f"{before}{program}{after}"


def _results(samples: Sequence[EvalSample]) -> EvalResults:
    """The shares of all tasks, named as in the logs of the world's own task."""
    values: list[Mapping[str, Any]] = [
        sample.scores[_SCORER].as_dict() for sample in samples if sample.scores
    ]
    return EvalResults(
        total_samples=len(samples),
        completed_samples=len(samples),
        scores=[
            EvalScore(
                name=name,
                scorer=_SCORER,
                scored_samples=len(samples),
                unscored_samples=0,
                metrics=_metrics([float(each[name]) for each in values]),
            )
            for name in values[0]
        ],
    )


def _metrics(values: Sequence[float]) -> dict[str, EvalMetric]:
    found = measured_share(values)
    assert found.mean is not None and found.ci95 is not None, "a log has samples"
    low, high = found.ci95
    named = {"share": ("share", None, found.mean), "ci95_low": ("low", "ci95", low)}
    named["ci95_high"] = ("high", "ci95", high)
    return {
        f"partwise/{key}": EvalMetric(name=name, group=group, value=value)
        for key, (name, group, value) in named.items()
    }


def _utc(begun: str) -> str:
    """A time of `run.json` as Inspect writes times; empty where it is none."""
    try:
        return datetime.strptime(begun, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC).isoformat()
    except ValueError:
        return ""


def _changed(file: Path) -> str:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")
