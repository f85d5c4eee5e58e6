from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.runs.fixture_runs import ARMS, arm_results, measure, write_run, write_study

from partwise.config import AlignConfig
from partwise.report.html import write_report
from partwise.report.reading import Figure, gap_sentences, number, run_sentences
from partwise.runs.rundir import RunError

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Balanced(HTMLParser):
    """Checks that every element is closed, and collects ids and references."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href"):
                self.references.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def report_of(directory: Path) -> str:
    text = write_report(directory).read_text(encoding="utf-8")
    page = Balanced(text)
    assert len(page.ids) == len(set(page.ids)), "an id stands twice"
    for reference in page.references:
        assert reference == "data:," or (reference[0] == "#" and reference[1:] in page.ids), reference
    assert not re.search(r"#0[1-4]040?\d|#01010|#02020|#03030", text), "a stand-in colour is left"
    return text


def test_a_study(tmp_path: Path) -> None:
    text = report_of(write_study(tmp_path / "study"))
    for arm in ARMS:
        assert f"</span>{arm}" in text
    assert "One seed: nothing is judged, which takes at least 3." in text
    assert "Of the gap between floor (.01) and ceiling (.91), by seed: <code>parts</code> .0" in text
    assert "Judging the parts recovers" not in text and "next to nothing" not in text
    assert "With one seed, the intervals cover" in text
    assert "Not everything is here" not in text
    assert text.count('<svg class="figure"') == 5 + len(ARMS)
    assert "line 2, ask_preference: message(&#39;Ana&#39;)" in text
    assert "waste .9" in text


def test_an_undefined_gap_says_why(tmp_path: Path) -> None:
    text = report_of(write_study(tmp_path / "study", seeds=3, n=60, gap=None))
    assert "The gap recovered is undefined: ceiling" in text
    assert "can&#39;t be told apart" in text
    assert "3 seeds" in text
    assert "With one seed" not in text
    few = report_of(write_study(tmp_path / "few", seeds=2, n=60, gap=None))
    assert "undefined (undefined where ceiling and floor can&#39;t be told apart)" in few


def test_three_seeds_are_judged(tmp_path: Path) -> None:
    text = report_of(write_study(tmp_path / "study", seeds=3, n=60))
    assert (
        "Judging the parts recovers .03 [−.03, .09] of the gap between floor (.01) and ceiling (.91)" in text
    )
    assert ": next to nothing." in text and "nothing is judged" not in text


def test_a_run(tmp_path: Path) -> None:
    text = report_of(write_run(tmp_path / "run", "strategies"))
    assert "Alignment run: strategies" in text
    assert "A judgment takes at least 3 seeds." in text and "a rise" not in text
    assert "loop.rounds" in text
    assert "the planner after the last round" in text


def test_an_unfinished_study_says_what_is_missing(tmp_path: Path) -> None:
    text = report_of(write_study(tmp_path / "study", finished=False))
    assert "The study has not finished" in text
    assert f"seed-0/parts has not finished (6 of {AlignConfig().loop.rounds} rounds done)" in text
    assert "seed-0/floor" in text


def test_a_run_that_has_just_begun(tmp_path: Path) -> None:
    text = report_of(write_run(tmp_path / "run", "parts", rounds=0, finished=False))
    assert f"The run has not finished (0 of {AlignConfig().loop.rounds} rounds done)" in text
    assert "There are no transcripts yet" in text


def test_damaged_files_are_named_not_fatal(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "parts", n=50)
    with (run / "transcripts.jsonl").open("a") as handle:
        handle.write('{"arm": "trained", "sou')
    (run / "rounds" / "003" / "round.json").write_text("{")
    (run / "rounds" / "008.tmp").mkdir()
    (run / "results.json").write_text("[]")
    text = report_of(run)
    assert "transcripts.jsonl of run has 1 unreadable line, left out" in text
    assert "round.json of 003 can&#39;t be read" in text


@pytest.mark.parametrize(
    "junk", [None, 3, "x", [], {"mean": "x", "ci95": 3, "n": "y"}, {"mean": float("nan")}]
)
def test_a_figure_of_junk_is_undefined(junk: Any) -> None:
    assert Figure.of(junk).text == "undefined"


def test_text_of_users_and_models_is_escaped(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>$x_1$"
    run = write_run(tmp_path / "run", "parts", n=20)
    lines = [json.loads(line) for line in (run / "transcripts.jsonl").read_text().splitlines()]
    for line in lines:
        line |= {k: evil for k in ("statement", "composition", "source", "message", "summary")}
        line |= {"trace": [evil], "violations": {evil: 1.0}}
    (run / "transcripts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    record = json.loads((run / "run.json").read_text())
    record["config"]["planner"]["model"] = evil
    (run / "run.json").write_text(json.dumps(record))
    text = report_of(run)
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_report_tells_no_password(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "parts", n=20)
    record = json.loads((run / "run.json").read_text())
    record["config"]["human"]["store"] = "postgresql://ann:hunter%402@db.example/answers?sslpassword=hunter3"
    (run / "run.json").write_text(json.dumps(record))
    text = report_of(run)
    assert "db.example/answers" in text
    assert "hunter" not in text


def test_evil_arm_names_are_escaped(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", n=20)
    results = json.loads((study / "results.json").read_text())
    results["arms"]["<b>$a_1$</b>"] = arm_results("floor", 20)
    (study / "results.json").write_text(json.dumps(results))
    write_run(study / "seed-0" / "<b>$a_1$<b>", "floor", n=20)
    assert "<b>$a" not in report_of(study)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run and no study"):
        write_report(tmp_path)
    with pytest.raises(RunError, match="no run directory"):
        write_report(tmp_path / "none")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (measure(0.95, 9, 0.1), "nearly all of what judging the whole brings"),
        (measure(0.5, 9, 0.1), ": some of it."),
        (measure(0.7, 9, 0.2), "some of it, perhaps all"),
        (measure(0.2, 9, 0.5), "can't be told from nothing"),
        (measure(-0.5, 9, 0.1), "less aligned than with no judgment at all"),
        (measure(0.05, 9, 0.1), "next to nothing"),
    ],
)
def test_readings(gap: dict[str, Any], words: str) -> None:
    arms = {arm: arm_results(arm, 100) for arm in ARMS}
    results = {
        "seeds": 9,
        "arms": arms,
        "part_to_complete": {"gap_recovered": {"parts": gap}, "correlations": {"sum": measure(0.4, 9)}},
    }
    sentences = gap_sentences(results)
    assert words in sentences[0]
    assert "at .40 [.38, .42], with their mean at undefined" in sentences[1]
    assert gap_sentences({"seeds": 9}) == gap_sentences({}) == []
    for few in ({"seeds": 2}, {"quick": True}):
        shown = " ".join(gap_sentences(results | few))
        assert words not in shown and "recovers" not in shown and f"`parts` {number(gap['mean'])}" in shown


def test_run_readings() -> None:
    """A run is one seed: what it came to, and that this is no judgment."""
    base, trained = arm_results("base", 100), arm_results("ceiling", 100)
    shown, left_open, hacked = run_sentences({"base": base, "trained": trained})
    assert shown == (
        "Aligned and correct, of 100 held-out tasks: .19 [.17, .21] before training, .91 [.89, .93] after."
    )
    assert left_open.startswith("One run is one seed") and left_open.endswith("takes at least 3 seeds.")
    assert "misaligned as a whole (n = 93)" in hacked
    assert "undefined" in run_sentences({})[0]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser(tmp_path: Path, width: int, scheme: Any) -> None:
    from playwright.sync_api import sync_playwright

    reports = [
        write_report(write_study(tmp_path / "study")),
        write_report(write_run(tmp_path / "run", "parts")),
        write_report(write_study(tmp_path / "unfinished", finished=False)),
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        for path in reports:
            asked.clear()
            page.goto(path.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert page.evaluate("document.documentElement.scrollWidth") == width
            # Nothing but the page scrolls sideways, save the boxes that are meant to.
            wide = page.evaluate(
                "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, pre, .trace, svg')"
                " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
            )
            assert wide == []
            smallest = page.evaluate(
                "Math.min(...[...document.querySelectorAll('svg.figure text')].map(t =>"
                " parseFloat(getComputedStyle(t).fontSize) * t.ownerSVGElement.getScreenCTM().a))"
            )
            assert smallest >= 9, "text in a figure is too small to read"
            assert asked == [path.as_uri()]
        assert said == []
        browser.close()
