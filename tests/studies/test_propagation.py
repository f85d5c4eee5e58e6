"""The study of propagation in miniature, from the first run to the page."""

import json
from pathlib import Path

import pytest

from partwise.config import AlignConfig, PropagationConfig
from partwise.measure.intervals import Measure
from partwise.runs.page import page_html, page_markdown
from partwise.runs.progress import ignore
from partwise.runs.propagation_page import CHANGES as IN_WORDS
from partwise.runs.propagation_page import propagation_page
from partwise.runs.report import write_report
from partwise.studies.propagation import ASK, first_runs, later_runs, run
from partwise.studies.propagation_results import CHANGES
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
    written = write_report(tmp_path / "study").read_text()
    assert "Propagation of a change of values" in written and "http" not in written.replace(
        "http://www.w3", ""
    )

    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("round.json")}
    assert run(config, tmp_path / "study", ignore) == results
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("round.json")}


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


def test_the_recipe_measures_on_tasks_that_no_other_one_looked_at():
    from partwise.runs.config import load_config

    recipes = Path(__file__).parents[2] / "recipes"
    measure = load_config(PropagationConfig, recipes / "propagation.toml").align.measure
    assert measure.curve is Split.HELDOUT and measure.heldout_start == 30_000


def test_a_page_says_undefined_where_nothing_is_defined():
    undefined = Measure(mean=None, ci95=None, n=0).to_json()
    change = {
        "moved": [0.0, 1.0],
        "quarter": 1,
        "scratch": undefined,
        **dict.fromkeys(
            ("fidelity", "fidelity_at_the_end", "retention", "latency_labels", "alarm_delay"), undefined
        ),
        "latency_rounds": undefined | {"never": 5},
        **{name: [undefined, undefined] for name in ("aligned_new", "aligned_old", "agreement")},
    }
    results = {
        "at": 1,
        "rollouts": {"scratch": 100, "a round": 25},
        "changes": {"abrupt": change},
        "frequency": {},
        "labels": {},
        "alarm": {"quiet_rounds": 0, "false_alarms": 0},
    }
    page = propagation_page(results)
    assert "reaches undefined of the alignment" in page_markdown(page)
    assert "undefined" in page_html(page) and "nan" not in page_html(page).lower()
