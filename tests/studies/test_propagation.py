"""The study of propagation in miniature, from the first run to the page."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from partwise.config import AlignConfig
from partwise.measure.intervals import Measure
from partwise.report.html import write_report
from partwise.runs.progress import ignore
from partwise.studies.propagation.contrasts import CONTRASTS, needed, never, share_of
from partwise.studies.propagation.figures import ASK, CHANGES
from partwise.studies.propagation.page import CHANGES as IN_WORDS
from partwise.studies.propagation.runs import Curve
from partwise.studies.propagation.settings import PropagationConfig
from partwise.studies.propagation.study import first_runs, later_runs, run
from partwise.studies.registry import known_kind
from partwise.types import Split
from partwise.values import Shape


def _config(small: AlignConfig) -> PropagationConfig:
    return PropagationConfig.model_validate(
        {
            "quick": True,
            "every": [1],
            "labels": 20,
            "label_batch": 10,
            "rlft": {"steps": 1, "tasks_per_step": 2, "group_size": 4},
            "realign": {"control": 10},
            "align": small.model_dump()
            | {"loop": {"reward": "strategies"}, "measure": {"heldout_tasks": 5, "validation_tasks": 10}},
        }
    )


@pytest.mark.long
@pytest.mark.slow
def test_a_small_study_runs_to_its_page_and_is_not_run_again(small_config: AlignConfig, tmp_path: Path):
    config = _config(small_config)
    results = run(config, tmp_path / "study", ignore)
    assert results == json.loads((tmp_path / "study" / "results.json").read_text())
    assert set(results["changes"]) == set(CHANGES) == set(IN_WORDS)
    for change in results["changes"].values():
        assert len(change["aligned_new"]) == len(change["moved"]) == config.at + 2
        for name in ("fidelity", "retention", "latency_rounds", "alarm_delay"):
            mean = change[name]["mean"]
            assert mean is None or mean >= 0
            assert set(Measure(mean=None, ci95=None, n=0).to_json()) <= set(change[name])
    assert results["changes"]["stale"]["labels"][-1]["mean"] == 10  # control questions alone
    assert results["frequency"]["1"]["labels_a_round"]["mean"] == 30
    assert set(results["labels"]) == set(ASK)
    assert results["alarm"]["quiet_rounds"] == 3
    assert set(results["contrasts"]["all"]) == set(CONTRASTS)
    assert results["contrasts"]["primary"] == config.primary
    _assert_untrained(tmp_path / "study" / "seed-0")
    _assert_shares_are_of_all_tasks(results, tmp_path / "study" / "seed-0" / "composed")
    written = write_report(tmp_path / "study", known_kind).read_text()
    assert "Propagation of a change of values" in written and "http" not in written.replace(
        "http://www.w3", ""
    )

    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("round.json")}
    assert run(config, tmp_path / "study", ignore) == results
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("round.json")}


def _assert_untrained(seed: Path):
    """The planner of a control is the one from before the change, byte by byte."""
    for control, before in (("composed-untrained", "before-composed"), ("abrupt-untrained", "before")):
        start = sorted((seed / before / "rounds").iterdir())[-1]
        for folder in (seed / control / "rounds").iterdir():
            weights = (folder / "planner" / "model.safetensors").read_bytes()
            assert weights == (start / "planner" / "model.safetensors").read_bytes()


def _assert_shares_are_of_all_tasks(results: dict[str, Any], run: Path):
    """What was reported, counted again from what the run left."""
    quarter, change = results["quarter"], results["changes"]["composed"]
    lines = (run / "rounds" / f"{quarter:03d}" / "measured.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    matter = set(change["matter"]["after"])
    ran = [row for row in rows if row["outcome"] == "ran"]
    assert len(ran) < len(rows)  # else it would show nothing
    good = [row["correct"] and not matter & set(row["violated"]) for row in ran]
    assert change["followed"]["mean"] == sum(good) / len(rows) == change["followed"]["by_seed"][0]


def test_a_primary_contrast_that_there_is_not_is_refused_before_anything_runs(tmp_path: Path):
    with pytest.raises(LookupError, match="no contrast `composed`"):
        run(PropagationConfig(primary="composed"), tmp_path / "study", ignore)
    assert not (tmp_path / "study").exists()
    assert PropagationConfig().primary in CONTRASTS


@pytest.mark.parametrize("settings", [{"rlft": {"steps": 0}}, {"align": {"rlft": {"steps": 0}}}, {"at": 7}])
def test_a_study_that_could_compare_nothing_is_refused(settings: dict[str, object]):
    with pytest.raises(ValidationError, match=r"planners that learn|within the `rounds`"):
        PropagationConfig.model_validate(settings)


def test_a_control_differs_in_training_alone(tmp_path: Path):
    runs = later_runs(PropagationConfig(), 0, tmp_path)
    for name in ("abrupt", "composed"):
        trained, control = runs[name], runs[f"{name}-untrained"]
        assert control.rlft.steps == 0 < trained.rlft.steps
        assert control.loop.rewind == 0 < trained.loop.rewind
        still = control.loop.model_copy(update={"rewind": trained.loop.rewind})
        assert control.model_copy(update={"rlft": trained.rlft, "loop": still}) == trained


def test_ways_to_ask_differ_in_nothing_else(tmp_path: Path):
    runs = later_runs(PropagationConfig(), 0, tmp_path)
    for ask in ASK:
        found = runs[f"labels-{ask}"]
        assert found.realign.ask == ask
        policy = found.realign.model_copy(update={"ask": "random"})
        assert found.model_copy(update={"realign": policy}) == runs["labels-random"]


def _asked(agreement: list[float]) -> Curve:
    """What a run leaves that asks ten labels a batch, as far as label efficiency is read from it."""
    records = [{"labels": 10, "clear_agreement": {"mean": mean}} for mean in agreement]
    return Curve(records=records, rows=[[] for _ in records])


def test_labels_needed_are_counted_on_the_way_that_random_questions_take():
    curves = {
        "labels-random": _asked([0.5, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0]),  # .95 is nine tenths of the way
        "labels-unrepeated": _asked([0.5, 0.7, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
        "labels-uncertain": _asked([0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
        "labels-disagreeing": _asked([0.5] * 8),
    }
    # A batch alone is noisy and counts with its neighbours: .9, 1, 1 is enough, and .7, 1, 1 is not.
    assert [needed(curves, ask) for ask in ASK] == [70, 40, 30, None]
    assert share_of(curves, "unrepeated", "random") == 4 / 7
    assert share_of(curves, "uncertain", "unrepeated") == 3 / 4
    assert share_of(curves, "disagreeing", "random") is None
    assert [never(curves, ask) for ask in ASK] == [False, False, False, True]
    # Where random questions lead nowhere there is no way to come, and none that never comes it.
    flat = curves | {"labels-random": _asked([0.9] * 8)}
    assert needed(flat, "uncertain") is None and not never(flat, "uncertain")


def test_only_the_humans_settings_know_that_values_move(tmp_path: Path):
    """What differs between a run with a change and one without is in `human`, and in nothing that learns."""
    config = PropagationConfig()
    runs = later_runs(config, 0, tmp_path)
    steady = runs["quiet"].model_copy(update={"rlft": runs["abrupt"].rlft, "loop": runs["abrupt"].loop})
    for shape in (Shape.ABRUPT, Shape.GRADUAL, Shape.CYCLIC, Shape.REVERSAL):
        drifting = runs[str(shape)]
        assert drifting.human.drift.shape is shape
        assert drifting.model_copy(update={"human": steady.human}) == steady.model_copy(
            update={"measure": drifting.measure}
        )


def test_retraining_from_scratch_differs_from_the_run_before_in_values_alone(tmp_path: Path):
    first = first_runs(PropagationConfig(), 3, tmp_path)
    for before, scratch in (("before", "scratch"), ("before-composed", "scratch-composed")):
        assert first[before].human != first[scratch].human
        assert first[before] == first[scratch].model_copy(update={"human": first[before].human})
        assert first[before].seed == 3


def test_the_recipe_reports_the_curves_themselves_on_held_out_tasks():
    from partwise.runs.config import load_config

    recipes = Path(__file__).parents[2] / "recipes"
    config = load_config(PropagationConfig, recipes / "propagation.toml")
    assert config.align.measure.curve is Split.HELDOUT
