from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from partwise.config import (
    LARGEST_SEED,
    AlignConfig,
    HumanConfig,
    LoopConfig,
    MeasureConfig,
    PlannerConfig,
    Reward,
    RlftConfig,
)
from partwise.runs.config import ConfigError, config_from_data, dump_toml, load_config
from partwise.studies.propagation.settings import PropagationConfig
from partwise.studies.self_enhancement.settings import SelfEnhancementConfig

POSITIVE = st.integers(1, 10**9)
POSITIVE_FLOAT = st.floats(min_value=1e-300, allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CONFIGS = st.builds(
    AlignConfig,
    world=TEXT,
    seed=st.integers(0, LARGEST_SEED),
    planner=st.builds(
        PlannerConfig,
        size=st.sampled_from(["nano", "small", "large"]),
        model=st.none() | TEXT,
        max_composition_tokens=POSITIVE,
    ),
    human=st.builds(
        HumanConfig,
        values=st.dictionaries(TEXT, st.floats(0, 1e6), max_size=4),
        rationality=POSITIVE_FLOAT,
    ),
    rlft=st.builds(RlftConfig, learning_rate=POSITIVE_FLOAT, algorithm=st.sampled_from(["grpo", "rloo"])),
    loop=st.builds(
        LoopConfig,
        reward=st.sampled_from(list(Reward)),
        space=st.none() | st.sampled_from(["free", "loops<=1", "tree", "sequence", "affine"]),
        failure_reward=st.floats(allow_nan=False, allow_infinity=False),
    ),
    measure=st.builds(MeasureConfig, heldout_tasks=POSITIVE, heldout_start=st.integers(0, 10**6)),
)


def refusal(model: type[BaseModel], override: str) -> str:
    """What is said of a bad override: one sentence, on one line."""
    with pytest.raises(ConfigError) as error:
        load_config(model, None, [override])
    said = str(error.value)
    assert "\n" not in said and said.endswith((".", "?"))
    return said


@given(config=CONFIGS)
@settings(max_examples=150, deadline=None)
def test_dumped_toml_reads_back_equal(config: AlignConfig, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.toml"
    path.write_text(dump_toml(config), encoding="utf-8")
    assert load_config(AlignConfig, path) == config


@given(config=CONFIGS)
@settings(max_examples=50, deadline=None)
def test_json_data_reads_back_equal(config: AlignConfig) -> None:
    assert config_from_data(AlignConfig, config.model_dump(mode="json")) == config


@given(seed=st.integers(0, LARGEST_SEED), rate=POSITIVE_FLOAT, world=TEXT)
@settings(max_examples=100, deadline=None)
def test_overrides_mean_what_they_print(seed: int, rate: float, world: str) -> None:
    world = world.strip()
    config = load_config(AlignConfig, None, [f"seed={seed}", f"rlft.learning_rate={rate!r}"])
    assert (config.seed, config.rlft.learning_rate) == (seed, rate)
    if world and "#" not in world and world[0] not in "\"'":
        assert load_config(AlignConfig, None, [f"world={world}"]).world == world


def test_file_then_overrides(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('seed = 3\n[planner]\nsize = "nano"\nmodel = "x"\n[loop]\nrounds = 2\n')
    config = load_config(
        AlignConfig,
        path,
        ["planner.size=micro", "loop.reward=ceiling", "human.values.privacy=2", "planner.model=none"],
    )
    assert config.seed == 3
    assert config.loop.rounds == 2
    assert config.planner.size == "micro"
    assert config.planner.model is None
    assert config.loop.reward is Reward.CEILING
    assert config.human.values == {"privacy": 2}


@pytest.mark.parametrize(
    "text", ["7", "true", "2024-01-01", "1e3", "org/name-7B", "a=b", "./dir", "none-such"]
)
def test_a_text_setting_keeps_its_text(text: str) -> None:
    assert load_config(AlignConfig, None, [f"planner.model={text}"]).planner.model == text


@pytest.mark.parametrize(
    ("override", "listed"),
    [
        ("rates=3e-4,6e-4", (3e-4, 6e-4)),
        ("rates=6e-4", (6e-4,)),
        ("rates=[3e-4, 6e-4]", (3e-4, 6e-4)),
        ("ladder.sizes=nano, micro", ("nano", "micro")),
    ],
)
def test_lists_may_be_written_with_commas(override: str, listed: tuple[object, ...]) -> None:
    config = load_config(SelfEnhancementConfig, None, [override])
    assert (config.rates if override.startswith("rates") else config.ladder.sizes) == listed


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("rates=", "`rates` can't be '': it must have at least 1 item, not 0."),
        ("rates=3e-4,fast", "can't be 'fast': it must be a valid number"),
        ("ladder.sizes=nano", "`ladder.sizes` can't be 'nano': it must have at least 2 items, not 1."),
    ],
)
def test_bad_lists_are_refused_in_a_sentence(override: str, sentence: str) -> None:
    assert sentence in refusal(SelfEnhancementConfig, override)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("planner.siez=small", "`planner.siez` is not a setting; did you mean `planner.size`?"),
        ("rounds=4", "`rounds` is not a setting; did you mean `loop.rounds`?"),
        (
            "size=small",
            "`size` is not a setting; did you mean `planner.size` or `proxy.size` or `proxy.writer.size`?",
        ),
        ("loop.round=4", "`loop.round` is not a setting; did you mean `loop.rounds`?"),
        ("plannr.size=small", "`plannr.size` is not a setting; did you mean `planner.size`?"),
        ("planner.pretrain.epoch=1", "did you mean `planner.pretrain.epochs`?"),
        ("seed.x=1", "`seed` can't be {'x': 1}: it must be a valid integer."),
        ("qqqq=1", "`qqqq` is not a setting; the settings are `human`, `loop`,"),
        ("loop.rounds=0", "`loop.rounds` can't be 0: it must be greater than 0."),
        ("loop.rounds=many", "`loop.rounds` can't be 'many': it must be a valid integer"),
        (
            "loop.reward=praise",
            "it must be 'floor', 'parts', 'strategies', 'ceiling', 'whole', 'paid' or 'random'.",
        ),
        (
            "planner=small",
            "`planner` is a group of settings, not a value; set one of them, e.g. `planner.size=...`.",
        ),
        (
            "human.values.privacy=-1",
            "`human.values.privacy` can't be -1: it must be greater than or equal to 0.",
        ),
        ("seed", "`seed` is no override; write it as KEY=VALUE"),
        ("=1", "is no override"),
        ("a..b=1", "is no override"),
    ],
)
def test_errors_are_sentences(override: str, sentence: str) -> None:
    assert sentence in refusal(AlignConfig, override)


def test_one_sentence_per_error() -> None:
    with pytest.raises(ConfigError) as error:
        load_config(AlignConfig, None, ["loop.rounds=0", "seed=-1"])
    assert len(str(error.value).splitlines()) == 2


def test_a_value_below_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`loop` is a value, not a group"):
        load_config(AlignConfig, None, ["loop=3", "loop.rounds=4"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[planner\n", r"is not TOML: .*line 1"),
        (b"seed = 1\nx = = 2\n", r"is not TOML: .*line 2"),
        (b"seed = 1\n# caf\xe9\n", r"is not UTF-8 text \(line 2\)"),
        (b"[loop]\nrounds = 0\n", r"`loop.rounds` can't be 0: it must be greater than 0 \(.*c.toml\)\."),
        (b"a = " + b"[" * 100_000, r"c.toml"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=sentence):
        load_config(AlignConfig, path)


def test_missing_file_and_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no config file"):
        load_config(AlignConfig, tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="is a directory, not a TOML file"):
        load_config(AlignConfig, tmp_path)


def test_what_toml_cannot_say_is_refused() -> None:
    class Odd(BaseModel):
        limit: int | None = 3

    with pytest.raises(ConfigError, match="`limit` is unset"):
        dump_toml(Odd(limit=None))


def test_setting_one_thing_of_a_group_keeps_what_the_study_has_for_the_others():
    config = load_config(
        PropagationConfig, None, ["realign.control=7", "align.measure.heldout_tasks=3", "align.human=console"]
    )
    assert config.realign == PropagationConfig().realign.model_copy(update={"control": 7})
    assert config.align.loop.reward is Reward.STRATEGIES
    assert config.align.measure == PropagationConfig().align.measure.model_copy(update={"heldout_tasks": 3})
    assert config.align.human.who == "console"
