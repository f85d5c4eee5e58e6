"""The study of weak-to-strong generalization in miniature, and how its cells are put together."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partwise.report.html import page_html
from partwise.report.page import page_markdown
from partwise.runs.progress import ignore
from partwise.studies.grid.rungs import rung_cells
from partwise.studies.registry import STUDIES
from partwise.studies.w2s.figures import BOOTSTRAP, DIRECT, collect, contrasted
from partwise.studies.w2s.page import one_pair_page
from partwise.studies.w2s.settings import WeakToStrongStudyConfig
from partwise.studies.w2s.study import pair_cells, quickly, run

SHARES = st.floats(0.5, 0.98)


def config(**changes: Any) -> WeakToStrongStudyConfig:
    return WeakToStrongStudyConfig.model_validate(
        {"seeds": 2, "overlaps": [0.1, 0.9], "ladder": {"sizes": ["nano", "micro", "mini"]}} | changes
    )


def share(mean: float | None) -> dict[str, Any]:
    return {"mean": mean, "ci95": None, "n": 100}


def arms(teacher: str, student: str) -> list[str]:
    """How a student learns: also through the size between, where there is one."""
    return [*DIRECT, BOOTSTRAP] if (teacher, student) == ("nano", "mini") else [*DIRECT]


def made_up(teacher: float, student: float, ceiling: float, seeds: int = 2) -> dict[str, Any]:
    """Cells in which every pair has these accuracies, moved a little by seed."""
    drawn = random.Random(0)
    found: dict[str, Any] = {}
    asked = config(seeds=seeds)
    for cell in [*rung_cells(asked.ladder, asked.all_seeds, asked.ladder.sizes), *pair_cells(asked)]:
        size = cell.arguments["size"]
        smaller = ("nano", "micro", "mini")[: ("nano", "micro", "mini").index(size)]
        moved = 0.01 * drawn.random()

        def measured(accuracy: float, moved: float = moved) -> dict[str, Any]:
            figures = ("accuracy", "pgr", "imitation", "calibration_error", "brier")
            curve = [{"step": 1, "train": 0.5, "test": 0.5}]
            hard = {"hard": share(accuracy + moved)}
            return {**dict.fromkeys(figures, share(accuracy + moved)), "groups": hard, "curve": curve}

        if "rung" in cell.name:
            found[cell.name] = {"parameters": {"nano": 10, "micro": 100, "mini": 1000}[size]}
        elif "surrogate" in cell.name:
            verdicts = [{"level": i % 2, "judged": i / 8, "truth": i > 3} for i in range(8)]
            found[cell.name] = {"verdicts": verdicts}
        else:
            pairs = {
                name: {
                    "generations": [share(0.5), share(0.9)] if BOOTSTRAP in arms(name, size) else [],
                    "teacher": measured(teacher),
                    "arms": {arm: measured(student) for arm in arms(name, size)},
                }
                for name in smaller
            }
            found[cell.name] = {
                "ceilings": {"finetuned": measured(ceiling), "probed": measured(ceiling)},
                "pairs": pairs,
            }
    return found


@settings(max_examples=20, deadline=None)
@given(SHARES, SHARES, SHARES)
def test_the_pooled_gap_is_a_ratio_of_sums_and_undefined_without_a_gap(t: float, s: float, c: float):
    results = collect(config(), made_up(t, s, c))
    for arms in results["pooled_pgr"].values():
        for pooled in arms.values():
            if c <= t:
                assert pooled["mean"] is None or c == t
            elif c > t + 0.05:
                assert pooled["mean"] == pytest.approx((s - t) / (c - t), abs=1e-6)
    found = results["contrasts"]["all"]
    assert found["rise with size, probed"]["mean"] == pytest.approx(0, abs=0.011)
    assert found["bootstrap less confidence"]["mean"] in (None, pytest.approx(0))
    assert len(found) == 6 + 2 + 10 and all(len(each["by_seed"]) == 2 for each in found.values())


def moved(seeds: int, **arms: Sequence[float]) -> dict[str, Any]:
    """Cells in which an arm's students gain so much from the smallest overlap to the largest, by seed."""
    cells = made_up(0.7, 0.75, 0.9, seeds=seeds)
    for name, cell in cells.items():
        for pair in cell.get("pairs", {}).values():
            for arm, gains in arms.items():
                seed = int(name.partition("/")[0].removeprefix("seed-"))
                gain = gains[seed] if "overlap-0.9" in name else 0.0
                pair["arms"][arm]["accuracy"] = share(0.75 + gain)
    return cells


def test_the_page_says_what_the_figures_say_and_no_more():
    page = STUDIES["w2s"].page(collect(config(seeds=3), made_up(0.7, 0.8, 0.9, seeds=3)))
    said = " ".join(page.sentences)
    assert page.sentences[0].startswith(
        "Primary contrast, named before the runs: `growth with overlap, cross"
    )
    assert "as Shin et al. predict" not in said and "better" not in said and "worse" not in said
    assert "mini, the models repeat of the errors of the one before them .50 [.50, .50], .90" in said
    assert "shows in 6 of 6 chains" in said
    markdown = page_markdown(page)
    assert "| **nano → mini** | 0.1 | bootstrapping | .7" in markdown
    assert page_html(page).count('class="drawn"') == 3


@pytest.mark.parametrize(("seeds", "quick"), [(1, False), (2, False), (3, True)])
def test_too_few_seeds_or_a_quick_run_are_shown_and_not_judged(seeds: int, quick: bool):
    asked, gains = config(seeds=seeds, quick=quick), [0.1, 0.11, 0.12]
    results = collect(asked, moved(seeds, cross_entropy=gains))
    assert results["quick"] is quick
    said = " ".join(STUDIES["w2s"].page(results).sentences)
    for word in ("Shin et al.", "capacity", "better", "worse", "told from 0", "differ"):
        assert word not in said
    assert "`growth with overlap, cross_entropy`, by seed" in said and "a student repeats" in said


def test_growth_is_told_of_the_primary_contrast_and_of_others_only_after_correction():
    weak = [0.02, 0.12, 0.08, 0.01, 0.1]  # p = .04
    results = collect(config(seeds=5), moved(5, cross_entropy=weak, probe_cross_entropy=weak))
    first, corrected = (
        results["contrasts"]["all"][f"growth with overlap, {arm}"]
        for arm in ("cross_entropy", "probe_cross_entropy")
    )
    assert first["p"] == pytest.approx(corrected["p"], rel=0.5) and corrected["p"] < 0.05
    assert first["told"] and not corrected["told"]
    finetuned, probes = STUDIES["w2s"].page(results).sentences[3:5]
    assert ": it grows, as Shin et al. predict (cross-entropy); can't be told from 0" in finetuned
    assert (
        ": can't be told from 0, corrected for the number of contrasts (cross-entropy probe); "
        "can't be told from 0 (confidence probe, product probe)." in probes
    )


def test_what_the_settings_do_not_compare_is_no_contrast(tmp_path: Path):
    two_sizes = config(overlaps=[0.5], ladder={"sizes": ["nano", "micro"]})
    assert not [name for name in contrasted(two_sizes) if "growth" in name or BOOTSTRAP in name]
    with pytest.raises(LookupError, match="no contrast `growth with overlap, cross_entropy`; there is 'rise"):
        run(two_sizes, tmp_path / "out", ignore)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("failing", [True, False])
def test_failures_are_counted_where_they_show(failing: bool):
    cells = made_up(0.7, 0.8, 0.9)
    for name, cell in cells.items():
        for pair in cell.get("pairs", {}).values():
            for student in pair["arms"].values():
                reached = 0.8 if failing or "micro" in name else 0.9
                student["accuracy"] = {"mean": reached, "ci95": [reached - 0.005, reached + 0.005], "n": 9000}
                student["curve"] = [
                    {"step": 1, "train": 0.8, "test": 0.9},
                    {"step": 2, "train": 0.99, "test": 0.7 if failing else 0.9},
                ]
    found = collect(config(), cells)["signatures"]["probe_product"]
    # Two seeds, two settings of the dial; three pairs, two of which are the smallest teacher's.
    assert found["imitation_cascade"] == {"fired": 12 if failing else 0, "of": 12}
    assert found["non_saliency"] == {"fired": 4 if failing else 0, "of": 4}
    page = page_markdown(STUDIES["w2s"].page(collect(config(), cells)))
    assert f"| **product probe** | {12 if failing else 0} of 12 | {4 if failing else 0} of 4 |" in page


@pytest.mark.long
@pytest.mark.slow
def test_a_small_study_is_resumed_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    small = config(
        seeds=1,
        ladder={"sizes": ["nano", "micro"], "rules": 90, "documents": 640},
        data={"train": 96, "test": 120},
    )
    results = run(small, tmp_path / "study", ignore)
    written = (tmp_path / "study" / "results.json").read_bytes()
    assert json.loads(written) == results
    for pair in results["pairs"].values():
        for found in pair.values():
            for figures in found["arms"].values():
                assert 0 <= figures["accuracy"]["mean"] <= 1 and 0 <= figures["imitation"]["mean"] <= 1
    (tmp_path / "study" / "cells" / "seed-0" / "overlap-0.9-micro.json").unlink()
    (tmp_path / "study" / "results.json").unlink()
    run(small, tmp_path / "study", ignore)
    assert (tmp_path / "study" / "results.json").read_bytes() == written


def test_quick_is_smaller_in_every_way():
    full = WeakToStrongStudyConfig()
    quick = quickly(full)
    assert len(pair_cells(quick)) < len(pair_cells(full))
    assert quick.data.test < full.data.test and quick.fit == full.fit


@pytest.mark.parametrize(("gap", "opening"), [(0.5, "Gap recovered, "), (None, "The gap recovered is undef")])
def test_one_pair_is_one_seed_and_judged_no_more_than_that(gap: float | None, opening: str):
    model = {"accuracy": share(0.8), "groups": {"hard": share(0.7)}, "calibration_error": share(0.1)}
    model |= {"unanswered": 0, "curve": [{"step": 1, "train": 0.5, "test": 0.5}], "shortened": {}}
    names = {"teachers": ["nano"], "student": "micro"}
    results = {"names": names, "through": [], "pgr": share(gap), "imitation": share(0.3)}
    first, *_ = one_pair_page(results | dict.fromkeys(("teacher", "student", "ceiling"), model)).sentences
    assert first.startswith(opening) and "recovers" not in first
    assert first.endswith("A judgment takes at least 3 seeds.") is (gap is not None)
