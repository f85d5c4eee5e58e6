from __future__ import annotations

import html
import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.fixture_headings import check_headings
from tests.runs.fixture_runs import ARMS, FAILED, arm_results, measure, study_arm, write_run, write_study

from partwise.config import AlignConfig
from partwise.report.failing import failure_sentence
from partwise.report.html import write_report
from partwise.report.look import cell, coded
from partwise.report.made import command
from partwise.report.reading import OUTCOMES, Figure, gap_sentences, number, run_sentences
from partwise.report.rollouts import shown_rollout
from partwise.runs.config import load_config
from partwise.runs.reference import settings
from partwise.runs.rundir import RunDir, RunError
from partwise.studies.registry import known_kind

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
    text = write_report(directory, known_kind).read_text(encoding="utf-8")
    page = Balanced(text)
    check_headings(text, str(directory))
    assert len(page.ids) == len(set(page.ids)), "an id stands twice"
    for reference in page.references:
        assert reference == "data:," or (reference[0] == "#" and reference[1:] in page.ids), reference
    assert not re.search(r"<(?!style)[^>]* style=", text), "the console's policy forbids style attributes"
    return text


def test_a_study(tmp_path: Path) -> None:
    text = report_of(write_study(tmp_path / "study", seeds=2))
    page = known_kind("part_to_complete").page(json.loads((tmp_path / "study" / "results.json").read_text()))
    # It is the page of the study, and what the runs behind it wrote.
    for sentence in page.sentences:
        assert str(coded(sentence)) in text
    for table in page.tables:
        assert f">{table.heading}</h2>" in text
        for row in table.rows:
            assert all(str(cell(each)) in text for each in row)
    for arm in ARMS:
        assert f'<section class="card" aria-label="{arm}">' in text
    assert "Not everything is here" not in text
    assert text.count('<svg class="chart"') == 5 + len(ARMS) and text.count('class="drawn"') == 1
    assert "line 2, ask_preference: message(&#39;Ana&#39;)" in text
    assert re.search(r"violates waste (1\.00|\.\d\d)", text)
    assert "means and intervals over 2 seeds" in text


def test_an_undefined_gap_says_why(tmp_path: Path) -> None:
    text = report_of(write_study(tmp_path / "study", seeds=3, n=60, gap=None))
    assert "The gap recovered is undefined: ceiling" in text
    assert "can&#39;t be told apart" in text
    assert "3 seeds" in text
    few = report_of(write_study(tmp_path / "few", seeds=2, n=60, gap=None))
    assert "undefined (undefined where ceiling and floor can&#39;t be told apart)" in few


def test_one_seed_is_not_judged_and_three_are(tmp_path: Path) -> None:
    one = report_of(write_study(tmp_path / "one"))
    assert "One seed: nothing is judged, which takes at least 3." in one
    assert "Judging the parts recovers" not in one and "next to nothing" not in one
    three = report_of(write_study(tmp_path / "study", seeds=3, n=60))
    assert (
        "Judging the parts recovers .03 [−.03, .09] of the gap between floor (.01) and ceiling (.91)" in three
    )
    assert ": next to nothing." in three and "nothing is judged" not in three


def test_a_run(tmp_path: Path) -> None:
    text = report_of(write_run(tmp_path / "run", "strategies"))
    assert "<h1>Alignment run</h1>" in text and "reward: strategies" in text
    assert "Aligned and correct, validation tasks" in text and "On held-out tasks" in text
    assert "loop.rounds" in text and "intervals over tasks" in text
    assert "partwise align loop.reward=strategies --out run" in text


def test_what_does_not_matter_is_marked(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "parts")
    assert re.search(r'<span class="muted">quiet 1.00 \(does not matter here\)</span>', report_of(run))
    results = json.loads((run / "results.json").read_text())
    del results["matters"]  # as runs of before this was written have it
    (run / "results.json").write_text(json.dumps(results))
    assert "does not matter here" not in report_of(run)


def test_every_kind_of_failure_has_an_example(tmp_path: Path) -> None:
    text = report_of(write_run(tmp_path / "run", "base", n=300))
    for outcome, (message, _, source) in FAILED.items():
        card = text[text.index(f'<section class="card" aria-label="{outcome.replace("_", " ")}">') :]
        card = card[: card.index("</section>")]
        assert str(coded(message)) in card and OUTCOMES[outcome] in card
        # The line that the message names is marked, and is that of the code shown.
        if named := re.search(r"line (\d+)", message):
            marked = re.findall(r'<span class="line i\d+ named" data-line="(\d+)">(.*?)\n</span>', card)
            shown = re.sub("<[^>]+>", "", marked[0][1])
            assert [marked[0][0], html.unescape(shown)] == [named[1], source.split("\n")[int(named[1]) - 1]]


def test_parts_have_their_scores_and_traces_are_whole(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "ceiling", n=60)
    rollouts = [json.loads(line) for line in (run / "transcripts.jsonl").read_text().splitlines()]
    for line in rollouts:
        shown = shown_rollout(line)
        text = line["source"] or line["composition"] or line["decomposition"]
        lines = [html.unescape(re.sub("<[^>]+>", "", e.html)) for piece in shown.pieces for e in piece.lines]
        assert lines == (text.split("\n") if text else [])
        first = 1
        for piece in shown.pieces:
            assert piece.first == first
            first += len(piece.lines)
        scores = [p.judgment for p in shown.pieces if p.judgment is not None]
        assert [*scores, *shown.judgments] == line["partial_rewards"]
        assert shown.judgments == [] or not line["composition"]
        assert shown.trace == line["trace"]
    assert "28 more events" in report_of(run) and report_of(run).count("<li>line ") >= 40


def test_a_planner_that_mostly_fails_says_why_and_what_to_set(tmp_path: Path) -> None:
    arm = arm_results("floor", 100)
    assert failure_sentence("trained", arm) == ""
    arm["counts"] |= {"ran": 20, "truncated": 70, "raised": 10}
    arm["messages"] = {"truncated": {"message": FAILED["truncated"][0], "count": 70}}
    said = failure_sentence("trained", arm)
    assert "Of trained, .80 of the solutions did not run" in said and "70 of 100" in said
    assert said.endswith("Raise `planner.max_decomposition_tokens`.") and FAILED["truncated"][0] in said
    del arm["messages"]
    assert "`planner.max_decomposition_tokens` or `planner.max_composition_tokens`" in failure_sentence(
        "x", arm
    )
    page = known_kind("align").page({"base": arm, "trained": arm})
    assert any("Of trained" in sentence for sentence in page.sentences)
    known = {setting.key for setting in settings(AlignConfig)}
    for kind in FAILED:
        arm["counts"] = {kind: 5}
        named = re.findall(r"`([\w.]+)`", failure_sentence("x", arm))
        assert named and set(named) <= known


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["seed=3", "loop.reward=ceiling", "human.values.waste=0", "rlft.kl=0.25", "loop.space=loops<=2"],
        ["human.who=panel:simulated,console", "planner.size=nano", "rlft.settle=2", "loop.summary=false"],
        ["loop.summary=true", "loop.summary_errors.unseen=waste,privacy", "planner.pretrain.seed=7"],
        ["human.groups.young.share=0.5", "human.groups.old.share=0.5", "human.drift.to.waste=0.5"],
    ],
)
def test_the_command_makes_the_same_run_again(tmp_path: Path, overrides: list[str]) -> None:
    config = load_config(AlignConfig, None, overrides)
    run = RunDir.create(tmp_path / "my run", "align", config)
    record = json.loads((run.path / "run.json").read_text())
    words = shlex.split(command(run.path, record, AlignConfig))
    assert words[:2] == ["partwise", "align"] and words[-2:] == ["--out", "my run"]
    assert load_config(AlignConfig, None, words[2:-2]) == config and len(words) - 4 >= len(overrides)


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
    results["arms"]["<b>$a_1$</b>"] = study_arm("floor", 20, 1)
    (study / "results.json").write_text(json.dumps(results))
    write_run(study / "seed-0" / "<b>$a_1$<b>", "floor", n=20)
    assert "<b>$a" not in report_of(study)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run and no study"):
        write_report(tmp_path, known_kind)
    with pytest.raises(RunError, match="no run directory"):
        write_report(tmp_path / "none", known_kind)
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
    assert "part was judged aligned, 93 in number, " in hacked and hacked.endswith(" misaligned as a whole.")
    assert "undefined" in run_sentences({})[0]


def test_results_of_another_version_are_named_not_fatal(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", n=20)
    (study / "results.json").write_text(json.dumps({"schema": 1, "arms": {"floor": arm_results("floor", 9)}}))
    text = report_of(study)
    assert "not as this version writes them" in text and "What each arm came to write" in text


def test_of_a_kind_that_is_not_installed_the_runs_are_shown(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", n=20)
    record = json.loads((study / "run.json").read_text()) | {"kind": "somebody_elses"}
    (study / "run.json").write_text(json.dumps(record))
    assert "is not installed here" in report_of(study)


def test_what_does_not_parse_is_shown_by_kind_with_what_was_cut(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "base", n=60)
    lines = [json.loads(line) for line in (run / "transcripts.jsonl").read_text().splitlines()]
    wrong = [line for line in lines if line["outcome"] == "unparsed"]
    for line, kind in zip(wrong, ("several fences", "syntax error"), strict=False):
        line["unparsed"], line["cut"] = kind, {"decomposition": [f"<think>{kind}?</think>\n", "  \n"]}
    wrong[0] |= {"source": "", "composition": ""}
    (run / "transcripts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = report_of(run)
    assert "Unparsed: several fences in the decomposition" in text
    assert "Unparsed: syntax error in the composition" in text
    assert text.count("What it wrote before the decomposition, which was left out") >= 2
    assert "What it wrote after the decomposition" not in text and "&lt;think&gt;" in text


def test_a_warm_start_is_shown_before_and_after() -> None:
    none = {"mean": None, "ci95": None, "n": 0}
    kinds = {"decomposition": {"truncated": {"count": 3}, "no program": {"count": 1}}, "composition": {}}
    before = {"prompts": "full", "decompositions": measure(0.0, 4), "compositions": none, "unparsed": kinds}
    after = {"prompts": "short", "decompositions": measure(0.75, 4), "compositions": measure(1.0, 3)}
    arm = arm_results("base", 10)
    arm["unparsed"] = {"composition": {"syntax error": {"count": 2}}}
    results = {
        "base": arm,
        "trained": arm,
        "warm_start": {"examples": 240, "before": before, "after": after},
    }
    started, _, unparsed = known_kind("align").page(results).tables
    assert [row[0] for row in started.rows] == ["before", "after"]
    assert started.rows[0][2:] == ["−", "truncated in the decomposition, 3", "full"]
    assert started.rows[1][2].startswith("1.00") and started.rows[1][3:] == ["−", "short"]
    assert unparsed.rows == [["syntax error in the composition", "2", "2"]]
