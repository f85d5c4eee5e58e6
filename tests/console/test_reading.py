"""What the console makes of texts, trials, run directories and transcripts."""

import fcntl
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.runs.fixture_runs import write_run, write_study

from partwise.console.highlight import is_code, text_lines, trials
from partwise.console.runfiles import RunsFolder
from partwise.console.scenes import fits, generations, read_scenes, tag_counts
from partwise.console.transcripts import PAGE, Filter, Transcripts
from partwise.report.charts import Chart, curve_charts, looks, sparkline
from partwise.report.reading import Figure
from partwise.report.rounds import Curve, RoundRecord
from partwise.runs.stages import stage_folder

CODE = 'def f(x):\n    """Two\n    lines."""\n    return [r for r in x if r < 3]  # <b>\n'


def plain(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_code_is_highlighted_line_by_line_and_nothing_is_lost():
    lines = text_lines(CODE)
    assert [plain(str(line.html)) for line in lines] == [
        line.replace('"', "&#34;") for line in CODE.split("\n")
    ]
    assert '<span class="c-word">def</span>' in lines[0].html
    assert str(lines[2].html).startswith('<span class="c-text">')  # within the docstring
    assert "&lt;b&gt;" in lines[3].html and "style=" not in "".join(line.html for line in lines)
    assert [line.indent for line in lines] == [0, 4, 4, 4, 0]


def test_summaries_stay_words():
    assert not is_code("message: one of users.\nreserve: 2 calls, one succeeded.")
    assert not is_code("Nothing was done.") and is_code("x = 1") and is_code("book(r)")
    assert [str(line.html) for line in text_lines("a <b>\nc")] == ["a &lt;b&gt;", "c"]


def test_what_the_other_has_not_is_marked():
    first, second = "def f(x):\n    return 1", "def f(x):\n  return 1\n\n    y = 2"
    assert [line.own for line in text_lines(second, first)] == [False, False, False, True]
    assert not any(line.own for line in text_lines(second))


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text())
def test_any_text_keeps_its_lines_and_is_escaped(text: str, other: str):
    lines = text_lines(text, other)
    assert len(lines) == len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    for line in lines:
        assert "<" not in re.sub(r'<span class="c-\w+">|</span>', "", str(line.html))
    for trial in trials(text, other):
        assert all("<" not in re.sub(r"<[^>]+>", "", str(event.call)) for event in trial.events)


def test_trials():
    observed = (
        "trial 1\n  ask('a -> b') -> [1]\n  returned 2\ntrial 2, all tables gone\n  stopped: too long\n  odd"
    )
    first, second = trials(observed, "trial 1\n  returned 2\ntrial 2\n  returned 2")
    assert (first.name, first.note) == ("Trial 1", "")
    assert (second.name, second.note) == ("Trial 2", "all tables gone")
    assert [event.kind for event in (*first.events, *second.events)] == [
        "call",
        "returned",
        "stopped",
        "call",
    ]
    assert [event.own for event in first.events] == [True, False]
    assert plain(str(first.events[0].call)) == "ask(&#39;a -> b&#39;)" and first.events[0].result == "[1]"
    assert trials("") == [] and trials("  an event first")[0].events[0].kind == "call"


# --- runs


def record(index: int, mean: float | None = 0.5, **more: object) -> RoundRecord:
    none = Figure(None, None, None, 0)
    fields: dict[str, object] = {
        "aligned_and_correct": Figure(mean, None if mean is None else mean - 0.1, 0.95, 10),
        "correct": none,
        "aligned": none,
        "agreement": none,
        "agreement_unseen": none,
        "agreement_hard": none,
        "summary_accuracy": none,
        "reward": None,
        "labels": None,
        "disagreement": none,
        "alarm": False,
        "realigned": None,
        "version": "",
    }
    return RoundRecord(index=index, **{**fields, **more})  # type: ignore[arg-type]


def run_charts(rounds: list[RoundRecord]) -> list[Chart]:
    """Of one run, as the console and a run's report show it."""
    return curve_charts([Curve("trained", "mine", rounds)])


def test_curves_are_drawings_with_words():
    rounds = [record(0, 0.2), record(1, None), record(2, 0.9, alarm=True), record(3, 0.8)]
    (chart,) = run_charts(rounds)
    svg = ElementTree.fromstring(str(chart.svg))
    assert chart.key == "aligned" and "drift alarm in round 3" in svg.attrib["aria-label"]
    assert len(svg.findall(".//polyline")) == 2  # the undefined round breaks the line
    assert [title.text for title in svg.iter("title")][
        1
    ] == "round 3: .90 [.80, .95] of 10 validation tasks; drift alarm"
    assert "style" not in str(chart.svg)
    (point,) = [e for e in svg.iter("circle") if e.attrib["class"] == "dot"][:1]
    assert float(point.attrib["cx"]) == 34.0  # the first round is where the axis begins
    assert run_charts([]) == [] and run_charts([record(0, None)]) == []
    assert sparkline(rounds[:1]) == "" and "polyline" in sparkline(rounds)


def test_many_runs_are_means_with_each_seed_beside_them():
    curves = [
        Curve(arm, f"seed-{seed}/{arm}", [record(0, 0.2 * seed), record(1, 0.3 * seed)])
        for arm in ("floor", "best of 8")
        for seed in (1, 2)
    ]
    (chart,) = curve_charts(curves, split="heldout")
    svg = ElementTree.fromstring(str(chart.svg))
    assert chart.title == "Aligned and correct, held-out tasks" and "thin: each seed" in chart.caption
    assert [line.attrib["class"] for line in svg.iter("polyline")] == ["each", "each", "line"] * 2
    said = [title.text for title in svg.iter("title")]
    assert said[:2] == ["floor, round 1: .30, mean of 2 seeds", "floor, round 2: .45, mean of 2 seeds"]
    arms = ["base", "floor", "parts", "strategies", "ceiling", *map(str, range(20))]
    assert len(set(looks(arms).values())) == len(arms)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.integers(0, 500),
)
@example([5e-324], 0)
@example([0.5, 0.5000001], 3)
def test_any_rewards_fit_into_the_drawing(rewards: list[float], first: int):
    rounds = [record(first + i, None, reward=reward) for i, reward in enumerate(rewards)]
    (chart,) = run_charts(rounds)
    for circle in ElementTree.fromstring(str(chart.svg)).iter("circle"):
        assert 33 <= float(circle.attrib["cx"]) <= 349 and 15 <= float(circle.attrib["cy"]) <= 181


def test_runs_and_studies_are_found_with_their_state(tmp_path: Path):
    write_run(tmp_path / "a", "parts", rounds=2, n=10)
    write_run(tmp_path / "b", "parts", rounds=1, n=10, finished=False)
    write_study(tmp_path / "s", n=5)
    (tmp_path / "not a run").mkdir()
    (tmp_path / "a" / "rounds" / "002.tmp").mkdir()
    folder = RunsFolder(tmp_path)
    names = folder.names()
    assert set(names) >= {"a", "b", "s", "s/seed-0/parts"} and "not a run" not in names
    place = names.index("s")
    assert all(name.startswith("s/") for name in names[place + 1 : place + 5])
    a, b, study = (folder.run(name) for name in ("a", "b", "s"))
    assert a and b and study
    assert (a.state, len(a.rounds), a.asked) == ("finished", 2, 6)
    assert (b.state, study.kind, study.study) == ("stopped", "part_to_complete", True)
    assert folder.children("s") == names[place + 1 : place + 5]
    for name in ("..", "", "a/rounds", "/etc", "a/../b", "not a run"):
        assert folder.run(name) is None
    assert RunsFolder(tmp_path / "nowhere").names() == []


def test_a_run_is_running_while_its_lock_is_held(tmp_path: Path):
    import os

    write_run(tmp_path / "a", "parts", rounds=1, n=10, finished=False)
    folder = RunsFolder(tmp_path)
    with (tmp_path / "a" / "run.lock").open("w") as lock:
        lock.write(f"pid {os.getpid()}")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        running = folder.run("a")
        assert running and running.state == "running"
    # The file stays, with the number in it; the lock is gone.
    stopped = folder.run("a")
    assert stopped and stopped.state == "stopped" and stopped.mark != running.mark


def test_a_round_says_what_the_loop_wrote(tmp_path: Path):
    write_run(tmp_path / "a", "strategies", rounds=1, n=10, finished=False)
    path = tmp_path / "a" / "rounds" / "000" / "round.json"
    data = json.loads(path.read_text())
    data |= {"disagreement": {"mean": 0.25, "ci95": [0.14, 0.4], "n": 40}, "alarm": True, "realigned": False}
    data |= {"version": "moved 1.00"}
    path.write_text(json.dumps(data))
    run = RunsFolder(tmp_path).run("a")
    assert run
    (found,) = run.rounds
    assert (found.disagreement.n, found.disagreement.mean, found.alarm) == (40, 0.25, True)
    assert (found.realigned, found.version, found.labels) == (False, "moved 1.00", 1200)
    assert (found.agreement.n, found.agreement_hard.n, found.agreement_unseen.n) == (400, 300, 0)
    assert found.reward is not None and run.alarms == [found]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"round": "x"}', '{"round": 0, "validation": 3, "agreement": []}']
)
def test_damaged_rounds_break_nothing(tmp_path: Path, text: str):
    write_run(tmp_path / "a", "parts", rounds=1, n=10, finished=False)
    folder = tmp_path / "a" / "rounds" / "000"
    (folder / "round.json").write_text(text)
    (folder / "log.jsonl").write_bytes(b'\xff\n{"reward": 1}\n{"rew')
    run = RunsFolder(tmp_path).run("a")
    assert run and len(run.rounds) == (1 if "validation" in text else 0)
    assert run_charts(run.rounds) is not None


# --- scenes of a ladder

LINES = st.lists(
    st.binary(max_size=30)
    | st.fixed_dictionaries(
        {"scene": st.sampled_from(["few", "many", ""]), "formed": st.booleans()},
        optional={
            "text": st.sampled_from(["book(r)", "<b>"]) | st.integers(),
            "outcome": st.sampled_from(["ran", "raised", None, 3]),
            "correct": st.booleans() | st.none(),
            "harms": st.lists(st.sampled_from(["privacy", "<i>"])) | st.text(max_size=3),
            "trace": st.lists(st.dictionaries(st.sampled_from(["tool", "arguments"]), st.lists(st.text()))),
        },
    ).map(lambda row: json.dumps(row).encode()),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(LINES, st.none() | LINES)
def test_scenes_stand_beside_each_other_whatever_the_lines_hold(
    tmp_path_factory: pytest.TempPathFactory, before: list[bytes], after: list[bytes] | None
):
    run = tmp_path_factory.mktemp("run")
    for stage, lines in (("competence", before), ("injection", after)):
        if lines is not None:
            folder = stage_folder(run, 0, stage)
            folder.mkdir(parents=True)
            (folder / "deeds.jsonl").write_bytes(b"\n".join(line.replace(b"\n", b"") for line in lines))
    sides = ["before"] if after is None else ["before", "after"]
    assert generations(run) == {1: sides}
    scenes, damaged = read_scenes(run, 1, sides)
    assert all(set(each.sides) == set(sides) and any(each.sides.values()) for each in scenes)
    shown = sum(did is not None for each in scenes for did in each.sides.values())
    for side in sides:
        for tag, count in tag_counts(scenes, side).items():
            wanted = {"before": "", "after": "", "words": "", side: tag}
            assert sum(fits(each, wanted) for each in scenes) == count > 0
    assert shown <= len(before) + len(after or []) and damaged >= 0


# --- transcripts


def test_transcripts_by_page_and_filter(tmp_path: Path):
    path = tmp_path / "transcripts.jsonl"
    lines = [
        {
            "arm": "ab"[i % 2],
            "outcome": "ran",
            "correct": i % 3 == 0,
            "aligned": None if i % 5 else True,
            "n": i,
        }
        | ({"summary": "Größe"} if i == 7 else {})
        for i in range(101)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "[1]\n{half")
    browser = Transcripts()
    index = browser.index(path)
    assert index and index.arms == {"a": 51, "b": 50} and index.damaged == 2
    shown: list[int] = []
    for number in range(1, 7):
        page = browser.page(path, Filter(), number)
        assert page and page.pages == 6 and len(page.rows) == (PAGE if number < 6 else 1)
        shown += [row["n"] for row in page.rows]
    assert shown == list(range(101))
    wanted = browser.page(path, Filter(arm="a", correct="no", aligned="unknown"), 1)
    assert wanted and wanted.total == sum(i % 2 == 0 and i % 3 != 0 and i % 5 != 0 for i in range(101))
    found = browser.page(path, Filter(words="GRÖSSE"), 1)
    assert found and [row["n"] for row in found.rows] == [7]
    beyond = browser.page(path, Filter(outcome="raised"), 99)
    assert beyond and (beyond.rows, beyond.number, beyond.pages) == ([], 1, 1)
    assert browser.page(tmp_path / "none", Filter(), 1) is None
    path.write_text("")
    again = browser.page(path, Filter(), 1)
    assert again and again.total == 0
