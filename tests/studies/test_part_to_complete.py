"""The study: every arm over one base, resumable, with the results that its readers count on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from partwise.config import AlignConfig, Reward, StudyConfig
from partwise.measure.intervals import rate
from partwise.runs.progress import Progress
from partwise.runs.report import write_report
from partwise.studies.part_to_complete import ARMS, arm_config, collect, run


def _measure(mean: float, n: int) -> dict[str, object]:
    return rate([True] * round(mean * n) + [False] * round((1 - mean) * n)).to_json()


def _write_run(folder: Path, good: float, base: float, n: int = 500) -> None:
    folder.mkdir(parents=True)
    lines: list[str] = []
    results: dict[str, object] = {"schema": 1}
    for arm, share in (("base", base), ("trained", good)):
        figures = {
            name: _measure(share, n) for name in ("correct", "aligned", "aligned_and_correct", "hacking_rate")
        }
        results[arm] = {**figures, "counts": {"ran": n}, "correlation": _measure(0.3, n), "parts": 3.0}
        lines += [json.dumps({"arm": arm, "aligned": i < share * n, "correct": True}) for i in range(n)]
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "transcripts.jsonl").write_text("\n".join(lines))


def _write_study(out: Path, seeds: int) -> None:
    for seed in range(seeds):
        for reward, good in zip(Reward, (0.1, 0.1, 0.8, 0.9), strict=True):
            _write_run(out / f"seed-{seed}" / reward, good + 0.02 * seed, 0.15)


def test_one_seed_has_intervals_over_tasks(tmp_path: Path):
    _write_study(tmp_path, 1)
    results = collect(tmp_path, range(1))
    assert set(results["arms"]) == set(ARMS)
    recovered = results["part_to_complete"]["gap_recovered"]
    assert recovered["parts"]["mean"] == pytest.approx(0.0, abs=1e-9)
    assert recovered["strategies"]["mean"] == pytest.approx(7 / 8)
    assert recovered["strategies"]["ci95"][0] < 7 / 8 < recovered["strategies"]["ci95"][1]
    assert results["arms"]["ceiling"]["aligned_and_correct"]["n"] == 500


def test_several_seeds_have_intervals_over_seeds(tmp_path: Path):
    _write_study(tmp_path, 3)
    results = collect(tmp_path, range(3))
    assert results["arms"]["ceiling"]["aligned_and_correct"]["n"] == 3
    assert results["arms"]["ceiling"]["aligned_and_correct"]["mean"] == pytest.approx(0.92, abs=1e-6)
    assert results["arms"]["base"]["counts"]["ran"] == 1500
    assert set(results["seeds"]) == {"0", "1", "2"}


def test_the_arms_differ_in_nothing_but_the_reward():
    config = StudyConfig(seeds=2)
    arms = [arm_config(config, 1, reward).model_dump() for reward in Reward]
    for arm in arms:
        arm["loop"].pop("reward")
    assert all(arm == arms[0] for arm in arms)
    assert arms[0]["seed"] == 1


@pytest.mark.slow
def test_the_study_runs_in_miniature(small_config: AlignConfig, tmp_path: Path):
    told: list[Progress] = []
    config = StudyConfig(align=small_config, processes=2)
    results = run(config, tmp_path / "study", told.append)
    assert set(results["arms"]) == set(ARMS)
    assert {progress.run for progress in told} >= {f"seed-0/{reward}" for reward in Reward}
    assert run(config, tmp_path / "study", told.append) == results
    assert write_report(tmp_path / "study").exists()


def test_the_parent_of_a_study_stays_light():
    """It only collects: torch in it would cost a third of the memory."""
    code = "import sys, partwise.studies.part_to_complete; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
