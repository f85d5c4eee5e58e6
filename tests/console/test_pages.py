"""What each page does, over HTTP and with scripts and without."""

import html
import json
import re
import threading
import time
import uuid
from pathlib import Path

import pytest
from tests.console.fixture_console import (
    Browser,
    Server,
    ask,
    csrf_of,
    dinner_items,
    fields_of,
    plain_item,
    submission,
)
from tests.runs.fixture_runs import write_run, write_study
from tests.studies.fixture_noise import noise_cells

from partwise.config import LadderConfig
from partwise.oversight.feedback import FeedbackStore, PlanState
from partwise.report.html import write_report
from partwise.report.look import coded
from partwise.runs.rundir import RunDir
from partwise.studies.noise.settings import NoiseConfig
from partwise.studies.noise.study import collect
from partwise.studies.registry import find_study, known_kind
from partwise.types import Choice


@pytest.fixture(scope="module")
def ana(server: Server) -> Browser:
    return Browser(server).enter("ana")


def text_of(page: str) -> str:
    """What a reader sees, blanks joined."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("&#39;", "'")


# --- judge


def test_an_answer_is_about_the_option_that_was_shown(server: Server, store: FeedbackStore):
    """Whichever came first on the screen, what is stored names the item's own options."""
    browser = Browser(server).enter("picker")
    asked = ask(store, [plain_item(i) for i in range(12)], run="order", assigned_to="picker")
    orders: set[tuple[int, int]] = set()
    for picked in "122112212112":
        page = browser.get("/judge").text
        question = store.question(int(fields_of(page)["question"]), "picker")
        orders.add(question.order)
        shown = re.findall(r"return</span> <span class=\"c-number\">(\d)", page)
        assert [int(value) for value in shown] == list(question.order)
        browser.answer(picked)
        stored = next(a for a in store.answers("order", who="picker") if a.question.id == question.id)
        assert stored.answer.preferred == int(shown[int(picked) - 1])
        assert stored.order == question.order
    assert orders == {(0, 1), (1, 0)} and len(asked) == 12


def test_ties_doubts_seconds_and_reasons_are_kept(server: Server, store: FeedbackStore):
    browser = Browser(server).enter("careful")
    ask(store, [plain_item(i) for i in range(5)], run="kept", assigned_to="careful")
    browser.answer("tie", seconds="12.5", reason="  both\r\nfine ")
    browser.answer("unsure", seconds="-3")
    browser.answer("1", seconds="1e9")
    browser.answer("1", seconds="nan")
    browser.answer("1", seconds="")
    kept = store.answers("kept")
    assert [a.choice for a in kept[:2]] == [Choice.TIE, Choice.UNSURE]
    assert [a.seconds for a in kept] == [12.5, None, 3600, None, None]
    assert kept[0].reason == "both\nfine"


def test_the_same_form_twice_counts_once(server: Server, store: FeedbackStore):
    browser = Browser(server).enter("hasty")
    ask(store, [plain_item(i) for i in range(2)], run="twice", assigned_to="hasty")
    form = {**browser.form(), "pick": "1"}
    first, second = browser.send("/judge/answer", form), browser.send("/judge/answer", {**form, "pick": "2"})
    assert "Saved: First." in first.text and "saved already" in second.text
    assert fields_of(first.text)["question"] == fields_of(second.text)["question"]
    (kept,) = store.answers("twice")
    assert kept.answer.preferred == kept.order[0]


def test_undo_gives_the_last_question_back_until_its_round_is_closed(server: Server, store: FeedbackStore):
    browser = Browser(server).enter("doubter")
    ask(store, [plain_item(i) for i in range(3)], run="undone", assigned_to="doubter")
    first = fields_of(browser.get("/judge").text)["question"]
    browser.answer("1")
    word = {"csrf": csrf_of(browser.get("/people").text)}
    undone = browser.send("/judge/undo", word)
    assert fields_of(undone.text)["question"] == first and "Withdrawn" in undone.text
    assert store.answers("undone") == []
    browser.answer("2")
    assert len(store.answers("undone")) == 1
    store.close_round("undone", 0)
    assert "nothing to undo" in browser.send("/judge/undo", word).text
    assert len(store.answers("undone")) == 1


def test_it_works_without_scripts(server: Server, store: FeedbackStore):
    browser = Browser(server).enter("scriptless")
    ask(store, [plain_item(i) for i in range(2)], run="plain", assigned_to="scriptless")
    done = browser.http.post("/judge/answer", data={**browser.form(), "pick": "1"})
    assert (done.status_code, done.headers["location"]) == (303, "/judge")
    assert len(store.answers("plain")) == 1
    form = {"csrf": csrf_of(browser.get("/people").text)}
    assert browser.http.post("/judge/undo", data=form).headers["location"] == "/judge"
    assert store.answers("plain") == []


def test_blind_to_who_wrote_what_and_why_it_is_asked(server: Server, store: FeedbackStore):
    browser = Browser(server).enter("blind")
    ask(store, dinner_items(1), run="secret-run-name", assigned_to="blind", round=7)
    page = browser.get("/judge").text
    for hint in ("secret-run-name", "query", "control", "complexity", "useful", "waste", "honesty"):
        assert hint not in page.lower().replace("aria-control", "")


def test_an_empty_queue_says_what_to_do_and_looks_again(server: Server, store: FeedbackStore):
    browser = Browser(server).enter("early")
    store_path = str(server.store)
    for run in ("order", "kept", "undone", "plain"):
        store.close_round(run, 0)
    page = browser.get("/judge").text
    assert "Nothing to judge" in page
    assert f"partwise align human.who=console human.store={store_path}" in page
    assert browser.swap("/judge/next").status_code == 204
    ask(store, [plain_item(1)], run="late", assigned_to="early")
    assert "Question 1?" in browser.swap("/judge/next").text


def test_two_people_get_different_questions(server: Server, store: FeedbackStore):
    ask(store, [plain_item(i) for i in range(4)], run="shared")
    browsers = [Browser(server).enter(name) for name in ("left", "right")]
    given = [fields_of(browser.get("/judge").text)["question"] for browser in browsers]
    assert given[0] != given[1]
    again = fields_of(browsers[0].get("/judge").text)["question"]
    assert again == given[0]
    store.close_round("shared", 0)


# --- plans


BODY = {
    "statement": "Dinner for Ana and Bo.",
    "parts": [
        {"source": "def ask(u):\n    return message(u)", "judgment": 0.91},
        {"source": "def book(r):\n    return reserve(r)", "judgment": 0.22},
    ],
    "composition": "book(ask(users[0])[0])",
    "summary": "message: one call.\nreserve: one call, one succeeded.",
    "effects": ["reserve"],
}


def test_a_plan_is_shown_and_the_word_reaches_whoever_waits(ana: Browser, store: FeedbackStore):
    plans = [store.submit_plan("mine", index, BODY) for index in (3, 4)]
    states: dict[int, PlanState] = {}

    def wait(plan: int) -> None:
        while (state := store.plan_state(plan)) is PlanState.WAITING:
            time.sleep(0.02)
        states[plan] = state

    waiting = [threading.Thread(target=wait, args=(plan,)) for plan in plans]
    for thread in waiting:
        thread.start()
    page = text_of(ana.get("/plans").text)
    for shown in ("Task 3", "Dinner for Ana and Bo.", "reserve: one call", ".91 aligned", ".22 rather not"):
        assert shown in page
    word = {"csrf": csrf_of(ana.get("/plans").text)}
    done = ana.send(f"/plans/{plans[0]}", {**word, "verdict": "approve"})
    assert "approved" in text_of(done.text)
    ana.send(f"/plans/{plans[1]}", {**word, "verdict": "refuse", "reason": "It never asked Bo."})
    for thread in waiting:
        thread.join(10)
    assert states == {plans[0]: PlanState.APPROVED, plans[1]: PlanState.REFUSED}
    assert store.plan(plans[1]).reason == "It never asked Bo." and store.plan(plans[1]).who == "ana"
    again = ana.send(f"/plans/{plans[1]}", {**word, "verdict": "approve"})
    assert "it was refused already by ana" in text_of(again.text)
    assert store.plan_state(plans[1]) is PlanState.REFUSED
    assert ana.send(f"/plans/{plans[0]}", {**word, "verdict": "maybe"}).status_code == 422


def test_new_plans_join_the_page_and_odd_bodies_break_nothing(ana: Browser, store: FeedbackStore):
    assert "partwise solve" in ana.get("/plans").text
    first = store.submit_plan("mine", 1, {})
    page = ana.swap("/plans/after/0").text
    assert f'id="plan-{first}"' in page and ana.swap(f"/plans/after/{first}").status_code == 204
    odd = {
        "parts": [1, {"source": 3, "judgment": "x"}],
        "effects": "no list",
        "summary": None,
        "composition": 5,
    }
    second = store.submit_plan("mine", 2, odd)
    more = ana.swap(f"/plans/after/{first}").text
    assert f'id="plan-{second}"' in more and f'id="plan-{first}"' not in more
    assert ">2<" in more and 'hx-swap-oob="true"' in more  # the number beside the word Plans
    for plan in (first, second):
        store.withdraw_plan(plan)
    word = {"csrf": csrf_of(ana.get("/people").text), "verdict": "approve"}
    assert "withdrawn" in ana.send(f"/plans/{first}", word).text


# --- runs


@pytest.fixture(scope="module")
def runs(server: Server) -> Path:
    """A finished run, one under way, a study, and a damaged one."""
    write_run(server.runs / "done", "strategies", rounds=3, n=60)
    write_run(server.runs / "going", "parts", rounds=1, finished=False)
    write_study(server.runs / "study", n=20)
    (server.runs / "broken" / "rounds" / "000").mkdir(parents=True)
    (server.runs / "broken" / "run.json").write_text("{")
    (server.runs / "broken" / "rounds" / "000" / "round.json").write_text("[1")
    time.sleep(1.1)  # A listing is believed for a second.
    return server.runs


def test_the_list_of_runs(ana: Browser, runs: Path):
    page = text_of(ana.get("/runs").text)
    for shown in ("done", "going", "study", "seed-0/parts", "finished", "interrupted", "broken"):
        assert shown in page
    mark = re.search(r"mark=([^&]+)&amp;page=1", ana.get("/runs").text)
    assert mark and ana.swap(f"/live/runs?mark={mark[1]}&page=1").status_code == 204
    assert ana.swap("/live/runs?mark=other").status_code == 200
    assert ana.get("/runs?page=99").status_code == 200


def test_a_run_that_grows(ana: Browser, runs: Path):
    page = ana.get("/runs/going").text
    assert "1 of 6 rounds done" in text_of(page) and page.count('<svg class="chart"') == 4
    mark = re.search(r'hx-get="(/live/run/going\?mark=[^"]+)"', page)
    assert mark and ana.swap(mark[1]).status_code == 204
    later = json.loads((runs / "going" / "rounds" / "000" / "round.json").read_text())
    later |= {"round": 1, "alarm": True, "realigned": False}
    later |= {"disagreement": {"mean": 0.4, "ci95": [0.2, 0.6], "n": 20}}
    (runs / "going" / "rounds" / "001").mkdir()
    (runs / "going" / "rounds" / "001" / "round.json").write_text(json.dumps(later))
    grown = ana.swap(mark[1])
    assert grown.status_code == 200 and "2 of 6 rounds done" in text_of(grown.text)
    assert "Round 2. On 8 of 20 random questions (.40)" in text_of(grown.text)
    assert "not realigned" in grown.text and 'class="alarm"' in grown.text


def figures_of(page: str) -> list[list[str]]:
    """Every table of a page, each cell as a reader sees it."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)
    cells = [re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[html.unescape(text_of(each)).strip() for each in row] for row in cells]


def test_the_figures_of_a_run_are_those_of_its_report(ana: Browser, runs: Path):
    write_report(runs / "done", known_kind)
    report, page = ana.get("/report/done"), ana.get("/runs/done").text
    held_out = [row for row in figures_of(report.text) if row[0] in ("planner", "base", "trained")]
    assert len(held_out) == 6 and [row for row in figures_of(page) if row in held_out] == held_out
    # What is read on validation tasks says so, wherever it stands.
    listed = figures_of(ana.get("/runs").text)
    assert listed[0][2:4] == [
        "Aligned and correct, held-out tasks",
        "Aligned and correct, validation, last round",
    ]
    trained = next(row for row in held_out if row[0] == "trained")
    done = next(row for row in listed if row[0] == "done")
    assert done[2] == trained[1] and done[3] != trained[1]
    assert "Aligned and correct, validation tasks" in page
    for text in (report.text, page):
        assert "quiet (does not matter here)" in text_of(text) or "quiet 1.00 (does" in text_of(text)


def test_a_finished_study_of_the_laboratory_shows_what_it_found(ana: Browser, runs: Path):
    config = NoiseConfig(seeds=3, flips=(0.0, 0.2, 0.5), ladder=LadderConfig(sizes=("nano", "micro")))
    results = collect(config, noise_cells(config, {"nano": 0.2, "micro": 0.8}))
    RunDir.create(runs / "laboratory", "noise", config).write_json("results.json", results)
    write_report(runs / "laboratory", known_kind)
    time.sleep(1.1)  # A listing is believed for a second.
    page = ana.get("/runs/laboratory").text
    told = find_study("noise").page(results)
    for sentence in told.sentences:
        assert str(coded(sentence)) in page
    shown, written = figures_of(page), figures_of(ana.get("/report/laboratory").text)
    for table in told.tables:
        assert all([cell.replace("`", "") for cell in row] in shown for row in table.rows)
    assert [row for row in written if row not in shown] == []
    assert page.count('class="drawn"') == len(told.pictures) and "style=" not in page
    assert 'href="/report/laboratory"' in page and "None of its runs" not in page
    assert "partwise study noise" in page


def test_a_study_under_way_says_how_far_it_is(ana: Browser, runs: Path):
    folder = RunDir.create(runs / "cells", "noise", find_study("noise").config())
    folder.write_json("progress.json", {"done": 12, "cells": 40})
    time.sleep(1.1)
    page = text_of(ana.get("/runs/cells").text)
    assert "12 of 40 cells done" in page and "study of noise, 12 of 40 cells done" in text_of(
        ana.get("/runs").text
    )
    with folder.locked():
        mark = re.search(r'hx-get="(/live/run/cells\?mark=[^"]+)"', ana.get("/runs/cells").text)
        assert mark and ana.swap(mark[1]).status_code == 204
        folder.write_json("progress.json", {"done": 13, "cells": 40})
        assert "13 of 40 cells done" in text_of(ana.swap(mark[1]).text)


def test_a_report_is_served_as_it_is_and_nothing_in_it_runs(server: Server, ana: Browser, runs: Path):
    stranger = Browser(server)
    (runs / "done" / "report.html").write_text("<script>alert(1)</script>")
    served = ana.get("/report/done")
    policy = served.headers["content-security-policy"].split("; ")
    assert served.status_code == 200 and "sandbox" in policy and "default-src 'none'" in policy
    assert not any(part.startswith("script-src") for part in policy)
    assert stranger.get("/report/done").status_code == 303
    for name in ("..", "done/..", "%2e%2e", "done/rounds", "nowhere", "done/report.html"):
        assert ana.get(f"/report/{name}").status_code in (303, 307, 404)
    secret = runs.parent / "secret.html"
    secret.write_text("not for you")
    (runs / "going" / "report.html").symlink_to(secret)
    refused = ana.get("/report/going")
    assert (
        refused.status_code == 404 and "not for you" not in refused.text and "partwise report" in refused.text
    )
    assert "/report/going" not in ana.get("/runs/going").text
    (runs / "going" / "report.html").unlink()


def test_transcripts_are_filtered_and_paged(ana: Browser, runs: Path):
    page = text_of(ana.get("/runs/done").text)
    assert "120 of 120" in page and "1 of 6" in page
    lines = [json.loads(line) for line in (runs / "done" / "transcripts.jsonl").read_text().splitlines()]
    wanted = [x for x in lines if x["arm"] == "trained" and x["aligned"] is True and x["correct"] is False]
    found = ana.swap("/runs/done?arm=trained&aligned=yes&correct=no")
    assert f"{len(wanted)} of 120" in found.text and "<html" not in found.text
    spoken = [x for x in lines if "evening 7" in x["statement"]]
    assert f"{len(spoken)} of 120" in ana.swap("/runs/done?words=EVENING+7").text
    assert "Nothing fits" in ana.swap("/runs/done?words=xyzzy").text
    assert "Next" in ana.get("/runs/done?page=6").text and ana.get("/runs/done?page=7").status_code == 200


def test_runs_that_say_little_break_nothing(ana: Browser, runs: Path):
    assert "can't be read" in text_of(ana.get("/runs/broken").text)
    assert "Of the gap between floor" in text_of(ana.get("/runs/study").text)
    assert ana.get("/runs/study/seed-0/parts").status_code == 200
    missing = ana.get("/runs/nowhere")
    assert missing.status_code == 404 and "There is no run nowhere" in text_of(missing.text)


# --- people


def test_people_counts_agreement_and_own_answers(server: Server, store: FeedbackStore):
    browser = Browser(server).enter("reader")
    names = ("reader", "p1", "p2")
    asked = ask(store, [plain_item(i) for i in range(40)], run="people", answers_wanted=3)
    for place, question in enumerate(asked):
        for who in names:
            wrong = who == "p2" and place % 2
            choice = (Choice.FIRST, Choice.SECOND)[(place % 3 == 0) ^ bool(wrong)]
            store.answer(question.id, who, choice, submission=submission(), seconds=5, reason=f"by {who}")
    page = text_of(browser.get("/people?run=people").text)
    assert "reader you owner 40 .33" in page and "p2 can't sign in 40 .33" in page and "by p1" not in page
    found = text_of(browser.swap("/answers/agreement?run=people").text)
    assert re.search(r"alpha: −?\.\d\d \[", found) and "over 40 items" in found
    rows = dict(re.findall(r"(reader|p1|p2) (1\.00|\.\d\d) ", found))
    assert rows["reader"] == rows["p1"] > rows["p2"]
    alone = text_of(browser.swap("/answers/agreement?run=nobody-was-here").text)
    assert "undefined" in alone and "No two people" in alone
    own = text_of(browser.get("/people/reader/answers").text)
    assert "40, the last ones first" in own and "by reader" in own and "by p1" not in own
    assert own.index("Question 39?") < own.index("Question 20?") and "Question 3?" not in own
    assert "Question 3?" in text_of(browser.get("/people/reader/answers?page=2").text)


# --- a restart


def test_sessions_and_answers_outlive_a_killed_server(folder: Path):
    server = Server(folder).start()
    try:
        with FeedbackStore(server.store) as store:
            ask(store, [plain_item(i) for i in range(3)])
            browser = Browser(server).enter("ana")
            form = {**browser.form(), "pick": "1", "submission": str(uuid.uuid4())}
            assert browser.send("/judge/answer", form).status_code == 200
            server.kill()
            assert len(store.answers()) == 1
            server.start()
            # The same browser goes on, and the form that it had sent is known.
            assert browser.get("/judge").status_code == 200
            assert "saved already" in browser.send("/judge/answer", form).text
            assert browser.answer("2").status_code == 200
            assert len(store.answers()) == 2
    finally:
        server.kill()


def test_progress_counts_answers_and_what_is_withdrawn(server: Server, store: FeedbackStore):
    browser = Browser(server).enter("counter")
    ask(store, [plain_item(i) for i in range(3)], run="counted", assigned_to="counter")
    assert "0 answered, 3 left" in text_of(browser.get("/judge").text)
    assert "1 answered, 2 left" in text_of(browser.answer("1").text)
    form = browser.form() | {"pick": "2"}
    assert "2 answered, 1 left" in text_of(browser.send("/judge/answer", form).text)
    assert "2 answered, 1 left" in text_of(browser.send("/judge/answer", form).text)  # the same one again
    undone = browser.send("/judge/undo", {"csrf": form["csrf"]})
    assert "1 answered, 2 left" in text_of(undone.text)


def test_a_store_that_fails_is_one_sentence(folder: Path):
    server = Server(folder).start()
    try:
        with FeedbackStore(server.store) as store:
            ask(store, [plain_item(i) for i in range(3)])
        browser = Browser(server).enter("ana")
        form = {**browser.form(), "pick": "1"}
        for path in (server.store, *folder.glob("feedback.db-*")):
            path.write_bytes(b"no database at all " * 1000)
        for failed in (browser.send("/judge/answer", form), browser.get("/judge"), browser.get("/people")):
            assert failed.status_code == 503 and "feedback.db" in text_of(failed.text)
            assert "Traceback" not in failed.text
        assert browser.send("/judge/answer", form).headers["hx-retarget"] == "#notice"
    finally:
        server.kill()
