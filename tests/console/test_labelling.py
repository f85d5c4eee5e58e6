"""A labelling round over HTTP: own pairs, guidelines, everyone's answers, agreement and files of them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from tests.console.fixture_console import ROOT, Browser, Server, ask, plain_item
from tests.console.test_pages import text_of
from tests.console.test_roles import join

from partwise.oversight.feedback import Brief, FeedbackStore
from partwise.oversight.feedback.schema import showings

PROMPT = "Write a poem\nabout <b>rain</b>."
PAIRS = [
    {"id": "p1", "prompt": PROMPT, "a": "It rains.\n\nIt pours.", "b": "Umbrella!", "source": "ours"},
    {"id": "p2", "prompt": "Count to 3.", "a": "1 2 3", "b": "3", "question": "Which one counts better?"},
    {"id": "p3", "prompt": "=1+1", "a": "=HYPERLINK(1)", "b": "2"},
]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def partwise(*arguments: str, cwd: Path) -> str:
    command = [sys.executable, "-m", "partwise", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def pairs(fresh: Server, tmp_path: Path) -> Path:
    """Three pairs that went in by the command, for two people each."""
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    (tmp_path / "told.txt").write_text("Prefer what <i>rhymes</i>.\n\nBe quick.")
    said = partwise(
        *("feedback", "add", "pairs.jsonl", "--store", str(fresh.store)),
        *("--set", "poems", "--people", "2", "--guidelines", "told.txt"),
        cwd=tmp_path,
    )
    assert said.startswith("3 new pairs in the set poems of ")
    return path


def seen(store: FeedbackStore, who: str, seconds: float) -> None:
    """Let what `who` was shown have been shown so long ago; below 0 they answer in no time at all."""
    with store._write() as db:
        at = datetime.now(UTC) - timedelta(seconds=seconds)
        db.execute(sa.update(showings).where(showings.c.who == who).values(at=at))


def test_own_pairs_are_judged_with_their_prompt(fresh: Server, pairs: Path):
    owner = Browser(fresh).enter("ottilie")
    page = owner.get("/judge").text
    assert "Which of these two would you rather have?" in text_of(page)
    assert "about &lt;b&gt;rain&lt;/b&gt;." in page and "<b>rain</b>" not in page
    assert 'class="line' not in page, "prose is no program"
    assert ' class="own"' not in page, "where nothing is shared nothing is marked"
    assert "Prefer what" in owner.get("/guidelines").text and "<i>rhymes" not in owner.get("/guidelines").text
    owner.answer("1")
    assert "Which one counts better?" in text_of(owner.get("/judge").text)
    assert "poems" not in owner.get("/judge").text, "which set it is of is not said"


def test_a_round_of_two_people_from_command_to_command(fresh: Server, pairs: Path, tmp_path: Path):
    with FeedbackStore(fresh.store) as store:
        owner = Browser(fresh).enter("ottilie")
        annotator = join(fresh, owner, "anselm")
        picks = {"ottilie": [], "anselm": []}
        for who, browser, answers in (("ottilie", owner, "12="), ("anselm", annotator, "121")):
            for place, pick in enumerate(answers):
                browser.get("/judge")
                seen(store, who, 60 if who == "ottilie" or place else -60)
                picks[who].append(pick)
                done = browser.answer(
                    {"=": "tie"}.get(pick, pick), reason="-1 for rhyme" if place == 2 else ""
                )
                assert done.status_code == 200
        page = text_of(owner.get("/answers").text)
        assert "6 answers, the latest first" in page
        assert page.count(" fast ") >= 2, "one mark, and what it means"
        assert "1 answer, the latest first" in text_of(owner.get("/answers?speed=fast").text)
        assert "3 answers" in text_of(owner.get("/answers?who=anselm&run=poems").text)
        assert "1 answer," in text_of(owner.get("/answers?choice=tie").text)
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        assert "6 answers" in text_of(owner.get(f"/answers?since={today}&until={today}").text)
        assert "Nothing fits." in text_of(owner.get("/answers?until=2020-01-01").text)
        for bad in ("choice=third", "speed=slow", "since=today", "until=9999-12-31"):
            assert owner.get(f"/answers?{bad}").status_code == 422

        found = text_of(owner.swap("/answers/agreement?run=poems").text)
        assert "alpha:" in found and "over 3 items" in found
        assert re.search(r"anselm ottilie 3 (\.\d\d|1\.00) \[", found)
        assert "undefined" in text_of(owner.swap("/answers/agreement?who=anselm").text)

        lines = [json.loads(line) for line in owner.get("/answers/export.jsonl").text.splitlines()]
        assert len(lines) == 6 and {line["id"] for line in lines} == {"p1", "p2", "p3"}
        assert [line["flags"] for line in lines if line["who"] == "anselm"] == ["fast", "", ""]
        assert {json.loads(line["record"])["extra"].get("source") for line in lines} == {"ours", None}
        only = owner.get("/answers/export.jsonl?who=anselm&speed=fast")
        assert len(only.text.splitlines()) == 1 and "attachment" in only.headers["content-disposition"]
        rows = list(csv.DictReader(io.StringIO(owner.get("/answers/export.csv").text, newline="")))
        assert len(rows) == 6 and rows[0]["prompt"] == PROMPT and float(rows[0]["took"]) >= 60
        formula = next(row for row in rows if row["id"] == "p3")
        assert formula["prompt"] == "'=1+1" and formula["first"] == "'=HYPERLINK(1)"
        assert formula["reason"] == "'-1 for rhyme"

        said = partwise(
            *("feedback", "export", "out.jsonl", "--run", "poems", "--ties", "--store", str(fresh.store)),
            cwd=tmp_path,
        )
        assert said.startswith("6 answers written to out.jsonl")
        exported = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        key = itemgetter("who", "id")
        assert sorted(exported, key=key) == sorted(lines, key=key), "the page and the command say the same"
        for line in exported:
            pair = next(pair for pair in PAIRS if pair["id"] == line["id"])
            assert {line["chosen"], line["rejected"]} == {pair["a"], pair["b"]} and line["prompt"] == pair[
                "prompt"
            ]


def test_what_an_annotator_reads_before_judging_dinners(fresh: Server, tmp_path: Path):
    said = partwise(
        *("feedback", "ask", "dinner", "--count", "6", "--people", "2", "--store", str(fresh.store)),
        cwd=tmp_path,
    )
    assert said.startswith("6 questions in the set dinner of ")
    owner = Browser(fresh).enter("ottilie")
    annotator = join(fresh, owner, "anselm")
    before = text_of(annotator.get("/guidelines").text)
    assert "Keys" in before and "What counts" not in before, "nobody has been asked anything"
    annotator.get("/judge")
    page = annotator.get("/guidelines").text
    said = text_of(page)
    for part in (
        "What it is about",
        "restaurants",
        "privacy matters",
        "quiet does not matter now",
        "Two examples",
    ):
        assert part in said, part
    for call in ("message(guest)", "reserve(restaurant)", "irreversible can't be undone", "read looks"):
        assert call in said, call
    assert "weight" not in page and "oracle" not in page
    with FeedbackStore(fresh.store) as store:
        # A run says which values matter in which round; the page goes by the round that is judged.
        brief = Brief(world="dinner", matters=(("waste",), ("quiet",)))
        store.describe("moving", brief)
        store.close_round("dinner", 0)
        ask(store, [plain_item(1)], run="moving", round=1)
        annotator.get("/judge")
        said = text_of(annotator.get("/guidelines").text)
        assert "quiet matters" in said and "waste does not matter now" in said
        store.describe("moving", Brief(world="nowhere"))
        assert "There is no world `nowhere`" in text_of(annotator.get("/guidelines").text)


GUIDELINES_WITHOUT_ORACLE = """
import sys
from pathlib import Path


class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("partwise.measure") or name.endswith(".oracle"):
            raise ImportError(f"{name} is out of reach")


sys.meta_path.insert(0, Guard())
from partwise.console.guidelines import _world
from partwise.console.web import Console
from partwise.console.auth import Access
from partwise.console.runfiles import RunsFolder
from partwise.oversight.feedback import Brief, FeedbackStore

with FeedbackStore("feedback.db") as store:
    access = Access(store, token="token", network=False)
    console = Console(store=store, runs=RunsFolder(Path(".")), access=access, cookie="c", store_name="s")
    shown = _world(console, Brief(world="dinner"), 0)
assert len(shown["examples"]) == 2 and len(shown["values"]) == 6 and len(shown["tools"]) > 8
assert not [name for name in sys.modules if "oracle" in name or name.startswith("partwise.measure")]
"""


def test_the_guidelines_are_made_where_the_oracle_is_out_of_reach(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", GUIDELINES_WITHOUT_ORACLE],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr


def test_pages_of_many_answers(fresh: Server):
    with FeedbackStore(fresh.store) as store:
        owner = Browser(fresh).enter("ottilie")
        assert "Nobody has answered anything yet." in text_of(owner.get("/answers").text)
        ask(store, [plain_item(number) for number in range(60)], run="many", assigned_to="ottilie")
        for _ in range(60):
            assert owner.answer("1").status_code == 200
        first = owner.get("/answers?run=many&who=ottilie").text
        assert "60 answers" in text_of(first) and "Question 59?" in first and "Question 34?" not in first
        assert 'href="/answers?who=ottilie&amp;run=many&amp;page=2"' in first
        assert "Question 9?" in owner.get("/answers?run=many&page=3").text
        assert "Question 9?" in owner.get("/answers?run=many&page=99").text


def test_a_script_in_a_pair_is_text(fresh: Server, tmp_path: Path):
    evil = "<script>alert(1)</script>{{7919*7927}}"
    path = tmp_path / "evil.jsonl"
    path.write_text(json.dumps({"id": evil, "prompt": evil, "a": evil, "b": "b", "question": evil}))
    partwise("feedback", "add", "evil.jsonl", "--set", evil, "--store", str(fresh.store), cwd=tmp_path)
    owner = Browser(fresh).enter("ottilie")
    pages = [owner.get("/judge").text]
    owner.answer("1", reason=evil)
    pages += [owner.get(path).text for path in ("/answers", "/people", "/people/ottilie/answers")]
    for page in pages:
        assert "<script>alert" not in page and "62773913" not in page
    assert all("&lt;script&gt;alert" in page for page in (pages[0], pages[1], pages[3]))


def test_a_stranger_is_told_nothing(fresh: Server, pairs: Path):
    page = httpx.get(f"{fresh.url}/sign-in")
    assert page.status_code == 401
    for hint in ("poems", "ottilie", "rain", "<nav"):
        assert hint not in page.text
