"""The study of noise: its figures on curves that are known, and all of it in miniature."""

import math
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.studies.fixture_noise import noise_cells

from partwise.config import DataConfig, FitConfig, LadderConfig
from partwise.data.plans import Cue, RuleBook, draw_plans
from partwise.oversight.signals import Flipped, TrueLabels
from partwise.report.html import page_html
from partwise.report.page import page_markdown
from partwise.runs.progress import ignore
from partwise.studies.noise.page import page as noise_page
from partwise.studies.noise.settings import NoiseConfig
from partwise.studies.noise.study import CONTRASTS, against, collect, fall, run, slope
from partwise.types import Signal

SHARES = st.floats(0, 1)
TWO = LadderConfig(sizes=("nano", "micro"))
PLANS = [plan.example for plan in draw_plans("0", RuleBook.drawn(60, 0), {Cue.BOTH: 1.0}, 40)]


@given(st.floats(-3, 3), st.floats(-3, 3), st.lists(st.integers(1, 10**7), min_size=2, unique=True))
def test_the_slope_of_a_line_is_its_own(a: float, b: float, sizes: list[int]):
    ys = [a + b * math.log10(n) for n in sizes]
    found = slope(sizes, ys)
    assert found is not None and found == pytest.approx(b, abs=1e-3)
    assert slope([*sizes, 5], [*ys, None]) == found


def test_one_size_has_no_slope():
    assert slope([10], [0.5]) is None
    assert slope([10, 100], [0.5, None]) is None


@given(SHARES, st.lists(st.integers(0, 1), min_size=40, max_size=40))
def test_all_labels_are_the_wrong_and_the_right(flips: float, said: list[int]):
    noisy = Flipped(TrueLabels(), flips, seed="0").signals(PLANS)
    answers = [
        Signal(example=e.key, label=label, confidence=1.0, source="me")
        for e, label in zip(PLANS, said, strict=True)
    ]
    wrong = sum(s is not None and s.label != e.label for s, e in zip(noisy, PLANS, strict=True))
    found = against(answers, noisy, PLANS)
    assert (found["memorised"] is None) == (wrong == 0)
    assert (found["kept"] is None) == (wrong == len(PLANS))
    whole = wrong * (found["memorised"] or 0) + (len(PLANS) - wrong) * (found["kept"] or 0)
    assert found["train"] == pytest.approx(whole / len(PLANS))


def test_who_says_what_is_true_memorises_nothing():
    noisy = Flipped(TrueLabels(), 0.5, seed="0").signals(PLANS)
    assert against(TrueLabels().signals(PLANS), noisy, PLANS)["memorised"] == 0
    assert against(noisy, noisy, PLANS) == {"train": 1.0, "memorised": 1.0, "kept": 1.0}


@given(st.lists(SHARES, min_size=1))
def test_nothing_ends_above_its_best(tests: list[float]):
    curve = [{"epoch": i + 1, "train": 1.0, "memorised": 1.0, "test": t} for i, t in enumerate(tests)]
    assert 0 <= fall(curve) == max(tests) - tests[-1]


@pytest.mark.parametrize(
    ("memorised", "seeds", "said"),
    [
        ({"nano": 0.2, "micro": 0.8}, 3, "larger models fit noise more, as the paper finds"),
        ({"nano": 0.8, "micro": 0.2}, 3, "larger models fit noise less, against the paper"),
        ({"nano": 0.5, "micro": 0.5}, 3, "can't be told from 0"),
    ],
)
def test_the_page_says_what_the_numbers_say(memorised: dict[str, float], seeds: int, said: str):
    config = NoiseConfig(seeds=seeds, flips=(0.0, 0.2, 0.5, 1.0), ladder=TWO)
    results = collect(config, noise_cells(config, memorised))
    page = noise_page(results)
    assert said in page_markdown(page) and said in page.sentences[2]
    assert page.sentences[0].startswith("Primary contrast, named before the runs: `memorised by size` is")
    assert page.tables[0].rows[0][0] == "memorised by size (primary)"
    assert not re.search(r"\bnan\b", page_html(page).lower()) and "undefined" in page_markdown(page)
    rise = memorised["micro"] - memorised["nano"]
    assert results["slopes"]["memorised"]["below half"]["mean"] == pytest.approx(rise, abs=0.03)
    for size, share in memorised.items():
        point = results["sizes"][size]["flips"]["0.2"]
        assert point["memorised"]["mean"] == pytest.approx(share, abs=0.03)
        assert point["best_epoch"]["mean"] == 1


@pytest.mark.parametrize(("seeds", "quick"), [(1, False), (2, False), (3, True)])
def test_too_few_seeds_or_a_quick_run_are_shown_and_not_judged(seeds: int, quick: bool):
    config = NoiseConfig(seeds=seeds, quick=quick, flips=(0.0, 0.2, 0.5, 1.0), ladder=TWO)
    results = collect(config, noise_cells(config, {"nano": 0.2, "micro": 0.8}))
    assert results["quick"] is quick
    page = noise_page(results)
    said = " ".join(page.sentences)
    for word in ("fit noise", "lose more", "end worse", "told from 0", "differ", "change"):
        assert word not in said
    assert "`memorised by size`, by seed .60" in said and "at least 3" in said
    assert "Where half of the labels are flipped" in said and list(page.tables[0].columns)[-1] == "judged"


def test_a_cascade_is_counted_where_it_shows():
    config = NoiseConfig(seeds=2, flips=(0.2,), ladder=LadderConfig(sizes=("nano", "micro")))
    results = collect(config, noise_cells(config, {"nano": 0.1, "micro": 0.95}))
    fired = {size: found["flips"]["0.2"]["cascade"]["fired"] for size, found in results["sizes"].items()}
    assert fired == {"nano": 0, "micro": 2}


def test_what_is_said_follows_the_contrasts_that_were_named(tmp_path: Path):
    config = NoiseConfig(seeds=3, flips=(0.0, 0.2), ladder=LadderConfig(sizes=("nano", "micro")))
    results = collect(config, noise_cells(config, {"nano": 0.2, "micro": 0.8}))
    for name, figure in CONTRASTS.items():
        found = results["contrasts"]["all"][name]
        assert found["by_seed"] == results["slopes"][figure]["below half"]["by_seed"]
        assert found["mean"] == pytest.approx(results["slopes"][figure]["below half"]["mean"])
    for found in results["contrasts"]["all"].values():
        found["told"] = False
    said = noise_page(results).sentences
    assert "as the paper finds" not in " ".join(said)
    assert said[2].endswith("(can't be told from 0, corrected for the number of contrasts).")
    with pytest.raises(LookupError, match="no contrast `x`; there is 'memorised by size'"):
        run(config.model_copy(update={"primary": "x"}), tmp_path / "out", ignore)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.long
def test_a_tiny_study_is_the_same_after_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    config = NoiseConfig(
        processes=1,
        flips=(0.0, 0.3),
        data=DataConfig(train=24, test=20),
        ladder=LadderConfig(sizes=("nano", "micro"), rules=60, documents=64),
        fit=FitConfig(epochs=2, batch_size=16),
    )
    out = tmp_path / "study"
    results = run(config, out, ignore)
    assert results["schema"] == 2 and set(results["sizes"]) == {"nano", "micro"}
    for found in results["sizes"].values():
        assert found["parameters"] > 0
        assert found["flips"]["0"]["memorised"]["mean"] is None
        for point in found["flips"].values():
            assert [at["epoch"] for at in point["curve"]] == [1, 2]
            assert all(0 <= point[key]["mean"] <= 1 for key in ("train", "kept", "test", "best", "fall"))
    written = (out / "results.json").read_bytes()
    for cell in sorted((out / "cells").rglob("*.json"))[::2]:
        cell.unlink()
    shutil.rmtree(tmp_path / "cache")
    run(config, out, ignore)
    assert (out / "results.json").read_bytes() == written
    assert (out / "noise.svg").exists() and "Label noise" in (out / "table.md").read_text()
