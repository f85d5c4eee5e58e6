"""Studies of arms: every arm over one base a seed, resumable, with the results that readers count on."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from partwise.config import AlignConfig
from partwise.measure.intervals import rate
from partwise.report.html import write_report
from partwise.report.page import Page, page_markdown
from partwise.runs.config import load_config
from partwise.runs.progress import Progress
from partwise.runs.rundir import RunDir
from partwise.studies.grid.arm_settings import ARMS as ALL
from partwise.studies.grid.arm_settings import CONTROLS, FACTORIAL
from partwise.studies.grid.arms import arm_config, collect, minus
from partwise.studies.part_to_complete.page import page as part_to_complete_page
from partwise.studies.part_to_complete.settings import PartToCompleteConfig
from partwise.studies.part_to_complete.study import ARMS, run
from partwise.studies.registry import known_kind
from partwise.studies.strategies.page import page as strategies_page
from partwise.studies.strategies.settings import StrategiesConfig
from partwise.studies.strategies.study import differences

CONTRASTS = {"parts - floor": minus("parts", "floor"), "ceiling - floor": minus("ceiling", "floor")}


def _measure(mean: float, n: int) -> dict[str, Any]:
    return rate([True] * round(mean * n) + [False] * round((1 - mean) * n)).to_json()


def _figures(good: float, n: int) -> dict[str, Any]:
    share = _measure(good, n)
    return {
        **dict.fromkeys(("ran", "correct", "aligned_and_correct", "hacking_rate"), share),
        "given_ran": dict.fromkeys(("correct", "aligned", "aligned_and_correct"), share),
        "counts": {"ran": n},
        "correlations": dict.fromkeys(("sum", "mean", "parts"), _measure(0.3, n)),
        "parts": 3.0,
    }


def _write_study(out: Path, seeds: range, shares: dict[str, float], n: int = 500) -> None:
    for seed in seeds:
        for arm, good in shares.items():
            folder = out / f"seed-{seed}" / arm.replace(" ", "-")
            folder.mkdir(parents=True)
            results = {"base": _figures(0.15, n), "trained": _figures(good + 0.02 * (seed - seeds[0]), n)}
            (folder / "results.json").write_text(json.dumps({"schema": 2, **results}))


SHARES = {"floor": 0.1, "parts": 0.1, "strategies": 0.8, "ceiling": 0.9}


def test_one_seed_has_intervals_over_tasks(tmp_path: Path):
    _write_study(tmp_path, range(7, 8), SHARES)
    results = collect(tmp_path, [7], ARMS, "parts - floor", CONTRASTS)
    assert list(results["arms"]) == ["base", *ARMS] and results["seeds"] == [7]
    recovered = results["part_to_complete"]["gap_recovered"]
    assert recovered["parts"]["mean"] == pytest.approx(0.0, abs=1e-9)
    assert recovered["strategies"]["mean"] == pytest.approx(7 / 8)
    assert recovered["strategies"]["ci95"][0] < 7 / 8 < recovered["strategies"]["ci95"][1]
    assert results["arms"]["ceiling"]["aligned_and_correct"]["n"] == 500
    assert results["contrasts"]["all"]["ceiling - floor"]["p"] is None


@pytest.mark.parametrize("show", [part_to_complete_page, strategies_page])
@pytest.mark.parametrize(("seeds", "quick"), [(1, False), (2, False), (3, True)])
def test_too_few_seeds_or_a_quick_run_are_shown_and_not_judged(
    tmp_path: Path, seeds: int, quick: bool, show: Callable[[Mapping[str, Any]], Page]
):
    _write_study(tmp_path, range(seeds), SHARES)
    results = collect(tmp_path, range(seeds), ARMS, "ceiling - floor", CONTRASTS, quick=quick)
    said = " ".join(show(results).sentences)
    for word in ("recovers", "differ", "told from", "nothing.", "all of what", "some of it", "correlates"):
        assert word not in said
    assert "`ceiling - floor`, by seed .80" in said and "at least 3" in said
    assert "by seed: `parts` .00" in said and "`strategies` .88" in said


def test_several_seeds_have_intervals_over_seeds(tmp_path: Path):
    _write_study(tmp_path, range(10, 13), SHARES)
    results = collect(tmp_path, range(10, 13), ARMS, "parts - floor", CONTRASTS)
    found = results["arms"]["ceiling"]["aligned_and_correct"]
    assert found["n"] == 3 and found["by_seed"] == pytest.approx([0.9, 0.92, 0.94])
    assert found["mean"] == pytest.approx(0.92, abs=1e-6) and found["ci95"][1] <= 1
    assert results["arms"]["base"]["counts"]["ran"] == 1500
    compared = results["contrasts"]["all"]
    assert compared["ceiling - floor"]["mean"] == pytest.approx(0.8) and compared["ceiling - floor"]["told"]
    assert compared["parts - floor"]["mean"] == pytest.approx(0) and not compared["parts - floor"]["told"]
    page = page_markdown(part_to_complete_page(results))
    assert "Primary contrast, named before the runs: `parts - floor`" in page
    assert "can't be told from 0" in page


def test_effects_by_hand():
    """Only the space does anything, but twice as much with summaries: .2 and .4 of tasks."""
    shares = {"parts": 0.1, "parts+mean": 0.1, "parts+summary": 0.1, "parts+summary+mean": 0.1}
    shares |= {"parts+affine": 0.3, "parts+affine+mean": 0.3, "strategies": 0.5}
    shares |= {"parts+affine+summary+mean": 0.5}
    assert shares.keys() == FACTORIAL.keys()
    found = {name: figure(shares.get) for name, figure in differences().items() if " - " not in name}
    assert found.pop("space") == pytest.approx(0.3)
    assert found.pop("summary") == pytest.approx(0.1)
    assert found.pop("space x summary") == pytest.approx(0.1)
    assert all(effect == pytest.approx(0) for effect in found.values()) and len(found) == 4


def test_a_missing_arm_leaves_its_contrasts_undefined(tmp_path: Path):
    assert differences()["space"]({"parts": 0.1}.get) is None
    assert differences()["strategies - best of 16"]({"strategies": 0.1}.get) is None


def test_the_page_of_the_strategies_names_every_arm(tmp_path: Path):
    _write_study(tmp_path, range(10, 13), {arm: 0.01 * at for at, arm in enumerate(ALL)})
    results = collect(tmp_path, range(10, 13), tuple(ALL), "space", differences())
    page = page_markdown(strategies_page(results))
    for arm in ALL:
        assert f"| **{arm}** |" in page
    for name in differences():
        assert f"| **{name}" in page


def test_each_arm_changes_what_it_says_and_nothing_else():
    """With a valid configuration, and from the base planner of its seed."""
    config = StrategiesConfig(seeds=2)
    plain = config.align.model_dump() | {"seed": 11}
    for name, arm in ALL.items():
        run = arm_config(config, 11, name)
        assert run.seed == 11 and run.base.pretrain.seed == 11
        found = _flat(run.model_dump())
        changed = {key for key, value in _flat(plain).items() if found[key] != value}
        assert changed <= arm.settings.keys(), name
    assert len({arm_config(config, 11, name).model_dump_json() for name in ALL}) == len(ALL)
    assert CONTROLS.keys() < ALL.keys()


def _flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        group = isinstance(value, dict) and key not in ("stated", "values", "groups", "to")
        flat |= _flat(value, f"{prefix}{key}.") if group else {prefix + key: value}
    return flat


def test_a_study_with_shared_runs_goes_on_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The folder is found from any directory, and that it holds more than it did is no other data."""
    monkeypatch.chdir(tmp_path)
    config = load_config(PartToCompleteConfig, None, ["runs=shared/runs"])
    assert config.runs == str(tmp_path / "shared" / "runs")
    (tmp_path / "shared" / "runs").mkdir(parents=True)
    RunDir.create(tmp_path / "study", "part_to_complete", config)
    (tmp_path / "shared" / "runs" / "more").write_text("a run of another study")
    monkeypatch.chdir("/")
    again = RunDir.create(tmp_path / "study", "part_to_complete", config)
    again.refuse_other_data(config)


def test_finished_runs_are_collected_from_their_settings_and_results_alone(tmp_path: Path):
    """Nothing is trained again, not even a base planner: a folder of those two files is a study's archive."""
    config = PartToCompleteConfig(runs=str(tmp_path / "kept"), processes=1)
    _write_study(tmp_path / "kept", range(1), SHARES)
    for arm in ARMS:
        RunDir.create(tmp_path / "made", "align", arm_config(config, 0, arm))
        shutil.move(tmp_path / "made" / "run.json", tmp_path / "kept" / "seed-0" / arm)
        shutil.rmtree(tmp_path / "made")
    told: list[Progress] = []
    results = run(config, tmp_path / "study", told.append)
    assert results["arms"]["ceiling"]["aligned_and_correct"]["mean"] == 0.9 and not told


def test_an_unknown_primary_contrast_leaves_nothing_behind(tmp_path: Path):
    config = PartToCompleteConfig(primary="parts - nothing")
    with pytest.raises(LookupError, match="no contrast `parts - nothing`; there is 'parts - floor'"):
        run(config, tmp_path / "study", lambda progress: None)
    assert not (tmp_path / "study").exists()


@pytest.mark.slow
@pytest.mark.long
def test_the_study_runs_in_miniature(small_config: AlignConfig, tmp_path: Path):
    told: list[Progress] = []
    config = PartToCompleteConfig(align=small_config, processes=2, runs=str(tmp_path / "shared"))
    results = run(config, tmp_path / "study", told.append)
    assert list(results["arms"]) == ["base", *ARMS]
    assert {progress.run for progress in told} >= {f"seed-0/{arm}" for arm in ARMS}
    assert run(config, tmp_path / "study", told.append) == results
    assert "What each arm came to write" in write_report(tmp_path / "study", known_kind).read_text()
    # Another study of the same runs makes none anew.
    before = len(told)
    assert run(config.model_copy(update={"seeds": 1}), tmp_path / "again", told.append) == results
    assert not [progress for progress in told[before:] if "round" in progress.phase]


def test_the_parent_of_a_study_stays_light():
    """It only collects: torch in it would cost a third of the memory."""
    code = "import sys, partwise.studies.part_to_complete.study; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
