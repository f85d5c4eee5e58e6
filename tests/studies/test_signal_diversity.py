"""The study of signal diversity: its sources, its peer review, its page, and all of it in miniature."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.config import DataConfig, LadderConfig
from partwise.data.plans import Cue, RuleBook, draw_plans
from partwise.oversight.signals import TrueLabels
from partwise.report.html import page_html
from partwise.report.page import page_markdown
from partwise.runs.progress import ignore
from partwise.studies.signal_diversity.figures import collect
from partwise.studies.signal_diversity.page import SETTINGS as IN_WORDS
from partwise.studies.signal_diversity.page import page as signal_diversity_page
from partwise.studies.signal_diversity.settings import SignalDiversityConfig
from partwise.studies.signal_diversity.sources import (
    MIND_ALL,
    PEOPLE,
    READERS,
    SETTINGS,
    comparisons,
    person,
    share_of,
)
from partwise.studies.signal_diversity.study import run
from partwise.types import Signal
from partwise.values import ValueProfile

PLANS = [plan.example for plan in draw_plans("0", RuleBook.drawn(60, 0), dict.fromkeys(Cue, 1 / 3), 90)]
SIX = [*(reader.name for reader in READERS["varied"]), *(name for name, _, _ in PEOPLE["varied"])]


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_two_models_learn_from_one_plan_and_no_plan_is_left(setting: str):
    read = [plan.key for reader in READERS[setting] for plan in share_of(PLANS, reader.plans)]
    assert sorted(read) == sorted(plan.key for plan in PLANS)


def test_sources_have_names_of_their_own_in_both_settings():
    for setting in SETTINGS:
        names = [reader.name for reader in READERS[setting]] + [name for name, _, _ in PEOPLE[setting]]
        assert len(set(names)) == 6
    assert set(SETTINGS) == set(IN_WORDS) == set(PEOPLE) == set(READERS)


@pytest.mark.parametrize(
    ("blind_to", "overlooks"),
    [("", set[str]()), ("waste", {"hard"}), ("privacy", {"easy"})],
)
def test_a_person_errs_where_what_they_do_not_mind_is_all_that_is_wrong(blind_to: str, overlooks: set[str]):
    profile = ValueProfile({blind_to: 0.0}) if blind_to else MIND_ALL
    said = person("ana", profile, PLANS, rationality=50, seed=0).signals(PLANS)
    wrong = {e.key for s, e in zip(said, PLANS, strict=True) if s is None or s.label != e.label}
    assert wrong == {e.key for e in PLANS if not e.label and e.group in overlooks}


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 4), min_size=1, max_size=len(PLANS)))
def test_where_two_differ_every_third_prefers_one_of_them(rows: list[tuple[int, ...]]):
    names = ["a", "b", "c", "d"]
    answers = {
        name: [
            Signal(example=e.key, label=row[i], confidence=1.0, source=name)
            for row, e in zip(rows, PLANS, strict=False)
        ]
        for i, name in enumerate(names)
    }
    found = comparisons(answers, judges=names[:3])
    assert all(row.judge not in (row.winner, row.loser, "d") for row in found)
    differ = {
        frozenset((names[i], names[j])): sum(row[i] != row[j] for row in rows)
        for i in range(4)
        for j in range(i)
    }
    for pair, count in differ.items():
        judges = {name for name in names[:3] if name not in pair}
        for judge in judges:
            told = [row.times for row in found if row.judge == judge and {row.winner, row.loser} == {*pair}]
            assert sum(told) == count


def test_the_truth_wins_where_the_judge_tells_it():
    answers = {"true": TrueLabels("true").signals(PLANS), "judge": TrueLabels("judge").signals(PLANS)}
    wrong = [
        s and Signal(example=s.example, label=1 - s.label, confidence=1.0, source="w")
        for s in answers["true"]
    ]
    found = comparisons(answers | {"wrong": wrong}, judges=["judge"])
    assert [(row.winner, row.times) for row in found if row.times] == [("true", len(PLANS))]


def _measured(accuracy: float) -> dict[str, Any]:
    figure = {"mean": accuracy, "ci95": None, "n": 10}
    return {
        "labels": accuracy,
        "accuracy": figure,
        "groups": {"hard": figure},
        "calibration_error": {"mean": 0.1, "ci95": None, "n": 10},
        "brier": {"mean": 0.1, "ci95": None, "n": 10},
    }


def _results(gains: dict[str, float], *, seeds: int, left_out: list[str] | None = None) -> dict[str, Any]:
    """Results of a study in which each source adds so much to a student."""
    said: dict[str, Any] = {}
    students: dict[str, Any] = {}
    for seed in range(seeds):
        students[f"seed-{seed}/ceiling"] = _measured(0.95)
        for setting, gain in gains.items():
            step = gain + 0.001 * seed * (1 + (setting == "shared"))
            students[f"seed-{seed}/{setting}/alone"] = {name: _measured(0.7) for name in SIX}
            students[f"seed-{seed}/{setting}/majority"] = {
                str(n): _measured(0.7 + step * (n - 1)) for n in range(2, 7)
            }
            said[f"seed-{seed}/{setting}/sources"] = {
                "accuracy": dict.fromkeys(SIX, 0.7),
                "correlation": [[1.0 if i == j else None for j in range(6)] for i in range(6)],
                "mean_correlation": None,
                "marginal": {
                    "majority": [{"accuracy": 0.7, "benefit": None if n == 0 else step} for n in range(6)]
                },
                "review": None if left_out else {"tau": 0.5, "fair_rank": 1},
            }
    return {
        "schema": 2,
        "seeds": seeds,
        "examples": {"train": 10, "test": 10},
        "student": "mini",
        "left_out": left_out or [],
        **collect(range(seeds), SETTINGS, ["majority"], said, students, SignalDiversityConfig().primary),
    }


@pytest.mark.parametrize(
    ("gains", "seeds", "verdict"),
    [
        ({"varied": 0.04, "shared": 0.01}, 3, "(majority): the diversity of sources is what helps."),
        ({"varied": 0.01, "shared": 0.04}, 3, "against what the paper says"),
    ],
)
def test_the_page_says_what_the_numbers_say(gains: dict[str, float], seeds: int, verdict: str):
    results = _results(gains, seeds=seeds)
    page = signal_diversity_page(results)
    assert page.sentences[0].startswith("Primary contrast, named before the runs: `advantage, majority` is")
    assert verdict in page.sentences[2]
    text = page_markdown(page)
    assert "Left out" not in text and "When the sources rank each other" in text
    for setting, gain in gains.items():
        assert results["settings"][setting]["gain"]["majority"]["mean"] == pytest.approx(5 * gain, abs=0.02)
    assert results["settings"]["varied"]["students"]["majority"][0]["accuracy"]["mean"] == pytest.approx(0.7)


@pytest.mark.parametrize(("seeds", "quick"), [(1, False), (2, False), (3, True)])
def test_too_few_seeds_or_a_quick_run_are_shown_and_not_judged(seeds: int, quick: bool):
    results = _results({"varied": 0.04, "shared": 0.01}, seeds=seeds) | {"quick": quick}
    said = " ".join(signal_diversity_page(results).sentences)
    for word in ("what helps", "are better", "a gain", "told from 0", "differs", "differ from"):
        assert word not in said
    assert "`advantage, majority`, by seed .15" in said and "When the sources rank each other" in said


def test_a_contrast_that_cannot_be_told_makes_no_verdict(tmp_path: Path):
    results = _results({"varied": 0.04, "shared": 0.01}, seeds=3)
    found = results["contrasts"]["all"]
    assert len(found) == 1 + 4 * 2
    assert found["advantage, majority"]["by_seed"] == pytest.approx([0.15, 0.145, 0.14])
    assert found["labels of six less one, varied"]["mean"] == pytest.approx(0.205)
    for each in found.values():
        each["told"] = False
    said = " ".join(signal_diversity_page(results).sentences)
    for verdict in ("what helps", "six are better", "(a gain)", "(better)", "no hindrance"):
        assert verdict not in said
    assert said.count("can't be told from 0") == 1 + 1 + 2 + 2 + 2 + 2
    with pytest.raises(LookupError, match="no contrast `advantage, glad`; there is 'advantage, majority'"):
        run(SignalDiversityConfig(quick=True, primary="advantage, glad"), tmp_path / "out", ignore)
    assert not (tmp_path / "out").exists()


def test_what_the_nth_source_adds_may_not_have_been_measured():
    results = _results({"varied": 0.04, "shared": 0.01}, seeds=2)
    for found in results["settings"].values():
        found["marginal"] = {}
    assert "GLAD is left out here: it is too slow" in page_markdown(signal_diversity_page(results))


def test_what_is_not_installed_is_named():
    results = _results({"varied": 0.04, "shared": 0.01}, seeds=2, left_out=["dawid-skene", "peer review"])
    page = signal_diversity_page(results)
    assert "need the extra `lab`, which is not installed: dawid-skene, peer review." in page_markdown(page)
    assert "When the sources rank" not in page_markdown(page)
    assert not re.search(r"\bnan\b", page_html(page).lower())


@pytest.mark.long
@pytest.mark.slow
def test_a_tiny_study_is_the_same_after_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    config = SignalDiversityConfig(
        processes=1,
        methods=("majority",),
        student="micro",
        data=DataConfig(train=36, test=20, overlap=1 / 3),
        ladder=LadderConfig(sizes=("nano", "micro"), rules=60, documents=64),
    )
    out = tmp_path / "study"
    results = run(config, out, ignore)
    assert results["schema"] == 2 and set(results["settings"]) == set(SETTINGS)
    for found in results["settings"].values():
        assert len(found["sources"]) == len(found["correlation"]) == 6
        assert found["review"]["tau"]["mean"] is None or -1 <= found["review"]["tau"]["mean"] <= 1
        for steps in found["students"].values():
            assert len(steps) == 6
            assert all(
                0 <= step[key]["mean"] <= 1 for step in steps for key in ("labels", "accuracy", "brier")
            )
    written = (out / "results.json").read_bytes()
    for cell in sorted((out / "cells").rglob("*.json"))[::9]:
        cell.unlink()
    run(config, out, ignore)
    assert (out / "results.json").read_bytes() == written
    assert (out / "signal_diversity.svg").exists() and "Signal diversity" in (out / "table.md").read_text()
