"""The console in headless Chromium: labels by keyboard, a killed server, two people, plans, curves."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.console.fixture_browser import MARKS, Person
from tests.console.fixture_console import Server, ask, dinner_items
from tests.runs.fixture_runs import write_run

from partwise.config import AlignConfig
from partwise.loops.run import align
from partwise.loops.solve import propose
from partwise.oversight.feedback import FeedbackStore, PlanState
from partwise.runs.progress import ignore
from partwise.types import Choice

pytestmark = MARKS


def test_twenty_items_by_keyboard_over_a_killed_server_with_two_people(chromium: Any, fresh: Server):
    with FeedbackStore(fresh.store) as store:
        ask(store, dinner_items(50), answers_wanted=2)
        ana, bo = (Person(chromium, fresh, name) for name in ("ana", "bo"))
        acknowledged: dict[str, dict[int, str]] = {"ana": {}, "bo": {}}

        def label(person: Person, key: str) -> None:
            question = int(person.shown())
            said = person.press(key)
            assert said.startswith("Saved: "), said
            acknowledged[person.name][question] = key

        for key in "12=?121221":
            label(ana, key)
            label(bo, key)
        # A reason by keyboard: the keys are letters there, and the page stays where it is.
        ana.page.keyboard.press("r")
        ana.page.keyboard.type("12=? asks everyone")
        assert ana.page.evaluate("window.scrollY") == 0
        ana.page.keyboard.press("Escape")
        reasoned = int(ana.shown())
        label(ana, "1")
        # Undo one, and answer it otherwise.
        said = ana.press("u")
        assert "Withdrawn" in said and int(ana.shown()) == reasoned
        del acknowledged["ana"][reasoned]
        label(ana, "2")

        # Killed while both have just pressed a key: what was not acknowledged is sent again by itself.
        before = {person.name: person.shown() for person in (ana, bo)}
        ana.page.keyboard.press("1")
        bo.page.keyboard.press("=")
        fresh.kill()
        kept_then = {(a.who, a.question.id) for a in store.answers()}
        assert kept_then >= {(who, question) for who, done in acknowledged.items() for question in done}
        for person in (ana, bo):
            if person.shown() == before[person.name]:
                person.page.wait_for_selector("#notice .notice")
                assert "Not saved yet" in person.page.locator("#notice").inner_text()
        fresh.start()
        for person, key in ((ana, "1"), (bo, "=")):
            if person.shown() == before[person.name]:
                person.wait(before[person.name])
            person.until("!document.querySelector('#notice .notice')")
            acknowledged[person.name][int(before[person.name])] = key
            person.troubles.clear()  # the browser itself complains of a server that is gone

        while len(acknowledged["ana"]) < 20:
            label(ana, "2")
            label(bo, "1")

        assert len(acknowledged["ana"]) == 20
        kept = {(a.who, a.question.id): a for a in store.answers()}
        assert len(kept) == len(store.answers())
        for who, done in acknowledged.items():
            assert {question for person, question in kept if person == who} == set(done)
            for question, key in done.items():
                answer = kept[who, question]
                order = answer.order
                picked = {"1": order[0], "2": order[1], "=": None, "?": None}[key]
                assert answer.answer.preferred == picked
                assert (answer.choice is Choice.TIE) == (key == "=")
                assert answer.seconds is not None and 0 <= answer.seconds < 120
        assert kept["ana", reasoned].reason == ""  # the withdrawn answer's reason is not the new one's
        for person in (ana, bo):
            person.leave()


def test_a_stale_item_and_one_that_arrives(chromium: Any, fresh: Server):
    with FeedbackStore(fresh.store) as store:
        ana = Person(chromium, fresh, "ana")
        page = ana.page
        assert "Nothing to judge" in page.locator("h1").inner_text()
        assert "partwise align human.who=console" in page.locator("pre").inner_text()
        ask(store, dinner_items(2))
        page.wait_for_selector("#answer", timeout=10_000)  # by itself
        ana.troubles.clear()
        store.close_round("mine", 0)
        ask(store, dinner_items(3, seed=1), round=1)
        said = ana.press("1")
        assert "closed while you were reading" in said and "not counted" in said
        assert page.locator(".said.bad").is_visible() and store.answers() == []
        assert ana.press("1").startswith("Saved")
        ana.leave(troubles=True)  # the browser reports the status 409


def test_a_plan_approved_and_another_refused_reach_who_waits(chromium: Any, fresh: Server):
    body = {
        "statement": "Dinner for two.",
        "parts": [{"source": "def book(r):\n    return reserve(r)", "judgment": 0.3}],
        "composition": "book('Luna')",
        "summary": "reserve: one call, one succeeded.",
        "effects": ["reserve"],
    }
    with FeedbackStore(fresh.store) as store:
        ana = Person(chromium, fresh, "ana")
        page = ana.go("/plans")
        assert "No plan waits" in page.locator("main").inner_text()
        states: dict[int, PlanState] = {}

        def solve(index: int) -> None:
            plan = store.submit_plan("mine", index, body)
            while (state := store.plan_state(plan)) is PlanState.WAITING:
                time.sleep(0.05)
            states[index] = state

        waiting = [threading.Thread(target=solve, args=(index,)) for index in (1, 2)]
        for thread in waiting:
            thread.start()
        page.wait_for_selector("article.plan >> nth=1", timeout=10_000)  # they come by themselves
        first = page.locator("article.plan", has_text="Task 1")
        first.get_by_role("button", name="Approve").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("article.ended:has-text('Task 1')")
        second = page.locator("article.plan", has_text="Task 2")
        second.get_by_role("textbox").fill("<img src=x onerror=alert(1)> asks nobody")
        second.get_by_role("button", name="Refuse").focus()
        page.keyboard.press("Space")
        page.wait_for_selector("article.ended:has-text('asks nobody')")
        for thread in waiting:
            thread.join(10)
        assert states == {1: PlanState.APPROVED, 2: PlanState.REFUSED}
        assert not page.locator("#plans-count").is_visible()
        ana.leave()


def test_solve_waits_for_a_person_who_approves_one_plan_and_refuses_another(
    chromium: Any, fresh: Server, small_config: AlignConfig
):
    run = fresh.runs / "mine"
    align(small_config, run, ignore)
    tasks = [task for task in range(60) if propose(run, task).effects][:2]
    assert len(tasks) == 2, "the planner of this run does too little"
    command = [sys.executable, "-m", "partwise", "solve", str(run), "--ask", "console"]
    solving = [
        subprocess.Popen(
            [*command, "--store", str(fresh.store), "--task", str(task)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for task in tasks
    ]
    ana = Person(chromium, fresh, "ana")
    page = ana.go("/plans")
    page.wait_for_selector("article.plan >> nth=1", timeout=180_000)
    approved = page.locator(
        "article.plan", has=page.get_by_role("heading", name=f"Task {tasks[0]}", exact=True)
    )
    assert "reserve" in approved.inner_text()
    approved.get_by_role("button", name="Approve").click()
    page.wait_for_selector(f"article.ended:has-text('Task {tasks[0]}')")
    refused = page.locator(
        "article.plan", has=page.get_by_role("heading", name=f"Task {tasks[1]}", exact=True)
    )
    refused.get_by_role("textbox").fill("asks nobody")
    refused.get_by_role("button", name="Refuse").click()
    # The request goes through this process (Person's route), so nothing may block before it is answered.
    page.wait_for_selector("article.ended:has-text('asks nobody')")
    said = [process.communicate(timeout=180)[0] for process in solving]
    assert "ana has approved it." in said[0] and "Not run." not in said[0] and "reserve" in said[0]
    assert "ana has refused it: asks nobody" in said[1] and said[1].endswith("Not run.\n")
    assert [process.returncode for process in solving] == [0, 0]
    ana.leave()


def test_a_curve_grows_while_its_run_goes_on(chromium: Any, fresh: Server):
    made = write_run(fresh.runs.parent / "made", "strategies", rounds=4, n=30)
    run = fresh.runs / "mine"
    (run / "rounds").mkdir(parents=True)
    shutil.copy(made / "run.json", run)
    ana = Person(chromium, fresh, "ana")
    page = ana.go("/runs/mine")
    dots = page.locator("#chart-aligned .dot")
    assert dots.count() == 0
    for index in range(4):
        source = made / "rounds" / f"{index:03d}"
        record = json.loads((source / "round.json").read_text())
        wrong = {"mean": 0.1 + 0.1 * index, "ci95": [0.02, 0.6], "n": 20}
        record |= {"disagreement": wrong, "alarm": index == 3, "realigned": True}
        (source / "round.json").write_text(json.dumps(record))
        shutil.copytree(source, run / "rounds" / f"{index:03d}.tmp")
        (run / "rounds" / f"{index:03d}.tmp").rename(run / "rounds" / f"{index:03d}")
        ana.until(f"document.querySelectorAll('#chart-aligned .dot').length === {index + 1}")
    assert "Round 4." in page.locator(".notice.alarm").inner_text()
    assert page.locator("#chart-disagreement .alarm").count() == 1
    for name in ("transcripts.jsonl", "results.json"):
        shutil.copy(made / name, run)
    page.wait_for_selector(".state.finished", timeout=10_000)
    page = ana.go("/runs/mine")
    page.locator("select[name=aligned]").select_option("yes")
    page.wait_for_url("**aligned=yes**")
    page.get_by_label("Words").fill("evening 1")
    page.wait_for_url("**words=evening**")
    assert page.locator("details.transcript").count() > 0
    ana.until("!document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")
    page.locator("details.transcript summary").first.focus()
    page.keyboard.press("Enter")
    # To leave the field of words is no reason to ask for the transcripts again: they would close.
    page.wait_for_timeout(700)
    assert page.locator("details.transcript[open] pre").first.is_visible()
    ana.leave()


def test_a_real_run_waits_for_somebody_at_the_keyboard(chromium: Any, fresh: Server, tmp_path: Path):
    settings = f"""human.who=console human.store={fresh.store} planner.size=micro
        planner.pretrain.examples=2000 proxy.size=micro proxy.labels_first=8 proxy.labels_later=4
        proxy.epochs=1 rlft.steps=2 rlft.tasks_per_step=2 rlft.group_size=4 loop.rounds=2
        measure.heldout_tasks=20 measure.validation_tasks=10"""
    command = [sys.executable, "-m", "partwise", "align", *settings.split()]
    command += ["--out", str(fresh.runs / "mine")]
    environment = {**os.environ, "PARTWISE_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    with (tmp_path / "run.log").open("wb") as log:
        run = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        ana = Person(chromium, fresh, "ana")
        watching = ana.context.new_page()
        watching.goto(f"{fresh.url}/runs")
        ana.page.wait_for_selector("#answer", timeout=120_000)
        watching.get_by_role("link", name="mine").click()
        assert "running" in watching.locator(".facts").inner_text()
        dots = watching.locator("#chart-agreement .dot")
        for answers, rounds in ((8, 1), (4, 2)):
            ana.page.wait_for_selector("#answer", timeout=60_000)
            for _ in range(answers):
                assert ana.press("1").startswith("Saved")
            dots.nth(rounds - 1).wait_for(timeout=60_000)
            assert dots.count() == rounds
        assert run.wait(60) == 0, (tmp_path / "run.log").read_text()
        watching.wait_for_selector(".state.finished")
        ana.leave()
    finally:
        run.kill()
        run.wait()
    with FeedbackStore(fresh.store) as store:
        kept = store.answers()
    assert len(kept) == 12 and {answer.who for answer in kept} == {"ana"}


def test_a_script_in_a_reason_is_text(chromium: Any, fresh: Server):
    with FeedbackStore(fresh.store) as store:
        ask(store, dinner_items(2))
        ana = Person(chromium, fresh, "ana")
        evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
        ana.page.locator("#reason").fill(evil)
        ana.page.keyboard.press("Escape")
        ana.press("1")
        page = ana.go("/people/ana/answers")
        assert evil in page.locator(".reason").inner_text()
        ana.leave()
