"""The primary contrast of a study of the laboratory: another than it has is refused before anything runs."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from partwise.cli import app
from partwise.studies.grid.settings import LaboratoryStudyConfig
from partwise.studies.registry import STUDIES

LABORATORY = [name for name, study in STUDIES.items() if issubclass(study.config, LaboratoryStudyConfig)]


@pytest.mark.parametrize("quick", [[], ["--quick"]])
@pytest.mark.parametrize("name", LABORATORY)
def test_another_name_is_answered_with_those_that_there_are(name: str, quick: list[str], tmp_path: Path):
    asked = ["study", name, "primary=luck", *quick, "--out", str(tmp_path / "out")]
    found = CliRunner().invoke(app, asked)
    assert found.exit_code == 2 and not (tmp_path / "out").exists()
    (said,) = re.findall(r"^There is no contrast `luck`; there is (.*)\.$", found.output, re.MULTILINE)
    assert "named before anything runs" not in found.output
    # What is named by default is there, in the study and in its quick version.
    primary = STUDIES[name].config().model_dump()["primary"]
    assert f"'{primary}'" in said


def test_there_are_twelve():
    ladders = ["ablation_progressive", "drifting_ladder", "gap_annealing", "red_team"]
    red_teams = ["red_team_planners", "red_team_planted"]
    others = ["debate", "deception_probe", "noise", "self_enhancement", "signal_diversity", "w2s"]
    assert sorted(LABORATORY) == sorted([*ladders, *red_teams, *others])
