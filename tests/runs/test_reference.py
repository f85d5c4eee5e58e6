"""What can be set is said from the models themselves, and nothing without a meaning."""

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from partwise.cli import app
from partwise.config import AlignConfig
from partwise.runs.config import load_config
from partwise.runs.reference import settings
from partwise.studies.registry import RUNS, STUDIES

MODELS = {name: study.config for name, study in {**RUNS, **STUDIES}.items()}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_setting_has_a_meaning_and_a_default_that_may_be_given(model: type[BaseModel]):
    found = settings(model)
    assert [each.key for each in found if len(each.meaning) < 8] == []
    given = [f"{s.key}={s.default}" for s in found if s.default and not s.default.startswith(("{", "none"))]
    assert len(given) > 0.7 * len(found)
    assert load_config(model, None, given) == model()


def test_the_words_of_a_setting():
    (temperature,) = settings(AlignConfig, "rlft.temperature")
    assert (temperature.default, temperature.kind) == ("1.0", "number above 0")
    (size,) = settings(AlignConfig, "planner.size")
    assert size.kind == "nano, micro, mini, small, medium, large" and "5M parameters" in size.meaning
    assert {each.key.split(".")[0] for each in settings(AlignConfig, "rlft")} == {"rlft"}
    with pytest.raises(LookupError, match=r"no setting or group `rltf`; did you mean `rlft`\?"):
        settings(AlignConfig, "rltf")
    with pytest.raises(LookupError, match="no setting or group `xyzzy`; there are `world`"):
        settings(AlignConfig, "xyzzy")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], 'planner.size = "small"'),
        (["rlft"], "rlft.steps = 8   [whole number from 0]"),
        (["w2s", "data.overlap"], "data.overlap = 0.5   [number from 0 to 1]"),
        (["study", "noise", "fit"], "fit.epochs = 16"),
    ],
)
def test_the_command_says_them(words: list[str], said: str):
    done = CliRunner().invoke(app, ["config", *words])
    assert done.exit_code == 0 and said in done.output
