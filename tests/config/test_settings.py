"""Settings that go together: seeds, paths, groups with a short form, teachers and students."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partwise.config import (
    LARGEST_SEED,
    AlignConfig,
    LadderConfig,
    ReadConfig,
    WeakToStrongConfig,
    derived_seed,
)
from partwise.config.places import local_places, with_absolute_paths
from partwise.runs.config import ConfigError, load_config
from partwise.studies.debate.settings import DebateConfig
from partwise.studies.noise.settings import NoiseConfig
from partwise.studies.part_to_complete.settings import PartToCompleteConfig
from partwise.studies.propagation.settings import PropagationConfig
from partwise.studies.registry import STUDIES
from partwise.studies.self_enhancement.settings import SelfEnhancementConfig
from partwise.studies.signal_diversity.settings import SignalDiversityConfig
from partwise.studies.w2s.settings import WeakToStrongStudyConfig
from partwise.training.ladder import rule_book

SEEDS = {
    "seed": (AlignConfig, WeakToStrongConfig),
    "planner.pretrain.seed": (AlignConfig,),
    "align.seed": (PartToCompleteConfig, PropagationConfig),
    "first": (
        NoiseConfig,
        DebateConfig,
        SelfEnhancementConfig,
        SignalDiversityConfig,
        WeakToStrongStudyConfig,
    ),
}


@pytest.mark.parametrize(
    ("key", "model"), [(key, model) for key, models in SEEDS.items() for model in models]
)
@pytest.mark.parametrize("seed", [-1, LARGEST_SEED + 1, 2**32, 2**64])
def test_seeds_out_of_range_are_refused_by_every_command(key: str, model: type, seed: int) -> None:
    with pytest.raises(ConfigError, match=str(LARGEST_SEED) if seed > 0 else "equal to 0"):
        load_config(model, None, [f"{key}={seed}"])
    assert load_config(model, None, [f"{key}={LARGEST_SEED}"])


@pytest.mark.parametrize("study", STUDIES)
def test_no_seed_of_a_study_is_beyond_the_largest(study: str):
    model = STUDIES[study].config
    first = "first" if "first" in model.model_fields else "align.seed"
    assert load_config(model, None, [f"{first}={LARGEST_SEED - 1}", "seeds=2"])
    with pytest.raises(ConfigError, match=f"3 seeds from {LARGEST_SEED - 1} up go beyond the largest"):
        load_config(model, None, [f"{first}={LARGEST_SEED - 1}", "seeds=3"])


@given(st.integers(0, LARGEST_SEED), st.sampled_from([1, 100, 1000]), st.integers(0, 999))
def test_every_seed_that_follows_suits_every_library(seed: int, factor: int, added: int) -> None:
    found = derived_seed(seed * factor) + added
    np.random.RandomState(found)  # the one with the smallest range, which transformers sets
    torch.Generator().manual_seed(found)
    random.Random(found)
    assert derived_seed(seed * factor) == derived_seed(seed * factor)
    if seed * factor < 2**31:
        assert found == seed * factor + added, "small seeds give what they always gave"


def test_large_seeds_do_not_meet() -> None:
    seeds = [LARGEST_SEED - n for n in range(1000)]
    assert len({derived_seed(1000 * seed) for seed in seeds}) == 1000
    assert rule_book(LadderConfig(), LARGEST_SEED) != rule_book(LadderConfig(), 0)


@pytest.mark.parametrize(
    "overrides",
    [
        ["human=console", "human.store=answers.db"],
        ["human.store=answers.db", "human=console"],
        ["human.who=console", "human.store=answers.db"],
    ],
)
def test_a_short_form_stands_beside_the_settings_of_its_group(
    overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    human = load_config(AlignConfig, None, overrides).human
    assert (human.who, human.store) == ("console", str(tmp_path / "answers.db"))
    within = load_config(
        PartToCompleteConfig, None, [f"align.{override}" for override in overrides]
    ).align.human
    assert within == human
    (tmp_path / "a.toml").write_text('human = "console"\n')
    assert load_config(AlignConfig, tmp_path / "a.toml", ["human.store=answers.db"]).human == human
    (tmp_path / "b.toml").write_text('[human]\nstore = "answers.db"\n')
    assert load_config(AlignConfig, tmp_path / "b.toml", ["human=console"]).human == human


def test_a_file_is_for_one_command_and_may_begin_with_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(b'\xef\xbb\xbfcommand = "study noise"\nfirst = 7\n')
    assert load_config(NoiseConfig, file, command="study noise").first == 7
    assert load_config(NoiseConfig, file).first == 7
    for command, model in (("study w2s", WeakToStrongStudyConfig), ("w2s", WeakToStrongConfig)):
        with pytest.raises(ConfigError, match=f"is for `partwise study noise`, not for `partwise {command}`"):
            load_config(model, file, command=command)


@pytest.mark.parametrize(
    "overrides",
    [
        ["teachers=small", "student=nano"],
        ["teachers=nano,mini", "student=micro"],
        ["teachers=nano", "through=mini,micro", "student=small"],
        ["teachers=nano", "through=small", "student=mini"],
        ["teachers=mini", "through=micro", "student=small"],
    ],
)
def test_nobody_learns_from_a_larger_one(overrides: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"is larger than .*, which learns from it"):
        load_config(WeakToStrongConfig, None, overrides)


def test_teachers_may_be_as_large_and_ladders_rise() -> None:
    load_config(WeakToStrongConfig, None, ["teachers=nano,micro", "through=micro,mini", "student=mini"])
    with pytest.raises(ConfigError, match="is larger than"):
        load_config(SignalDiversityConfig, None, ["student=nano"])
    for sizes in ("mini,nano", "nano,nano"):
        with pytest.raises(ConfigError, match="from the weakest to the strongest"):
            load_config(NoiseConfig, None, [f"ladder.sizes={sizes}"])


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m", "x" * 101])
def test_names_of_groups_are_names(name: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        AlignConfig.model_validate({"human": {"groups": {name: {"share": 1.0}}}})


def test_one_group_is_not_spelled_in_two_ways() -> None:
    groups = {"Zoe\u0301": {"share": 0.5}, "Zo\u00e9": {"share": 0.5}}
    with pytest.raises(ValueError, match="two groups have one name"):
        AlignConfig.model_validate({"human": {"groups": groups}})


def test_paths_are_absolute_and_names_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("lm", "nano"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rows.jsonl").touch()
    config = WeakToStrongConfig.model_validate(
        {
            "teachers": ["nano", "./lm", "owner/model"],
            "student": "lm",
            "data": {"name": "sciq", "source": "rows.jsonl"},
        }
    )
    found, given_as = with_absolute_paths(config)
    assert found.teachers == ("nano", str(tmp_path / "lm"), "owner/model")
    assert (found.student, found.data.source) == (str(tmp_path / "lm"), str(tmp_path / "rows.jsonl"))
    assert given_as[str(tmp_path / "rows.jsonl")] == "rows.jsonl"
    assert with_absolute_paths(found) == (found, {})
    assert {name for name, _ in local_places(found)} == {"teachers", "student", "data.source"}
    study = PartToCompleteConfig.model_validate(
        {"align": {"planner": {"model": "./lm"}, "loop": {"start": "lm"}}}
    )
    align = with_absolute_paths(study)[0].align
    assert align.planner.model == align.loop.start == str(tmp_path / "lm")


@given(st.integers(1, 32).map(lambda eighths: 8 * eighths), st.floats(0, 2), st.integers(1, 50_000))
def test_narrow_models_read_more_and_wide_ones_less(width: int, narrow: float, documents: int):
    read = ReadConfig(documents=documents, narrow=narrow)
    assert read.documents_of(64) == documents
    assert read.documents_of(width) >= read.documents_of(width + 8) >= 1
    assert ReadConfig(documents=documents).documents_of(width) == documents


@given(st.integers(8, 32).map(lambda eighths: 8 * eighths), st.floats(0, 2), st.integers(1, 64))
def test_wide_models_take_fewer_documents_at_once(width: int, narrow: float, batch: int):
    read = ReadConfig(batch_size=batch, narrow=narrow)
    assert (
        read.batch_of(8)
        == read.batch_of(64)
        == batch
        >= read.batch_of(width)
        >= read.batch_of(width + 8)
        >= 1
    )
    assert ReadConfig(batch_size=batch).batch_of(width) == batch


@pytest.mark.parametrize("width", range(64, 257, 8))
def test_wide_models_take_as_many_steps_as_one_of_width_64(width: int):
    read = ReadConfig(narrow=0.75)
    assert read.documents_of(width) / read.batch_of(width) == pytest.approx(20_000 / 32, rel=0.05)
