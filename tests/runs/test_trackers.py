"""Figures of a run reach the trackers that were asked for, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from partwise.runs import trackers
from partwise.runs.config import ConfigError
from partwise.runs.progress import Progress
from partwise.runs.trackers import check_trackers, tracked


def told(directory: Path, names: list[str], rewards: list[float]) -> list[Progress]:
    """A run that tells of these rewards; what its listener heard."""
    heard: list[Progress] = []
    with tracked(names, directory, {"seed": 3}, heard.append) as listen:
        listen(Progress("seed-0/parts", "loading", 0, 2))
        for done, reward in enumerate(rewards):
            listen(Progress("seed-0/parts", "round 1", done + 1, len(rewards), {"reward": reward}))
    return heard


def scalars(directory: Path, name: str) -> list[tuple[int, float]]:
    events: Any = EventAccumulator(str(directory / "tensorboard"))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_tensorboard_has_each_figure_at_its_step_and_a_run_that_goes_on_counts_on(tmp_path: Path):
    assert len(told(tmp_path, ["tensorboard"], [0.5, 0.25])) == 3
    told(tmp_path, ["tensorboard"], [0.75])
    assert scalars(tmp_path, "seed-0/parts/reward") == [(0, 0.5), (1, 0.25), (2, 0.75)]


def test_nothing_is_written_where_nobody_asked_or_nothing_was_told(tmp_path: Path):
    told(tmp_path, [], [0.5])
    told(tmp_path, ["tensorboard"], [])
    assert list(tmp_path.iterdir()) == []


def test_what_fails_leaves_what_was_told(tmp_path: Path):
    with pytest.raises(RuntimeError), tracked(["tensorboard"], tmp_path, {}, lambda _: None) as listen:
        listen(Progress("align", "round 1", 1, 2, {"reward": 1.0}))
        raise RuntimeError
    assert scalars(tmp_path, "align/reward") == [(0, 1.0)]


def test_wandb_keeps_figures_on_disk_where_it_is_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    told(tmp_path, ["wandb"], [0.5, 0.25])
    (log,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    written = log.read_bytes()
    assert b"seed-0/parts/reward" in written and b"partwise" in written


def test_trackers_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigError, match="not to `tensorbord`; did you mean `tensorboard`"):
        check_trackers(["tensorbord"])
    with pytest.raises(ConfigError, match="are reported to tensorboard, wandb, trackio, not to `x`"):
        check_trackers(["x"])
    monkeypatch.setattr(trackers, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="add it with: pip install wandb"):
        check_trackers(["wandb"])
