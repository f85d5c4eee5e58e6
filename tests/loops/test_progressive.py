"""The second paper's loop: the order of its stages, its gate, and going on where it stopped."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from partwise.config import GapConfig, GateConfig, ProgressConfig
from partwise.loops.gap import gap_policy
from partwise.loops.orders import ordered
from partwise.loops.progressive import Grown, Made, Stage, progressive, refusal
from partwise.runs.config import config_from_data

PARAMETERS = (1_000, 2_000, 4_000, 8_000, 16_000)
FINE: Mapping[str, Any] = {
    "before": {"competence": 0.6, "form": 0.9, "hazard": 0.5},
    "after": {"competence": 0.6, "form": 0.9, "hazard": 0.05},
    "sources": {"disagreement": 0.2, "error": 0.1, "imitation": None},
}


class Scripted:
    """A substrate that notes what it is asked."""

    parameters = PARAMETERS

    def __init__(self, injected: Sequence[Mapping[str, Any]] = ()) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._injected = injected

    def enhance(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        self.calls.append(("enhance", generation, rung, [path.parts[-3:-1] for path in predecessors]))
        return {}

    def discover(self, generation: int, model: Path, to: Path) -> Made:
        self.calls.append(("discover", generation, model.parts[-3:-1]))
        return {}

    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        self.calls.append(("inject", generation, model.parts[-3:-1], hazards.parts[-2:], len(predecessors)))
        return self._injected[generation] if generation < len(self._injected) else FINE


class Kept:
    """Keeps what stages said, in memory; `interrupted` raises before the so many-th new stage."""

    def __init__(self, stop_before: int | None = None) -> None:
        self.made: dict[tuple[int, str], Made] = {}
        self.stop_before = stop_before

    def __call__(self, generation: int, name: str, make: Callable[[Path], Made]) -> Stage:
        folder = Path("run") / f"{generation:02d}" / name
        if (generation, name) not in self.made:
            if len(self.made) == self.stop_before:
                raise KeyboardInterrupt
            self.made[generation, name] = make(folder)
        return Stage(folder=folder, made=self.made[generation, name])


def grow(
    substrate: Scripted, keep: Kept, generations: int = 3, gate: GateConfig | None = None
) -> list[Grown]:
    policy = gap_policy(GapConfig(first=1.0), 0)
    return list(progressive(substrate, keep, policy, gate or GateConfig(), generations=generations))


def test_each_generation_passes_the_three_stages_in_the_papers_order() -> None:
    substrate = Scripted()
    grown = grow(substrate, Kept())
    assert [call[:2] for call in substrate.calls] == [
        (stage, index) for index in range(3) for stage in ("enhance", "discover", "inject")
    ]
    assert [each.rung for each in grown] == [0, 1, 2]
    assert [each.step for each in grown] == [None, 1.0, 1.0]


def test_a_generation_learns_from_the_aligned_models_before_it_and_no_other() -> None:
    substrate = Scripted()
    grow(substrate, Kept())
    enhanced = [call[3] for call in substrate.calls if call[0] == "enhance"]
    assert enhanced == [[], [("00", "injection")], [("00", "injection"), ("01", "injection")]]
    for call in substrate.calls:
        if call[0] == "discover":
            assert call[2] == (f"{call[1]:02d}", "competence")
        if call[0] == "inject":
            assert call[2:] == ((f"{call[1]:02d}", "competence"), (f"{call[1]:02d}", "discovery"), call[1])


@pytest.mark.parametrize("stop_before", range(9))
def test_a_ladder_that_was_cut_goes_on_with_the_first_stage_that_is_missing(stop_before: int) -> None:
    whole, cut = Scripted(), Scripted()
    expected = grow(whole, Kept())
    keep = Kept(stop_before)
    with pytest.raises(KeyboardInterrupt):
        grow(cut, keep)
    keep.stop_before = None
    assert grow(cut, keep) == expected
    assert cut.calls == whole.calls


def test_it_ends_where_there_is_no_larger_model() -> None:
    assert [each.rung for each in grow(Scripted(), Kept(), generations=9)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"hazard": 0.11}, "monitors still find hazards in .11 of the scenes"),
        ({"competence": 0.54}, "injection cost .06 in competence, from .60 to .54"),
        ({"form": 0.8}, "injection cost .10 in form, from .90 to .80"),
    ],
)
def test_the_gate_stops_the_ladder_with_its_reason(changed: Mapping[str, float], sentence: str) -> None:
    failing = {**FINE, "after": {**FINE["after"], **changed}}
    grown = grow(Scripted([FINE, failing]), Kept())
    assert len(grown) == 2
    assert grown[0].refused is None
    assert grown[1].refused is not None and sentence in grown[1].refused


def test_a_model_without_hazards_passes_the_gate_and_leaves_undefined_what_is_undefined() -> None:
    little = {
        **FINE,
        "before": {**FINE["before"], "hazard": 0.02},
        "after": {**FINE["after"], "hazard": 0.03},
    }
    assert refusal(little, GateConfig()) is None
    none = {**FINE, "before": {**FINE["before"], "hazard": 0.0}, "after": {**FINE["after"], "hazard": 0.0}}
    assert refusal(none, GateConfig()) is None
    (grown,) = grow(Scripted([none]), Kept(), generations=1)
    assert grown.seen.hazards is None
    assert grown.seen.gained is None


class Pieces(Scripted):
    """A scripted substrate whose stages come in pieces."""

    def begin(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        self.calls.append(("begin", generation))
        return {}

    def inject_for(
        self, rounds: int, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        self.calls.append(("inject for", generation, rounds))
        return FINE

    def both(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        self.calls.append(("both", generation))
        return FINE

    def reinforce(self, generation: int, injected: Path, said: Made, to: Path) -> Made:
        self.calls.append(("reinforce", generation))
        return said


@pytest.mark.parametrize(
    ("order", "stages"),
    [
        ("alternating", ["enhance", "discover", "inject"]),
        ("simultaneous", ["begin", "discover", "both"]),
        ("conformity-first", ["begin", "discover", "inject", "reinforce"]),
        ("competence-only", ["enhance", "discover", "inject for"]),
        ("in-sequence", ["enhance", "discover", "inject for"]),
    ],
)
def test_each_order_asks_the_same_substrate_for_its_stages(
    order: str, stages: list[str], tmp_path: Path
) -> None:
    config = config_from_data(ProgressConfig, {"order": order, "generations": 3, "inject": {"rounds": 4}})
    substrate = Pieces()

    def keep(generation: int, name: str, make: Callable[[Path], Made]) -> Stage:
        folder = tmp_path / f"{generation}" / name
        folder.mkdir(parents=True)
        return Stage(folder=folder, made=make(folder))

    policy = gap_policy(GapConfig(first=1.0), 0)
    grown = list(progressive(ordered(substrate, config), keep, policy, GateConfig(), generations=3))
    assert [each.rung for each in grown] == [0, 1, 2]
    assert [call[0] for call in substrate.calls] == stages * 3
    rounds = [call[2] for call in substrate.calls if call[0] == "inject for"]
    assert rounds == {"competence-only": [0, 0, 0], "in-sequence": [0, 0, 12]}.get(order, [])
