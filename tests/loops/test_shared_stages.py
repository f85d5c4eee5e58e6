"""Stages that ladders have in common are done once, and nothing else about the ladders changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.loops.fixture_ladder import small_ladder
from tests.loops.test_progress_run import files_of, without_times

from partwise.config import ProgressConfig
from partwise.loops.progress_run import progress
from partwise.loops.scene_ladder import HAZARDS, SceneLadder
from partwise.loops.shared_stages import SharedStages
from partwise.runs.progress import ignore
from partwise.runs.stages import MADE, SPARED


class Counting:
    """A ladder whose stages leave a model that says how many were made before it."""

    def __init__(self, config: ProgressConfig) -> None:
        self.config, self.parameters, self.done = config, [1000, 4000], list[str]()

    def _made(self, name: str, to: Path) -> dict[str, Any]:
        (to / "model").mkdir()
        (to / "model" / "model.safetensors").write_text(f"{name} {len(self.done)}")
        self.done.append(name)
        return {"made": len(self.done)}

    def enhance(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> dict[str, Any]:
        return self._made("enhance", to)

    def begin(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> dict[str, Any]:
        return self._made("begin", to)

    def discover(self, generation: int, model: Path, to: Path) -> dict[str, Any]:
        (to / HAZARDS).write_text("")
        self.done.append("discover")
        return {"made": len(self.done)}

    def inject_for(
        self, rounds: int, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> dict[str, Any]:
        return self._made(f"inject {rounds}", to)


def sharing(store: Path, **changed: Any) -> tuple[Counting, SharedStages]:
    counting = Counting(small_ladder(**changed))
    return counting, SharedStages(counting, store)  # type: ignore[arg-type]


def folder(at: Path) -> Path:
    at.mkdir(parents=True)
    return at


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A store in which one ladder has left its first generation, which lies in `first`."""
    counting, shared = sharing(tmp_path / "store")
    competence, hazards = folder(tmp_path / "first" / "competence"), folder(tmp_path / "first" / "hazards")
    assert SPARED not in shared.enhance(0, 0, [], competence)
    shared.discover(0, competence / "model", hazards)
    shared.inject(0, competence / "model", hazards, [], folder(tmp_path / "first" / "injection"))
    assert counting.done == ["enhance", "discover", "inject 1"]
    return tmp_path


@pytest.mark.parametrize(
    "changed",
    [
        {"gap": {"policy": "random"}},
        {"order": "in-sequence"},
        {"gate": {"rest": 0.5}},
        {"generations": 1},
        {"scenes": 11},
    ],
)
def test_what_no_stage_reads_changes_nothing(first: Path, changed: dict[str, Any]) -> None:
    counting, shared = sharing(first / "store", **changed)
    to = folder(first / "second")
    said = shared.enhance(0, 0, [], to)
    assert not counting.done and said["made"] == 1 and said[SPARED] >= 0
    theirs, ours = (each / "model" / "model.safetensors" for each in (first / "first" / "competence", to))
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize(
    ("changed", "generation", "rung"),
    [
        ({"seed": 4}, 0, 0),
        ({"read": {"tiers": 2}}, 0, 0),
        ({"compete": {"rounds": 2}}, 0, 0),
        ({"inject": {"fidelity": "text"}}, 0, 0),
        ({"widths": [16, 24]}, 0, 0),
        ({}, 0, 1),
        ({}, 1, 0),
    ],
)
def test_what_a_stage_reads_is_done_anew(
    first: Path, changed: dict[str, Any], generation: int, rung: int
) -> None:
    counting, shared = sharing(first / "store", **changed)
    said = shared.enhance(generation, rung, [], folder(first / "second"))
    assert counting.done == ["enhance"] and SPARED not in said


def test_other_weights_hazards_predecessors_and_rounds_are_other_inputs(first: Path) -> None:
    model, hazards = first / "first" / "competence" / "model", first / "first" / "hazards"
    counting, shared = sharing(first / "store")
    shared.inject(0, model, hazards, [], folder(first / "same"))
    assert not counting.done
    shared.inject_for(2, 0, model, hazards, [], folder(first / "rounds"))
    shared.inject(0, model, hazards, [first / "first" / "injection" / "model"], folder(first / "helped"))
    (hazards / HAZARDS).write_text("{}\n")
    shared.inject(0, model, hazards, [], folder(first / "found"))
    (model / "model.safetensors").write_text("others")
    shared.inject(0, model, hazards, [], folder(first / "weights"))
    assert counting.done == ["inject 2", "inject 1", "inject 1", "inject 1"]


@pytest.mark.slow
def test_a_ladder_that_finds_its_stages_done_is_the_ladder_that_does_them(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTWISE_CACHE", str(cache))
    alone = progress(small_ladder(), tmp_path / "alone", ignore)
    progress(small_ladder(), tmp_path / "one", ignore, shared=tmp_path / "store")
    for name in ("enhance", "discover", "inject_for"):
        monkeypatch.setattr(SceneLadder, name, None)  # nothing is done any more
    # Of two capacities there is one step, whatever a policy asks for.
    other = progress(
        small_ladder(gap={"policy": "reverse"}), tmp_path / "two", ignore, shared=tmp_path / "store"
    )
    made = [json.loads(file.read_text()) for file in sorted((tmp_path / "two").rglob(MADE))]
    assert len(made) == 6 and all(each["seconds"] >= each[SPARED] > 0 for each in made)

    def left(run: str) -> dict[str, bytes]:
        """What stages left, but for what is said of time."""
        files = files_of(tmp_path / run)
        cut = {name: json.loads(data) for name, data in files.items() if name.endswith(MADE)}
        return files | {name: json.dumps(each | {SPARED: 0}).encode() for name, each in cut.items()}

    assert left("one") == left("two") == left("alone")
    steps = [each.pop("why") for results in (alone, other) for each in results["generations"]]
    assert len(set(steps)) > 1
    for each in (*alone["generations"], *other["generations"]):
        for stage in each["stages"].values():
            stage.pop(SPARED, None)
        each.pop("step")
    assert without_times(alone)["generations"] == without_times(other)["generations"]
