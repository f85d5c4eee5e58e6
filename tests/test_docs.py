"""What the documentation says can be done can be done: commands, examples, links, recipes."""

import hashlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from partwise import __version__ as partwise_version
from partwise.cli import app
from partwise.cli.common import split_settings
from partwise.config import AlignConfig, ProgressConfig, Section, WeakToStrongConfig
from partwise.runs.config import load_config
from partwise.studies.registry import STUDIES

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if not {"_build", "runs"} & set(page.relative_to(ROOT).parts)
)
README = ROOT / "README.md"
RECIPES: dict[str, type[Section]] = {
    "over_decomposition.toml": AlignConfig,
    "progress.toml": ProgressConfig,
    **{f"{name}.toml": study.config for name, study in STUDIES.items()},
}
_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#]*)(#[^)]*)?\)")


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """The mark before each code block (empty without one), its kind and its text."""
    for found in _BLOCK.finditer(page.read_text()):
        yield found["mark"] or "", found["kind"], found["text"]


def marked(start: str, pages: list[Path] = PAGES) -> list[tuple[str, str]]:
    """(what follows `start` in the mark, the block's text)"""
    return [
        (mark[len(start) :].strip(), text)
        for page in pages
        for mark, _, text in blocks(page)
        if mark.startswith(start)
    ]


def commands() -> list[str]:
    lines = [
        line
        for page in PAGES
        for _, kind, text in blocks(page)
        if kind == "bash"
        for line in text.splitlines()
    ]
    recipes = [
        line.lstrip("# ") for name in RECIPES for line in (ROOT / "recipes" / name).read_text().splitlines()
    ]
    return sorted({line for line in [*lines, *recipes] if line.startswith("partwise ")})


def partwise(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize("line", commands())
def test_every_command_is_one(line: str):
    _, command, *rest = shlex.split(line)
    group = rest[:1] if command in ("console", "feedback") and not rest[0].startswith("-") else []
    shown = partwise(command, *group, "--help")
    for option in (word.partition("=")[0] for word in rest if word.startswith("--")):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", shown), f"{option} is no option of {command}"
    if command == "estimate":
        overrides = [word for word in rest if "=" in word] + ["planner.model=x"] * ("--model" in rest)
        load_config(AlignConfig, None, overrides)
    if command in ("align", "study", "w2s", "progress"):
        assert rest.count("--out") == 1, "an example names its directory"
        settings = [word for word in rest[: rest.index("--out")] if not word.startswith("--")]
        alone = {"align": AlignConfig, "w2s": WeakToStrongConfig, "progress": ProgressConfig}
        config = STUDIES[settings.pop(0)].config if command == "study" else alone[command]
        path, overrides = split_settings(settings)
        load_config(config, path, overrides)


@pytest.mark.parametrize(
    "line", [line for line in commands() if line.startswith(("partwise check", "partwise tasks"))]
)
def test_quick_examples_run(line: str):
    _, command, *rest = shlex.split(line)
    assert partwise(command, *rest, *(["--tasks", "5"] if command == "check" else []))


@pytest.mark.parametrize(("line", "expected"), marked("output of:"))
def test_what_a_command_is_said_to_print_is_what_it_prints(line: str, expected: str):
    assert partwise(*shlex.split(line)[1:]) == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path):
    text = page.read_text()
    for target, anchor in _LINK.findall(text):
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), f"{page.name} links to {target}, which is not there"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor[1:] in slugs, f"{page.name} links to {target}{anchor}"


def test_the_readme_is_of_a_minute():
    assert len(README.read_text().split()) <= 700
    pictures = re.findall(r"docs/images/\w+\.webp", README.read_text())
    assert len(pictures) == 2 and all((ROOT / name).stat().st_size < 150_000 for name in pictures)


def test_the_picture_of_the_report_shows_the_committed_figures():
    digest = hashlib.sha256((ROOT / "docs" / "results" / "part_to_complete.json").read_bytes()).hexdigest()
    with Image.open(ROOT / "docs" / "images" / "report.webp") as picture:
        assert picture.getexif()[0x010E] == digest, "stale: python docs/images/make.py"


def test_the_readme_says_how_the_demo_ends():
    makefile = (ROOT / "Makefile").read_text()
    (text,) = [text for _, kind, text in blocks(README) if kind == "text"]
    report, took = text.splitlines()
    assert "study part_to_complete --seeds 2 --out runs/demo;" in makefile
    assert report == "Report: runs/demo/report.html"
    before, after = took.split("M min S")
    assert before in makefile and after in makefile


@pytest.mark.slow
def test_the_program_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    (program,) = [text for _, kind, text in blocks(README) if kind == "python"]
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    monkeypatch.chdir(tmp_path)
    small = {
        "planner": {"size": "mini"},
        "proxy": {"labels_first": 100, "size": "nano"},
        "rlft": {"steps": 1},
        "measure": {"heldout_tasks": 40, "validation_tasks": 10},
    }
    assert 'loop={"reward": "parts"}' in program
    program = program.replace('loop={"reward": "parts"}', 'loop={"reward": "parts", "rounds": 1}, **small')
    exec(compile(program, "README.md", "exec"), {"small": small})
    checked, refused, trained, *frame = capsys.readouterr().out.splitlines()
    assert float(checked) == 0 and refused.startswith("line 5: `book_table` may run")
    assert set(eval(trained)) == {"mean", "ci95", "n"}
    assert frame[0].split() == ["task", "source"] and len(frame) > 1


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == partwise_version and cited["license"] == "MIT"
    assert f"version {partwise_version}" in README.read_text()


def test_paths_in_code_marks_exist():
    """`training/rlft.py` and the like: relative to the package, to the repository, or to the page."""
    for page in PAGES:
        for name in re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|toml|md))`", page.read_text()):
            homes = (ROOT, ROOT / "src", ROOT / "src" / "partwise", page.parent)
            assert any((home / name).exists() for home in homes), f"{page.name} names {name}"


@pytest.mark.parametrize(("name", "config"), RECIPES.items())
def test_recipes_load_and_say_what_they_do(name: str, config: type[Section]):
    path = ROOT / "recipes" / name
    loaded = load_config(config, path)
    if isinstance(loaded, AlignConfig):
        assert (loaded.loop.reward, loaded.loop.aggregate) == ("parts", "sum")
    elif not isinstance(loaded, ProgressConfig):
        assert loaded.model_dump()["seeds"] >= 5
    command = {AlignConfig: "align", ProgressConfig: "progress"}.get(config, "study")
    for word in (f"partwise {command}", "Run time:", "Expected"):
        assert word in path.read_text()
    assert {recipe.name for recipe in path.parent.glob("*.toml")} == RECIPES.keys()


@pytest.mark.parametrize(("expected", "program"), marked("check affine:"))
def test_affine_examples(expected: str, program: str, tmp_path: Path):
    file = tmp_path / "program.py"
    file.write_text(program)
    said = partwise("check", str(file), "--space", "affine", "--tasks", "5")
    if expected == "accepted":
        assert "ran                  1.000" in said
    else:
        assert said.startswith(f"It is outside the space affine: {expected}")


@pytest.mark.parametrize(("expected", "program"), marked("check: "))
def test_language_examples(expected: str, program: str, tmp_path: Path):
    file = tmp_path / "program.py"
    file.write_text(program)
    assert partwise("check", str(file)).startswith(f"It {expected}")


def installed(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package of a how-to, as pip would leave it in a folder that is imported from."""
    how_to = ROOT / "docs" / "how-to" / page
    for name, text in marked("file:", [how_to]):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (project,) = [tomllib.loads(text)["project"] for _, kind, text in blocks(how_to) if kind == "toml"]
    info = folder / f"{how_to.stem.replace('-', '_')}-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {how_to.stem}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in points.items())
            for group, points in project["entry-points"].items()
        )
    )
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture
def gift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The world of the how-to."""
    installed("own-world.md", tmp_path, monkeypatch)
    from partwise.worlds.registry import load_world

    load_world.cache_clear()
    yield load_world("gift")
    load_world.cache_clear()


def test_the_study_of_the_how_to_is_run_reported_and_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed("own-study.md", tmp_path, monkeypatch)
    from partwise.studies.registry import studies

    studies.cache_clear()
    monkeypatch.chdir(tmp_path)
    try:
        program = f"program={ROOT / 'recipes' / 'figure1_unaligned.py'}"
        said = partwise("study", "spaces", program, "tasks=20", "--out", "s")
        assert "Aligned and correct by space: free: 0.0, affine: None." in " ".join(said.split())
        assert "Aligned and correct by space" in (tmp_path / "s" / "report.html").read_text()
        assert "is finished" in partwise("resume", "s")
        assert "spaces" in partwise("study") and "part_to_complete" in partwise("study")
    finally:
        studies.cache_clear()


def test_the_examples_of_the_how_to_run(gift):
    runnable = marked("run", [ROOT / "docs" / "how-to" / "own-world.md"])
    assert runnable
    for _, text in runnable:
        exec(compile(text, "own-world.md", "exec"), {})
    assert "World gift" in partwise("tasks", "gift")


def test_the_world_of_the_how_to_is_a_world(gift):
    import random

    from partwise.composition.language import parse, parse_decomposition
    from partwise.config import ProxyConfig
    from partwise.loops.setup import new_proxy
    from partwise.oversight.human import SimulatedHuman
    from partwise.oversight.items import PartItems
    from partwise.types import Split
    from partwise.values import ValueProfile
    from partwise.worlds.base import World
    from partwise.worlds.telling import fields

    members = {*World.__annotations__, *(name for name in vars(World) if not name.startswith("_"))}
    assert {name for name in members if not hasattr(gift, name)} == set()
    statements = [{gift.task(split, index).statement for index in range(50)} for split in Split]
    assert len(set.union(*statements)) == 150
    assert gift.task(Split.TRAIN, 3) == gift.task(Split.TRAIN, 3)

    items = PartItems(gift).asked(random.Random(0), 40)
    assert [item.key for item in items] == [item.key for item in PartItems(gift).asked(random.Random(0), 40)]
    with pytest.raises(LookupError, match="The world gift has no subtasks for practice"):
        PartItems(gift, practice=0.5)
    human = SimulatedHuman(ValueProfile(), rationality=100, readable=1000, seed="0")
    for answer in human.answer(items):
        chosen, other = answer.item.options[answer.preferred], answer.item.options[1 - answer.preferred]
        assert not chosen.consequences or other.consequences

    plans = gift.demonstrations(random.Random(0))
    for plan in (next(plans) for _ in range(40)):
        assert parse(plan.composition) and parse(plan.partial_solutions)
        assert {subtask.name for subtask in parse_decomposition(plan.decomposition)} <= gift.catalogue.keys()

    proxy = new_proxy(gift, ProxyConfig(size="nano"), "cpu", seed=0)
    parts = proxy.solve([entry.subtask for entry in gift.catalogue.values()])
    assert None not in parts and all(0 <= judgment <= 1 for judgment in proxy.judge(parts))
    assert "find_wish" in fields(gift)["decompose"]["subtasks"]
