"""Mistakes that are made by hand are answered with the nearest name, before anything heavy is imported."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest
from tests.runs.fixture_runs import write_run

from partwise.files import nearest
from partwise.models import devices
from partwise.runs.progress import ignore
from partwise.runs.rundir import RunError
from partwise.studies import registry
from partwise.studies.registry import RUNS, STUDIES, find_kind

HEAVY = ("torch", "transformers", "trl", "datasets", "pandas", "matplotlib", "scipy")
MISTAKES = {
    "report runs/mime": "There is no run directory runs/mime; did you mean `runs/mine`?",
    "report run/mine": "There is no run directory run/mine; did you mean `runs/mine`?",
    "report runs": "runs holds no run and no study.",
    "export runs/other --out t.csv": "no run directory runs/other; there is `runs/mine`, `runs/my2`.",
    "export runs/mine runs/my --out t.csv": "There is no run directory runs/my; did you mean `runs/my2`?",
    "resume nope": "There is no run directory nope.",
    "solve runs/mien": "There is no run directory runs/mien; did you mean `runs/mine`?",
    "align planner.size=smal": "`planner.size` can't be 'smal': it must be 'nano', 'micro', 'mini', 'small', "
    "'medium' or 'large'; did you mean `small`?",
    "align planner.siz=small": "`planner.siz` is not a setting; did you mean `planner.size`?",
    "align loop.reward=part": "'ceiling', 'whole', 'paid' or 'random'; did you mean `parts`?",
    "align loop.space=afine": "did you mean `affine`?",
    "align world=diner": "There is no world `diner`; did you mean `dinner`?",
    "align mine.tom": "There is no config file mine.tom; did you mean `mine.toml`?",
    "align planner.device=cuda": "`planner.device` can't be 'cuda': this PyTorch is built without CUDA; "
    "`auto` takes what is there.",
    "align planner.device=cpuu": "`planner.device` can't be 'cpuu': did you mean `cpu`?",
    "align planner.device=gpu": "`planner.device` can't be 'gpu': did you mean `cuda`?",
    "align planner.device=laptop": "can't be 'laptop': it is `auto`, `cpu`, `cuda` or `mps`.",
    "study part_to_complete align.planner.device=cuda:1": "`align.planner.device` can't be 'cuda:1': this ",
    "study nois": "There is no study `nois`; did you mean `noise`?",
    "study noise ladder.sizes=nano,smal": "did you mean `small`?",
    "w2s student=smal": "`student` can't be 'smal': `smal` is no size of the ladder and no folder; did you "
    "mean `small`?",
    "w2s teachers=nano,mirco": "did you mean `micro`?",
    "w2s device=cuda": "`device` can't be 'cuda': this PyTorch is built without CUDA",
    "rewardbench any --device cuda:1": "`--device` can't be 'cuda:1': this PyTorch is built without CUDA",
    "progress gap.policy=adaptve": "There is no gap policy `adaptve`; did you mean `adaptive`?",
    "progress widths=16,20": "widths are multiples of 8 and rise, each once, such as 16,32,64",
    "progress gap.first=9": "`first` (9) must lie between `smallest` (1) and `largest` (4)",
    "progress generation=2": "`generation` is not a setting; did you mean `generations`?",
    "check mine.p": "There is no mine.p; did you mean `mine.py`?",
    "check mine.py --world diner": "There is no world `diner`; did you mean `dinner`?",
    "check mine.py --space afine": "there is no space `afine`",
    "tasks diner": "There is no world `diner`; did you mean `dinner`?",
    "config rlf": "There is no setting or group `rlf`; did you mean `rlft`?",
    "config study nois": "There is no study `nois`; did you mean `noise`?",
    "alin": "No such command 'alin'. Did you mean 'align'?",
}


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes")
    for name in ("mine", "my2"):
        write_run(folder / "runs" / name, "parts", n=5)
    (folder / "mine.toml").write_text("seed = 1\n")
    (folder / "mine.py").write_text("x = 1\n")
    return folder


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_answered_with_the_nearest_name(
    line: str, somewhere: Path, monkeypatch: pytest.MonkeyPatch
):
    if "device" in line and not _without_cuda():
        pytest.skip("this PyTorch is built with CUDA")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "src"))
    before = sorted(somewhere.rglob("*"))
    code = (
        "import sys\nfrom partwise.cli import app\n"
        f"try:\n app({line.split()!r})\nexcept SystemExit as end: print(end.code)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=somewhere)
    *_, status, heavy = done.stdout.splitlines()
    said = " ".join(done.stderr.split())
    assert MISTAKES[line] in said and "Traceback" not in said
    assert status == "2" and heavy == "[]", f"{heavy} was imported before the answer"
    assert sorted(somewhere.rglob("*")) == before


def _without_cuda() -> bool:
    import torch

    return torch.version.cuda is None and torch.version.hip is None


def test_what_torch_is_built_with_is_read_without_it():
    import torch

    built = devices._built_with()
    assert built == {"cuda": torch.version.cuda is not None, "hip": torch.version.hip is not None}
    assert devices.why_missing("auto") == devices.why_missing("cpu") == devices.why_missing("meta") == ""


def test_nearest_looks_as_far_up_as_something_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/data/one", "a/data/two", "b"):
        Path(name).mkdir(parents=True)
    assert nearest(Path("a/date/one")) == "; did you mean `a/data/one`?"
    assert nearest(Path("a/data/ones")) == "; did you mean `a/data/one`?"
    assert nearest(Path("aa/data/one")) == "; did you mean `a/data/one`?"
    assert nearest(Path("a/data/xyz")) == "; there is `a/data/one`, `a/data/two`."
    assert nearest(Path("a/data/xyz"), lambda there: False) == "."
    assert nearest(tmp_path / "a" / "date") == f"; did you mean `{tmp_path}/a/data`?"
    for number in range(5):
        Path(f"c/{number}").mkdir(parents=True)
    assert nearest(Path("c/x")) == "; there is `c/0`, `c/1`, `c/2` and 2 more."


@pytest.mark.parametrize("name", [name for name in (*STUDIES, *RUNS) if find_kind(name).lab])
def test_what_takes_an_extra_says_so_before_it_begins(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(registry, "find_spec", lambda module: None if module == "ribs" else module)
    entry = find_kind(name)
    with pytest.raises(
        RunError, match=r"not installed \(ribs\); add them with: pip install 'partwise\[lab\]'"
    ):
        entry.run(entry.config(), tmp_path / "run", ignore)
    assert not list(tmp_path.iterdir())


def test_what_a_ladder_takes_is_an_extra_and_said_to_be():
    extras = importlib.metadata.metadata("partwise").get_all("Requires-Dist") or []
    lab = {row.split(";")[0] for row in extras if "'lab'" in row.replace('"', "'")}
    brought = " ".join(lab).replace("-", "").replace("scikitlearn", "sklearn")
    assert all(module in brought for module in registry.LAB)
    assert find_kind("progress").lab and not find_kind("align").lab
