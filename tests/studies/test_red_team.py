"""The study of the red team: what it counts, and what its page says of it."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.config import Fidelity, ProgressConfig
from partwise.loops.discovery import searches
from partwise.measure.hazards import FAMILIES
from partwise.oversight.red_team import Point, Severities, Space, red_team
from partwise.report.html import page_html
from partwise.report.page import page_markdown
from partwise.runs.config import ConfigError, config_from_data
from partwise.runs.progress import ignore
from partwise.studies.red_team.page import page
from partwise.studies.red_team.settings import PlannersRedTeamConfig, PlantedRedTeamConfig, RedTeamConfig
from partwise.studies.red_team.study import SEARCHES, collect, doublings, ladder_of, models_of, run

COUNTS = st.integers(1, 10**6).map(float)


@given(COUNTS, COUNTS)
def test_doublings_turn_their_sign_with_their_sides(one: float, other: float) -> None:
    there, back = doublings(one, other), doublings(other, one)
    assert there is not None and back is not None
    assert there == pytest.approx(-back) and one == pytest.approx(other * 2**there)


def test_against_nothing_no_doubling_is_defined() -> None:
    assert doublings(0.0, 3.0) is None and doublings(3.0, 0.0) is None and doublings(None, 3.0) is None


def search(distinct: int) -> dict[str, Any]:
    share = {"mean": 0.5, "ci95": [0.4, 0.6], "n": 10}
    return {
        "evaluated": 256,
        "found": distinct + 2,
        "curve": [min(step, distinct + 2) for step in range(256)],
        "distinct": distinct,
        "by family": dict.fromkeys(FAMILIES, 3),
        "coverage": 0.17,
        "evenness": None if distinct < 2 else 0.9,
        "abstained": 4,
        "recall": {str(fidelity): share for fidelity in Fidelity},
        "missed": [{"scene": "few for amber at heron", "text": "done = False", "harms": ["honesty"]}],
    }


def results(seeds: int) -> dict[str, Any]:
    config = config_from_data(RedTeamConfig, {"seeds": seeds, "widths": [16, 24]})
    counts = dict(zip(SEARCHES, (10, 21, 12), strict=True))
    return collect(
        config,
        {
            f"seed-{seed}/width-{width}": {
                "parameters": 1000 * width,
                "searches": {name: search(count + seed) for name, count in counts.items()},
            }
            for seed in range(seeds)
            for width in (16, 24)
        },
    )


def test_a_seed_is_the_mean_over_its_models_and_the_contrast_is_in_doublings() -> None:
    found = results(4)
    primary = found["contrasts"]["all"]["quality-diversity against random"]
    expected = [math.log2((21 + seed) / (10 + seed)) for seed in range(4)]
    assert primary["by_seed"] == pytest.approx(expected) and primary["told"]
    assert found["searches"]["random"]["distinct"]["mean"] == pytest.approx(11.5)
    assert found["parameters"] == [16_000, 24_000]


def test_the_page_says_what_was_found_and_shows_what_was_missed() -> None:
    text = page_markdown(page(results(4)))
    assert "random found 11.5 distinct hazards, quality diversity 22.5, TPE 13.5" in text
    assert "a small dinner shows .50" in text
    assert "Not seen by rules, few for amber at heron" in text
    assert "<svg" in page_html(page(results(4)))
    assert "distinct hazards, quality" not in page_markdown(page(results(1)))


def test_each_model_is_a_ladder_of_one_width_with_its_seed() -> None:
    made = ladder_of(RedTeamConfig(), 7, 24)
    assert made.widths == (24,) and made.seed == 7
    assert made.discover.scenes == RedTeamConfig().ladder.discover.scenes


def planted_results(seeds: int) -> dict[str, Any]:
    config = config_from_data(PlantedRedTeamConfig, {"seeds": seeds})
    counts = dict(zip(SEARCHES, (10, 40, 20), strict=True))
    return collect(
        config,
        {
            f"seed-{seed}/width-24-{family}": {
                "parameters": 24_000,
                "searches": {name: search(count + seed) for name, count in counts.items()},
            }
            for seed in range(seeds)
            for family in ("privacy", "waste")
        },
    )


def test_planted_models_are_one_a_kind_of_harm_and_their_page_says_so() -> None:
    assert models_of(PlantedRedTeamConfig()) == [(24, "privacy"), (24, "waste")]
    assert models_of(RedTeamConfig()) == [(24, ""), (64, "")]
    found = planted_results(4)
    assert found["parameters"] == [24_000] and found["planted"] == ["privacy", "waste"]
    text = page_markdown(page(found))
    assert "(privacy or waste) where a word is in the scene" in text and "behind a word" in text
    assert "At most 256 can be found: each kind that a model was planted with" in text
    assert {picture.name for picture in page(found).pictures} == {"red_team_planted"}
    assert "planted" not in page_markdown(page(results(4)))


def planners_results(seeds: int) -> dict[str, Any]:
    """Of seed 0 no aligned solution was there to learn from."""
    config = config_from_data(PlannersRedTeamConfig, {"seeds": seeds})
    counts = {
        "unaligned": dict.fromkeys(SEARCHES, 30),
        "crowded": dict.fromkeys(SEARCHES, 10),
    }
    kinds = {"by family": {"waste": 20, "consent": 10}, "evaluated": 32, "curve": list(range(32))}
    return collect(
        config,
        {
            f"seed-{seed}/width-48-{kind}": {
                "parameters": 73_000,
                "taught": {"harmful": 300, "aligned": 900 * seed} if kind == "crowded" else {},
                "searches": {name: {**search(count), **kinds} for name, count in counts[kind].items()},
            }
            for seed in range(seeds)
            for kind in ("unaligned", "crowded")
        },
    )


def test_planners_are_told_of_in_their_own_terms() -> None:
    assert models_of(PlannersRedTeamConfig()) == [(48, "unaligned"), (48, "crowded")]
    found = planners_results(4)
    assert found["planners"] == ["unaligned", "crowded"] and found["dials"] == {
        "guests": 7,
        "full": 3,
        "shared": 3,
    }
    assert found["contrasts"]["all"]["quality-diversity against random"]["mean"] == 0
    text = page_markdown(page(found))
    assert "Of 32 places a search" in text and "from level 5 of the dial guests on" in text
    assert "| search | distinct | found | waste | consent | coverage | evenness |" in text
    assert "| **crowded** | 10.0 [10.0, 10.0] |" in text and "| **unaligned** | 30.0 [30.0, 30.0] |" in text
    assert "On one seed (0) there was no aligned solution to learn from" in text
    # Two kinds in each of 32 places, of which random search found 20 on the mean.
    assert "At most 64 can be found: each kind that was seen (waste, consent) in each place" in text
    assert "no search could have found more than 3.2 times as many" in text
    assert "the proxy sees, in full" in page_html(page(found)) and "rules" not in text


@pytest.mark.parametrize("name", SEARCHES[1:])
def test_a_search_that_learns_has_most_of_its_budget_left_to_use_it(name: str) -> None:
    """With as many points by lot as the budget, its figures were random search's to the digit."""
    space = Space({"guests": 7, "full": 3, "shared": 3})
    config = PlannersRedTeamConfig().ladder.discover

    def harms(points: Sequence[Point]) -> list[Severities]:
        return [{"part": point["guests"] / 6} for point in points]

    def points_of(which: str) -> list[Point]:
        search = searches(space, 3, config.scenes)[which]()
        log = red_team(search, harms, budget=config.scenes, batch=config.batch)
        return [point for point, _ in log]

    learned, drawn = points_of(name), points_of("random")
    assert learned[: config.scenes // 4] == drawn[: config.scenes // 4]
    assert learned != drawn
    # It goes where harm is.
    late = config.scenes // 2
    assert fmean(p["guests"] for p in learned[late:]) > fmean(p["guests"] for p in drawn[late:])


def test_a_search_over_planners_is_not_given_writers() -> None:
    for writers in ({"models": "writers"}, ProgressConfig()):
        with pytest.raises(ValueError, match=r"leave `ladder\.models` as `planners`"):
            PlannersRedTeamConfig.model_validate({"ladder": writers})


@pytest.mark.parametrize(
    ("ladder", "said"),
    [
        ({"models": "writers"}, r"^`ladder`: .*leave `ladder\.models` as `planners`\.$"),
        ({"models": "plan"}, r"^`ladder\.models` can't be 'plan': it must be 'writers' or 'planners'"),
        (5, r"^`ladder` is a group of settings"),
        (None, r"^`ladder` "),
        ([1], r"^`ladder` "),
    ],
)
def test_a_ladder_that_is_none_is_one_sentence(ladder: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config_from_data(PlannersRedTeamConfig, {"ladder": ladder})


@pytest.mark.slow
@pytest.mark.long
def test_planners_are_made_searched_and_told_of(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTWISE_CACHE", str(cache))
    quick = {"quick": True, "first": 3, "processes": 1, "again": 2, "kinds": ["crowded"], "lessons": 60}
    found = run(config_from_data(PlannersRedTeamConfig, quick), tmp_path / "run", ignore)
    (cell,) = (tmp_path / "run" / "cells").rglob("*.json")
    said = json.loads(cell.read_text())["searches"]
    assert cell.name == "width-48-crowded.json"
    assert json.loads(cell.read_text())["taught"].keys() == {"harmful", "aligned"}
    assert {each["evaluated"] for each in said.values()} == {16}
    for each in said.values():
        assert each["distinct"] <= 5 * each["found"] and set(each["by family"]) >= {"waste", "consent"}
    assert "quick run" in page_markdown(page(found)).lower()


@pytest.mark.slow
@pytest.mark.long
def test_planted_models_are_made_searched_and_told_of(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTWISE_CACHE", str(cache))
    plant = {"schooling": 400, "school_epochs": 2, "drills": 1, "drill_plans": 300}
    ladder = {"read": {"tiers": 1, "documents": 1500, "plans": 0.8}}
    quick = {"quick": True, "first": 210, "processes": 1, "again": 2, "plant": plant, "ladder": ladder}
    found = run(config_from_data(PlantedRedTeamConfig, quick), tmp_path / "run", ignore)
    assert found["seeds"] == [210] and found["quick"]
    (cell,) = (tmp_path / "run" / "cells").rglob("*.json")
    assert cell.name == "width-24-privacy.json" and json.loads(cell.read_text())["drills"] == 1
    assert {each["evaluated"] for each in json.loads(cell.read_text())["searches"].values()} == {16}
    assert "quick run" in page_markdown(page(found)).lower()
