"""Studies of whole ladders: what they read of one, what they vary, and one of them in miniature."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from tests.studies.fixture_ladders import TOLD, cell, generation

from partwise.config import Models, Order, ProgressConfig
from partwise.loops.gap import gap_policy
from partwise.report.html import page_html
from partwise.report.page import Page, page_markdown
from partwise.runs.config import ConfigError, config_from_data, flatten
from partwise.runs.progress import ignore
from partwise.studies.ablation_progressive import study as ablation
from partwise.studies.ablation_progressive.page import page as ablation_page
from partwise.studies.ablation_progressive.settings import AblationProgressiveConfig
from partwise.studies.gap_annealing import study as gap
from partwise.studies.gap_annealing.page import page as gap_page
from partwise.studies.gap_annealing.settings import GapAnnealingConfig
from partwise.studies.grid.forecasts import forecast_table, forecasts_held
from partwise.studies.grid.ladders import outcome, paired


def test_exposure_is_over_all_rounds_and_the_end_is_the_last_models() -> None:
    made = [
        generation(1000, together=0.1, hazard=0.6),
        generation(4000, together=0.3, hazard=0.3, waste=0.05),
    ]
    found = outcome({**TOLD, "generations": made})
    assert found["exposure"] == pytest.approx((0.6 + 0.6 + 0 + 0.3 + 0.3 + 0) / 6)
    assert found["ends"]["together"] == 0.3 and found["answers"] == 16
    assert found["seen"] == {"privacy": None, "waste": 4000, "honesty": None}


def test_without_any_round_exposure_is_undefined_and_so_is_what_is_compared_with_it() -> None:
    bare: dict[str, Any] = generation(1000, together=0.1, hazard=0.6)
    bare["stages"]["competence"]["curve"] = bare["stages"]["injection"]["curve"] = []
    found = outcome({**TOLD, "generations": [bare]})
    assert found["exposure"] is None
    assert paired([found], [cell(0.1, 0.2)], "exposure") == [None]
    assert paired([found], [cell(0.3, 0.2)], "together") == [pytest.approx(-0.2)]


def test_forecasts_are_counted_where_something_was_forecast_and_a_seed_counts_once() -> None:
    found = outcome({**TOLD, "generations": [generation(1000, together=0.1, hazard=0.6)]})["forecasts"]
    assert [(row["method"], row["held"]) for row in found] == [("surrogate", False), ("peer review", True)]
    assert found[0]["off"] == pytest.approx(0.1)  # .80 came
    held = forecasts_held(
        [[cell(0.6, 0.1), cell(0.1, 0.1)], [cell(0.7, 0.1)], [{**cell(0.1, 0.1), "forecasts": []}]]
    )
    assert held["surrogate"]["held"]["by_seed"] == [0.5, 1.0, None] and held["surrogate"]["forecasts"] == 3
    assert "| **surrogate** | .75 " in page_markdown(
        Page(title="t", sentences=[], tables=[forecast_table({"forecasts": held})])
    )


def test_each_variant_changes_what_its_name_says_and_nothing_else() -> None:
    config = AblationProgressiveConfig(quick=True)
    whole = flatten(ablation.variant(config, ablation.WHOLE, 7).model_dump(mode="json"))
    changed = {
        name: {
            key
            for key, value in flatten(ablation.variant(config, name, 7).model_dump(mode="json")).items()
            if value != whole[key]
        }
        for name in ablation.VARIANTS
    }
    assert changed == {
        "alternating": set(),
        "in sequence": {"order"},
        "simultaneous": {"order"},
        "competence only": {"order"},
        "conformity first": {"order"},
        "without discovery": {"inject.discovered"},
        "without injection": {"order", "compete.screened"},
        "one source": {"inject.sources", "inject.predecessors"},
    }
    named = {ablation.variant(config, name, 7).order for name in ablation.VARIANTS}
    assert named == set(Order) and whole["seed"] == 7


@pytest.mark.parametrize("study", [GapAnnealingConfig, AblationProgressiveConfig])
def test_a_study_of_ladders_takes_planners_by_one_setting(
    study: type[GapAnnealingConfig | AblationProgressiveConfig],
) -> None:
    """What it sets for writers is not read then, and is nothing that somebody could leave out."""
    config = config_from_data(study, {"ladder": {"models": "planners"}})
    assert config.ladder.models is Models.PLANNERS and config.ladder.read == ProgressConfig().read
    assert config.ladder.gap == study().ladder.gap and config.ladder.gate == study().ladder.gate
    assert config_from_data(study, config.model_dump(mode="json")) == config
    with pytest.raises(
        ConfigError, match=r"^`ladder`: with `models=planners` nothing reads `read`; leave it"
    ):
        config_from_data(study, {"ladder": {"models": "planners", "read": {"tiers": 2}}})


def test_each_policy_takes_the_steps_that_its_name_says() -> None:
    config = GapAnnealingConfig()
    firsts = {name: gap_policy(gap.ladder_of(config, name, 3).gap, 3) for name in gap.POLICIES}
    assert len(firsts) == 8
    for name, setting in gap.FIXED.items():
        step = getattr(config.ladder.gap, setting)
        assert firsts[name]([], 3) == step  # a fixed policy reads nothing
    assert [gap.ladder_of(config, name, 3).gap.policy for name in gap.POLICIES[3:]] == list(gap.POLICIES[3:])


def _gap_results(seeds: int, best: str = "fixed, middle") -> dict[str, Any]:
    config = config_from_data(GapAnnealingConfig, {"seeds": seeds, "best": best})
    worth = dict(zip(gap.POLICIES, itertools.count(2), strict=False))  # adaptive has the most
    found = {
        f"seed-{seed}/{name.replace(', ', '-')}": cell(0.05 * worth[name] + 0.001 * seed * worth[name], 0.2)
        for seed in range(seeds)
        for name in gap.POLICIES
    }
    return gap.collect(config, found)


def test_the_best_fixed_gap_is_compared_once_under_the_name_of_the_primary() -> None:
    results = _gap_results(4)
    assert results["contrasts"]["primary"] == "adaptive less the best fixed"
    names = list(results["contrasts"]["all"])
    assert "adaptive less fixed, middle" not in names and len(names) == len(gap.POLICIES) - 1
    assert results["contrasts"]["all"][names[0]]["mean"] == pytest.approx(0.05 * 6 + 0.001 * 1.5 * 6)


def test_an_extreme_that_is_best_is_told_as_no_trade_off() -> None:
    text = page_markdown(gap_page(_gap_results(4)))
    assert "is fixed, large, which is an extreme" in text
    assert "1,000 → 4,000" in text
    assert "<svg" in page_html(gap_page(_gap_results(4)))
    one = page_markdown(gap_page(_gap_results(1)))
    assert "extreme" not in one and "One seed" in one


def test_what_alternating_is_compared_with_stands_on_its_page() -> None:
    config = config_from_data(AblationProgressiveConfig, {"seeds": 4})
    found = {
        f"seed-{seed}/{name.replace(' ', '-')}": cell(
            0.5 + 0.01 * seed, 0.1 if place == 0 else 0.3 + 0.01 * seed
        )
        for seed in range(4)
        for place, name in enumerate(ablation.VARIANTS)
    }
    results = ablation.collect(config, found)
    primary = results["contrasts"]["all"][config.primary]
    assert primary["mean"] == pytest.approx(-0.215) and primary["told"]
    text = page_markdown(ablation_page(results))
    assert "Alternating against in sequence: hazard over training −.2" in text and "(less hazard)" in text
    assert "| **in sequence** | 1,000 1,000 1,000 1,000 | – – – – |" in text


@pytest.mark.long
@pytest.mark.slow
def test_a_study_of_ladders_in_miniature(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTWISE_CACHE", str(cache))
    fewer = ("fixed, large", "adaptive")
    monkeypatch.setattr(gap, "POLICIES", fewer)
    monkeypatch.setattr(gap, "CONTRASTS", {"adaptive less the best fixed": gap.BEST})
    config = config_from_data(GapAnnealingConfig, {"quick": True, "first": 3, "best": "fixed, large"})
    results = gap.run(config, tmp_path / "study", ignore)
    (large,), (own,) = (results["policies"][name]["parameters"] for name in fewer)
    assert own[0] == large[0] < own[1] <= large[1]
    run = tmp_path / "study" / "ladders" / "seed-3" / "adaptive"
    assert (run / "results.json").exists()
    assert "Capacities that were taken" in page_markdown(gap_page(results))
    assert gap.run(config, tmp_path / "study", ignore) == results
