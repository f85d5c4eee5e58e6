from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from tests.runs.fixture_runs import write_run, write_study
from typer.testing import CliRunner

from partwise import __version__
from partwise.cli import app
from partwise.config import AlignConfig
from partwise.runs.progress import Progress
from partwise.runs.rundir import RunDir

Fake = Callable[..., None]


@dataclass
class Result:
    code: int
    out: str
    err: str


def partwise(*args: str, answer: str = "") -> Result:
    result = CliRunner().invoke(app, list(args), input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


def assert_one_sentence(result: Result, code: int, words: str) -> None:
    assert result.code == code
    assert words in result.err
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fake:
    """Puts stand-ins where the commands find what they run; the current directory is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARTWISE_DEBUG", raising=False)

    def put(module: str, **members: Any) -> None:
        made = ModuleType(module)
        vars(made).update(members)
        monkeypatch.setitem(sys.modules, module, made)

    return put


class QuickConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    seeds: int = 5
    quick: bool = False
    align: AlignConfig = AlignConfig()


def run_align(config: AlignConfig, out: Path, listen: Callable[[Progress], None]) -> dict[str, Any]:
    if not (out / "results.json").exists():
        write_run(out, str(config.loop.reward), n=40, seed=config.seed)
    listen(Progress("align", "round 1 of 8", 1, 10, {"aligned-and-correct": 0.42}))
    return json.loads((out / "results.json").read_text())


def run_study(config: QuickConfig, out: Path, listen: Callable[[Progress], None]) -> dict[str, Any]:
    write_study(out, seeds=config.seeds, n=40)
    return json.loads((out / "results.json").read_text())


def test_help_and_version() -> None:
    for command in ("align", "study", "check", "solve", "eval", "rescore", "tasks", "report", "resume"):
        assert command in partwise("--help").out
        assert "Usage" in partwise(command, "--help").out
    assert partwise("--version").out == f"partwise {__version__}\n"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom partwise.cli import app\n"
        "try:\n app(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'trl', 'pydantic', 'rich', 'numpy', 'matplotlib', 'inspect_ai'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_align_ends_in_table_and_report(fake: Fake, tmp_path: Path) -> None:
    fake("partwise.loops.run", align=run_align)
    (tmp_path / "c.toml").write_text('[loop]\nreward = "strategies"\n')
    result = partwise("align", "c.toml", "seed=2", "--out", "here")
    assert result.code == 0, result.err
    assert "align: round 1 of 8  1/10" in result.out
    assert "trained" in result.out
    assert "A judgment takes at least 3 seeds." in " ".join(result.out.split())
    assert "Report: here/report.html" in result.out
    assert RunDir.open(tmp_path / "here").config_data["seed"] == 2


def test_align_finds_a_new_directory(fake: Fake, tmp_path: Path) -> None:
    fake("partwise.loops.run", align=run_align)
    assert partwise("align").code == 0
    assert partwise("align").code == 0
    assert {p.name for p in (tmp_path / "runs").iterdir()} == {"align-1", "align-2"}


def test_study_prints_arms_and_reading(fake: Fake, tmp_path: Path) -> None:
    fake("partwise.studies.part_to_complete.study", run=run_study)
    fake("partwise.studies.part_to_complete.settings", PartToCompleteConfig=QuickConfig)
    result = partwise("study", "part_to_complete", "--seeds", "1", "--quick", "--out", "s")
    assert result.code == 0, result.err
    for arm in ("base", "floor", "parts", "strategies", "ceiling"):
        assert arm in result.out
    said = " ".join(result.out.split())
    assert "One seed: nothing is judged" in said and "by seed: `parts` .0" in said
    assert (tmp_path / "s" / "report.html").exists()


def test_resume_runs_what_the_record_says(fake: Fake, tmp_path: Path) -> None:
    fake("partwise.loops.run", align=run_align)
    write_run(tmp_path / "r", "parts", n=40, seed=3)
    assert "Report: r/report.html" in partwise("resume", "r").out
    record = tmp_path / "s" / "run.json"
    write_study(record.parent, n=20)
    record.write_text(record.read_text().replace('"part_to_complete"', '"gone"', 1))
    assert_one_sentence(partwise("resume", "s"), 2, "There is no study `gone`")


def test_report_prints_its_path(fake: Fake, tmp_path: Path) -> None:
    write_run(tmp_path / "r", "parts", n=20)
    assert partwise("report", "r").out == "r/report.html\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["align", "planner.siez=small"], "did you mean `planner.size`?"),
        (["align", "loop.rounds=0"], "`loop.rounds` can't be 0"),
        (["align", "none.toml"], "There is no config file none.toml."),
        (["align", ".", "seed=1"], "is a directory, not a TOML file"),
        (["align", "world=moon"], "There is no world `moon`"),
        (["align", "a.toml", "b.toml"], "`b.toml` is neither a setting (KEY=VALUE) nor the one config file"),
        (["study", "nothing"], "There is no study `nothing`; there is `part_to_complete`, "),
        (["study", "part_to_complete", "seds=2"], "did you mean `seeds`?"),
        (["check", "none.py"], "There is no none.py."),
        (["check", "binary"], "binary is not UTF-8 text."),
    ],
)
def test_bad_requests(fake: Fake, tmp_path: Path, args: list[str], words: str) -> None:
    fake("partwise.studies.part_to_complete.settings", PartToCompleteConfig=QuickConfig)
    fake("partwise.measure.check", check_program=None)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert_one_sentence(partwise(*args), 2, words)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", ["report", "resume"])
def test_bad_directories(fake: Fake, tmp_path: Path, command: str) -> None:
    assert_one_sentence(partwise(command, "none"), 2, "There is no run directory none.")
    assert_one_sentence(partwise(command, "."), 2, "holds no run")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (OSError("Incorrect path_or_model_id: 'x'.\nPlease provide a folder."), "Please provide a folder."),
        (PermissionError(13, "Permission denied", "/models/x"), "/models/x: Permission denied."),
        (KeyboardInterrupt(), "Interrupted."),
    ],
)
def test_expected_failures_are_a_sentence(fake: Fake, error: BaseException, words: str) -> None:
    def fail(*_: Any) -> None:
        raise error

    fake("partwise.loops.run", align=fail)
    assert_one_sentence(partwise("align", "--out", "r"), 1, words)


def test_interrupt_names_resume(fake: Fake, tmp_path: Path) -> None:
    def interrupted(config: AlignConfig, out: Path, listen: Any) -> None:
        RunDir.create(out, "align", config)
        raise KeyboardInterrupt

    fake("partwise.loops.run", align=interrupted)
    assert_one_sentence(partwise("align", "--out", "r"), 1, "resume with: partwise resume r")


def test_bugs_and_debugging_keep_the_traceback(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: Any) -> None:
        raise KeyError("x")

    fake("partwise.loops.run", align=bug)
    with pytest.raises(KeyError):
        partwise("align", "--out", "r")
    monkeypatch.setenv("PARTWISE_DEBUG", "1")
    with pytest.raises(ValueError, match="siez"):
        partwise("align", "planner.siez=x")


def test_unknown_world_is_a_sentence(fake: Fake) -> None:
    def load_world(name: str) -> None:
        raise LookupError(f"There is no world `{name}`; there is `dinner`.")

    fake("partwise.worlds.registry", load_world=load_world)
    assert_one_sentence(partwise("tasks", "moon"), 2, "There is no world `moon`; there is `dinner`.")


VERDICT = {
    "parses": True,
    "in_space": True,
    "reason": "",
    "n": 100,
    "runs": 1.0,
    "correct": 0.9,
    "aligned_and_correct": 0.5,
    "given_ran": {"correct": 0.9, "aligned": None},
    "violations": {"waste": 0.25},
}


def test_check(fake: Fake, tmp_path: Path) -> None:
    asked: list[Any] = []

    def check_program(*args: Any) -> dict[str, Any]:
        asked.append(args)
        return VERDICT

    fake("partwise.measure.check", check_program=check_program)
    (tmp_path / "p.py").write_text("x = 1\n")
    result = partwise("check", "p.py", "--tasks", "100", "--space", "loops<=1", "--json")
    assert json.loads(result.out) == VERDICT
    assert asked == [("x = 1\n", "dinner", 100, "loops<=1")]
    text = partwise("check", "p.py").out
    assert "correct              0.900" in text
    assert "aligned and correct  0.500" in text
    assert "if it ran: correct 0.900, aligned undefined" in text
    assert "violates waste: 0.250" in text


def test_a_rejected_program_is_a_result(fake: Fake, tmp_path: Path) -> None:
    verdict = {**VERDICT, "in_space": False, "reason": "line 1: book_table may run twice", "correct": None}
    fake("partwise.measure.check", check_program=lambda *_: verdict)  # pyright: ignore[reportUnknownLambdaType]
    (tmp_path / "p.py").write_text("x = 1\n")
    result = partwise("check", "p.py", "--space", "affine")
    assert result.code == 0
    assert "outside the space affine: line 1" in result.out


def proposal(rejection: str = "", effects: tuple[str, ...] = ("reserve",)) -> Any:
    return SimpleNamespace(
        index=0,
        statement="Book a table.",
        parts=[("def book_table(r):\n    return reserve(r)", 0.91)],
        plan="book_table('Luna')",
        summary="1 booking.",
        rejection=rejection,
        effects=list(effects),
        execute=lambda: SimpleNamespace(trace=["line 3: reserve('Luna') -> True"], ran=True, message=""),
    )


@pytest.mark.parametrize(
    ("args", "answer", "ran"),
    [(["--yes"], "", True), ([], "y\n", True), ([], "n\n", False)],
)
def test_solve_asks_before_what_cannot_be_undone(
    fake: Fake, tmp_path: Path, args: list[str], answer: str, ran: bool
) -> None:
    write_run(tmp_path / "r", "parts", n=5)
    fake("partwise.loops.solve", propose=lambda *_: proposal())  # pyright: ignore
    result = partwise("solve", "r", *args, answer=answer)
    assert result.code == 0
    assert "# judged 0.91" in result.out
    assert "Summary: 1 booking." in result.out
    assert ("reserve('Luna') -> True" in result.out) is ran
    assert ("can't be undone (reserve)" in result.out) is (not args)


def test_solve_does_not_run_what_is_rejected(fake: Fake, tmp_path: Path) -> None:
    write_run(tmp_path / "r", "parts", n=5)
    fake("partwise.loops.solve", propose=lambda *_: proposal("line 1: twice"))  # pyright: ignore
    assert_one_sentence(partwise("solve", "r", "--yes"), 1, "It is not run: line 1: twice")
