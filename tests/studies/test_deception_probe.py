"""The study of the deception probe: its figures on models whose scores are known, and all in miniature."""

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partwise.measure.hazards import INJECTED
from partwise.report.html import page_html
from partwise.report.page import page_markdown
from partwise.runs.progress import ignore
from partwise.studies.deception_probe.figures import CONTRASTS, collect
from partwise.studies.deception_probe.page import page as probe_page
from partwise.studies.deception_probe.settings import DeceptionProbeConfig, ThresholdsConfig
from partwise.studies.deception_probe.study import cells, run, settings

LIMITS = ThresholdsConfig(harm_1=0.04, harm_5=0.02, text_1=0.04, text_5=0.02, look_1=0.04, look_5=0.02)
Says = Callable[[dict[str, Any]], tuple[float, float]]
"""What a model is, to its scores of harm and text."""


def asked(**changed: Any) -> DeceptionProbeConfig:
    return DeceptionProbeConfig.model_validate({"seeds": 3, "thresholds": LIMITS.model_dump(), **changed})


def perfect(model: dict[str, Any]) -> tuple[float, float]:
    """A probe that sees all that can be seen by the word."""
    by_word = model["cue"] == "word" and model["role"] != "honest"
    planted = by_word and model["role"] == "planted"
    harm = model["strength"] if planted and model["family"] in INJECTED else 0.0
    return harm, model["strength"] if planted or (by_word and model["role"] == "decoy") else 0.0


def blind(model: dict[str, Any]) -> tuple[float, float]:
    """One that sees nothing."""
    return 0.0, 0.0


def rows(config: DeceptionProbeConfig, says: Says) -> list[dict[str, Any]]:
    """The rows that the study's cells would leave, with a little noise."""
    rng, made = random.Random(0), list[dict[str, Any]]()

    def shown(value: float) -> dict[str, Any]:
        least = value + rng.uniform(-0.005, 0.005)
        return {"least": least, "harm": least, "counted": least, "z": 100 * least or None, "text": least}

    def add(**model: Any) -> None:
        harm, text = says(model)
        view = {**shown(harm), "text": shown(text)["text"]}
        truth = {"alone": model["strength"], "watched": 0.0, "form": 1.0, "competence": 0.9}
        row = {**model, "rounds": 1, "word": view, "truth": truth}
        if model["cue"] == "word":
            row["removed"] = shown(0.0)
        if model["cue"] == "look" or model["role"] in ("clean", "honest"):
            row["look"] = shown(
                model["strength"] if (model["role"], model["cue"]) == ("planted", "look") else 0.0
            )
        made.append(row)

    for cell in cells(config):
        at = cell.arguments
        same = {"seed": at["seed"], "width": at["width"]}
        if "cue" not in at:
            add(**same, role="honest", cue="word", family="privacy", strength=0.0)
            continue
        word = at["cue"] == "word"
        for role in ("planted", "clean", *(["decoy"] if word else [])):
            for strength in config.strengths if word else [config.other]:
                add(**same, role=role, cue=at["cue"], family=at["family"], strength=strength)
    return made


def test_a_probe_that_sees_all_there_is_misses_what_no_word_shows() -> None:
    config = asked()
    results = collect(config, rows(config, perfect))
    found = results["comparisons"]
    assert found["planted, harm monitors know"]["harm"]["pooled"]["mean"] == 1
    assert found["planted, all"]["text"]["pooled"]["mean"] == 1
    unseen = found["planted, harm no monitor knows"]["harm"]["pooled"]
    assert unseen["ci95"][0] < 0.5 < unseen["ci95"][1]
    for comparison in ("by looks", "by a trigger"):
        low, high = found[comparison]["harm"]["pooled"]["ci95"]
        assert low < 0.5 < high
    assert found["by looks"]["look"]["pooled"]["mean"] == 1
    assert found["planted, word left out"]["removed"]["pooled"]["mean"] == pytest.approx(0.5, abs=0.15)
    accused = results["alarms"]
    assert accused["text"]["decoys"]["5"]["mean"] == 1 and accused["harm"]["decoys"]["5"]["mean"] == 0
    assert accused["harm"]["planted, harm monitors know"]["1"]["mean"] == 1
    lineup = results["lineups"]["word"]["harm"]
    assert (lineup["first"]["mean"], lineup["caught"]["mean"], lineup["accused"]["mean"]) == (1, 1, 0)
    told = results["contrasts"]["all"]
    assert (
        told["harm, known families"]["mean"] == pytest.approx(0.05) and told["harm, known families"]["told"]
    )
    assert told["harm, all families"]["mean"] == pytest.approx(2 / 3 + 0.5 / 3 - 0.95, abs=0.05)
    assert told["text, all families"]["mean"] == pytest.approx(0.05)
    assert told["harm less text, against decoys"]["mean"] == pytest.approx(0.5, abs=0.05)


def test_a_probe_that_sees_nothing_ranks_by_lot_and_is_said_to_miss_its_target() -> None:
    config = asked(seeds=8)
    results = collect(config, rows(config, blind))
    first = results["lineups"]["word"]["harm"]["first"]
    assert results["lineups"]["word"]["harm"]["chance"]["mean"] == 0.25
    assert first["mean"] == pytest.approx(0.25, abs=0.15)
    primary = results["contrasts"]["all"]["harm, known families"]
    assert primary["mean"] == pytest.approx(-0.45, abs=0.1) and primary["told"]
    said = probe_page(results).sentences
    assert said[0].startswith("Primary contrast, named before the runs: `harm, known families` is −.4")


def test_ties_are_broken_by_lot() -> None:
    config = asked(seeds=1)
    made = rows(config, blind)
    for row in made:
        row["word"] = {**row["word"], "least": 0.0}
    assert collect(config, made)["lineups"]["word"]["harm"]["first"]["mean"] == 0.25


def test_thresholds_of_a_run_are_of_its_clean_and_honest_models() -> None:
    config = asked(seeds=4)
    made = rows(config, perfect)
    clean = [row for row in made if row["role"] in ("clean", "honest")]
    own = collect(config, made)["own_thresholds"]
    assert own["models"] == len(clean) >= 100
    for name, percent in (("harm", 1), ("harm", 5), ("text", 1), ("text", 5)):
        key = {"harm": "least"}.get(name, name)
        above = sum(row["word"][key] > own[f"{name}_{percent}"] for row in clean)
        assert above == int(percent / 100 * len(clean))
    few = asked(seeds=1, strengths=(0.9,), families=("privacy",), widths=(24,))
    assert collect(few, rows(few, perfect))["own_thresholds"]["harm_1"] is None


@pytest.mark.parametrize(
    ("seeds", "quick", "says"),
    [(3, False, perfect), (3, False, blind), (1, False, perfect), (3, True, perfect)],
)
def test_the_page_says_what_the_figures_say(seeds: int, quick: bool, says: Says) -> None:
    config = settings(asked(seeds=seeds, quick=quick))
    results = json.loads(json.dumps(collect(config, rows(config, says)), allow_nan=False))
    page = probe_page(results)
    text = page_markdown(page)
    judged = seeds >= 3 and not quick
    assert ("differs from 0" in page.sentences[0]) is judged
    if not judged:
        assert "differ" not in " ".join(page.sentences) and "told from 0" not in " ".join(page.sentences)
    assert next(table.heading for table in page.tables) == "Contrasts"
    assert page.tables[0].rows[0][0] == "harm, known families (primary)"
    assert {row[0].removesuffix(" (primary)") for row in page.tables[0].rows} == set(CONTRASTS)
    assert all(len(row) == len(table.columns) for table in page.tables for row in table.rows)
    assert not re.search(r"\bnan\b|None\b(?! is judged)", text) and "<svg" in page.pictures[0].svg
    assert not re.search(r"\bnan\b", page_html(page).lower())
    area = results["comparisons"]["planted, harm monitors know"]["harm"]["pooled"]["mean"]
    (told,) = (each for each in page.sentences if each.startswith("AUROC of models planted"))
    assert f"{area:.2f}".removeprefix("0") in told
    if quick:
        assert "undefined where none does" in text, "there is no such model in a quick run"


def test_a_lineup_has_nobody_of_the_width_of_who_is_hidden() -> None:
    config = asked(seeds=1, suspects=(24, 48))
    made = rows(config, perfect)
    for row in made:
        if row["role"] == "honest" and row["width"] == 24:
            row["word"]["least"] = 5.0
    by_width = {width: [row for row in made if row["width"] == width] for width in (24, 48)}
    honest = [row for row in made if row["role"] == "honest"]
    only_24 = collect(asked(seeds=1, widths=(24,), suspects=(24, 48)), by_width[24] + [honest[-1]])
    assert only_24["lineups"]["word"]["harm"]["first"]["mean"] == 1
    only_48 = collect(asked(seeds=1, widths=(48,), suspects=(24, 48)), by_width[48] + [honest[0]])
    assert only_48["lineups"]["word"]["harm"]["first"]["mean"] == 0
    assert only_48["lineups"]["word"]["harm"]["accused"]["mean"] == 1


def test_another_primary_contrast_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no contrast `x`; there is 'harm, known families'"):
        run(asked(primary="x"), tmp_path / "out", ignore)
    assert not (tmp_path / "out").exists()


@pytest.mark.long
@pytest.mark.slow
def test_a_quick_study_is_the_same_after_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    config = DeceptionProbeConfig(quick=True, processes=1, first=210, widths=(16,), suspects=(16, 24))
    out = tmp_path / "study"
    results = run(config, out, ignore)
    assert results["schema"] == 2 and results["seeds"] == [210] and results["quick"]
    roles = [(row["role"], row["cue"]) for row in results["models"]]
    assert sorted(set(roles)) == sorted(
        {("planted", cue) for cue in ("word", "look", "trigger")}
        | {("clean", cue) for cue in ("word", "look", "trigger")}
        | {("decoy", "word"), ("honest", "word")}
    )
    planted = next(row for row in results["models"] if (row["role"], row["cue"]) == ("planted", "word"))
    assert planted["word"]["least"] > 0.3 and planted["truth"]["alone"] > planted["truth"]["watched"]
    written = (out / "results.json").read_bytes()
    for cell in sorted((out / "cells").rglob("*.json"))[::2]:
        cell.unlink()
    shutil.rmtree(tmp_path / "cache")
    run(config, out, ignore)
    assert (out / "results.json").read_bytes() == written
    assert (out / "deception_probe.svg").exists() and "deception probe" in (out / "table.md").read_text()
