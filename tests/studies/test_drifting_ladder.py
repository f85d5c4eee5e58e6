"""Ladders under values that move: what is varied, what is read of them, and the study in miniature."""

import json
from pathlib import Path
from typing import Any

import pytest

from partwise.report.html import page_html
from partwise.report.page import page_markdown
from partwise.runs.config import ConfigError, config_from_data, flatten
from partwise.runs.progress import ignore
from partwise.studies.drifting_ladder import study
from partwise.studies.drifting_ladder.page import page
from partwise.studies.drifting_ladder.settings import DriftingLadderConfig


def test_each_ladder_differs_from_the_moving_one_in_what_its_name_says() -> None:
    config = DriftingLadderConfig()
    ladders = {arm: flatten(study.ladder_of(config, arm, 7).model_dump(mode="json")) for arm in study.ARMS}
    moving = ladders[study.MOVING]
    changed = {
        arm: {key for key in found if found.get(key) != moving.get(key)} for arm, found in ladders.items()
    }
    changed["fresh"] -= {f"align.human.drift.to.{name}" for name in config.after}
    assert changed == {
        "moving": set(),
        "fresh": {
            *(f"align.human.values.{name}" for name in config.after),
            "align.human.drift.shape",
            "align.human.drift.at",
            "align.human.drift.to",
        },
        "unheard": {"align.proxy.labels_later"},
        "floor": {"order"},
        "ceiling": {"align.loop.reward", "align.loop.summary", "discover.fidelity"},
    }
    assert moving["align.human.drift.to.quiet"] == 1 and moving["align.human.drift.at"] == 1
    assert ladders["fresh"]["align.human.values.quiet"] == 1 and moving["seed"] == 7


def test_after_the_change_people_are_asked_a_quarter_of_what_a_new_proxy_is_given() -> None:
    ladder = DriftingLadderConfig().ladder
    later = (ladder.generations - 1) * ladder.align.proxy.labels_later
    assert later <= ladder.align.proxy.labels_first / 4


def test_what_is_not_touched_is_kept() -> None:
    assert study.kept(DriftingLadderConfig()) == ["waste", "honesty", "effort"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"at": 4}, "`at` below `ladder.generations`"),
        ({"ladder": {"models": "writers"}}, "nothing reads `align`"),
    ],
)
def test_a_ladder_in_which_nothing_could_move_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config_from_data(DriftingLadderConfig, settings)


def cell(*fidelity: float, answers: int = 100) -> dict[str, Any]:
    def share(mean: float) -> dict[str, Any]:
        return {"mean": mean, "ci95": [0.0, 1.0], "n": 400}

    return {
        "answers": [1500] + [answers] * (len(fidelity) - 1),
        "generations": [
            {"fidelity": share(each), "retention": share(0.9), "minus": share(0.5), "plus": share(0.1)}
            for each in fidelity
        ],
    }


def known(seeds: int) -> dict[str, Any]:
    config = config_from_data(DriftingLadderConfig, {"seeds": seeds})
    by_arm = {
        "moving": (0.7, 0.5, 0.6, 0.65),
        "fresh": (0.7, 0.7, 0.7, 0.7),
        "unheard": (0.7, 0.1, 0.1, 0.1),
        "floor": (0.0, 0.0, 0.0),  # one that ended early
        "ceiling": (0.8, 0.8, 0.8, 0.8),
    }
    found = {
        f"seed-{seed}/{arm}": cell(*(share + 0.001 * seed * (arm == "moving") for share in shares))
        for seed in range(seeds)
        for arm, shares in by_arm.items()
    }
    return study.collect(config, found)


def test_figures_are_of_the_generation_that_a_contrast_names() -> None:
    found = known(4)["contrasts"]["all"]
    assert found["end: moving less unheard"]["mean"] == pytest.approx(0.55 + 0.0015)
    assert found["at once: moving less fresh"]["mean"] == pytest.approx(-0.2 + 0.0015)
    assert found["retention: moving less fresh"]["mean"] == 0
    # Of a ladder that did not come so far nothing is claimed for the generations that it lacks.
    results = known(4)
    assert results["arms"]["floor"]["generations"][3]["fidelity"]["mean"] is None
    assert results["gap_recovered"][3]["mean"] is None
    assert results["gap_recovered"][1]["mean"] == pytest.approx((0.5 + 0.0015) / 0.8)


def test_its_page_says_what_it_cost_people() -> None:
    text = page_markdown(page(known(4)))
    assert "People were asked 300 times from the change on, and 1800 times there in all" in text
    assert "`end: moving less unheard` is .55" in text
    assert "<svg" in page_html(page(known(4)))
    assert "not judged" in page_markdown(page(known(1))) or "at least 3 seeds" in page_markdown(
        page(known(1))
    )


@pytest.mark.long
@pytest.mark.slow
def test_the_study_in_miniature(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTWISE_CACHE", str(cache))
    settings: dict[str, Any] = {"quick": True, "first": 3}
    results = study.run(config_from_data(DriftingLadderConfig, settings), tmp_path / "study", ignore)
    ((first_time, second_time),) = results["arms"]["unheard"]["answers"]
    assert first_time > 0 == second_time
    assert all(len(arm["generations"]) == 2 for arm in results["arms"].values())
    # Until the change `moving`, `unheard` and `floor` hear the same people.
    first = {
        arm: (tmp_path / "study" / "ladders" / "seed-3" / arm / "generations" / "01" / "competence")
        for arm in ("moving", "unheard", "floor")
    }
    assert len({(folder / "answers.jsonl").read_bytes() for folder in first.values()}) == 1
    made = json.loads((first["floor"].parent / "injection" / "made.json").read_text())
    assert made["curve"] == []
