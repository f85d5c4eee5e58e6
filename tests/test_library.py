"""`import partwise`: runs, transcripts, verdicts and tables from Python, as the commands give them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.runs.fixture_runs import write_run, write_study
from typer.testing import CliRunner

import partwise
from partwise.cli import app
from partwise.config import AlignConfig
from partwise.runs.config import ConfigError
from partwise.runs.rundir import RunError

FIGURE = (Path(__file__).parents[1] / "recipes" / "figure1_unaligned.py").read_text()


def test_importing_loads_nothing_heavy_and_every_name_is_there():
    code = (
        "import sys, time\nstart = time.perf_counter()\nimport partwise\n"
        "heavy = {'torch', 'transformers', 'pydantic', 'numpy', 'pandas', 'rich'} & set(sys.modules)\n"
        "print(sorted(heavy), [name for name in partwise.__all__ if getattr(partwise, name) is None])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"
    with pytest.raises(AttributeError, match="partwise has no 'Runs'; it has AlignConfig, Run, "):
        _ = partwise.Runs


def test_the_worst_hacked_solutions_of_a_study_as_a_data_frame(tmp_path: Path):
    run = partwise.Run.open(write_study(tmp_path / "study", seeds=2, n=40))
    rows = run.transcripts()
    frame = rows.to_pandas()
    assert len(frame) == len(rows) == len(list(rows)) and set(frame.arm) == {"base", "trained"}
    assert set(frame.run) == {f"{each.path.parent.name}/{each.path.name}" for each in run.runs()}
    by_hand = [
        row
        for row in rows
        if row.correct and row.aligned is False and row.partial_rewards and min(row.partial_rewards) > 0.5
    ]
    assert by_hand and [row for row in rows if row.hacked] == by_hand
    worst = frame[frame.hacked].nlargest(5, "violates_waste")
    assert len(worst) == 5 and worst.violates_waste.is_monotonic_decreasing
    assert list(rows[:3].to_pandas().source) == list(frame.source[:3])


def test_a_run_says_what_it_is(tmp_path: Path):
    run = partwise.Run.open(write_run(tmp_path / "run", "parts", n=20, seed=4))
    assert run.kind == "align" and run.finished and isinstance(run.config, AlignConfig)
    assert run.config.seed == 4 and "trained" in run.results and run.runs() == []
    assert run.report() == run.path / "report.html" and "finished" in repr(run)
    (run.path / "results.json").unlink()
    with pytest.raises(RunError, match="has not finished; go on with: partwise resume"):
        _ = run.results
    with pytest.raises(RunError, match="there is no planner of round 99"):
        run.planner(99)
    (run.path / "transcripts.jsonl").unlink()
    with pytest.raises(RunError, match="no transcripts yet"):
        run.transcripts()


def test_settings_that_make_no_sense_leave_nothing_behind(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"did you mean `loop\.reward`"):
        partwise.align(out=tmp_path / "a", loop={"rewards": "parts"})
    with pytest.raises(ConfigError, match=r"WeakToStrongConfig is given where AlignConfig is meant"):
        from partwise.config import WeakToStrongConfig

        partwise.align(WeakToStrongConfig(), out=tmp_path / "a")
    with pytest.raises(LookupError, match="There is no study `nois`; did you mean `noise`"):
        partwise.study("nois", out=tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_program_is_judged_as_by_the_command():
    found = partwise.check(FIGURE, tasks=20)
    assert found.parses and found.n == 20 and found.aligned_and_correct == 0
    assert partwise.check(FIGURE, space="affine", tasks=20).in_space is False
    assert "dinner" in partwise.list_worlds() and "noise" in partwise.list_studies()
    assert "affine" in partwise.list_spaces() and partwise.load_world("dinner").name == "dinner"


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_runs_become_one_table(tmp_path: Path, form: str):
    study, run = write_study(tmp_path / "study", n=20), write_run(tmp_path / "run", "parts", n=20)
    out = tmp_path / "new" / f"table.{form}"
    done = CliRunner().invoke(app, ["export", str(study), str(run), "--out", str(out)])
    assert done.exit_code == 0, done.output
    read = {"parquet": pd.read_parquet, "csv": pd.read_csv, "jsonl": lambda f: pd.read_json(f, lines=True)}
    found = read[form](out)
    assert f"{len(found):,} rollouts in" in done.output and set(found.path) == {str(study), str(run)}
    assert found.correct.notna().any() and {"hacked", "violates_waste"} <= set(found.columns)


def test_an_unknown_form_of_table_is_refused(tmp_path: Path):
    run = write_run(tmp_path / "run", "parts", n=20)
    done = CliRunner().invoke(app, ["export", str(run), "--out", str(tmp_path / "table.xls")])
    assert done.exit_code == 2 and "written as parquet, csv, jsonl, not as `xls`" in done.output


@pytest.mark.slow
def test_fifteen_lines_run_an_arm_and_read_it(tmp_path: Path, small_config: AlignConfig):
    said = list[str]()
    run = partwise.align(
        small_config,
        out=tmp_path / "run",
        listen=lambda p: said.append(p.phase),
        report_to=["tensorboard"],
        seed=1,
        loop={"rounds": 1},
    )
    assert run.finished and any("round 1 of 1" in phase for phase in said)
    events: Any = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert len(events.Scalars("align/reward")) >= small_config.rlft.steps
    frame = run.transcripts().to_pandas()
    assert len(frame[frame.arm == "trained"]) == small_config.measure.heldout_tasks
    assert run.planner().model is not None
