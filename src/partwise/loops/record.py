"""What the loop leaves in a round's directory, and how a run finds it again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partwise.config import AlignConfig
from partwise.loops.questions import Heard
from partwise.runs.config import config_from_data
from partwise.runs.rundir import RunDir, RunError
from partwise.training.reward import Preference


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What people said in a round that is done."""

    preferences: list[Preference]
    disagreed: list[bool]
    """See `Heard.disagreed`."""
    labels: int


def write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_answers(folder: Path, heard: Heard) -> None:
    """Write `answers.jsonl`, in TRL's preference columns; both are null for a tie and for "can't tell"."""
    rows: list[dict[str, Any]] = []
    for answer, purpose in zip(heard.answers, heard.purposes, strict=True):
        texts = [option.text for option in answer.item.options]
        chosen = answer.preferred
        rows.append(
            {
                "prompt": answer.item.question,
                "chosen": None if chosen is None else texts[chosen],
                "rejected": None if chosen is None else texts[1 - chosen],
                "choice": answer.choice,
                "who": answer.who,
                "version": answer.version,
                "purpose": purpose,
            }
        )
    write_lines(folder / "answers.jsonl", rows)


def read_round(folder: Path, index: int) -> Said:
    """What `write_answers` and the round's record hold; `index` is the round's number as seen from now.

    Raises:
        RunError: the round is damaged.
    """
    try:
        record = json.loads((folder / "round.json").read_text(encoding="utf-8"))
        lines = (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return Said(
            preferences=[
                Preference(prompt=row["prompt"], chosen=row["chosen"], rejected=row["rejected"], round=index)
                for row in rows
                if row["chosen"] is not None
            ],
            disagreed=[mark == "1" for mark in record["disagreed"]],
            labels=len(rows),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder} is damaged: its answers can't be read ({error}).") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A finished run that another one goes on from."""

    run: RunDir
    config: AlignConfig
    rounds: int

    @property
    def folder(self) -> Path:
        """Its last round."""
        return self.run.round_path(self.rounds - 1)

    def said(self) -> list[Said]:
        """Its rounds, oldest first, numbered so that the last is -1."""
        return [read_round(self.run.round_path(index), index - self.rounds) for index in range(self.rounds)]


def open_start(config: AlignConfig) -> Start | None:
    """The run that `loop.start` names.

    Raises:
        RunError: there is none, it is no run of the loop, it is not finished, or it is of another world.
    """
    if config.loop.start is None:
        return None
    run = RunDir.open(Path(config.loop.start))
    if run.kind != "align":
        raise RunError(f"{run.path} is a study; name one of its runs in `loop.start`.")
    theirs = config_from_data(AlignConfig, run.config_data)
    if theirs.world != config.world:
        raise RunError(f"{run.path} is a run in the world {theirs.world}, not {config.world}.")
    if not (run.path / "results.json").exists():
        raise RunError(f"{run.path} is not finished; first: partwise resume {run.path}")
    return Start(run=run, config=theirs, rounds=run.rounds_done())
