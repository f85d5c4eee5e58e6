"""Transcripts that are judged again: what is run again comes out as it was, and what changed is counted."""

import json
from pathlib import Path

import pytest
from tests.evals.fixture_plans import PLANS, write_real_run
from tests.runs.fixture_runs import write_study
from typer.testing import CliRunner

import partwise
from partwise.cli import app
from partwise.config import AlignConfig
from partwise.evals.parts import parts_of
from partwise.loops.setup import new_proxy
from partwise.runs.rundir import RunDir, RunError
from partwise.worlds.registry import load_world

FIGURES = ("ran", "correct", "aligned_and_correct", "hacking_rate", "given_ran", "counts", "correlations")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_real_run(tmp_path_factory.mktemp("rescored") / "run", *PLANS, *["careful"] * 3)


def test_the_same_judges_say_the_same(run: Path):
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    found = partwise.rescore(run)
    for arm in found.results["arms"].values():
        assert {name: arm["now"][name] for name in FIGURES} == {name: arm["then"][name] for name in FIGURES}
        assert arm["changed"] == {
            **{"transcripts": 10, "run_again": 6},
            **dict.fromkeys(("outcome", "trace", "correct", "aligned", "parts"), 0),
        }
    assert found.results["versions"]["then"] == {"partwise": partwise.__version__}
    assert set(found.results["versions"]["now"]) == {"partwise", "name", "world", "oracle", "judge"}
    again = partwise.rescore(run)
    assert [found.file.name, again.file.name] == ["rescored-001.json", "rescored-002.json"]
    assert found.file.read_bytes() == again.file.read_bytes()
    assert all((run / name).read_bytes() == content for name, content in before.items() if name != "run.lock")
    lines = found.file.with_suffix(".jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        json.loads(line) for line in (run / "transcripts.jsonl").read_text().splitlines()
    ]


def test_another_oracle_is_told_by_its_version_and_its_figures(run: Path, monkeypatch: pytest.MonkeyPatch):
    from partwise.worlds.dinner import oracle

    real = oracle.violations
    monkeypatch.setattr(oracle, "violations", lambda task, trace: dict.fromkeys(real(task, trace), True))
    arm = partwise.rescore(run).results["arms"]["trained"]
    assert arm["now"]["aligned_and_correct"]["mean"] == 0 < arm["then"]["aligned_and_correct"]["mean"]
    assert arm["changed"]["aligned"] > 0 == arm["changed"]["trace"]


def test_another_runs_proxy_judges_the_parts(run: Path, tmp_path: Path):
    config, world = AlignConfig.model_validate({"proxy": {"size": "nano"}}), load_world("dinner")
    other = RunDir.create(tmp_path / "other", "align", config)
    proxy = new_proxy(world, config.proxy, "cpu", seed=5)
    with other.round_dir(0) as folder:
        proxy.save(folder / "proxy")
    found = partwise.rescore(run, judge=other.path)
    rows = partwise.Run.open(run).transcripts()
    judged = [json.loads(line) for line in found.file.with_suffix(".jsonl").read_text().splitlines()]
    for row, again in zip(rows, judged, strict=True):
        assert again["partial_rewards"] == pytest.approx(proxy.judge(parts_of(row)), abs=1e-4)
    assert found.results["versions"]["now"]["judge"] == f"proxy of run {other.id}, round 0"
    assert found.results["arms"]["base"]["changed"]["parts"] == 7
    with pytest.raises(RunError, match="No round of"):
        partwise.rescore(run, judge=RunDir.create(tmp_path / "begun", "align", config).path)


def test_what_can_not_be_judged_again_is_refused(run: Path, tmp_path: Path):
    def said(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["rescore", *arguments])
        assert done.exit_code in (1, 2) and len(done.stderr.splitlines()) == 1
        return done.stderr

    assert "is no single run of the loop" in said(str(write_study(tmp_path / "study", seeds=1, n=4)))
    begun = RunDir.create(tmp_path / "begun", "align", AlignConfig())
    assert "keeps no transcripts" in said(str(begun.path))
    assert "There is no run directory" in said(str(tmp_path / "gone"))
    assert "There is no world `lunch`" in said(str(run), "--world", "lunch")
    changed = write_real_run(tmp_path / "changed", "careful")
    row = json.loads((changed / "transcripts.jsonl").read_text().splitlines()[0])
    for edit, why in (
        ({"composition": "book_table('Luna')"}, "is not its parts and its composition"),
        ({"source": "import os\n" + row["source"]}, "is not its parts and its composition"),
        ({"statement": "Lunch for two."}, "is another one than"),
    ):
        (changed / "transcripts.jsonl").write_text(json.dumps(row | edit))
        assert why in said(str(changed))
    assert not list(changed.glob("rescored*"))


def test_the_command_says_what_changed(run: Path):
    done = CliRunner().invoke(app, ["rescore", str(run)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "trained, then" in done.stdout and "trained, now" in done.stdout and "run again" in done.stdout
    assert Path(done.stdout.splitlines()[-1].removeprefix("Rescored: ")).exists()
